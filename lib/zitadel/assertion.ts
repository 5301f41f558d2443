import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';

/**
 * ZITADEL refuses an assertion that was made more than a second after its own time, and one that is an hour old. So it is dated back: our
 * clock may be this far ahead of ZITADEL's, or behind it by minutes.
 */
const SET_BACK_SECONDS = 90;
const GOOD_FOR_SECONDS = 300;

/** Proves to ZITADEL that we hold the key of a service user or of an application (RFC 7523, section 3). */
export function signAssertion(
  id: string,
  { keyId, privateKey }: { readonly keyId: string; readonly privateKey: KeyObject },
  issuer: string,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256', kid: keyId })
    .setIssuer(id)
    .setSubject(id)
    .setAudience(issuer)
    .setIssuedAt(now - SET_BACK_SECONDS)
    .setExpirationTime(now + GOOD_FOR_SECONDS)
    .sign(privateKey);
}
