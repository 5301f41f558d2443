import { createHash, createPrivateKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { send, textAt, type Answer } from './http.js';
import { REDIRECT_URI, type Application, type Project, type SignedIn } from './world.js';

export const ZITADEL_AUDIENCE = 'urn:zitadel:iam:org:project:id:zitadel:aud';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export function audienceOf(project: Project): string {
  return `urn:zitadel:iam:org:project:id:${project.id}:aud`;
}

/** The scopes of a token for ZITADEL's API and for a project. */
export function usualScopes(project: Project): readonly string[] {
  return ['openid', 'profile', ZITADEL_AUDIENCE, audienceOf(project)];
}

/** A key file, opened: whose it is, and what it signs with. */
export interface OpenKey {
  readonly keyId: string;
  /** The user of a service user's key, the client of an application's. */
  readonly subject: string;
  readonly privateKey: KeyObject;
}

export function openKey(json: string): OpenKey {
  const file = JSON.parse(json) as Record<'keyId' | 'key' | 'userId' | 'clientId', string>;
  return {
    keyId: file.keyId,
    subject: file.userId ?? file.clientId,
    privateKey: createPrivateKey(file.key),
  };
}

/** Claims of an assertion that are put over the right ones; whole seconds are relative to now. */
export interface AssertionClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly iatIn?: number;
  readonly expIn?: number;
}

/** An assertion of RFC 7523, as ZITADEL's JWT profile takes it. */
export function assertionOf(
  issuer: string,
  key: OpenKey,
  { iatIn = -5, expIn = 300, ...claims }: AssertionClaims = {},
  keyId = key.keyId,
): string {
  const now = Math.floor(Date.now() / 1_000);
  const own = { iss: key.subject, sub: key.subject, aud: issuer };
  const content = [
    { alg: 'RS256', kid: keyId },
    { ...own, ...claims, iat: now + iatIn, exp: now + expIn },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('RSA-SHA256', Buffer.from(content), key.privateKey);
  return `${content}.${signature.toString('base64url')}`;
}

export function askToken(issuer: string, form: Readonly<Record<string, string>>): Promise<Answer> {
  return send(issuer, { method: 'POST', path: '/oauth/v2/token', form });
}

export function byAssertion(
  issuer: string,
  assertion: string,
  scopes: readonly string[],
): Promise<Answer> {
  return askToken(issuer, { grant_type: JWT_BEARER, scope: scopes.join(' '), assertion });
}

export function bySecret(
  issuer: string,
  clientId: string,
  clientSecret: string,
  scopes: readonly string[],
): Promise<Answer> {
  const scope = scopes.join(' ');
  const client = { client_id: clientId, client_secret: clientSecret };
  return askToken(issuer, { grant_type: 'client_credentials', scope, ...client });
}

export function refresh(issuer: string, clientId: string, refreshToken: string): Promise<Answer> {
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
  return askToken(issuer, { ...grant, client_id: clientId });
}

/** RFC 7009. */
export function revoke(issuer: string, clientId: string, token: string): Promise<Answer> {
  const form = { token, client_id: clientId };
  return send(issuer, { method: 'POST', path: '/oauth/v2/revoke', form });
}

/** The access token of an answer. @throws where there is none, saying what was asked */
export function accessTokenOf(answer: Answer, what: string): string {
  const token = textAt(answer.body, 'access_token');
  if (answer.status === 200 && token !== '') return token;
  throw new Error(`${what}: ${String(answer.status)} ${answer.text.slice(0, 300)}`);
}

/**
 * The authorization code flow with PKCE. The login itself is done by `finish`, which answers the address to call
 * back.
 */
export async function codeFlow(
  issuer: string,
  { clientId }: Application,
  scopes: readonly string[],
  finish: (authRequest: string) => Promise<string>,
): Promise<Redeemed> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: scopes.join(' '),
    nonce: 'n-1',
    state: 's-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const path = `/oauth/v2/authorize?${query.toString()}`;
  const { headers, status } = await send(issuer, { method: 'GET', path });
  const login = new URL(headers['location'] ?? '', issuer);
  const authRequest = login.searchParams.get('authRequest') ?? '';
  if (authRequest === '') {
    throw new Error(`authorize: ${String(status)} led to ${login.pathname}, not to the login v2`);
  }
  const code = new URL(await finish(authRequest)).searchParams.get('code') ?? '';
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    client_id: clientId,
    code_verifier: verifier,
  };
  return { form, answer: await askToken(issuer, form) };
}

/** A code, with what it was redeemed and what came of it. */
interface Redeemed {
  readonly form: Readonly<Record<string, string>>;
  readonly answer: Answer;
}

/** What a person has after the code flow. @throws where the token endpoint refused */
export function signedInFrom(
  { answer, form }: Redeemed,
  session: Pick<SignedIn, 'sessionId' | 'sessionToken'>,
): SignedIn {
  return {
    accessToken: accessTokenOf(answer, 'authorization code'),
    idToken: textAt(answer.body, 'id_token'),
    refreshToken: textAt(answer.body, 'refresh_token'),
    redeemedBy: form,
    ...session,
  };
}
