import { isRefusal, type Refusal } from '../../core/decision.js';
import { bearerToken } from '../../core/request.js';
import { notBearer } from '../../core/request-problems.js';
import { resolveOptions } from '../../validate-options.js';
import { createJwtVerifier } from '../../zitadel/callers/access-token.js';
import type { Asked } from './asked.js';
import type { Form } from './kind.js';
import { usesOf } from './uses.js';

/** Every rule of the library but the signature has let the token through. */
const NOT_ASKED: Refusal = { reason: 'unavailable', detail: 'the signature is not verified here' };

/** A setting that nobody gave has its default. What must be given is not used. */
const { clockToleranceMs } = resolveOptions({ issuer: 'https://not.given', audience: '0' });

/**
 * What the library itself says about a token, without asking ZITADEL. Undefined: nothing speaks against it. An issuer or an audience that is
 * not set is not compared.
 */
export async function verdictOn(
  token: string,
  { claims }: Form,
  { check, issuer, audience, projectId, apiKey, memberships, userinfo }: Asked,
): Promise<Refusal | undefined> {
  const header = `Bearer ${token}`;
  if (bearerToken(header).token === undefined) return notBearer(header, 'malformed', false);
  const isJwt = token.split('.').length === 3;
  if (!isJwt && (userinfo || apiKey !== undefined)) return undefined;
  const verify = createJwtVerifier(
    { get: () => Promise.resolve(NOT_ASKED) },
    {
      issuer: issuer ?? String(claims?.['iss']),
      audience: audience === undefined ? [] : [audience],
      allowImpersonation: false,
      clockToleranceMs,
    },
  );
  const verdict = await verify(token);
  if (isRefusal(verdict) && verdict !== NOT_ASKED) return verdict;
  // Where ZITADEL is asked, it says so itself.
  const isForAll = check || memberships !== undefined || !claims;
  return isForAll || usesOf(claims, projectId)[0]?.there !== false ? undefined : NOT_FOR_ZITADEL;
}

const NOT_FOR_ZITADEL: Refusal = {
  reason: 'token_rejected',
  detail:
    'the token is not for ZITADEL itself, so the memberships cannot be read as the caller, which is the default',
  remedy:
    'request the scope urn:zitadel:iam:org:project:id:zitadel:aud; or set ZITADEL_SERVICE_USER_KEY and ZITADEL_ORGANIZATIONS, if your application reads memberships as the service user',
};
