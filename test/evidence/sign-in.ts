import { createHash, randomBytes } from 'node:crypto';
import type { User, ZitadelEmulator } from 'nestjs-zitadel/testing';

const REDIRECT = 'http://localhost:9/callback';

/** What a person has after signing in. */
export interface Session {
  readonly token: string;
  /** Takes a new token; the one before ends. */
  refresh(): Promise<void>;
}

/** Signs a person in by the code flow, for a token that can be used at ZITADEL and for the default project. */
export async function signIn(
  zitadel: ZitadelEmulator,
  user: User,
  accessTokenType: 'jwt' | 'opaque' | 'pat',
): Promise<Session> {
  if (accessTokenType === 'pat') throw new Error('no sign-in gives a personal access token');
  const { id } = zitadel.defaultProject;
  const { clientId } = zitadel.addApplication(id, { redirectUris: [REDIRECT], accessTokenType });
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    client_id: clientId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: `openid profile offline_access ${['zitadel', id]
      .map((project) => `urn:zitadel:iam:org:project:id:${project}:aud`)
      .join(' ')}`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const begun = await send(zitadel, `/oauth/v2/authorize?${asked.toString()}`);
  const done = await send(zitadel, '/ui/v2/login/login', {
    authRequest: parameterOf(begun, 'authRequest'),
    userId: user.id,
  });
  const tokens = async (form: Readonly<Record<string, string>>) => {
    const answer = await send(zitadel, '/oauth/v2/token', { client_id: clientId, ...form });
    if (answer.status !== 200) throw new Error(`the token endpoint answered ${answer.status}`);
    return (await answer.json()) as Readonly<Record<'access_token' | 'refresh_token', string>>;
  };
  const { access_token: token, refresh_token: refreshToken } = await tokens({
    grant_type: 'authorization_code',
    redirect_uri: REDIRECT,
    code: parameterOf(done, 'code'),
    code_verifier: verifier,
  });
  return {
    token,
    refresh: async () => {
      await tokens({ grant_type: 'refresh_token', refresh_token: refreshToken });
    },
  };
}

function send(
  { url }: ZitadelEmulator,
  path: string,
  form?: Readonly<Record<string, string>>,
): Promise<Response> {
  return fetch(url + path, {
    redirect: 'manual',
    ...(form && { method: 'POST', body: new URLSearchParams(form) }),
  });
}

function parameterOf({ headers }: Response, name: string): string {
  const location = new URL(headers.get('location') ?? '', 'http://localhost');
  const value = location.searchParams.get(name);
  if (value === null) throw new Error(`the sign-in answered no ${name}`);
  return value;
}
