import type { Caller } from './core/caller.js';
import type { Refusal } from './core/decision.js';
import type { CallerSourceParts } from './core/memory/caller-source.js';
import { own } from './core/own-properties.js';
import { checkId } from './core/request.js';
import { wrong } from './option-combinations.js';
import {
  type CallerFunction,
  type Callers,
  introspection,
  type IntrospectionCallers,
  jwt,
  type JwtCallers,
  type MixedCallers,
  type OneWay,
  type ResolvedOptions,
  userinfo,
  type UserinfoCallers,
  type ZitadelOptions,
} from './options.js';
import { createJwtVerifier } from './zitadel/callers/access-token.js';
import { createIntrospection } from './zitadel/callers/introspection.js';
import { SigningKeys } from './zitadel/callers/signing-keys.js';
import { createConfirmation, createUserinfoVerifier } from './zitadel/callers/userinfo.js';
import { openClient, openServiceUser, ZitadelCredential } from './zitadel/credentials.js';
import type { Discover } from './zitadel/discovery.js';
import type { Http } from './zitadel/http.js';

/** How a caller is known, for how long, and whether ZITADEL must confirm the token on its own. */
type Known = Pick<CallerSourceParts, 'verify' | 'confirm' | 'verifiedForMs'>;

/** Userinfo shows less of a token than any other way: what it said counts for less long. */
const USERINFO_FOR_MS = 30_000;

/** What the option `callers` means for the data path. */
export function callersOf(resolved: ResolvedOptions, http: Http, discover: Discover): Known {
  const { callers } = resolved;
  if (typeof callers === 'function') {
    return { verify: verifyBy(callers), confirm: undefined, verifiedForMs: resolved.ttlMs };
  }
  const known = (way: OneWay) => knownBy(way, resolved, http, discover);
  if (!isList(callers)) return known(callers);
  const [first, second] = callers;
  return first.type === 'jwt'
    ? byForm(known(first), known(second))
    : byForm(known(second), known(first));
}

function knownBy(way: OneWay, resolved: ResolvedOptions, http: Http, discover: Discover): Known {
  const { ttlMs, memberships } = resolved;
  switch (way.type) {
    case 'jwt': {
      const verify = createJwtVerifier(new SigningKeys(http, discover), resolved);
      const { recheckMs = ttlMs } = way;
      // As the caller the membership read itself proves that ZITADEL accepts the token.
      const confirms = memberships.as === 'serviceUser' && recheckMs !== false;
      return {
        verify,
        confirm: confirms
          ? { ask: createConfirmation(http, discover), everyMs: recheckMs }
          : undefined,
        verifiedForMs: Infinity,
      };
    }
    case 'introspection': {
      const verify = createIntrospection(http, discover, openClient(way.credential), resolved);
      return { verify, confirm: undefined, verifiedForMs: ttlMs };
    }
    case 'userinfo':
      return {
        verify: createUserinfoVerifier(http, discover),
        confirm: undefined,
        verifiedForMs: Math.min(ttlMs, USERINFO_FOR_MS),
      };
  }
}

function isList(callers: OneWay | MixedCallers): callers is MixedCallers {
  return Array.isArray(callers);
}

/** A JWT has three parts, everything else has not. A token that one of the two refuses is never tried with the other. */
function byForm(jwt: Known, other: Known): Known {
  const isJwt = (token: string) => token.split('.').length === 3;
  const { confirm } = jwt;
  return {
    verify: (token) => (isJwt(token) ? jwt : other).verify(token),
    confirm: confirm && {
      ask: (caller, token) =>
        isJwt(token) ? confirm.ask(caller, token) : Promise.resolve(undefined),
      everyMs: confirm.everyMs,
    },
    // Of a JWT it only costs another look at the signature.
    verifiedForMs: other.verifiedForMs,
  };
}

const USER_ID = /^[\x21-\x7e]+$/;

function verifyBy(known: CallerFunction): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    let caller: Caller | null | undefined;
    try {
      caller = await known(token);
    } catch {
      return {
        reason: 'unavailable',
        detail: 'the function in the option callers threw or rejected',
      };
    }
    if (caller === undefined || caller === null) return { reason: 'token_invalid' };
    if (checkId(caller.userId, USER_ID) !== caller.userId) {
      return {
        reason: 'misconfigured',
        detail: 'the function in the option callers answered no user id',
        remedy: 'answer { userId, claims }, or undefined for a token that is not valid',
      };
    }
    const { expiresAt = Infinity } = caller;
    return expiresAt > Date.now() ? caller : { reason: 'token_invalid', detail: 'expired' };
  };
}

const WAYS =
  "jwt(), introspection(keyFile('./api.json')), userinfo(), a list of jwt() and one of the other two, or a function of the token";

/** How JWTs are known, and how all other tokens are, or all tokens where there is no `jwt()`. None of both: a function knows. */
interface Ways {
  readonly jwt?: JwtCallers | undefined;
  readonly other?: IntrospectionCallers | UserinfoCallers | undefined;
}

function waysOf(callers: Callers): Ways {
  if (typeof callers === 'function') return {};
  const list = [callers].flat() as readonly OneWay[];
  return {
    jwt: list.find((way) => way.type === 'jwt'),
    other: list.find((way) => way.type !== 'jwt'),
  };
}

/** What is wrong with the option `callers` on its own. */
export function callersProblem(value: unknown): string | undefined {
  if (value === jwt || value === introspection || value === userinfo) return `${WAYS}, called`;
  if (typeof value === 'function') return undefined;
  if (!Array.isArray(value)) return wayProblem(value);
  const list: readonly unknown[] = value;
  const jwts = list.filter((way) => typeOf(way) === 'jwt').length;
  if (list.length !== 2 || jwts !== 1) {
    return '[jwt(), introspection(...)] or [jwt(), userinfo()]: a list has exactly these two';
  }
  return list.map(wayProblem).find((problem) => problem !== undefined);
}

function wayProblem(value: unknown): string | undefined {
  switch (typeOf(value)) {
    case 'jwt':
      return jwtProblem(settingsOf(value));
    case 'introspection': {
      const { credential, ...more } = settingsOf(value);
      return credential instanceof ZitadelCredential
        ? noneOf(more, 'introspection()')
        : "introspection(keyFile('./api.json')), introspection(key(json)) or introspection(basic(clientId, clientSecret))";
    }
    case 'userinfo':
      return noneOf(settingsOf(value), 'userinfo()');
    default:
      return WAYS;
  }
}

function typeOf(value: unknown): unknown {
  return own(value, 'type');
}

function settingsOf(value: unknown): Readonly<Record<string, unknown>> {
  const { type: _type, ...settings } = value as Readonly<Record<string, unknown>>;
  return settings;
}

function jwtProblem(settings: Readonly<Record<string, unknown>>): string | undefined {
  const { recheckMs, ...unknown } = settings;
  const fits =
    !Object.hasOwn(settings, 'recheckMs') ||
    recheckMs === false ||
    (typeof recheckMs === 'number' && recheckMs >= 1_000 && recheckMs <= 3_600_000);
  const names = Object.keys(unknown);
  return fits && names.length === 0
    ? undefined
    : `jwt({ recheckMs }) with milliseconds from 1000 to 3600000, or false, and no other setting${suchAs(names)}`;
}

function noneOf(settings: object, way: string): string | undefined {
  const names = Object.keys(settings);
  return names.length === 0 ? undefined : `${way} without settings${suchAs(names)}`;
}

function suchAs(names: readonly string[]): string {
  return names.map((name) => ` such as ${name}`).join('');
}

/** Refuses ways to know callers, audiences and credentials that do not go together. @throws ZitadelOptionsError */
export function checkCallers(options: ZitadelOptions, resolved: ResolvedOptions): void {
  const ways = waysOf(resolved.callers);
  if (resolved.serviceUser) openServiceUser(resolved.serviceUser);
  if (ways.other?.type === 'introspection') openClient(ways.other.credential);
  checkAudience(options.audience, ways);
  const asServiceUser = resolved.memberships.as === 'serviceUser';
  if (ways.other?.type === 'userinfo' && asServiceUser) {
    throw wrong(
      'callers',
      'userinfo()',
      "introspection(...) in its place, or memberships: { as: 'caller' }: userinfo shows neither whom a token is for nor who holds it, so ZITADEL’s API has to take it",
    );
  }
  if (ways.jwt?.recheckMs !== undefined && !asServiceUser) {
    throw wrong(
      'callers',
      'jwt({ recheckMs })',
      'jwt(): with memberships as the caller every read confirms the token',
    );
  }
}

function checkAudience(audience: ZitadelOptions['audience'], ways: Ways): void {
  if (ways.jwt) {
    if (audience !== undefined) return;
    throw wrong(
      'audience',
      undefined,
      'the project id (or client ids) that callers’ tokens must be for; it is required with jwt()',
    );
  }
  if (audience === undefined || ways.other?.type === 'introspection') return;
  throw wrong(
    'audience',
    audience,
    ways.other
      ? 'nothing: userinfo() does not show whom a token is for; introspection(...) does'
      : 'nothing: a function in callers checks the audience itself',
  );
}
