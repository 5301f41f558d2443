import type { Caller } from './core/caller.js';
import { isRefusal, type Refusal } from './core/decision.js';
import type { CallerSourceParts } from './core/memory/caller-source.js';
import { checkId } from './core/request.js';
import { endOfRefusal, type QuietTelemetry, type TelemetryEnd } from './core/telemetry.js';
import { type CallerFunction, type OneWay, waysByForm } from './callers.js';
import type { ResolvedOptions } from './resolved-options.js';
import { createJwtVerifier } from './zitadel/callers/access-token.js';
import { createIntrospection } from './zitadel/callers/introspection.js';
import { SigningKeys } from './zitadel/callers/signing-keys.js';
import { createConfirmation, createUserinfoVerifier } from './zitadel/callers/userinfo.js';
import { openClient } from './zitadel/credentials.js';
import type { Discover } from './zitadel/discovery.js';
import type { Http } from './zitadel/http.js';
import { threwIn } from './core/thrown.js';

/** How a caller is known, for how long, and whether ZITADEL must confirm the token on its own. */
type Known = Pick<CallerSourceParts, 'verify' | 'confirm' | 'verifiedForMs'>;

/** Userinfo says less about a token than the other ways do, so what it said counts for less long. */
const USERINFO_FOR_MS = 30_000;

/** What the option `callers` means for the data path. */
export function callersOf(
  resolved: ResolvedOptions,
  http: Http,
  discover: Discover,
  telemetry?: QuietTelemetry,
): Known {
  const known = knownOf(resolved, http, discover);
  if (!telemetry) return known;
  const verify = async (token: string) => known.verify(token);
  return {
    ...known,
    verify: (token) =>
      telemetry.during({ name: 'verification' }, () => verify(token), endOfVerification),
  };
}

function endOfVerification(known: Caller | Refusal): TelemetryEnd {
  return isRefusal(known) ? endOfRefusal(known) : {};
}

function knownOf(resolved: ResolvedOptions, http: Http, discover: Discover): Known {
  const { callers } = resolved;
  if (typeof callers === 'function') {
    return { verify: verifyBy(callers), confirm: undefined, verifiedForMs: resolved.ttlMs };
  }
  const known = (way: OneWay) => knownBy(way, resolved, http, discover);
  const { jwt, other } = waysByForm(callers);
  return jwt && other ? byForm(known(jwt), known(other)) : known((jwt ?? other) as OneWay);
}

function knownBy(way: OneWay, resolved: ResolvedOptions, http: Http, discover: Discover): Known {
  const { ttlMs, memberships } = resolved;
  switch (way.type) {
    case 'jwt': {
      const { recheckMs = ttlMs, clients } = way;
      const rules = { ...resolved, clients };
      const verify = createJwtVerifier(new SigningKeys(http, discover), rules);
      // As the caller, the read of the memberships itself proves that ZITADEL accepts the token.
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

/** A token with three parts is a JWT. A token that one of the two refuses is never tried with the other. */
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
    // For a JWT this only means that its signature is verified again.
    verifiedForMs: other.verifiedForMs,
  };
}

const USER_ID = /^[\x21-\x7e]+$/;

function verifyBy(known: CallerFunction): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    let caller: Caller | null | undefined;
    try {
      caller = await known(token);
    } catch (error) {
      return threwIn('the function in the option callers', error);
    }
    if (caller === undefined || caller === null) {
      return {
        reason: 'token_invalid',
        detail: 'the function in the option callers knows nobody by this token',
        remedy: 'look at the token that the client sends, and at what the function returns',
      };
    }
    if (checkId(caller.userId, USER_ID) !== caller.userId) {
      return {
        reason: 'misconfigured',
        detail: 'the function in the option callers did not return a user id',
        remedy: 'return { userId, claims }, or undefined for a token that is not valid',
      };
    }
    const { expiresAt = Infinity } = caller;
    return expiresAt > Date.now()
      ? caller
      : { reason: 'token_invalid', detail: 'expired', remedy: 'get a new token' };
  };
}
