import { createHash, randomBytes } from 'node:crypto';

import type { User, ZitadelEmulator } from '../../lib/testing/index.js';
import { type Called, call } from './calls.js';

export const REDIRECT = 'http://localhost:9/callback';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Signs a person in over the pages of the emulator, by the code flow with PKCE. */
export async function signIn(
  zitadel: ZitadelEmulator,
  clientId: string,
  user: User,
  scope: string,
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    client_id: clientId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const begun = await call(zitadel, `/oauth/v2/authorize?${asked.toString()}`);
  const authRequest = parameterOf(begun, 'authRequest');
  const done = await call(zitadel, '/ui/v2/login/login', undefined, {
    body: new URLSearchParams({ authRequest, userId: user.id }),
  });
  const answer = await askForTokens(zitadel, {
    grant_type: 'authorization_code',
    redirect_uri: REDIRECT,
    client_id: clientId,
    code: parameterOf(done, 'code'),
    code_verifier: verifier,
  });
  return tokensOf(answer);
}

export function refresh(
  zitadel: ZitadelEmulator,
  clientId: string,
  refreshToken: string,
): Promise<Called> {
  const fields = { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken };
  return askForTokens(zitadel, fields);
}

export function tokensOf(answer: Called): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken } = answer.json;
  return { accessToken: String(accessToken), refreshToken: String(refreshToken) };
}

function askForTokens(
  zitadel: ZitadelEmulator,
  fields: Readonly<Record<string, string>>,
): Promise<Called> {
  return call(zitadel, '/oauth/v2/token', undefined, { body: new URLSearchParams(fields) });
}

function parameterOf(answer: Called, name: string): string {
  const location = new URL(answer.headers.get('location') ?? '', 'http://localhost');
  return location.searchParams.get(name) ?? '';
}
