import { nowInSeconds } from './clock.js';
import type { RegisteredKey } from './credentials.js';
import { type DecodedJwt, isSignedBy } from './signing-keys.js';

const OLDEST_ASSERTION_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 1;

/** RFC 7523 section 3: signed by the key's owner, about the owner, for this issuer, made just now. */
export function isRightAssertion(
  assertion: string,
  decoded: DecodedJwt,
  key: RegisteredKey,
  issuer: string,
): boolean {
  const { iss, sub, aud, exp, iat } = decoded.claims;
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const now = nowInSeconds();
  return (
    iss === key.ownerId &&
    sub === key.ownerId &&
    audience.includes(issuer) &&
    typeof exp === 'number' &&
    exp > now &&
    typeof iat === 'number' &&
    iat >= now - OLDEST_ASSERTION_SECONDS &&
    iat <= now + CLOCK_SKEW_SECONDS &&
    isSignedBy(assertion, decoded, key.publicKey)
  );
}
