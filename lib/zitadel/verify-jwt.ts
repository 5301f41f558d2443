import { compactVerify } from 'jose';
import { isRefusal, type Refusal } from '../core/decision.js';
import type { Caller } from '../core/caller.js';
import {
  checkActor,
  checkClaims,
  invalid,
  isName,
  isText,
  ownClaim,
  tooLong,
  type ClaimRules,
} from './claim-rules.js';
import { jsonFrom } from '../core/own-properties.js';
import { isRecord } from './shape.js';
import { ALGORITHMS, type SigningKeys } from './signing-keys.js';

/**
 * Verifies access tokens locally (RFC 7519, RFC 8725). ZITADEL's ID tokens have the same issuer, audience, key and `typ`, so an access
 * token is known by what only it has (`jti`, `client_id`) and by what only ID tokens have (`azp`, `at_hash`, `nonce`).
 */
export function createJwtVerifier(
  keys: SigningKeys,
  rules: ClaimRules,
): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    const long = tooLong(token);
    if (long) return long;
    const parts = token.split('.');
    if (parts.length !== 3) return notJwt(parts.length);
    const header = jsonOf(parts[0]);
    const claims = jsonOf(parts[1]);
    if (!header || !claims || !isCanonical(parts[2])) return invalid('not a well-formed JWT');
    const { alg, kid, typ } = header;
    if (typeof alg !== 'string' || !ALGORITHMS.has(alg)) return invalid('algorithm not allowed');
    if (typeof kid !== 'string' || kid === '' || kid.length > 200) return invalid('no key id');
    if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64'))
      return invalid('critical header not supported');
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
      'set the application’s token type to JWT, or accept both: callers: [jwt(), introspection(...)] or [jwt(), userinfo()]',
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
    const value = jsonFrom(
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')),
    );
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function callerOf(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): Caller | Refusal {
  const checked = checkClaims(claims, rules);
  if (isRefusal(checked)) return checked;
  const clientId = ownClaim(claims, 'client_id');
  if (!isName(ownClaim(claims, 'jti')) || !isText(clientId)) {
    return invalid('not an access token: no jti, no client_id');
  }
  if (['azp', 'at_hash', 'nonce', 'events'].some((name) => Object.hasOwn(claims, name))) {
    return invalid(
      'an ID token where an access token is expected',
      'send the access_token instead',
    );
  }
  return checkActor(claims, rules) ?? { ...checked, clientId, claims };
}
