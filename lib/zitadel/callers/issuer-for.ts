import type { Refusal } from '../../core/decision.js';
import { shownIssuer } from '../shown.js';
import { invalid, jsonOf, ownClaim, tooLong } from './access-token.js';

/**
 * Tells which of several instances must verify a token. Nothing is verified yet, so what the token says only picks one of the issuers of the
 * application: it must equal one of them exactly. A JWT names its issuer. Other tokens name none: they are for the one instance that takes such
 * tokens.
 */
export function createIssuerFor(
  issuers: readonly string[],
  ofOtherTokens: readonly string[],
): (token: string) => string | Refusal {
  const known = new Set(issuers);
  const [only, ...more] = ofOtherTokens;
  return (token) => {
    const long = tooLong(token);
    if (long) return long;
    const parts = token.split('.');
    if (parts.length !== 3) {
      return only !== undefined && more.length === 0 ? only : namesNone(ofOtherTokens.length);
    }
    const iss = ownClaim(jsonOf(parts[1]) ?? {}, 'iss');
    return typeof iss === 'string' && known.has(iss) ? iss : foreign(iss, issuers);
  };
}

const foreign = (iss: unknown, issuers: readonly string[]): Refusal =>
  invalid(
    'another issuer than those of the option instances',
    'one of instances must have an issuer that equals the token’s iss exactly',
    `iss ${shownIssuer(iss)}, expected one of ${issuers.join(', ')}`,
  );

const namesNone = (takers: number): Refusal =>
  invalid(
    `not a JWT, so it does not name its instance, and ${takers === 0 ? 'none' : 'more than one'} of the option instances takes such tokens`,
    'set the application’s token type to JWT, or give introspection(...) or userinfo() to exactly one of instances',
  );
