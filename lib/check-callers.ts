import { own } from './core/own-properties.js';
import { wrong } from './option-combinations.js';
import {
  introspection,
  jwt,
  userinfo,
  type Callers,
  type IntrospectionCallers,
  type JwtCallers,
  type OneWay,
  type ResolvedOptions,
  type UserinfoCallers,
  type ZitadelOptions,
} from './options.js';
import { openClient, openServiceUser, ZitadelCredential } from './zitadel/credentials.js';

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
