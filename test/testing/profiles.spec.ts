import { describe, expect, it } from 'vitest';
import type { ApplicationOptions, User } from '../../lib/testing/index.js';
import { call, decode, REDIRECT, signIn, useFurnished } from './calls.js';

const METADATA = 'urn:zitadel:iam:user:metadata';
const HOME = 'urn:zitadel:iam:user:resourceowner';

const w = useFurnished((zitadel) => {
  const org = zitadel.addOrg('acme');
  const portal = zitadel.addProject('portal', { org });
  const client = zitadel.addApiApplication(portal);
  const alice = zitadel.addUser('alice', {
    org,
    displayName: 'Alice A',
    givenName: 'Alice',
    familyName: 'Adams',
    email: 'alice@acme.example',
    metadata: { plan: 'gold', note: 'ü>?' },
  });
  const bob = zitadel.addUser('bob', { org, emailVerified: false });
  const carol = zitadel.addUser('carol@acme.example', { org });
  const robot = zitadel.addServiceUser('robot', { org, metadata: { plan: 'silver' } });
  return { portal, client, alice, bob, carol, robot };
});

const NAMES = {
  name: 'Alice A',
  given_name: 'Alice',
  family_name: 'Adams',
  locale: null,
  preferred_username: 'alice',
  updated_at: expect.any(Number) as number,
};
const EMAIL = { email: 'alice@acme.example', email_verified: true };
const ENCODED = { [METADATA]: { plan: 'Z29sZA', note: 'w7w-Pw' } };

async function userinfoOf(user: User, scopes: readonly string[]) {
  const token = w.zitadel.tokenFor(user, { scopes, audience: [w.portal.id] });
  return (await call(w.zitadel, '/oidc/v1/userinfo', token)).json;
}

async function introspectionOf(user: User, scopes: readonly string[]) {
  const token = w.zitadel.tokenFor(user, { scopes, audience: [w.portal.id] });
  const { clientId, clientSecret } = w.client;
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  const headers = { authorization: `Basic ${basic}` };
  const body = new URLSearchParams({ token });
  return (await call(w.zitadel, '/oauth/v2/introspect', undefined, { body, headers })).json;
}

async function idTokenOf(options: Partial<ApplicationOptions>, scope: string) {
  const { clientId } = w.zitadel.addApplication(w.portal, { redirectUris: [REDIRECT], ...options });
  const { idToken } = await signIn(w.zitadel, clientId, w.alice, scope);
  return decode(idToken.split('.')[1]);
}

describe('userinfo tells', () => {
  it.each([
    ['names by the scope profile', () => w.alice, [], NAMES],
    ['the email by the scope email', () => w.alice, ['email'], { ...NAMES, ...EMAIL }],
    ['metadata by its scope, in base64url', () => w.alice, [METADATA], { ...NAMES, ...ENCODED }],
  ])('%s', async (_what, user, scopes, told) => {
    expect(await userinfoOf(user(), scopes)).toEqual({ sub: user().id, ...told });
  });

  it.each([
    ['an address that is not verified', () => w.bob, { email: 'bob@example.com' }],
    ['a user name that is an address', () => w.carol, { email: 'carol@acme.example' }],
    ['metadata of a service user', () => w.robot, { [METADATA]: { plan: 'c2lsdmVy' } }],
  ])('%s', async (_what, user, told) => {
    const info = await userinfoOf(user(), ['email', METADATA]);
    expect(info).toMatchObject(told);
    expect(user().email).toBe(info['email']);
    // ZITADEL leaves out what is false.
    expect(info['email_verified']).toBe(user() === w.carol ? true : undefined);
  });
});

describe('introspection tells', () => {
  it('the same', async () => {
    expect(await introspectionOf(w.alice, ['email', METADATA])).toMatchObject({
      ...NAMES,
      ...EMAIL,
      ...ENCODED,
    });
    const facts = await introspectionOf(w.alice, []);
    expect(facts).not.toHaveProperty('email');
    expect(facts).not.toHaveProperty([METADATA]);
  });
});

describe('a JWT access token tells', () => {
  it('metadata, and neither names nor email', () => {
    const token = w.zitadel.tokenFor(w.alice, { scopes: ['email', METADATA] });
    const claims = decode(token.split('.')[1]);
    expect(claims).toMatchObject(ENCODED);
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['email']));
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['name']));
  });
});

describe('an ID token tells', () => {
  it('names and email only if the application wants it', async () => {
    const bare = await idTokenOf({}, 'openid profile email');
    expect(Object.keys(bare)).not.toEqual(expect.arrayContaining(['name']));
    expect(Object.keys(bare)).not.toEqual(expect.arrayContaining(['email']));
    const told = await idTokenOf({ idTokenUserInfo: true }, 'openid profile email');
    expect(told).toMatchObject({ sub: w.alice.id, ...NAMES, ...EMAIL });
  });

  it('metadata and the home organization by their scopes', async () => {
    const told = await idTokenOf({}, `openid ${METADATA} ${HOME}`);
    expect(told).toMatchObject({ ...ENCODED, [`${HOME}:name`]: 'acme' });
  });
});
