import { createPrivateKey } from 'node:crypto';

import { SignJWT, createRemoteJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import type { User } from '../../lib/testing/index.js';
import { call, decode, errorIdOf, myMemberships, useFurnished } from './calls.js';

const ZITADEL_SCOPE = 'openid profile urn:zitadel:iam:org:project:id:zitadel:aud';

const w = useFurnished((zitadel) => ({
  alice: zitadel.addUser('alice'),
  serviceUser: zitadel.addServiceUser('backend'),
}));

function verify(token: string): ReturnType<typeof jwtVerify> {
  const jwks = createRemoteJWKSet(new URL(`${w.zitadel.url}/oauth/v2/keys`));
  const { issuer } = w.zitadel;
  return jwtVerify(token, jwks, { issuer, audience: w.zitadel.defaultProject.id });
}

/** Status at the API and at userinfo, and the error id of the API. */
async function verdictOn(token: string): Promise<[number, number, string | undefined]> {
  const [api, info] = await Promise.all([
    myMemberships(w.zitadel, token),
    call(w.zitadel, '/oidc/v1/userinfo', token),
  ]);
  return [api.status, info.status, errorIdOf(api)];
}

describe('an access token', () => {
  it('is verified by anybody with the published keys', async () => {
    const { payload, protectedHeader } = await verify(w.zitadel.tokenFor(w.alice));
    expect(protectedHeader).toEqual({
      alg: 'RS256',
      kid: w.zitadel.publicKeys().keys[0]?.kid,
      typ: 'JWT',
    });
    expect(Object.keys(payload).sort()).toEqual(
      ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub'].sort(),
    );
    expect(payload).toMatchObject({
      iss: w.zitadel.issuer,
      sub: w.alice.id,
      aud: [w.zitadel.zitadelProjectId, w.zitadel.defaultProject.id],
    });
    expect(payload.jti).toMatch(/^V2_\d{18}-at_\d{18}$/);
    expect(Number(payload.exp) - Number(payload.iat)).toBe(43_200);
  });

  it('is for its client when it is for nobody else', () => {
    const token = w.zitadel.tokenFor(w.serviceUser, { zitadelAudience: false, audience: [] });
    expect(decode(token.split('.')[1])).toMatchObject({ aud: ['backend'], client_id: 'backend' });
  });

  it('says and hides what it is told to', () => {
    const token = w.zitadel.tokenFor(w.alice, {
      claims: { jti: undefined, extra: 1 },
      header: { typ: 'at+jwt', kid: undefined },
      expiresInSeconds: 60,
      audience: ['a', 'b'],
    });
    const claims = decode(token.split('.')[1]);
    expect(claims).toMatchObject({ extra: 1, aud: [w.zitadel.zitadelProjectId, 'a', 'b'] });
    expect(claims).not.toHaveProperty('jti');
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(60);
    expect(decode(token.split('.')[0])).toEqual({ alg: 'RS256', typ: 'at+jwt' });
  });
});

describe('every kind of token', () => {
  const INVALID = 'AUTH-7fs1e';

  it.each<[string, () => string, [number, number, string | undefined]]>([
    ['a JWT', () => w.zitadel.tokenFor(w.alice), [200, 200, undefined]],
    ['an opaque token', () => w.zitadel.opaqueTokenFor(w.alice), [200, 200, undefined]],
    ['a PAT', () => w.zitadel.patFor(w.alice), [200, 200, undefined]],
    ['a session token', () => w.zitadel.sessionTokenFor(w.alice), [200, 401, undefined]],
    ['an ID token', () => w.zitadel.idTokenFor(w.alice), [401, 401, INVALID]],
    [
      'an ID token of a service user',
      () => w.zitadel.idTokenFor(w.serviceUser),
      [401, 401, INVALID],
    ],
    ['an expired token', () => w.zitadel.expiredTokenFor(w.alice), [401, 401, INVALID]],
    ['a token of a foreign key', () => w.zitadel.foreignTokenFor(w.alice), [401, 401, INVALID]],
    [
      'a token without the ZITADEL audience',
      () => w.zitadel.tokenFor(w.alice, { zitadelAudience: false }),
      [401, 200, INVALID],
    ],
    [
      'an opaque token without the ZITADEL audience',
      () => w.zitadel.opaqueTokenFor(w.alice, { zitadelAudience: false }),
      [401, 200, INVALID],
    ],
    [
      'a token of another issuer',
      () => w.zitadel.tokenFor(w.alice, { claims: { iss: 'https://elsewhere.example' } }),
      [401, 401, INVALID],
    ],
    [
      'a token that is not valid yet',
      () => w.zitadel.tokenFor(w.alice, { claims: { nbf: Math.floor(Date.now() / 1000) + 60 } }),
      [401, 401, INVALID],
    ],
    [
      'a token of nobody',
      () => w.zitadel.tokenFor(w.alice, { claims: { sub: '1' } }),
      [401, 401, INVALID],
    ],
    ['claims without a session', () => w.zitadel.signJwt({ sub: w.alice.id }), [401, 401, INVALID]],
    [
      'an impersonation token',
      () => w.zitadel.impersonationTokenFor(w.alice, w.serviceUser),
      [403, 200, 'APP-Shi0J'],
    ],
    ['a changed opaque token', () => `${w.zitadel.opaqueTokenFor(w.alice)}A`, [401, 401, INVALID]],
    ['nonsense', () => 'eyJ.eyJ.x', [401, 401, INVALID]],
  ])('%s', async (_name, token, verdict) => {
    expect(await verdictOn(token())).toEqual(verdict);
  });

  it('has the parts that its kind has', () => {
    const tokens = [
      w.zitadel.tokenFor(w.alice),
      w.zitadel.idTokenFor(w.alice),
      w.zitadel.opaqueTokenFor(w.alice),
      w.zitadel.patFor(w.alice),
      w.zitadel.sessionTokenFor(w.alice),
    ];
    expect(tokens.map((token) => token.split('.').length)).toEqual([3, 3, 5, 5, 5]);
    expect(tokens.every((token) => token.startsWith('eyJ'))).toBe(true);
  });

  it('names the actor in an impersonation token', () => {
    const token = w.zitadel.impersonationTokenFor(w.alice, w.serviceUser);
    expect(decode(token.split('.')[1])).toMatchObject({
      sub: w.alice.id,
      act: { iss: w.zitadel.issuer, sub: w.serviceUser.id },
    });
  });
});

describe('tokens that are over', () => {
  it('stay refused after their user was deactivated and reactivated', async () => {
    const user = w.zitadel.addUser('back-again');
    const tokens = [
      w.zitadel.tokenFor(user),
      w.zitadel.opaqueTokenFor(user),
      w.zitadel.patFor(user),
    ];
    w.zitadel.deactivateUser(user);
    expect((await myMemberships(w.zitadel, w.zitadel.tokenFor(user))).status).toBe(401);
    w.zitadel.reactivateUser(user);
    for (const token of tokens) expect((await myMemberships(w.zitadel, token)).status).toBe(401);
    expect(await verdictOn(w.zitadel.tokenFor(user))).toEqual([200, 200, undefined]);
  });

  it.each<[string, (user: User) => void]>([
    ['locked', (user) => w.zitadel.lockUser(user)],
    ['removed', (user) => w.zitadel.removeUser(user)],
    ['signed out', (user) => w.zitadel.endSessions(user)],
  ])('are refused when the user was %s', async (how, act) => {
    const user = w.zitadel.addUser(`once-${how}`);
    const token = w.zitadel.tokenFor(user);
    expect(await verdictOn(token)).toEqual([200, 200, undefined]);
    act(user);
    expect(await verdictOn(token)).toEqual([401, 401, 'AUTH-7fs1e']);
  });

  it('leave a PAT alone when sessions end', async () => {
    const user = w.zitadel.addUser('with-pat');
    const pat = w.zitadel.patFor(user);
    w.zitadel.endSessions(user);
    expect(await verdictOn(pat)).toEqual([200, 200, undefined]);
    expect(await verdictOn(w.zitadel.tokenFor(user))).toEqual([200, 200, undefined]);
  });

  it('are revoked one by one', async () => {
    const [one, other] = [w.zitadel.tokenFor(w.alice), w.zitadel.tokenFor(w.alice)];
    w.zitadel.revokeToken(one);
    expect(await verdictOn(one)).toEqual([401, 401, 'AUTH-7fs1e']);
    expect(await verdictOn(other)).toEqual([200, 200, undefined]);
    expect(() => w.zitadel.revokeToken('nonsense')).toThrow('did not issue');
  });

  it('trip the server when the organization of their user is gone, and PATs do not', async () => {
    const org = w.zitadel.addOrg('gone');
    const user = w.zitadel.addUser('of-gone', { org });
    const [jwt, pat] = [w.zitadel.tokenFor(user), w.zitadel.patFor(user)];
    w.zitadel.removeOrg(org);
    expect(await verdictOn(jwt)).toEqual([500, 401, 'QUERY-Dun75']);
    expect(await verdictOn(pat)).toEqual([401, 401, 'AUTH-7fs1e']);
  });

  it('are asked for a second factor at the API only', async () => {
    const user = w.zitadel.addUser('lazy');
    w.zitadel.requireMfa(user);
    expect(await verdictOn(w.zitadel.tokenFor(user))).toEqual([403, 200, 'AUTHZ-Kl3p0']);
    expect(() => w.zitadel.requireMfa(w.serviceUser)).toThrow('no service user');
    expect(() => w.zitadel.endSessions(w.serviceUser)).toThrow('has no sessions');
  });
});

describe('keys', () => {
  it('are rotated: the new one signs, the old one stays until it is withdrawn', async () => {
    const before = w.zitadel.tokenFor(w.alice);
    const oldKid = w.zitadel.publicKeys().keys[0]?.kid ?? '';
    const newKid = w.zitadel.rotateKeys();
    expect(w.zitadel.publicKeys().keys.map(({ kid }) => kid)).toEqual([newKid, oldKid]);
    const after = w.zitadel.tokenFor(w.alice);
    expect(decode(after.split('.')[0])).toMatchObject({ kid: newKid });
    expect((await verify(before)).payload.sub).toBe(w.alice.id);
    w.zitadel.withdrawKey(oldKid);
    await expect(verify(before)).rejects.toThrow('no applicable key');
    expect((await verify(after)).payload.sub).toBe(w.alice.id);
    expect(await verdictOn(before)).toEqual([401, 401, 'AUTH-7fs1e']);
  });
});

describe('a service user signs in', () => {
  function signIn(fields: Record<string, string>): ReturnType<typeof call> {
    const body = new URLSearchParams({ scope: ZITADEL_SCOPE, ...fields });
    return call(w.zitadel, '/oauth/v2/token', undefined, { body });
  }

  it('with its key file', async () => {
    const file = JSON.parse(w.zitadel.addKey(w.serviceUser)) as Record<string, string>;
    expect(Object.keys(file)).toEqual(['type', 'keyId', 'key', 'expirationDate', 'userId']);
    expect(file['key']).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256', kid: file['keyId'] ?? '' })
      .setIssuer(file['userId'] ?? '')
      .setSubject(file['userId'] ?? '')
      .setAudience(w.zitadel.issuer)
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
    const { clientId, clientSecret } = w.zitadel.addSecret(w.serviceUser);
    const grant_type = 'client_credentials';
    const inBody = { grant_type, client_id: clientId, client_secret: clientSecret };
    expect((await signIn(inBody)).status).toBe(200);
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const asBasic = await call(w.zitadel, '/oauth/v2/token', undefined, {
      body: new URLSearchParams({ grant_type }),
      headers: { authorization: `Basic ${basic}` },
    });
    expect(asBasic.status).toBe(200);
    w.zitadel.addSecret(w.serviceUser);
    expect((await signIn(inBody)).json).toEqual({
      error: 'invalid_request',
      error_description: 'Errors.User.Machine.Secret.Invalid',
    });
  });

  it('not with credentials of a person, whom nobody gives any', () => {
    expect(() => w.zitadel.addKey(w.alice)).toThrow('belong to service users');
    expect(() => w.zitadel.addSecret(w.alice)).toThrow('belong to service users');
  });

  it('not without a grant type, and not with one that is not emulated', async () => {
    expect((await signIn({})).json['error_description']).toBe('grant_type missing');
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
    expect((await signIn({ grant_type })).status).toBe(501);
  });

  it('and is told its profile only if it asked for it', async () => {
    const { clientId, clientSecret } = w.zitadel.addSecret(w.serviceUser);
    const answer = await signIn({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'openid',
    });
    const info = await call(w.zitadel, '/oidc/v1/userinfo', answer.json['access_token'] as string);
    expect(info.json).toEqual({ sub: w.serviceUser.id });
  });
});
