import { createPrivateKey } from 'node:crypto';

import { SignJWT, createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { call, decode, errorIdOf, myMemberships } from './calls.js';

const ZITADEL_SCOPE = 'openid profile urn:zitadel:iam:org:project:id:zitadel:aud';

let zitadel: ZitadelEmulator;
let alice: User;
let serviceUser: User;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  alice = zitadel.addUser('alice');
  serviceUser = zitadel.addServiceUser('backend');
});

afterAll(() => zitadel.stop());

function verify(token: string): ReturnType<typeof jwtVerify> {
  const jwks = createRemoteJWKSet(new URL(`${zitadel.url}/oauth/v2/keys`));
  const { issuer } = zitadel;
  return jwtVerify(token, jwks, { issuer, audience: zitadel.defaultProject.id });
}

/** Status at the API and at userinfo, and the error id of the API. */
async function verdictOn(token: string): Promise<[number, number, string | undefined]> {
  const [api, info] = await Promise.all([
    myMemberships(zitadel, token),
    call(zitadel, '/oidc/v1/userinfo', token),
  ]);
  return [api.status, info.status, errorIdOf(api)];
}

describe('an access token', () => {
  it('is verified by anybody with the published keys', async () => {
    const { payload, protectedHeader } = await verify(zitadel.tokenFor(alice));
    expect(protectedHeader).toEqual({
      alg: 'RS256',
      kid: zitadel.publicKeys().keys[0]?.kid,
      typ: 'JWT',
    });
    expect(Object.keys(payload).sort()).toEqual(
      ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub'].sort(),
    );
    expect(payload).toMatchObject({
      iss: zitadel.issuer,
      sub: alice.id,
      aud: [zitadel.zitadelProjectId, zitadel.defaultProject.id],
    });
    expect(payload.jti).toMatch(/^V2_\d{18}-at_\d{18}$/);
    expect(Number(payload.exp) - Number(payload.iat)).toBe(43_200);
  });

  it('is for its client when it is for nobody else', () => {
    const token = zitadel.tokenFor(serviceUser, { zitadelAudience: false, audience: [] });
    expect(decode(token.split('.')[1])).toMatchObject({ aud: ['backend'], client_id: 'backend' });
  });

  it('says and hides what it is told to', () => {
    const token = zitadel.tokenFor(alice, {
      claims: { jti: undefined, extra: 1 },
      header: { typ: 'at+jwt', kid: undefined },
      expiresInSeconds: 60,
      audience: ['a', 'b'],
    });
    const claims = decode(token.split('.')[1]);
    expect(claims).toMatchObject({ extra: 1, aud: [zitadel.zitadelProjectId, 'a', 'b'] });
    expect(claims).not.toHaveProperty('jti');
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(60);
    expect(decode(token.split('.')[0])).toEqual({ alg: 'RS256', typ: 'at+jwt' });
  });
});

describe('every kind of token', () => {
  const INVALID = 'AUTH-7fs1e';

  it.each<[string, () => string, [number, number, string | undefined]]>([
    ['a JWT', () => zitadel.tokenFor(alice), [200, 200, undefined]],
    ['an opaque token', () => zitadel.opaqueTokenFor(alice), [200, 200, undefined]],
    ['a PAT', () => zitadel.patFor(alice), [200, 200, undefined]],
    ['a session token', () => zitadel.sessionTokenFor(alice), [200, 401, undefined]],
    ['an ID token', () => zitadel.idTokenFor(alice), [401, 401, INVALID]],
    ['an ID token of a service user', () => zitadel.idTokenFor(serviceUser), [401, 401, INVALID]],
    ['an expired token', () => zitadel.expiredTokenFor(alice), [401, 401, INVALID]],
    ['a token of a foreign key', () => zitadel.foreignTokenFor(alice), [401, 401, INVALID]],
    [
      'a token without the ZITADEL audience',
      () => zitadel.tokenFor(alice, { zitadelAudience: false }),
      [401, 200, INVALID],
    ],
    [
      'an opaque token without the ZITADEL audience',
      () => zitadel.opaqueTokenFor(alice, { zitadelAudience: false }),
      [401, 200, INVALID],
    ],
    [
      'a token of another issuer',
      () => zitadel.tokenFor(alice, { claims: { iss: 'https://elsewhere.example' } }),
      [401, 401, INVALID],
    ],
    [
      'a token that is not valid yet',
      () => zitadel.tokenFor(alice, { claims: { nbf: Math.floor(Date.now() / 1000) + 60 } }),
      [401, 401, INVALID],
    ],
    [
      'a token of nobody',
      () => zitadel.tokenFor(alice, { claims: { sub: '1' } }),
      [401, 401, INVALID],
    ],
    ['claims without a session', () => zitadel.signJwt({ sub: alice.id }), [401, 401, INVALID]],
    [
      'an impersonation token',
      () => zitadel.impersonationTokenFor(alice, serviceUser),
      [403, 200, 'APP-Shi0J'],
    ],
    ['a changed opaque token', () => `${zitadel.opaqueTokenFor(alice)}A`, [401, 401, INVALID]],
    ['nonsense', () => 'eyJ.eyJ.x', [401, 401, INVALID]],
  ])('%s', async (_name, token, verdict) => {
    expect(await verdictOn(token())).toEqual(verdict);
  });

  it('has the parts that its kind has', () => {
    const tokens = [
      zitadel.tokenFor(alice),
      zitadel.idTokenFor(alice),
      zitadel.opaqueTokenFor(alice),
      zitadel.patFor(alice),
      zitadel.sessionTokenFor(alice),
    ];
    expect(tokens.map((token) => token.split('.').length)).toEqual([3, 3, 5, 5, 5]);
    expect(tokens.every((token) => token.startsWith('eyJ'))).toBe(true);
  });

  it('names the actor in an impersonation token', () => {
    const token = zitadel.impersonationTokenFor(alice, serviceUser);
    expect(decode(token.split('.')[1])).toMatchObject({
      sub: alice.id,
      act: { iss: zitadel.issuer, sub: serviceUser.id },
    });
  });
});

describe('tokens that are over', () => {
  it('stay refused after their user was deactivated and reactivated', async () => {
    const user = zitadel.addUser('back-again');
    const tokens = [zitadel.tokenFor(user), zitadel.opaqueTokenFor(user), zitadel.patFor(user)];
    zitadel.deactivateUser(user);
    expect((await myMemberships(zitadel, zitadel.tokenFor(user))).status).toBe(401);
    zitadel.reactivateUser(user);
    for (const token of tokens) expect((await myMemberships(zitadel, token)).status).toBe(401);
    expect(await verdictOn(zitadel.tokenFor(user))).toEqual([200, 200, undefined]);
  });

  it.each<[string, (user: User) => void]>([
    ['locked', (user) => zitadel.lockUser(user)],
    ['removed', (user) => zitadel.removeUser(user)],
    ['signed out', (user) => zitadel.endSessions(user)],
  ])('are refused when the user was %s', async (how, act) => {
    const user = zitadel.addUser(`once-${how}`);
    const token = zitadel.tokenFor(user);
    expect(await verdictOn(token)).toEqual([200, 200, undefined]);
    act(user);
    expect(await verdictOn(token)).toEqual([401, 401, 'AUTH-7fs1e']);
  });

  it('leave a PAT alone when sessions end', async () => {
    const user = zitadel.addUser('with-pat');
    const pat = zitadel.patFor(user);
    zitadel.endSessions(user);
    expect(await verdictOn(pat)).toEqual([200, 200, undefined]);
    expect(await verdictOn(zitadel.tokenFor(user))).toEqual([200, 200, undefined]);
  });

  it('are revoked one by one', async () => {
    const [one, other] = [zitadel.tokenFor(alice), zitadel.tokenFor(alice)];
    zitadel.revokeToken(one);
    expect(await verdictOn(one)).toEqual([401, 401, 'AUTH-7fs1e']);
    expect(await verdictOn(other)).toEqual([200, 200, undefined]);
    expect(() => zitadel.revokeToken('nonsense')).toThrow('did not issue');
  });

  it('trip the server when the organization of their user is gone, and PATs do not', async () => {
    const org = zitadel.addOrg('gone');
    const user = zitadel.addUser('of-gone', { org });
    const [jwt, pat] = [zitadel.tokenFor(user), zitadel.patFor(user)];
    zitadel.removeOrg(org);
    expect(await verdictOn(jwt)).toEqual([500, 401, 'QUERY-Dun75']);
    expect(await verdictOn(pat)).toEqual([401, 401, 'AUTH-7fs1e']);
  });

  it('are asked for a second factor at the API only', async () => {
    const user = zitadel.addUser('lazy');
    zitadel.requireMfa(user);
    expect(await verdictOn(zitadel.tokenFor(user))).toEqual([403, 200, 'AUTHZ-Kl3p0']);
    expect(() => zitadel.requireMfa(serviceUser)).toThrow('no service user');
    expect(() => zitadel.endSessions(serviceUser)).toThrow('has no sessions');
  });
});

describe('keys', () => {
  it('are rotated: the new one signs, the old one stays until it is withdrawn', async () => {
    const before = zitadel.tokenFor(alice);
    const oldKid = zitadel.publicKeys().keys[0]?.kid ?? '';
    const newKid = zitadel.rotateKeys();
    expect(zitadel.publicKeys().keys.map(({ kid }) => kid)).toEqual([newKid, oldKid]);
    const after = zitadel.tokenFor(alice);
    expect(decode(after.split('.')[0])).toMatchObject({ kid: newKid });
    expect((await verify(before)).payload.sub).toBe(alice.id);
    zitadel.withdrawKey(oldKid);
    await expect(verify(before)).rejects.toThrow('no applicable key');
    expect((await verify(after)).payload.sub).toBe(alice.id);
    expect(await verdictOn(before)).toEqual([401, 401, 'AUTH-7fs1e']);
  });
});

describe('a service user signs in', () => {
  function signIn(fields: Record<string, string>): ReturnType<typeof call> {
    const body = new URLSearchParams({ scope: ZITADEL_SCOPE, ...fields });
    return call(zitadel, '/oauth/v2/token', undefined, { body });
  }

  it('with its key file', async () => {
    const file = JSON.parse(zitadel.addKey(serviceUser)) as Record<string, string>;
    expect(Object.keys(file)).toEqual(['type', 'keyId', 'key', 'expirationDate', 'userId']);
    expect(file['key']).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256', kid: file['keyId'] ?? '' })
      .setIssuer(file['userId'] ?? '')
      .setSubject(file['userId'] ?? '')
      .setAudience(zitadel.issuer)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(createPrivateKey(file['key'] ?? ''));
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const answer = await signIn({ grant_type, assertion });
    expect(answer.status).toBe(200);
    const token = answer.json['access_token'] as string;
    expect(await verdictOn(token)).toEqual([200, 200, undefined]);
  });

  it('with client credentials, in the body or as Basic', async () => {
    const { clientId, clientSecret } = zitadel.addSecret(serviceUser);
    const grant_type = 'client_credentials';
    const inBody = { grant_type, client_id: clientId, client_secret: clientSecret };
    expect((await signIn(inBody)).status).toBe(200);
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const asBasic = await call(zitadel, '/oauth/v2/token', undefined, {
      body: new URLSearchParams({ grant_type }),
      headers: { authorization: `Basic ${basic}` },
    });
    expect(asBasic.status).toBe(200);
    zitadel.addSecret(serviceUser);
    expect((await signIn(inBody)).json).toEqual({
      error: 'invalid_request',
      error_description: 'Errors.User.Machine.Secret.Invalid',
    });
  });

  it('and gets opaque tokens where it was made so', async () => {
    const opaque = zitadel.addServiceUser('opaque', { accessTokenType: 'opaque' });
    const { clientId, clientSecret } = zitadel.addSecret(opaque);
    const answer = await signIn({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });
    const token = answer.json['access_token'] as string;
    expect(token.split('.')).toHaveLength(5);
    expect(await verdictOn(token)).toEqual([200, 200, undefined]);
  });

  it('not with credentials of a person, whom nobody gives any', () => {
    expect(() => zitadel.addKey(alice)).toThrow('belong to service users');
    expect(() => zitadel.addSecret(alice)).toThrow('belong to service users');
  });

  it('not without a grant type, and not with one that is not emulated', async () => {
    expect((await signIn({})).json['error_description']).toBe('grant_type missing');
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
    expect((await signIn({ grant_type })).status).toBe(501);
  });

  it('and is told its profile only if it asked for it', async () => {
    const { clientId, clientSecret } = zitadel.addSecret(serviceUser);
    const answer = await signIn({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'openid',
    });
    const info = await call(zitadel, '/oidc/v1/userinfo', answer.json['access_token'] as string);
    expect(info.json).toEqual({ sub: serviceUser.id });
  });
});
