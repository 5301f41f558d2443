import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import {
  call,
  type Called,
  decode,
  myMemberships,
  REDIRECT,
  refresh,
  signIn,
  tokensOf,
} from './calls.js';

const SCOPE = 'openid profile offline_access urn:zitadel:iam:org:project:id:zitadel:aud';
const OWN_ROLES = 'urn:zitadel:iam:org:project:roles';
const options = { redirectUris: [REDIRECT] };

let zitadel: ZitadelEmulator;
let portal: Project;
let clientId: string;
let alice: User;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const roles = ['writer', 'reader'];
  portal = zitadel.addProject('portal', { org: acme, roles, roleAssertion: true });
  clientId = zitadel.addApplication(portal, options).clientId;
  alice = zitadel.addUser('alice', { org: acme });
  zitadel.authorizeUser(alice, portal, ['reader']);
});

afterAll(() => zitadel.stop());

function revoke(token: string, client: Readonly<Record<string, string>>): Promise<Called> {
  const body = new URLSearchParams({ token, ...client });
  return call(zitadel, '/oauth/v2/revoke', undefined, { body });
}

async function statusOf(token: string): Promise<number> {
  return (await myMemberships(zitadel, token)).status;
}

describe('revocation', () => {
  it('ends the access token and leaves the refresh token', async () => {
    const { accessToken, refreshToken } = await signIn(zitadel, clientId, alice, SCOPE);
    const other = await signIn(zitadel, clientId, alice, SCOPE);
    const revoked = await revoke(accessToken, { client_id: clientId });
    expect([revoked.status, revoked.text]).toEqual([200, '']);
    expect([await statusOf(accessToken), await statusOf(other.accessToken)]).toEqual([401, 200]);
    const { accessToken: next } = tokensOf(await refresh(zitadel, clientId, refreshToken));
    expect(await statusOf(next)).toBe(200);
  });

  it('of the refresh token ends both', async () => {
    const { accessToken, refreshToken } = await signIn(zitadel, clientId, alice, SCOPE);
    expect((await revoke(refreshToken, { client_id: clientId })).status).toBe(200);
    expect(await statusOf(accessToken)).toBe(401);
    expect((await refresh(zitadel, clientId, refreshToken)).status).toBe(400);
  });

  it('of what is no token, or none any more, is answered alike', async () => {
    const { refreshToken } = await signIn(zitadel, clientId, alice, SCOPE);
    await refresh(zitadel, clientId, refreshToken);
    for (const token of ['garbage', refreshToken, zitadel.patFor(alice)]) {
      expect((await revoke(token, { client_id: clientId })).status).toBe(200);
    }
  });

  it('is for the application that the token was made for', async () => {
    const stranger = zitadel.addApplication(portal, options);
    const { accessToken, refreshToken } = await signIn(zitadel, clientId, alice, SCOPE);
    for (const token of [accessToken, refreshToken]) {
      const refused = await revoke(token, { client_id: stranger.clientId });
      expect([refused.status, refused.json]).toEqual([
        401,
        { error: 'invalid_client', error_description: 'token was not issued for this client' },
      ]);
    }
    expect(await statusOf(accessToken)).toBe(200);
  });

  it.each<[string, () => Record<string, string>, string]>([
    ['no client', () => ({}), 'invalid_request'],
    ['an unknown client', () => ({ client_id: '1' }), 'invalid_client'],
    [
      'a client without its secret',
      () => ({ client_id: zitadel.addApiApplication(portal).clientId }),
      'invalid_client',
    ],
    ['no token', () => ({ client_id: clientId, token: '' }), 'invalid_request'],
  ])('is refused to %s', async (_name, client, error) => {
    const refused = await revoke('x', client());
    expect([refused.status, refused.json['error']]).toEqual([400, error]);
  });
});

describe('an application that was deactivated or removed', () => {
  it.each<[string, (id: string) => void]>([
    ['deactivated', (id) => zitadel.deactivateApplication(id)],
    ['removed', (id) => zitadel.removeApplication(id)],
  ])('is %s: it gets nothing new, and what it got stays valid', async (_name, end) => {
    const own = zitadel.addApplication(portal, options).clientId;
    const { accessToken, refreshToken } = await signIn(zitadel, own, alice, SCOPE);
    end(own);
    expect(await statusOf(accessToken)).toBe(200);
    const refused = await refresh(zitadel, own, refreshToken);
    expect([refused.status, refused.json['error']]).toEqual([400, 'invalid_client']);
    const query = new URLSearchParams({ client_id: own, redirect_uri: REDIRECT });
    expect((await call(zitadel, `/oauth/v2/authorize?${query.toString()}`)).status).toBe(400);
    expect((await revoke(accessToken, { client_id: own })).status).toBe(400);
  });
});

describe('roles of a person who signed in', () => {
  function expected(): object {
    const roles = { reader: { [alice.orgId]: 'acme.127.0.0.1' } };
    return { [OWN_ROLES]: roles, [`urn:zitadel:iam:org:project:${portal.id}:roles`]: roles };
  }

  it('are asked for by a project that asserts them, and shown by userinfo and introspection', async () => {
    const { accessToken } = await signIn(zitadel, clientId, alice, SCOPE);
    const info = await call(zitadel, '/oidc/v1/userinfo', accessToken);
    expect(info.json).toMatchObject(expected());
    const api = zitadel.addApiApplication(portal);
    const facts = await call(zitadel, '/oauth/v2/introspect', undefined, {
      body: new URLSearchParams({
        token: accessToken,
        client_id: api.clientId,
        client_secret: api.clientSecret,
      }),
    });
    const prefix = 'urn:zitadel:iam:org:project:role:';
    const scope = `${SCOPE} ${prefix}reader ${prefix}writer`;
    expect(facts.json).toMatchObject({ active: true, scope, amr: ['pwd'], ...expected() });
  });

  it('are in the access token only of an application that is told to', async () => {
    const silent = await signIn(zitadel, clientId, alice, SCOPE);
    expect(decode(silent.accessToken.split('.')[1])).not.toHaveProperty(OWN_ROLES);
    const own = zitadel.addApplication(portal, { ...options, accessTokenRoles: true });
    const { accessToken } = await signIn(zitadel, own.clientId, alice, SCOPE);
    expect(decode(accessToken.split('.')[1])).toMatchObject(expected());
  });

  it('are not shown by a project that does not assert them, unless asked for', async () => {
    const quiet = zitadel.addProject('quiet', { org: alice.orgId, roles: ['reader'] });
    zitadel.authorizeUser(alice, quiet, ['reader']);
    const own = zitadel.addApplication(quiet, options).clientId;
    const asked = 'urn:zitadel:iam:org:project:role:reader';
    const claims = [];
    for (const scope of ['openid', `openid ${asked}`, `openid ${asked}s`]) {
      const { accessToken } = await signIn(zitadel, own, alice, scope);
      const info = await call(zitadel, '/oidc/v1/userinfo', accessToken);
      claims.push(info.json[OWN_ROLES]);
    }
    const roles = { reader: { [alice.orgId]: 'acme.127.0.0.1' } };
    expect(claims).toEqual([undefined, roles, undefined]);
  });
});
