import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Project, User, ApplicationOptions } from '../../lib/testing/index.js';
import { call, type Called, decode, useFurnished, REDIRECT, signIn } from './calls.js';

const HOME = 'urn:zitadel:iam:user:resourceowner';
const ALL_ROLES = 'urn:zitadel:iam:org:projects:roles';
const OWN_ROLES = 'urn:zitadel:iam:org:project:roles';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const INACTIVE = { active: false };

interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
}

const w = useFurnished((zitadel) => {
  const acme = zitadel.addOrg('acme');
  const portal = zitadel.addProject('portal', { org: acme, roles: ['writer', 'reader'] });
  const client = zitadel.addApiApplication(portal);
  const names = { displayName: 'Alice A', givenName: 'Alice', familyName: 'A' };
  const alice = zitadel.addUser('alice', { org: acme, ...names });
  const robot = zitadel.addServiceUser('robot', { org: acme });
  return { portal, client, alice, robot, audience: [portal.id] };
});

/** For the portal. */
const robotToken = () => w.zitadel.tokenFor(w.robot, { audience: w.audience });

function basicOf({ clientId, clientSecret }: Client): string {
  const text = [clientId, clientSecret].map(encodeURIComponent).join(':');
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function ask(
  form: Readonly<Record<string, string>>,
  authorization: string | undefined = basicOf(w.client),
): Promise<Called> {
  return call(w.zitadel, '/oauth/v2/introspect', undefined, {
    body: new URLSearchParams(form),
    headers: authorization === undefined || authorization === '' ? {} : { authorization },
  });
}

async function factsOf(token: string, by: Client = w.client): Promise<Called['json']> {
  const answer = await ask({ token }, basicOf(by));
  expect(answer.status).toBe(200);
  return answer.json;
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

async function assertion(file: string, over: Readonly<Record<string, unknown>> = {}) {
  const { clientId = '', keyId = '', key = '' } = JSON.parse(file) as Record<string, string>;
  const times = { iat: inSeconds(0), exp: inSeconds(300) };
  return new SignJWT({ iss: clientId, sub: clientId, aud: w.zitadel.issuer, ...times, ...over })
    .setProtectedHeader({ alg: 'RS256', kid: keyId })
    .sign(createPrivateKey(key));
}

describe('introspection shows', () => {
  it('a service user its token with everything that the token was asked with', async () => {
    const token = robotToken();
    const claims = decode(token.split('.')[1]);
    const zitadelScope = 'urn:zitadel:iam:org:project:id:zitadel:aud';
    const projectScope = `urn:zitadel:iam:org:project:id:${w.portal.id}:aud`;
    expect(await factsOf(token)).toEqual({
      ...claims,
      active: true,
      scope: `openid profile ${zitadelScope} ${projectScope}`,
      token_type: 'Bearer',
      auth_time: claims['iat'],
      username: 'robot',
      name: 'robot',
      preferred_username: 'robot',
      updated_at: expect.any(Number) as number,
    });
  });

  it('the same of an opaque token', async () => {
    const facts = await factsOf(w.zitadel.opaqueTokenFor(w.robot, { audience: w.audience }));
    expect(facts).toMatchObject({
      active: true,
      sub: w.robot.id,
      aud: [w.zitadel.zitadelProjectId, w.portal.id],
      client_id: 'robot',
      jti: expect.stringMatching(/^V2_\d{18}-at_\d{18}$/) as string,
    });
  });

  it('a person with name and kind of sign-in', async () => {
    expect(await factsOf(w.zitadel.tokenFor(w.alice, { audience: w.audience }))).toMatchObject({
      active: true,
      amr: ['pwd'],
      username: 'alice',
      name: 'Alice A',
      given_name: 'Alice',
      family_name: 'A',
      locale: null,
    });
  });

  it('a PAT with the home organization and every role of the project as scope', async () => {
    const facts = await factsOf(w.zitadel.patFor(w.robot));
    expect(facts).toEqual({
      active: true,
      scope:
        `openid profile urn:zitadel:iam:user:metadata ${HOME} ` +
        'urn:zitadel:iam:org:project:role:reader urn:zitadel:iam:org:project:role:writer',
      token_type: 'Bearer',
      exp: 4_070_908_800,
      iat: expect.any(Number) as number,
      nbf: facts['iat'],
      sub: w.robot.id,
      aud: [w.client.clientId, w.portal.id],
      iss: w.zitadel.issuer,
      jti: expect.stringMatching(/^\d{18}$/) as string,
      username: 'robot',
      name: 'robot',
      preferred_username: 'robot',
      updated_at: expect.any(Number) as number,
      [`${HOME}:id`]: w.robot.orgId,
      [`${HOME}:name`]: 'acme',
      [`${HOME}:primary_domain`]: 'acme.127.0.0.1',
    });
  });

  it('who acts, and then no time of sign-in', async () => {
    const token = w.zitadel.impersonationTokenFor(w.alice, w.robot, { audience: w.audience });
    const facts = await factsOf(token);
    const act = { iss: w.zitadel.issuer, sub: w.robot.id };
    expect(facts).toMatchObject({ active: true, sub: w.alice.id, act });
    expect(facts).not.toHaveProperty('auth_time');
    expect(facts).not.toHaveProperty('amr');
  });

  it('no profile to whom asked for none', async () => {
    const { clientId, clientSecret } = w.zitadel.addSecret(w.robot);
    const answer = await call(w.zitadel, '/oauth/v2/token', undefined, {
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: `urn:zitadel:iam:org:project:id:${w.portal.id}:aud`,
      }),
    });
    const facts = await factsOf(answer.json['access_token'] as string);
    expect(facts).toMatchObject({ active: true, amr: ['pwd'], aud: [w.portal.id] });
    expect(facts).not.toHaveProperty('username');
    expect(facts).not.toHaveProperty('name');
  });

  it('a token also to an application that only its client id names', async () => {
    const token = w.zitadel.tokenFor(w.robot, { audience: [w.client.clientId] });
    expect(await factsOf(token)).toMatchObject({ active: true });
  });
});

describe('introspection and project roles', () => {
  let other: Project;
  let otherClient: Client;

  beforeAll(() => {
    other = w.zitadel.addProject('other', { org: w.robot.orgId, roles: ['guest'] });
    otherClient = w.zitadel.addApiApplication(other);
    w.zitadel.authorizeUser(w.robot, w.portal, ['reader']);
    w.zitadel.authorizeUser(w.robot, other, ['guest']);
  });

  it('shows those of the asking project only, under both names, asked for or not', async () => {
    const both = [w.portal.id, other.id];
    const roles = { reader: { [w.robot.orgId]: 'acme.127.0.0.1' } };
    const rolesOf = (facts: Called['json']): object =>
      Object.fromEntries(Object.entries(facts).filter(([name]) => name.endsWith(':roles')));
    for (const scopes of [[], [ALL_ROLES]]) {
      const facts = await factsOf(w.zitadel.tokenFor(w.robot, { audience: both, scopes }));
      const name = `urn:zitadel:iam:org:project:${w.portal.id}:roles`;
      expect(rolesOf(facts)).toEqual({ [OWN_ROLES]: roles, [name]: roles });
    }
    const facts = await factsOf(w.zitadel.tokenFor(w.robot, { audience: both }), otherClient);
    expect(Object.keys(rolesOf(facts)).sort()).toEqual(
      [OWN_ROLES, `urn:zitadel:iam:org:project:${other.id}:roles`].sort(),
    );
    expect(await factsOf(w.zitadel.patFor(w.robot))).toMatchObject({ [OWN_ROLES]: roles });
  });

  it('has them in the token and in userinfo where scopes ask for them', async () => {
    const scopes = [ALL_ROLES, HOME];
    const token = w.zitadel.tokenFor(w.robot, { audience: [w.portal.id], scopes });
    const claims = {
      [`urn:zitadel:iam:org:project:${w.portal.id}:roles`]: {
        reader: { [w.robot.orgId]: 'acme.127.0.0.1' },
      },
      [`${HOME}:id`]: w.robot.orgId,
      [`${HOME}:name`]: 'acme',
      [`${HOME}:primary_domain`]: 'acme.127.0.0.1',
    };
    const payload = decode(token.split('.')[1]);
    const info = await call(w.zitadel, '/oidc/v1/userinfo', token);
    for (const said of [payload, info.json]) {
      expect(said).toMatchObject(claims);
      expect(said).not.toHaveProperty(OWN_ROLES);
      expect(said).not.toHaveProperty(`urn:zitadel:iam:org:project:${other.id}:roles`);
    }
    const opaque = w.zitadel.opaqueTokenFor(w.robot, { audience: [w.portal.id], scopes });
    expect((await call(w.zitadel, '/oidc/v1/userinfo', opaque)).json).toMatchObject(claims);
  });

  it('shows roles that a granted organization gave, until the grant takes them back', async () => {
    const globex = w.zitadel.addOrg('globex');
    const gina = w.zitadel.addServiceUser('gina', { org: globex });
    const grant = w.zitadel.grantProject(w.portal, globex, ['reader', 'writer']);
    expect(() => {
      w.zitadel.authorizeUser(gina, w.portal, ['guest'], { org: globex });
    }).toThrow('COMMAND-mm9F4');
    w.zitadel.authorizeUser(gina, w.portal, ['reader', 'writer'], { org: globex });
    const token = w.zitadel.tokenFor(gina, { audience: w.audience });
    const domain = 'globex.127.0.0.1';
    expect((await factsOf(token))[OWN_ROLES]).toEqual({
      reader: { [globex.id]: domain },
      writer: { [globex.id]: domain },
    });
    w.zitadel.changeGrant(grant, ['reader']);
    w.zitadel.changeGrant(grant, ['reader', 'writer']);
    expect((await factsOf(token))[OWN_ROLES]).toEqual({ reader: { [globex.id]: domain } });
    w.zitadel.removeGrant(grant);
    expect(await factsOf(token)).toMatchObject({ active: true });
    expect(await factsOf(token)).not.toHaveProperty(OWN_ROLES);
  });

  it('shows roles of one organization only where a scope names it', async () => {
    const initech = w.zitadel.addOrg('initech');
    w.zitadel.grantProject(w.portal, initech, ['writer']);
    w.zitadel.authorizeUser(w.robot, w.portal, ['writer'], { org: initech });
    const scopes = [`urn:zitadel:iam:org:roles:id:${initech.id}`];
    const facts = await factsOf(w.zitadel.tokenFor(w.robot, { audience: w.audience, scopes }));
    expect(facts[OWN_ROLES]).toEqual({ writer: { [initech.id]: 'initech.127.0.0.1' } });
    w.zitadel.unauthorizeUser(w.robot, w.portal, { org: initech });
    expect(
      await factsOf(w.zitadel.tokenFor(w.robot, { audience: w.audience, scopes })),
    ).not.toHaveProperty(OWN_ROLES);
  });
});

describe('introspection calls inactive', () => {
  it.each<[string, () => string]>([
    ['a session token', () => w.zitadel.sessionTokenFor(w.alice)],
    ['a token for another project', () => w.zitadel.tokenFor(w.robot)],
    [
      'a token for nobody',
      () => w.zitadel.tokenFor(w.robot, { audience: [], zitadelAudience: false }),
    ],
    ['an expired token', () => w.zitadel.expiredTokenFor(w.robot, { audience: w.audience })],
    ['a token of another key', () => w.zitadel.foreignTokenFor(w.robot, { audience: w.audience })],
    [
      'a token of another issuer',
      () => w.zitadel.tokenFor(w.robot, { audience: w.audience, claims: { iss: 'x' } }),
    ],
  ])('%s', async (_name, make) => {
    expect(await factsOf(make())).toEqual(INACTIVE);
  });

  it('a token for nobody also where its user is named like the project', async () => {
    const named = w.zitadel.addServiceUser(w.portal.id);
    const token = w.zitadel.tokenFor(named, { audience: [], zitadelAudience: false });
    expect(decode(token.split('.')[1])['aud']).toEqual([w.portal.id]);
    expect(await factsOf(token)).toEqual(INACTIVE);
  });

  it('what was revoked, of whatever kind', async () => {
    for (const token of [
      robotToken(),
      w.zitadel.opaqueTokenFor(w.robot, { audience: w.audience }),
      w.zitadel.patFor(w.robot),
    ]) {
      expect(await factsOf(token)).toMatchObject({ active: true });
      w.zitadel.revokeToken(token);
      expect(await factsOf(token)).toEqual(INACTIVE);
    }
  });

  it.each<[string, (user: User) => void]>([
    ['deactivated', (user) => w.zitadel.deactivateUser(user)],
    ['locked', (user) => w.zitadel.lockUser(user)],
    ['removed', (user) => w.zitadel.removeUser(user)],
    ['signed out', (user) => w.zitadel.endSessions(user)],
    ['without their organization', (user) => w.zitadel.removeOrg(user.orgId)],
  ])('tokens of persons who were %s', async (name, end) => {
    const org = w.zitadel.addOrg(`org of ${name}`);
    const user = w.zitadel.addUser(`somebody ${name}`, { org });
    const token = w.zitadel.tokenFor(user, { audience: w.audience });
    expect(await factsOf(token)).toMatchObject({ active: true });
    end(user);
    expect(await factsOf(token)).toEqual(INACTIVE);
  });
});

describe('introspection knows its client', () => {
  it('by an assertion of an application key', async () => {
    const file = w.zitadel.addApplicationKey(w.portal);
    const token = robotToken();
    const form = { token, client_assertion_type: ASSERTION_TYPE };
    const right = await ask({ ...form, client_assertion: await assertion(file) }, '');
    expect([right.status, right.json['active']]).toEqual([200, true]);
    const { keyId = '' } = JSON.parse(file) as Record<string, string>;
    w.zitadel.removeKey(keyId);
    const gone = await ask({ ...form, client_assertion: await assertion(file) }, '');
    expect([gone.status, gone.text]).toEqual([400, '{"error":"unauthorized_client"}']);
    expect(() => {
      w.zitadel.removeKey(keyId);
    }).toThrow('there is no key');
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['for another audience', { aud: 'https://elsewhere.example' }],
    ['of another issuer', { iss: '1' }],
    ['about another subject', { sub: '1' }],
    ['from the future', { iat: inSeconds(60) }],
    ['that is an hour old', { iat: inSeconds(-3_660) }],
    ['that is over', { exp: inSeconds(-1) }],
  ])('not by an assertion %s', async (_name, over) => {
    const file = w.zitadel.addApplicationKey(w.portal);
    const answer = await ask(
      {
        token: robotToken(),
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: await assertion(file, over),
      },
      '',
    );
    expect([answer.status, answer.json]).toEqual([400, { error: 'unauthorized_client' }]);
  });

  it('not by an assertion of a service user, and not by garbage', async () => {
    const { userId = '', ...file } = JSON.parse(w.zitadel.addKey(w.robot)) as Record<
      string,
      string
    >;
    const asClient = JSON.stringify({ ...file, clientId: userId });
    for (const client_assertion of [await assertion(asClient), 'not.a.jwt']) {
      const form = { token: 'x', client_assertion_type: ASSERTION_TYPE, client_assertion };
      const answer = await ask(form, '');
      expect([answer.status, answer.json]).toEqual([400, { error: 'unauthorized_client' }]);
    }
  });

  it('by its secret in the form as well', async () => {
    const { clientId, clientSecret } = w.client;
    const token = robotToken();
    const form = { token, client_id: clientId, client_secret: clientSecret };
    expect((await ask(form, '')).json).toMatchObject({ active: true });
  });

  const shown: Readonly<Record<string, () => string>> = {
    nothing: () => '',
    'its secret': () => basicOf(w.client),
    'a wrong secret': () => basicOf({ ...w.client, clientSecret: 'wrong' }),
    'the id of nobody': () => basicOf({ ...w.client, clientId: '1' }),
    'a service user': () => basicOf({ ...w.zitadel.addSecret(w.robot), clientId: w.robot.id }),
    'what does not decode': () => `Basic ${Buffer.from('%:%').toString('base64')}`,
  };

  it.each<[string, () => Record<string, string>, string]>([
    ['nothing', () => ({}), 'invalid_request: client_id or client_assertion must be provided'],
    [
      'nothing',
      () => ({ client_id: w.client.clientId }),
      'invalid_client: client must be authenticated',
    ],
    ['its secret', () => ({ token: '' }), 'invalid_request: token missing'],
    ['a wrong secret', () => ({}), 'unauthorized_client'],
    ['the id of nobody', () => ({}), 'unauthorized_client'],
    ['a service user', () => ({}), 'unauthorized_client'],
    ['what does not decode', () => ({}), 'invalid_client: invalid basic auth header'],
    [
      'its secret',
      () => ({ client_id: '1', client_secret: '2' }),
      'invalid_request: client authentication must not use more than one method',
    ],
  ])('and refuses with 400 who shows %s', async (header, form, told) => {
    const answer = await ask({ token: 'x', ...form() }, shown[header]?.());
    const [error, error_description] = told.split(': ');
    const body = { error, ...(error_description !== undefined && { error_description }) };
    expect([answer.status, answer.json]).toEqual([400, body]);
  });

  it('only while the application, its project and its organization are active', async () => {
    const org = w.zitadel.addOrg('short-lived');
    const project = w.zitadel.addProject('short-lived', { org });
    const own = w.zitadel.addApiApplication(project);
    const token = w.zitadel.tokenFor(w.robot, { audience: [project.id] });
    const state = async (): Promise<unknown[]> => {
      const { status, json } = await ask({ token }, basicOf(own));
      return [status, json['active'] ?? json['error']];
    };
    const [active, refused] = [
      [200, true],
      [400, 'unauthorized_client'],
    ];
    const { clientId } = own;
    expect(await state()).toEqual(active);
    for (const [off, on] of [
      [
        () => w.zitadel.deactivateApplication(clientId),
        () => w.zitadel.reactivateApplication(clientId),
      ],
      [() => w.zitadel.deactivateProject(project), () => w.zitadel.reactivateProject(project)],
      [() => w.zitadel.deactivateOrg(org), () => w.zitadel.reactivateOrg(org)],
    ] as const) {
      off();
      expect(await state()).toEqual(refused);
      on();
      expect(await state()).toEqual(active);
    }
    w.zitadel.removeApplication(clientId);
    expect(await state()).toEqual(refused);
    expect(() => {
      w.zitadel.removeApplication(clientId);
    }).toThrow('no application has the client id');
  });
});

describe('a fault of introspection', () => {
  it('is about somebody else where the answer is about somebody', async () => {
    w.zitadel.fail('introspect', 'wrong-user');
    const facts = await factsOf(robotToken());
    expect(facts).toMatchObject({ active: true, username: 'robot' });
    expect(facts['sub']).not.toBe(w.robot.id);
    expect(await factsOf('garbage')).toEqual(INACTIVE);
    w.zitadel.heal('introspect');
  });

  it('is counted and logged without tokens and secrets', async () => {
    w.zitadel.resetRequests();
    w.zitadel.failNext('introspect', 503);
    const token = robotToken();
    expect((await ask({ token })).status).toBe(503);
    expect(w.zitadel.requests('introspect')).toBe(1);
    const [logged] = w.zitadel.requestLog('introspect');
    expect(logged?.body).not.toContain(token);
    expect(logged?.headers['authorization']).not.toContain(basicOf(w.client));
  });
});

describe('userinfo', () => {
  it('takes no session token', async () => {
    const answer = await call(w.zitadel, '/oidc/v1/userinfo', w.zitadel.sessionTokenFor(w.alice));
    expect(answer.status).toBe(401);
  });
});

describe('profiles', () => {
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
    const { clientId } = w.zitadel.addApplication(w.portal, {
      redirectUris: [REDIRECT],
      ...options,
    });
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
});
