import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';
import type { User } from '../../lib/testing/index.js';
import {
  authorizePath,
  call,
  type Called,
  decode,
  LOGIN,
  myMemberships,
  newVerifier,
  parameterOf,
  pick,
  redeem,
  refresh,
  useFurnished,
} from './calls.js';

const REDIRECT = 'http://localhost:9/callback?kept=1';
const HOSTILE = '"><script>alert(1)</script>\r\n<img src=x onerror=alert(1)> & \'';

const w = useFurnished((zitadel) => {
  const acme = zitadel.addOrg(`Acme ${HOSTILE}`);
  const portal = zitadel.addProject('portal', { org: acme });
  const { clientId } = zitadel.addApplication(portal, { redirectUris: [REDIRECT] });
  const alice = zitadel.addUser('alice', { org: acme, displayName: 'Alice Example' });
  zitadel.addUser(`mallory ${HOSTILE}`, { displayName: HOSTILE });
  zitadel.addServiceUser('backend');
  return { portal, clientId, alice };
});

function pathOf(verifier: string, changes: Record<string, string | undefined> = {}): string {
  return authorizePath(verifier, {
    client_id: w.clientId,
    redirect_uri: REDIRECT,
    scope: 'openid profile offline_access urn:zitadel:iam:org:project:id:zitadel:aud',
    state: 's&1',
    nonce: 'n-1',
    ...changes,
  });
}

async function begin(verifier: string, changes: Record<string, string> = {}): Promise<string> {
  return parameterOf(await call(w.zitadel, pathOf(verifier, changes)), 'authRequest');
}

async function codeFor(verifier: string, user: User, changes = {}): Promise<string> {
  const authRequest = await begin(verifier, changes);
  return parameterOf(await pick(w.zitadel, authRequest, user), 'code');
}

function redeemed(fields: Record<string, string>): Promise<Called> {
  return redeem(w.zitadel, { redirect_uri: REDIRECT, client_id: w.clientId, ...fields });
}

describe('the code flow', () => {
  it('leads from the application over the page to tokens', async () => {
    const verifier = newVerifier();
    const authRequest = await begin(verifier);
    expect(authRequest).toMatch(/^V2_\d{18}$/);
    const done = await pick(w.zitadel, authRequest, w.alice);
    expect(done.status).toBe(302);
    const back = new URL(done.headers.get('location') ?? '');
    expect([back.origin, back.searchParams.get('kept'), back.searchParams.get('state')]).toEqual([
      'http://localhost:9',
      '1',
      's&1',
    ]);
    const code = back.searchParams.get('code') ?? '';
    const answer = await redeemed({ code, code_verifier: verifier });
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json)).toEqual([
      'access_token',
      'token_type',
      'refresh_token',
      'expires_in',
      'id_token',
    ]);
    const token = String(answer.json['access_token']);
    expect(decode(token.split('.')[1])).toMatchObject({
      sub: w.alice.id,
      client_id: w.clientId,
      aud: [w.clientId, w.portal.id, w.zitadel.zitadelProjectId],
    });
    const idToken = decode(String(answer.json['id_token']).split('.')[1]);
    expect(idToken).toMatchObject({ nonce: 'n-1', azp: w.clientId, amr: ['pwd'] });
    expect((await myMemberships(w.zitadel, token)).status).toBe(200);
    const again = await redeemed({ code, code_verifier: verifier });
    expect(again.json['error_description']).toBe('Errors.AuthRequest.NoCode');
  });

  it('gives opaque tokens to an application that wants them', async () => {
    const accessTokenType = 'opaque' as const;
    const redirectUris = [REDIRECT];
    const opaque = w.zitadel.addApplication(w.portal, { redirectUris, accessTokenType });
    const verifier = newVerifier();
    const code = await codeFor(verifier, w.alice, { client_id: opaque.clientId });
    const fields = { code, code_verifier: verifier, client_id: opaque.clientId };
    const token = String((await redeemed(fields)).json['access_token']);
    expect(token.split('.')).toHaveLength(5);
    expect((await myMemberships(w.zitadel, token)).status).toBe(200);
  });

  it.each<[string, Record<string, string>, string]>([
    ['another verifier', { code_verifier: newVerifier() }, 'invalid code_verifier'],
    ['no verifier', { code_verifier: '' }, 'code_verifier required'],
    ['another address', { redirect_uri: 'http://localhost:9/x' }, 'does not correspond'],
    ['no code', { code: '' }, 'code missing'],
    ['a code that was never given', { code: 'x' }, 'Errors.AuthRequest.NoCode'],
    ['an unknown client', { client_id: '1' }, 'client not found'],
  ])('does not redeem a code with %s, and the code stays good', async (_name, wrong, text) => {
    const verifier = newVerifier();
    const code = await codeFor(verifier, w.alice);
    const refused = await redeemed({ code, code_verifier: verifier, ...wrong });
    expect(refused.status).toBe(400);
    expect(refused.json['error_description']).toContain(text);
    expect((await redeemed({ code, code_verifier: verifier })).status).toBe(200);
  });

  it('does not redeem the code of another client', async () => {
    const other = w.zitadel.addApplication(w.portal, { redirectUris: [REDIRECT] });
    const verifier = newVerifier();
    const code = await codeFor(verifier, w.alice);
    const stolen = await redeemed({ code, code_verifier: verifier, client_id: other.clientId });
    expect([stolen.status, stolen.json['error']]).toEqual([400, 'invalid_grant']);
  });
});

describe('a refresh token', () => {
  async function signIn(): Promise<Called> {
    const verifier = newVerifier();
    return redeemed({ code: await codeFor(verifier, w.alice), code_verifier: verifier });
  }

  const renewed = (token: unknown) => refresh(w.zitadel, w.clientId, String(token));

  it('gives a new pair and ends the old one', async () => {
    const first = await signIn();
    const second = await renewed(first.json['refresh_token']);
    expect(second.status).toBe(200);
    const [old, fresh] = [first, second].map(({ json }) => String(json['access_token']));
    expect((await myMemberships(w.zitadel, old ?? '')).status).toBe(401);
    expect((await myMemberships(w.zitadel, fresh ?? '')).status).toBe(200);
    expect((await renewed(first.json['refresh_token'])).status).toBe(400);
  });

  it('ends with the sessions of its user', async () => {
    const { json } = await signIn();
    w.zitadel.endSessions(w.alice);
    expect((await renewed(json['refresh_token'])).json['error']).toBe('invalid_grant');
  });

  it('is none that somebody made up', async () => {
    expect((await renewed('x')).json['error']).toBe('invalid_grant');
    expect((await renewed(w.zitadel.patFor(w.alice))).json['error']).toBe('invalid_grant');
  });
});

describe('an application that asks wrongly', () => {
  it.each<[string, Record<string, string | undefined>]>([
    ['an unknown client', { client_id: '1' }],
    ['no client', { client_id: undefined }],
    ['an address that is not registered', { redirect_uri: 'https://evil.example/' }],
    ['an address that only begins like one', { redirect_uri: `${REDIRECT}.evil.example` }],
    ['no address', { redirect_uri: undefined }],
  ])('gets a page and no redirect for %s', async (_name, changes) => {
    const refused = await call(w.zitadel, pathOf(newVerifier(), changes));
    expect(refused.status).toBe(400);
    expect(refused.headers.has('location')).toBe(false);
    expect(refused.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  it.each<[string, Record<string, string | undefined>, string]>([
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge that is none', { code_challenge: 'short' }, 'invalid_request'],
    ['no openid', { scope: 'profile' }, 'invalid_scope'],
  ])('is told so at its own address for %s', async (_name, changes, error) => {
    const refused = await call(w.zitadel, pathOf(newVerifier(), changes));
    const back = new URL(refused.headers.get('location') ?? '');
    expect([refused.status, back.origin]).toEqual([302, 'http://localhost:9']);
    expect([back.searchParams.get('error'), back.searchParams.get('state')]).toEqual([
      error,
      's&1',
    ]);
    expect(back.searchParams.has('code')).toBe(false);
  });

  it('cannot be registered with an address that is none', () => {
    const add = (): unknown => w.zitadel.addApplication(w.portal, { redirectUris: ['callback'] });
    expect(add).toThrow("'callback'");
  });
});

describe('the sign-in page', () => {
  it('shows a button for every person who may sign in', async () => {
    const locked = w.zitadel.addUser('locked');
    w.zitadel.lockUser(locked);
    const page = await call(w.zitadel, `${LOGIN}?authRequest=${await begin(newVerifier())}`);
    expect(page.status).toBe(200);
    const buttons = [...page.text.matchAll(/<button name="userId" value="(\d{18})">/g)];
    expect(buttons).toHaveLength(2);
    expect(page.text).toContain('Alice Example');
    expect(page.text).toMatch(/<html lang="en">.*<title>.*<main>.*<h1>/s);
    expect(page.text).not.toContain('backend');
  });

  it('keeps hostile names inert', async () => {
    const page = await call(w.zitadel, `${LOGIN}?authRequest=${await begin(newVerifier())}`);
    const names = page.text.slice(page.text.indexOf('<body>'));
    expect(names).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#13;&#10;&#60;img');
    const tags = [...names.matchAll(/<\/?([a-z0-9]+)/g)].map((tag) => tag[1]);
    const allowed = [
      'body',
      'main',
      'h1',
      'p',
      'form',
      'input',
      'ul',
      'li',
      'button',
      'span',
      'html',
    ];
    expect(tags.filter((tag) => tag === undefined || !allowed.includes(tag))).toEqual([]);
    expect(names).not.toMatch(/[\r\n]/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('script-src');
    expect(policy).toContain("form-action 'self' http://localhost:9;");
  });

  it('has a style that its policy allows', async () => {
    const page = await call(w.zitadel, `${LOGIN}?authRequest=${await begin(newVerifier())}`);
    const style = /<style>(.*)<\/style>/s.exec(page.text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page.headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`);
  });

  it('says so when the sign-in is over or unknown, or the person may not', async () => {
    const authRequest = await begin(newVerifier());
    const service = w.zitadel.addServiceUser('no-person');
    expect((await pick(w.zitadel, authRequest, service)).status).toBe(400);
    expect((await pick(w.zitadel, authRequest, { id: '1' })).status).toBe(400);
    expect((await pick(w.zitadel, authRequest, w.alice)).status).toBe(302);
    expect((await pick(w.zitadel, authRequest, w.alice)).status).toBe(400);
    expect((await call(w.zitadel, `${LOGIN}?authRequest=${authRequest}`)).status).toBe(400);
    expect((await call(w.zitadel, LOGIN)).status).toBe(400);
  });
});

describe('a password', () => {
  it('is asked for on the sign-in page', async () => {
    const carol = w.zitadel.addUser('carol', { password: 'right & "proper"' });
    const form = { authRequest: await begin(newVerifier()), userId: carol.id };
    const login = (more: Record<string, string>) =>
      call(w.zitadel, LOGIN, undefined, { body: new URLSearchParams({ ...form, ...more }) });
    const [asked, wrong] = [await login({}), await login({ password: 'wrong' })];
    expect([asked.status, asked.text.includes('type="password"')]).toEqual([200, true]);
    expect(asked.text).not.toContain('This is not the password');
    expect([wrong.status, wrong.text.includes('This is not the password')]).toEqual([200, true]);
    const right = await login({ password: 'right & "proper"' });
    expect([right.status, right.headers.get('location')]).toEqual([
      302,
      expect.stringContaining('code='),
    ]);
  });
});
