import { createPrivateKey } from 'node:crypto';

import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { type Called, call, decode } from './calls.js';

const HOME = 'urn:zitadel:iam:user:resourceowner';
const ALL_ROLES = 'urn:zitadel:iam:org:projects:roles';
const OWN_ROLES = 'urn:zitadel:iam:org:project:roles';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const INACTIVE = { active: false };

interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
}

let zitadel: ZitadelEmulator;
let portal: Project;
let client: Client;
let alice: User;
let robot: User;
let audience: string[];

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const roles = ['writer', 'reader'];
  portal = zitadel.addProject('portal', { org: acme, roles });
  client = zitadel.addApiApplication(portal);
  const names = { displayName: 'Alice A', givenName: 'Alice', familyName: 'A' };
  alice = zitadel.addUser('alice', { org: acme, ...names });
  robot = zitadel.addServiceUser('robot', { org: acme });
  audience = [portal.id];
});

afterAll(() => zitadel.stop());

function basicOf({ clientId, clientSecret }: Client): string {
  const text = [clientId, clientSecret].map(encodeURIComponent).join(':');
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function ask(
  form: Readonly<Record<string, string>>,
  authorization: string | undefined = basicOf(client),
): Promise<Called> {
  return call(zitadel, '/oauth/v2/introspect', undefined, {
    body: new URLSearchParams(form),
    headers: authorization === undefined || authorization === '' ? {} : { authorization },
  });
}

async function factsOf(token: string, by: Client = client): Promise<Called['json']> {
  const answer = await ask({ token }, basicOf(by));
  expect(answer.status).toBe(200);
  return answer.json;
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

async function assertion(file: string, over: Readonly<Record<string, unknown>> = {}) {
  const { clientId = '', keyId = '', key = '' } = JSON.parse(file) as Record<string, string>;
  const times = { iat: inSeconds(0), exp: inSeconds(300) };
  return new SignJWT({ iss: clientId, sub: clientId, aud: zitadel.issuer, ...times, ...over })
    .setProtectedHeader({ alg: 'RS256', kid: keyId })
    .sign(createPrivateKey(key));
}

describe('introspection shows', () => {
  it('a service user its token with everything that the token was asked with', async () => {
    const token = zitadel.tokenFor(robot, { audience });
    const claims = decode(token.split('.')[1]);
    const zitadelScope = 'urn:zitadel:iam:org:project:id:zitadel:aud';
    const projectScope = `urn:zitadel:iam:org:project:id:${portal.id}:aud`;
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
    const facts = await factsOf(zitadel.opaqueTokenFor(robot, { audience }));
    expect(facts).toMatchObject({
      active: true,
      sub: robot.id,
      aud: [zitadel.zitadelProjectId, portal.id],
      client_id: 'robot',
      jti: expect.stringMatching(/^V2_\d{18}-at_\d{18}$/) as string,
    });
  });

  it('a person with name and kind of sign-in', async () => {
    expect(await factsOf(zitadel.tokenFor(alice, { audience }))).toMatchObject({
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
    const facts = await factsOf(zitadel.patFor(robot));
    expect(facts).toEqual({
      active: true,
      scope:
        `openid profile urn:zitadel:iam:user:metadata ${HOME} ` +
        'urn:zitadel:iam:org:project:role:reader urn:zitadel:iam:org:project:role:writer',
      token_type: 'Bearer',
      exp: 4_070_908_800,
      iat: expect.any(Number) as number,
      nbf: facts['iat'],
      sub: robot.id,
      aud: [client.clientId, portal.id],
      iss: zitadel.issuer,
      jti: expect.stringMatching(/^\d{18}$/) as string,
      username: 'robot',
      name: 'robot',
      preferred_username: 'robot',
      updated_at: expect.any(Number) as number,
      [`${HOME}:id`]: robot.orgId,
      [`${HOME}:name`]: 'acme',
      [`${HOME}:primary_domain`]: 'acme.127.0.0.1',
    });
  });

  it('who acts, and then no time of sign-in', async () => {
    const token = zitadel.impersonationTokenFor(alice, robot, { audience });
    const facts = await factsOf(token);
    const act = { iss: zitadel.issuer, sub: robot.id };
    expect(facts).toMatchObject({ active: true, sub: alice.id, act });
    expect(facts).not.toHaveProperty('auth_time');
    expect(facts).not.toHaveProperty('amr');
  });

  it('no profile to whom asked for none', async () => {
    const { clientId, clientSecret } = zitadel.addSecret(robot);
    const answer = await call(zitadel, '/oauth/v2/token', undefined, {
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: `urn:zitadel:iam:org:project:id:${portal.id}:aud`,
      }),
    });
    const facts = await factsOf(answer.json['access_token'] as string);
    expect(facts).toMatchObject({ active: true, amr: ['pwd'], aud: [portal.id] });
    expect(facts).not.toHaveProperty('username');
    expect(facts).not.toHaveProperty('name');
  });

  it('a token also to an application that only its client id names', async () => {
    const token = zitadel.tokenFor(robot, { audience: [client.clientId] });
    expect(await factsOf(token)).toMatchObject({ active: true });
  });
});

describe('introspection and project roles', () => {
  let other: Project;
  let otherClient: Client;

  beforeAll(() => {
    other = zitadel.addProject('other', { org: robot.orgId, roles: ['guest'] });
    otherClient = zitadel.addApiApplication(other);
    zitadel.authorizeUser(robot, portal, ['reader']);
    zitadel.authorizeUser(robot, other, ['guest']);
  });

  it('shows those of the asking project only, under both names, asked for or not', async () => {
    const both = [portal.id, other.id];
    const roles = { reader: { [robot.orgId]: 'acme.127.0.0.1' } };
    const rolesOf = (facts: Called['json']): object =>
      Object.fromEntries(Object.entries(facts).filter(([name]) => name.endsWith(':roles')));
    for (const scopes of [[], [ALL_ROLES]]) {
      const facts = await factsOf(zitadel.tokenFor(robot, { audience: both, scopes }));
      const name = `urn:zitadel:iam:org:project:${portal.id}:roles`;
      expect(rolesOf(facts)).toEqual({ [OWN_ROLES]: roles, [name]: roles });
    }
    const facts = await factsOf(zitadel.tokenFor(robot, { audience: both }), otherClient);
    expect(Object.keys(rolesOf(facts)).sort()).toEqual(
      [OWN_ROLES, `urn:zitadel:iam:org:project:${other.id}:roles`].sort(),
    );
    expect(await factsOf(zitadel.patFor(robot))).toMatchObject({ [OWN_ROLES]: roles });
  });

  it('has them in the token and in userinfo where scopes ask for them', async () => {
    const scopes = [ALL_ROLES, HOME];
    const token = zitadel.tokenFor(robot, { audience: [portal.id], scopes });
    const claims = {
      [`urn:zitadel:iam:org:project:${portal.id}:roles`]: {
        reader: { [robot.orgId]: 'acme.127.0.0.1' },
      },
      [`${HOME}:id`]: robot.orgId,
      [`${HOME}:name`]: 'acme',
      [`${HOME}:primary_domain`]: 'acme.127.0.0.1',
    };
    const payload = decode(token.split('.')[1]);
    const info = await call(zitadel, '/oidc/v1/userinfo', token);
    for (const said of [payload, info.json]) {
      expect(said).toMatchObject(claims);
      expect(said).not.toHaveProperty(OWN_ROLES);
      expect(said).not.toHaveProperty(`urn:zitadel:iam:org:project:${other.id}:roles`);
    }
    const opaque = zitadel.opaqueTokenFor(robot, { audience: [portal.id], scopes });
    expect((await call(zitadel, '/oidc/v1/userinfo', opaque)).json).toMatchObject(claims);
  });

  it('shows roles that a granted organization gave, until the grant takes them back', async () => {
    const globex = zitadel.addOrg('globex');
    const gina = zitadel.addServiceUser('gina', { org: globex });
    const grant = zitadel.grantProject(portal, globex, ['reader', 'writer']);
    expect(() => {
      zitadel.authorizeUser(gina, portal, ['guest'], { org: globex });
    }).toThrow('COMMAND-mm9F4');
    zitadel.authorizeUser(gina, portal, ['reader', 'writer'], { org: globex });
    const token = zitadel.tokenFor(gina, { audience });
    const domain = 'globex.127.0.0.1';
    expect((await factsOf(token))[OWN_ROLES]).toEqual({
      reader: { [globex.id]: domain },
      writer: { [globex.id]: domain },
    });
    zitadel.changeGrant(grant, ['reader']);
    zitadel.changeGrant(grant, ['reader', 'writer']);
    expect((await factsOf(token))[OWN_ROLES]).toEqual({ reader: { [globex.id]: domain } });
    zitadel.removeGrant(grant);
    expect(await factsOf(token)).toMatchObject({ active: true });
    expect(await factsOf(token)).not.toHaveProperty(OWN_ROLES);
  });

  it('shows roles of one organization only where a scope names it', async () => {
    const initech = zitadel.addOrg('initech');
    zitadel.grantProject(portal, initech, ['writer']);
    zitadel.authorizeUser(robot, portal, ['writer'], { org: initech });
    const scopes = [`urn:zitadel:iam:org:roles:id:${initech.id}`];
    const facts = await factsOf(zitadel.tokenFor(robot, { audience, scopes }));
    expect(facts[OWN_ROLES]).toEqual({ writer: { [initech.id]: 'initech.127.0.0.1' } });
    zitadel.unauthorizeUser(robot, portal, { org: initech });
    expect(await factsOf(zitadel.tokenFor(robot, { audience, scopes }))).not.toHaveProperty(
      OWN_ROLES,
    );
  });
});

describe('introspection calls inactive', () => {
  it.each<[string, () => string]>([
    ['an ID token', () => zitadel.idTokenFor(alice, { audience })],
    ['a session token', () => zitadel.sessionTokenFor(alice)],
    ['something else', () => 'garbage'],
    ['a token for another project', () => zitadel.tokenFor(robot)],
    ['a token for nobody', () => zitadel.tokenFor(robot, { audience: [], zitadelAudience: false })],
    ['an expired token', () => zitadel.expiredTokenFor(robot, { audience })],
    ['a token of another key', () => zitadel.foreignTokenFor(robot, { audience })],
    [
      'a token of another issuer',
      () => zitadel.tokenFor(robot, { audience, claims: { iss: 'x' } }),
    ],
  ])('%s', async (_name, make) => {
    expect(await factsOf(make())).toEqual(INACTIVE);
  });

  it('a token for nobody also where its user is named like the project', async () => {
    const named = zitadel.addServiceUser(portal.id);
    const token = zitadel.tokenFor(named, { audience: [], zitadelAudience: false });
    expect(decode(token.split('.')[1])['aud']).toEqual([portal.id]);
    expect(await factsOf(token)).toEqual(INACTIVE);
  });

  it('what was revoked, of whatever kind', async () => {
    for (const token of [
      zitadel.tokenFor(robot, { audience }),
      zitadel.opaqueTokenFor(robot, { audience }),
      zitadel.patFor(robot),
    ]) {
      expect(await factsOf(token)).toMatchObject({ active: true });
      zitadel.revokeToken(token);
      expect(await factsOf(token)).toEqual(INACTIVE);
    }
  });

  it.each<[string, (user: User) => void]>([
    ['deactivated', (user) => zitadel.deactivateUser(user)],
    ['locked', (user) => zitadel.lockUser(user)],
    ['removed', (user) => zitadel.removeUser(user)],
    ['signed out', (user) => zitadel.endSessions(user)],
    ['without their organization', (user) => zitadel.removeOrg(user.orgId)],
  ])('tokens of persons who were %s', async (name, end) => {
    const org = zitadel.addOrg(`org of ${name}`);
    const user = zitadel.addUser(`somebody ${name}`, { org });
    const token = zitadel.tokenFor(user, { audience });
    expect(await factsOf(token)).toMatchObject({ active: true });
    end(user);
    expect(await factsOf(token)).toEqual(INACTIVE);
  });
});

describe('introspection knows its client', () => {
  it('by an assertion of an application key', async () => {
    const file = zitadel.addApplicationKey(portal);
    const token = zitadel.tokenFor(robot, { audience });
    const form = { token, client_assertion_type: ASSERTION_TYPE };
    const right = await ask({ ...form, client_assertion: await assertion(file) }, '');
    expect([right.status, right.json['active']]).toEqual([200, true]);
    const { keyId = '' } = JSON.parse(file) as Record<string, string>;
    zitadel.removeKey(keyId);
    const gone = await ask({ ...form, client_assertion: await assertion(file) }, '');
    expect([gone.status, gone.text]).toEqual([400, '{"error":"unauthorized_client"}']);
    expect(() => {
      zitadel.removeKey(keyId);
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
    const file = zitadel.addApplicationKey(portal);
    const answer = await ask(
      {
        token: zitadel.tokenFor(robot, { audience }),
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: await assertion(file, over),
      },
      '',
    );
    expect([answer.status, answer.json]).toEqual([400, { error: 'unauthorized_client' }]);
  });

  it('not by an assertion of a service user, and not by garbage', async () => {
    const { userId = '', ...file } = JSON.parse(zitadel.addKey(robot)) as Record<string, string>;
    const asClient = JSON.stringify({ ...file, clientId: userId });
    for (const client_assertion of [await assertion(asClient), 'not.a.jwt']) {
      const form = { token: 'x', client_assertion_type: ASSERTION_TYPE, client_assertion };
      const answer = await ask(form, '');
      expect([answer.status, answer.json]).toEqual([400, { error: 'unauthorized_client' }]);
    }
  });

  it('by its secret in the form as well', async () => {
    const { clientId, clientSecret } = client;
    const token = zitadel.tokenFor(robot, { audience });
    const form = { token, client_id: clientId, client_secret: clientSecret };
    expect((await ask(form, '')).json).toMatchObject({ active: true });
  });

  it.each<[string, () => Record<string, string>, () => string, object]>([
    [
      'no client',
      () => ({ token: 'x' }),
      () => '',
      {
        error: 'invalid_request',
        error_description: 'client_id or client_assertion must be provided',
      },
    ],
    [
      'no secret',
      () => ({ token: 'x', client_id: client.clientId }),
      () => '',
      { error: 'invalid_client', error_description: 'client must be authenticated' },
    ],
    [
      'no token',
      () => ({ token: '' }),
      () => basicOf(client),
      { error: 'invalid_request', error_description: 'token missing' },
    ],
    [
      'a wrong secret',
      () => ({ token: 'x' }),
      () => basicOf({ ...client, clientSecret: 'wrong' }),
      { error: 'unauthorized_client' },
    ],
    [
      'a client that is not there',
      () => ({ token: 'x' }),
      () => basicOf({ ...client, clientId: '1' }),
      { error: 'unauthorized_client' },
    ],
    [
      'credentials of a service user',
      () => ({ token: 'x' }),
      () => basicOf({ ...zitadel.addSecret(robot), clientId: robot.id }),
      { error: 'unauthorized_client' },
    ],
    [
      'a header that does not decode',
      () => ({ token: 'x' }),
      () => `Basic ${Buffer.from('%:%').toString('base64')}`,
      { error: 'invalid_client', error_description: 'invalid basic auth header' },
    ],
    [
      'two ways at once',
      () => ({ token: 'x', client_id: '1', client_secret: '2' }),
      () => basicOf(client),
      {
        error: 'invalid_request',
        error_description: 'client authentication must not use more than one method',
      },
    ],
  ])('and refuses %s with 400', async (_name, form, authorization, body) => {
    const answer = await ask(form(), authorization());
    expect([answer.status, answer.json]).toEqual([400, body]);
  });

  it('only while the application, its project and its organization are active', async () => {
    const org = zitadel.addOrg('short-lived');
    const project = zitadel.addProject('short-lived', { org });
    const own = zitadel.addApiApplication(project);
    const token = zitadel.tokenFor(robot, { audience: [project.id] });
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
        () => zitadel.deactivateApplication(clientId),
        () => zitadel.reactivateApplication(clientId),
      ],
      [() => zitadel.deactivateProject(project), () => zitadel.reactivateProject(project)],
      [() => zitadel.deactivateOrg(org), () => zitadel.reactivateOrg(org)],
    ] as const) {
      off();
      expect(await state()).toEqual(refused);
      on();
      expect(await state()).toEqual(active);
    }
    zitadel.removeApplication(clientId);
    expect(await state()).toEqual(refused);
    expect(() => {
      zitadel.removeApplication(clientId);
    }).toThrow('no application has the client id');
  });
});

describe('a fault of introspection', () => {
  it('is about somebody else where the answer is about somebody', async () => {
    zitadel.fail('introspect', 'wrong-user');
    const facts = await factsOf(zitadel.tokenFor(robot, { audience }));
    expect(facts).toMatchObject({ active: true, username: 'robot' });
    expect(facts['sub']).not.toBe(robot.id);
    expect(await factsOf('garbage')).toEqual(INACTIVE);
    zitadel.heal('introspect');
  });

  it('is counted and logged without tokens and secrets', async () => {
    zitadel.resetRequests();
    zitadel.failNext('introspect', 503);
    const token = zitadel.tokenFor(robot, { audience });
    expect((await ask({ token })).status).toBe(503);
    expect(zitadel.requests('introspect')).toBe(1);
    const [logged] = zitadel.requestLog('introspect');
    expect(logged?.body).not.toContain(token);
    expect(logged?.headers['authorization']).not.toContain(basicOf(client));
  });
});

describe('userinfo', () => {
  it('takes no session token', async () => {
    const answer = await call(zitadel, '/oidc/v1/userinfo', zitadel.sessionTokenFor(alice));
    expect(answer.status).toBe(401);
  });
});
