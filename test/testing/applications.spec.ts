import { describe, expect, it } from 'vitest';
import {
  call,
  type Called,
  decode,
  myMemberships,
  REDIRECT,
  refresh,
  signIn,
  tokensOf,
  useFurnished,
} from './calls.js';

const SCOPE = 'openid profile offline_access urn:zitadel:iam:org:project:id:zitadel:aud';
const OWN_ROLES = 'urn:zitadel:iam:org:project:roles';
const options = { redirectUris: [REDIRECT] };

const w = useFurnished((zitadel) => {
  const acme = zitadel.addOrg('acme');
  const roles = ['writer', 'reader'];
  const portal = zitadel.addProject('portal', { org: acme, roles, roleAssertion: true });
  const { clientId } = zitadel.addApplication(portal, options);
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.authorizeUser(alice, portal, ['reader']);
  return { portal, clientId, alice };
});

function revoke(token: string, client: Readonly<Record<string, string>>): Promise<Called> {
  const body = new URLSearchParams({ token, ...client });
  return call(w.zitadel, '/oauth/v2/revoke', undefined, { body });
}

async function statusOf(token: string): Promise<number> {
  return (await myMemberships(w.zitadel, token)).status;
}

describe('revocation', () => {
  it('ends the access token and leaves the refresh token', async () => {
    const { accessToken, refreshToken } = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    const other = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    const revoked = await revoke(accessToken, { client_id: w.clientId });
    expect([revoked.status, revoked.text]).toEqual([200, '']);
    expect([await statusOf(accessToken), await statusOf(other.accessToken)]).toEqual([401, 200]);
    const { accessToken: next } = tokensOf(await refresh(w.zitadel, w.clientId, refreshToken));
    expect(await statusOf(next)).toBe(200);
  });

  it('of the refresh token ends both', async () => {
    const { accessToken, refreshToken } = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    expect((await revoke(refreshToken, { client_id: w.clientId })).status).toBe(200);
    expect(await statusOf(accessToken)).toBe(401);
    expect((await refresh(w.zitadel, w.clientId, refreshToken)).status).toBe(400);
  });

  it('is told of what the tokens belong to, which their jti begins with, and not of the session', async () => {
    const { accessToken, refreshToken, idToken } = await signIn(
      w.zitadel,
      w.clientId,
      w.alice,
      SCOPE,
    );
    const belongs = String(decode(accessToken.split('.')[1])['jti']).split('-')[0];
    await revoke(accessToken, { client_id: w.clientId });
    await revoke(accessToken, { client_id: w.clientId });
    await revoke(refreshToken, { client_id: w.clientId });
    w.zitadel.endSessions(w.alice);
    const viewer = w.zitadel.addServiceUser('viewer');
    w.zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
    const body = { limit: 50, asc: true, aggregateTypes: ['oidc_session', 'session'] };
    const token = w.zitadel.tokenFor(viewer);
    const found = await call(w.zitadel, '/admin/v1/events/_search', token, { body });
    type Event = Record<'type' | 'aggregate', { readonly type: string; readonly id: string }>;
    const told = (found.json['events'] as Event[]).map(({ type, aggregate }) => [
      type.type,
      aggregate.id,
    ]);
    const sid = decode(idToken.split('.')[1])['sid'];
    expect(told.filter(([, id]) => id === belongs)).toEqual([
      ['oidc_session.access_token.revoked', belongs],
      ['oidc_session.refresh_token.revoked', belongs],
    ]);
    expect(told.filter(([, id]) => id === sid)).toEqual([
      ['session.added', sid],
      ['session.terminated', sid],
    ]);
    expect(belongs).not.toContain(sid);
  });

  it('of what is no token, or none any more, is answered alike', async () => {
    const { refreshToken } = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    await refresh(w.zitadel, w.clientId, refreshToken);
    for (const token of ['garbage', refreshToken, w.zitadel.patFor(w.alice)]) {
      expect((await revoke(token, { client_id: w.clientId })).status).toBe(200);
    }
  });

  it('is for the application that the token was made for', async () => {
    const stranger = w.zitadel.addApplication(w.portal, options);
    const { accessToken, refreshToken } = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
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
      () => ({ client_id: w.zitadel.addApiApplication(w.portal).clientId }),
      'invalid_client',
    ],
    ['no token', () => ({ client_id: w.clientId, token: '' }), 'invalid_request'],
  ])('is refused to %s', async (_name, client, error) => {
    const refused = await revoke('x', client());
    expect([refused.status, refused.json['error']]).toEqual([400, error]);
  });
});

describe('an application that was deactivated or removed', () => {
  it.each<[string, (id: string) => void]>([
    ['deactivated', (id) => w.zitadel.deactivateApplication(id)],
    ['removed', (id) => w.zitadel.removeApplication(id)],
  ])('is %s: it gets nothing new, and what it got stays valid', async (_name, end) => {
    const own = w.zitadel.addApplication(w.portal, options).clientId;
    const { accessToken, refreshToken } = await signIn(w.zitadel, own, w.alice, SCOPE);
    end(own);
    expect(await statusOf(accessToken)).toBe(200);
    const refused = await refresh(w.zitadel, own, refreshToken);
    expect([refused.status, refused.json['error']]).toEqual([400, 'invalid_client']);
    const query = new URLSearchParams({ client_id: own, redirect_uri: REDIRECT });
    expect((await call(w.zitadel, `/oauth/v2/authorize?${query.toString()}`)).status).toBe(400);
    expect((await revoke(accessToken, { client_id: own })).status).toBe(400);
  });
});

describe('roles of a person who signed in', () => {
  function expected(): object {
    const roles = { reader: { [w.alice.orgId]: 'acme.127.0.0.1' } };
    return { [OWN_ROLES]: roles, [`urn:zitadel:iam:org:project:${w.portal.id}:roles`]: roles };
  }

  it('are asked for by a project that asserts them, and shown by userinfo and introspection', async () => {
    const { accessToken } = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    const info = await call(w.zitadel, '/oidc/v1/userinfo', accessToken);
    expect(info.json).toMatchObject(expected());
    const api = w.zitadel.addApiApplication(w.portal);
    const facts = await call(w.zitadel, '/oauth/v2/introspect', undefined, {
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
    const silent = await signIn(w.zitadel, w.clientId, w.alice, SCOPE);
    expect(decode(silent.accessToken.split('.')[1])).not.toHaveProperty(OWN_ROLES);
    const own = w.zitadel.addApplication(w.portal, { ...options, accessTokenRoles: true });
    const { accessToken } = await signIn(w.zitadel, own.clientId, w.alice, SCOPE);
    expect(decode(accessToken.split('.')[1])).toMatchObject(expected());
  });

  it('are not shown by a project that does not assert them, unless asked for', async () => {
    const quiet = w.zitadel.addProject('quiet', { org: w.alice.orgId, roles: ['reader'] });
    w.zitadel.authorizeUser(w.alice, quiet, ['reader']);
    const own = w.zitadel.addApplication(quiet, options).clientId;
    const asked = 'urn:zitadel:iam:org:project:role:reader';
    const claims = [];
    for (const scope of ['openid', `openid ${asked}`, `openid ${asked}s`]) {
      const { accessToken } = await signIn(w.zitadel, own, w.alice, scope);
      const info = await call(w.zitadel, '/oidc/v1/userinfo', accessToken);
      claims.push(info.json[OWN_ROLES]);
    }
    const roles = { reader: { [w.alice.orgId]: 'acme.127.0.0.1' } };
    expect(claims).toEqual([undefined, roles, undefined]);
  });
});
