import { org, role } from 'nestjs-zitadel/express';
import { authenticated } from '#dist/core/requirement/builders.js';
import { assertionOf, audienceOf, JWT_BEARER, openKey, type AssertionClaims } from '../oauth.js';
import { raw, type RawCase } from '../raw.js';
import type { Scene } from '../scene.js';
import { throughLibrary } from '../through-library.js';
import { accessToken, all, fields, roleClaims } from '../views.js';

const TOKEN = 'POST /oauth/v2/token';
const CLAIMS = ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub'];
const FOR_API_AND_PORTAL = { parts: 3, claims: CLAIMS, audience: ['another', 'portal'] };
const INVALID = { status: 400, error: 'invalid_grant' };

interface Profile {
  readonly claims?: AssertionClaims | ((scene: Scene) => AssertionClaims);
  /** Who signs; alice unless given. */
  readonly signedBy?: string;
  readonly keyId?: string;
  readonly scopes?: (scene: Scene) => readonly string[];
}

/** A token request by a signed assertion of alice's, right but for what is given. */
function profile({ claims = {}, signedBy = 'alice', keyId, scopes }: Profile) {
  return async (scene: Scene): Promise<Record<string, string>> => {
    const key = await scene.key('alice');
    const { privateKey } = await scene.key(signedBy);
    const own = typeof claims === 'function' ? claims(scene) : claims;
    const signing = { ...key, privateKey };
    const assertion = assertionOf(scene.issuer, signing, own, keyId ?? key.keyId);
    return profileForm(assertion, scopes?.(scene) ?? scene.scopes);
  };
}

function profileForm(assertion: string, scopes: readonly string[]): Record<string, string> {
  return { grant_type: JWT_BEARER, scope: scopes.join(' '), assertion };
}

const profiles: readonly RawCase[] = [
  {
    says: 'a signed assertion of a service user is exchanged for a JWT, for the API and the project asked for',
    ask: TOKEN,
    form: profile({}),
    see: accessToken,
    verdict: { status: 200, see: FOR_API_AND_PORTAL },
  },
  {
    says: 'with the scope openid there is an ID token beside it',
    ask: TOKEN,
    form: profile({}),
    see: fields,
    verdict: { status: 200, see: ['access_token', 'expires_in', 'id_token', 'token_type'] },
  },
  {
    says: 'without the scope openid there is none',
    ask: TOKEN,
    form: profile({ scopes: (scene) => [audienceOf(scene.made.portal)] }),
    see: all({ fields, token: accessToken }),
    verdict: {
      status: 200,
      see: {
        fields: ['access_token', 'expires_in', 'token_type'],
        token: { parts: 3, claims: CLAIMS, audience: ['portal'] },
      },
    },
  },
  {
    says: 'without any audience asked for, a token is for its own client',
    ask: TOKEN,
    form: profile({ scopes: () => ['openid'] }),
    see: accessToken,
    verdict: { status: 200, see: { parts: 3, claims: CLAIMS, audience: ['alice'] } },
  },
  {
    says: 'an assertion with an unknown key id is refused',
    ask: TOKEN,
    form: profile({ keyId: '1' }),
    verdict: INVALID,
  },
  {
    says: 'an assertion signed with another user’s key is refused',
    ask: TOKEN,
    form: profile({ signedBy: 'bob' }),
    verdict: INVALID,
  },
  {
    says: 'an assertion whose issuer is another user is refused',
    ask: TOKEN,
    form: profile({ claims: ({ names }) => ({ iss: String(names['bob']) }) }),
    verdict: INVALID,
  },
  {
    says: 'an expired assertion is refused',
    ask: TOKEN,
    form: profile({ claims: { iatIn: -600, expIn: -300 } }),
    verdict: INVALID,
  },
  {
    says: 'an assertion issued two hours ago is refused',
    ask: TOKEN,
    form: profile({ claims: { iatIn: -7_200 } }),
    verdict: INVALID,
  },
  {
    says: 'an assertion issued ten minutes ahead is refused',
    ask: TOKEN,
    form: profile({ claims: { iatIn: 600, expIn: 900 } }),
    verdict: INVALID,
  },
  {
    says: 'an assertion that expires in two hours is taken',
    ask: TOKEN,
    form: profile({ claims: { expIn: 7_200 } }),
    see: accessToken,
    verdict: { status: 200, see: FOR_API_AND_PORTAL },
  },
  {
    says: 'an assertion for another audience is refused',
    ask: TOKEN,
    form: profile({ claims: { aud: 'https://elsewhere.example' } }),
    verdict: INVALID,
  },
  {
    says: 'the audience of an assertion may be a list',
    ask: TOKEN,
    form: profile({ claims: ({ issuer }) => ({ aud: [issuer] }) }),
    see: accessToken,
    verdict: { status: 200, see: FOR_API_AND_PORTAL },
  },
  {
    says: 'the issuer with a slash at its end is another audience',
    ask: TOKEN,
    form: profile({ claims: ({ issuer }) => ({ aud: `${issuer}/` }) }),
    verdict: INVALID,
  },
  {
    says: 'the key of an application is no key of a service user',
    ask: TOKEN,
    form: (scene) => {
      const assertion = assertionOf(scene.issuer, openKey(scene.made.apiKey.key.json));
      return Promise.resolve(profileForm(assertion, scene.scopes));
    },
    verdict: INVALID,
  },
  {
    says: 'something that is no JWT is no assertion',
    ask: TOKEN,
    form: (scene) => Promise.resolve(profileForm('not.a.jwt', scene.scopes)),
    verdict: INVALID,
  },
  {
    says: 'a request without an assertion says so',
    ask: TOKEN,
    form: { grant_type: JWT_BEARER, scope: 'openid' },
    verdict: { status: 400, error: 'invalid_request' },
  },
  {
    says: 'an assertion of a deactivated user is refused, and why is told',
    ask: TOKEN,
    once: true,
    form: leaving((scene, user) => scene.world.deactivateUser(user)),
    verdict: { status: 400, error: 'invalid_request' },
  },
  {
    says: 'an assertion of a removed user is refused',
    ask: TOKEN,
    once: true,
    form: leaving((scene, user) => scene.world.removeUser(user)),
    verdict: INVALID,
  },
];

/** An assertion of a user to whom something has happened since the key was made. */
function leaving(happens: (scene: Scene, user: Scene['made']['users']['dave']) => Promise<void>) {
  return async (scene: Scene): Promise<Record<string, string>> => {
    const { orgs } = scene.made;
    leavers += 1;
    const user = await scene.world.addServiceUser(orgs.acme, `leaver-${String(leavers)}`);
    const key = await scene.world.addKey(user);
    await happens(scene, user);
    return profileForm(assertionOf(scene.issuer, openKey(key.json)), scene.scopes);
  };
}

let leavers = 0;

const others: readonly RawCase[] = [
  {
    says: 'an unknown grant type is told so',
    ask: TOKEN,
    form: { grant_type: 'nothing', scope: 'openid' },
    verdict: { status: 400, error: 'unsupported_grant_type' },
  },
  {
    says: 'client id and secret of a service user are exchanged for a JWT',
    ask: TOKEN,
    form: secretForm(undefined),
    see: accessToken,
    verdict: { status: 200, see: FOR_API_AND_PORTAL },
  },
  {
    says: 'a wrong client secret is refused',
    ask: TOKEN,
    form: secretForm('wrong'),
    verdict: { status: 400, error: 'invalid_request' },
  },
  {
    says: 'a service user with opaque tokens gets one of five parts',
    ask: TOKEN,
    form: secretForm(undefined, 'olga'),
    see: accessToken,
    verdict: { status: 200, see: { parts: 5 } },
  },
  {
    says: 'role claims come with their scopes: by role, by the organization that gave it, beside the home organization',
    ask: TOKEN,
    form: async (scene) => ({
      ...(await secretForm(undefined, 'dave')(scene)),
      scope: [
        ...scene.scopes,
        'urn:zitadel:iam:org:projects:roles',
        'urn:zitadel:iam:user:resourceowner',
      ].join(' '),
    }),
    see: roleClaims,
    verdict: { status: 200, see: { home: 'acme', portal: { reader: ['acme'] } } },
  },
  {
    says: 'a code is redeemed once',
    ask: TOKEN,
    once: true,
    form: async (scene) => (await scene.hank()).redeemedBy,
    verdict: { status: 400, error: 'invalid_request' },
  },
];

function secretForm(secret: string | undefined, name = 'alice') {
  return async (scene: Scene): Promise<Record<string, string>> => ({
    grant_type: 'client_credentials',
    scope: scene.scopes.join(' '),
    client_id: scene.user(name).userName,
    client_secret: secret ?? (await scene.secret(name)),
  });
}

const own = (id: (name: string) => string) => role('ORG_OWNER', org(id('acme')));

export const tokens = [
  ...raw('tokens', undefined, [...profiles, ...others]),
  ...throughLibrary('tokens', [
    {
      says: 'jwt() takes an access token that is for the project',
      as: 'alice',
      may: own,
      verdict: 'allowed',
    },
    {
      says: 'jwt() takes the access token of a person',
      as: 'hank',
      may: () => authenticated(),
      verdict: 'allowed',
    },
    {
      says: 'jwt() refuses a live ID token',
      as: 'hank id token',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'jwt() refuses a token that is not for the project',
      as: 'alice for nobody',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'jwt() refuses an opaque token',
      as: 'olga',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'jwt() refuses a personal access token',
      as: 'alice PAT',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'jwt() refuses a session token',
      as: 'hank session token',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'jwt() refuses an impersonation token',
      as: 'alice impersonated',
      may: () => authenticated(),
      verdict: '401 impersonated',
    },
    {
      says: 'a token without the scope for ZITADEL’s API is rejected, since nobody can read its memberships',
      as: 'alice without ZITADEL',
      may: () => authenticated(),
      verdict: '401 token_rejected',
    },
    {
      says: 'a request without a token is told so',
      may: () => authenticated(),
      verdict: '401 token_missing',
    },
  ]),
];
