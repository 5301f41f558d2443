import { compactVerify } from 'jose';
import { isRefusal, type Refusal } from '../core/decision.js';
import type { Caller } from '../core/caller.js';
import { checkId } from '../core/request.js';
import { isRecord } from './error-id.js';
import { ALGORITHMS, type SigningKeys } from './signing-keys.js';

/** What a caller's token must be. */
export interface JwtRules {
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[];
  readonly allowImpersonation: boolean;
}

/** Longer tokens are refused before anything of them is decoded; Node's own limit for all headers is 16 KiB. */
const MAX_CHARACTERS = 8_192;
const CLOCK_SKEW_SECONDS = 5;

const invalid = (detail: string, remedy?: string): Refusal => ({
  reason: 'token_invalid',
  detail: `access token: ${detail}`,
  ...(remedy !== undefined && { remedy }),
});

/**
 * Verifies access tokens locally (RFC 7519, RFC 8725). ZITADEL's ID tokens have the same issuer, audience, key and `typ`, so an access
 * token is known by what only it has (`jti`, `client_id`) and by what only ID tokens have (`azp`, `at_hash`, `nonce`).
 */
export function createJwtVerifier(
  keys: SigningKeys,
  rules: JwtRules,
): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    if (token.length > MAX_CHARACTERS) {
      return invalid(`longer than ${MAX_CHARACTERS} characters`, 'ask for fewer scopes');
    }
    const parts = token.split('.');
    if (parts.length !== 3) return notJwt(parts.length);
    const header = jsonOf(parts[0]);
    const claims = jsonOf(parts[1]);
    if (!header || !claims || !isCanonical(parts[2])) return invalid('not a well-formed JWT');
    const { alg, kid, typ } = header;
    if (typeof alg !== 'string' || !ALGORITHMS.has(alg)) return invalid('algorithm not allowed');
    if (typeof kid !== 'string' || kid === '' || kid.length > 200) return invalid('no key id');
    if ('crit' in header || 'b64' in header) return invalid('critical header not supported');
    if (typ !== undefined && typ !== 'JWT' && typ !== 'at+jwt') return invalid('other type of JWT');

    // Refusing by claims that are not verified yet is safe, and spares the fetch and the signature.
    const caller = callerOf(claims, rules);
    if (isRefusal(caller)) return caller;
    const key = await keys.get(kid);
    if (key === undefined) return invalid('signed by a key that the instance does not have');
    if (isRefusal(key)) return key;
    if (key.alg !== alg) return invalid('algorithm of another key');
    try {
      await compactVerify(token, key.key, { algorithms: [alg] });
    } catch {
      return invalid('the signature is wrong');
    }
    return caller;
  };
}

function notJwt(parts: number): Refusal {
  if (parts !== 5) return invalid('not a JWT');
  return {
    ...invalid(
      'an opaque token, a personal access token or a session token where a JWT is expected',
      'set the application’s token type to JWT, or use introspection() (until it ships: a function in the option callers)',
    ),
    description: 'a JWT access token is expected',
  };
}

function isCanonical(part: string | undefined): part is string {
  return !!part && Buffer.from(part, 'base64url').toString('base64url') === part;
}

function jsonOf(part: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!isCanonical(part)) return undefined;
  try {
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')),
    );
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function callerOf(claims: Readonly<Record<string, unknown>>, rules: JwtRules): Caller | Refusal {
  const own = (name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const now = Date.now() / 1_000;
  if (own('iss') !== rules.issuer) {
    return invalid('another issuer', 'the option issuer must equal the token’s iss exactly');
  }
  const aud = own('aud');
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every((each) => typeof each === 'string')) return invalid('malformed audience');
  if (!rules.audience.some((each) => audiences.includes(each))) {
    return invalid(
      'for another audience',
      'the client must request the scope urn:zitadel:iam:org:project:id:<project id>:aud, and the option audience name that project or the client id',
    );
  }
  const exp = own('exp');
  const iat = own('iat');
  const nbf = own('nbf');
  if (!isSeconds(exp) || !isSeconds(iat) || (nbf !== undefined && !isSeconds(nbf))) {
    return invalid('exp, iat and nbf must be whole seconds');
  }
  if (exp <= now) return { ...invalid('expired'), description: 'the token is expired' };
  if (Math.max(iat, nbf ?? iat) > now + CLOCK_SKEW_SECONDS) {
    return invalid('from the future', 'compare the clocks of this host and of ZITADEL');
  }
  const sub = own('sub');
  const jti = own('jti');
  const clientId = own('client_id');
  if (!isName(sub)) return invalid('no usable sub');
  if (!isName(jti) || !isText(clientId))
    return invalid('not an access token: no jti, no client_id');
  if (['azp', 'at_hash', 'nonce', 'events'].some((name) => Object.hasOwn(claims, name))) {
    return invalid(
      'an ID token where an access token is expected',
      'send the access_token instead',
    );
  }
  if (Object.hasOwn(claims, 'act') && !rules.allowImpersonation) {
    return {
      reason: 'impersonated',
      detail: 'the token is for an impersonated user',
      remedy:
        'allowImpersonation lets such tokens through, with memberships read as the service user',
    };
  }
  return { userId: sub, clientId, expiresAt: exp * 1_000, claims };
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && checkId(value, /^[\x21-\x7e]+$/) === value;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1_000;
}
