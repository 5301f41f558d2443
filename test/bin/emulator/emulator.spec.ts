import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../../lib/bin/commands.js';
import { problemsOf, SCHEMA_FILE, worldSchema } from '../../../lib/bin/emulator/check.js';
import { exampleIn } from './example.js';

const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
/** Where a world stands. */
function written(world: unknown, ending = 'json'): string {
  const path = join(folder, `world-${(files += 1)}.${ending}`);
  writeFileSync(path, typeof world === 'string' ? world : JSON.stringify(world));
  return path;
}

/** Runs the command as somebody would who ends it by and by. */
function begin(...args: string[]) {
  const stop = new AbortController();
  const [out, told]: [string[], string[]] = [[], []];
  const terminal = {
    env: {},
    out: (text: string) => void out.push(text),
    tell: (text: string) => void told.push(text),
    isInteractive: false,
    hasColours: false,
    ask: () => Promise.resolve(''),
    askSecret: () => Promise.resolve(''),
    input: () => Promise.resolve(''),
    stop: stop.signal,
  };
  const done = runCommand(['emulator', ...args], terminal);
  return { done, out, told, stop: () => (stop.abort(), done) };
}

/** What the command says that does not begin. */
async function refused(...args: string[]): Promise<{ code: number; told: string }> {
  const { done, told } = begin(...args);
  return { code: await done, told: told.join('\n') };
}

async function listening(...args: string[]) {
  const running = begin(...args, '--port', '0', '--json');
  await vi.waitUntil(() => running.out.length > 0);
  const { url } = JSON.parse(running.out[0] ?? '') as { url: string };
  return { ...running, url };
}

const bodyOf = async (response: Response) => ({
  status: response.status,
  body: (await response.json()) as Record<string, never>,
});

describe('a world', () => {
  const WORLD = parse(exampleIn('yaml')) as Record<string, never>;

  it.each([
    ['is no object', [], 'an object is expected, not an empty list'],
    ['has what is not known', { user: [] }, 'user: not known here; there are $schema, org'],
    ['has a name for a list', { users: 'alice' }, 'users: a list is expected, not this text'],
    ['misses a name', { users: [{}] }, 'users[0]: userName is missing'],
    [
      'has a number for an id',
      { organizations: [{ name: 'acme', id: 12 }] },
      'organizations[0].id: 1 to 200 letters, digits, - and _ is expected, not 12 (a text of digits needs quotes)',
    ],
    [
      'has an application of another type',
      { projects: [{ name: 'portal', applications: [{ name: 'x', type: 'spa' }] }] },
      'projects[0].applications[0].type: "api" or "web" or "userAgent" is expected, not this text',
    ],
    [
      'has a member of nothing',
      { members: [{ user: 'alice', roles: ['ORG_OWNER'] }] },
      'members[0]: exactly one of instance, organization, project, projectGrant is expected',
    ],
    [
      'has a member of two things',
      { members: [{ user: 'a', instance: true, project: 'p', roles: ['IAM_OWNER'] }] },
      'members[0]: exactly one of',
    ],
    [
      'has a member without a role',
      { members: [{ user: 'a', instance: true, roles: [] }] },
      'members[0].roles: a list with something in it is expected, not an empty list',
    ],
    [
      'has a short secret',
      { serviceUsers: [{ userName: 'backend', clientSecret: 'short' }] },
      'serviceUsers[0].clientSecret: a text of at least 8 characters is expected, not this text',
    ],
    [
      'has metadata that is no text',
      { users: [{ userName: 'alice', metadata: { age: true } }] },
      'users[0].metadata.age: a text is expected, not true',
    ],
    [
      'has a name with a slash',
      { organizations: [{ name: 'acme' }, { name: 'acme/portal' }] },
      'organizations[1].name: a name without / is expected, not this text',
    ],
    [
      'has an application with a slash in its name',
      { projects: [{ name: 'p', applications: [{ name: 'a/b', type: 'api' }] }] },
      'projects[0].applications[0].name: a name without /',
    ],
    [
      'has a role of a project twice',
      { projects: [{ name: 'p', roles: ['reader', 'editor', 'reader'] }] },
      'projects[0].roles[2]: stands there already, as [0]',
    ],
    [
      'gives a role twice',
      { members: [{ user: 'a', instance: true, roles: ['IAM_OWNER', 'IAM_OWNER'] }] },
      'members[0].roles[1]: stands there already, as [0]',
    ],
    [
      'authorizes for a role twice',
      { authorizations: [{ user: 'a', project: 'p', roles: ['reader', 'reader'] }] },
      'authorizations[0].roles[1]: stands there already, as [0]',
    ],
    [
      'grants a role twice',
      { projectGrants: [{ project: 'p', organization: 'a', roles: ['reader', 'reader'] }] },
      'projectGrants[0].roles[1]: stands there already, as [0]',
    ],
    [
      'permits a thing twice',
      { rolePermissions: { ORG_A: ['org.read', 'org.read'] } },
      'rolePermissions.ORG_A[1]: stands there already, as [0]',
    ],
  ])('that %s is refused, and by any reader of the schema', async (_what, world, text) => {
    expect(await refused(written(world))).toEqual({
      code: 2,
      told: expect.stringContaining(text) as string,
    });
    expect(isValid(world)).toBe(false);
  });

  it.each([
    [
      'names a user that is not there',
      {
        users: [{ userName: 'bob' }],
        members: [{ user: 'alice', instance: true, roles: ['IAM_OWNER'] }],
      },
      'members[0]: there is no user alice; there are bob',
    ],
    [
      'gives a role of something else',
      {
        users: [{ userName: 'bob' }],
        members: [{ user: 'bob', instance: true, roles: ['ORG_OWNER'] }],
      },
      'members[0]: roles here begin with IAM_: ORG_OWNER cannot be given',
    ],
    [
      'has a name twice',
      { organizations: [{ name: 'acme' }, { name: 'acme' }] },
      'organizations[1]: there is another one like it',
    ],
    [
      'has an id twice',
      {
        organizations: [
          { name: 'acme', id: '1' },
          { name: 'globex', id: '1' },
        ],
      },
      'organizations[1]: the id 1 is taken',
    ],
    [
      'names a project that has a namesake',
      {
        organizations: [{ name: 'acme' }],
        projects: [{ name: 'p' }, { name: 'p', organization: 'acme' }],
        users: [{ userName: 'bob' }],
        authorizations: [{ user: 'bob', project: 'p', roles: [] }],
      },
      'authorizations[0]: several projects are called p: ZITADEL/p, acme/p',
    ],
    [
      'grants a role that the project has not',
      {
        organizations: [{ name: 'acme' }],
        projects: [{ name: 'p' }],
        projectGrants: [{ project: 'p', organization: 'acme', roles: ['reader'] }],
      },
      'projectGrants[0]: the project has no such role',
    ],
    [
      'has a grant that is not there',
      {
        projects: [{ name: 'p' }],
        users: [{ userName: 'bob' }],
        members: [
          {
            user: 'bob',
            projectGrant: { project: 'p', organization: 'ZITADEL' },
            roles: ['PROJECT_GRANT_OWNER'],
          },
        ],
      },
      'members[0]: ZITADEL/p is not granted to ZITADEL',
    ],
    [
      'redirects an application nowhere',
      { projects: [{ name: 'p', applications: [{ name: 'x', type: 'web' }] }] },
      'projects[0].applications[0]: redirectUris is missing',
    ],
    [
      'gives a public client a secret',
      {
        projects: [
          {
            name: 'p',
            applications: [
              {
                name: 'x',
                type: 'web',
                redirectUris: ['http://localhost'],
                clientSecret: '12345678',
              },
            ],
          },
        ],
      },
      'projects[0].applications[0]: clientSecret: not for the type web',
    ],
    [
      'names a key file that is not there',
      { serviceUsers: [{ userName: 'backend', keyFile: 'none.json' }] },
      'serviceUsers[0]: none.json cannot be read',
    ],
    [
      'names a key file of somebody else',
      { serviceUsers: [{ userName: 'backend', keyFile: 'other.json' }] },
      'serviceUsers[0]: a key file of somebody else: its userId must be 2',
    ],
  ])('that %s is refused', async (_what, world, text) => {
    const other = { type: 'serviceaccount', keyId: '1', key: 'x', userId: '1' };
    writeFileSync(join(folder, 'other.json'), JSON.stringify(other));
    expect(await refused(written(world))).toEqual({
      code: 2,
      told: expect.stringContaining(text) as string,
    });
  });

  it('is accepted by the schema as by the command', () => {
    for (const world of [
      {},
      WORLD,
      { organizations: [], rolePermissions: { ORG_A: ['org.read'] } },
    ]) {
      expect(problemsOf(world, worldSchema())).toEqual([]);
      expect(isValid(world)).toBe(true);
    }
  });

  it.each([
    ['{', 'json', 'is not JSON'],
    ['a: [', 'yaml', 'is not YAML'],
  ])('of %s is refused', async (text, ending, why) => {
    const { code, told } = await refused(written(text, ending));
    expect([code, told]).toEqual([2, expect.stringContaining(why)]);
  });

  it('may begin with the mark of its encoding', async () => {
    const { stop } = await listening(written('\uFEFF{}', 'json'));
    expect(await stop()).toBe(130);
  });

  it('that is not there is refused', async () => {
    const { code, told } = await refused(join(folder, 'none.json'));
    expect([code, told]).toEqual([2, expect.stringContaining('cannot be read')]);
  });

  it('in YAML needs the package yaml', async () => {
    vi.doMock('yaml', () => {
      throw new Error('not installed');
    });
    onTestFinished(() => {
      vi.doUnmock('yaml');
    });
    const { code, told } = await refused(written('', 'yaml'));
    expect([code, told]).toEqual([2, expect.stringContaining('npm install --save-dev yaml')]);
  });
});

/** What a validator says that others wrote. */
function isValid(world: unknown): boolean {
  const Ajv = createRequire(import.meta.url)('ajv') as new (settings: object) => {
    validate(schema: object, value: unknown): boolean;
  };
  return new Ajv({ strict: false, allErrors: true }).validate(worldSchema(), world);
}

describe('the command', () => {
  it('says where the schema is', async () => {
    const { done, out } = begin('--schema');
    expect([await done, out]).toEqual([0, [SCHEMA_FILE]]);
  });

  it.each([
    [['--port', 'many'], '--port: a number from 0 to 65535 is expected, not many'],
    [['--issuer', 'acme.example'], "--issuer 'acme.example' is not a plain origin"],
    [['a.json', 'b.json'], 'One world at a time.'],
    [['--host', ''], '--host: an address is expected'],
    [['--ports', '1'], "Unknown option '--ports'\n"],
  ])('refuses %s', async (args, text) => {
    const { code, told } = await refused(...args);
    expect([code, told]).toEqual([2, expect.stringContaining(text)]);
  });

  it('says that the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { code, told } = await refused('--port', String(port));
    expect(code).toBe(1);
    expect(told).toContain(`port ${port}: something else does`);
  });

  it('ends at once with 130 when somebody stops it, whatever hangs', async () => {
    const { url, stop } = await listening();
    await post(url, 'faults', { endpoint: 'keys', fault: 'hang' });
    const hanging = fetch(`${url}/oauth/v2/keys`).catch(() => 'closed');
    await vi.waitUntil(async () => (await get(url, 'requests?endpoint=keys')).body['count'] === 1);
    expect(await stop()).toBe(130);
    expect(await hanging).toBe('closed');
  });

  it('tells a person what to do next', async () => {
    const running = begin('--port', '0');
    await vi.waitUntil(() => running.out.length > 0);
    expect(running.out[0]).toMatch(/listens at http:\/\/127\.0\.0\.1:\d+\n[^]*\/emulator\/world\n/);
    await running.stop();
  });
});

const get = async (url: string, path: string) => bodyOf(await fetch(`${url}/emulator/${path}`));
const send = (method: string) => async (url: string, path: string, body: unknown) =>
  bodyOf(await fetch(`${url}/emulator/${path}`, { method, body: JSON.stringify(body) }));
const post = send('POST');
const put = send('PUT');

describe('a call under /emulator', () => {
  let url: string;
  let stop: () => Promise<number>;
  beforeAll(async () => ({ url, stop } = await listening(written(exampleIn('yaml'), 'yaml'))));
  afterAll(() => stop());
  beforeEach(() => post(url, 'reset', {}));

  const tokenOf = async (user: string) => {
    const { body } = await post(url, 'tokens', { user });
    return String(body['token']);
  };
  const rolesOf = async (token: string) => {
    const response = await fetch(`${url}/auth/v1/memberships/me/_search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{}',
    });
    const { result = [] } = (await response.json()) as { result?: { roles: string[] }[] };
    return [response.status, ...result.flatMap(({ roles }) => roles)];
  };

  it('tells ids that are the same each time, and secrets', async () => {
    const { body } = await get(url, 'world');
    const second = await listening(written(exampleIn('yaml'), 'yaml'));
    const { body: other } = await get(second.url, 'world');
    await second.stop();
    for (const what of ['organizations', 'projects', 'projectGrants', 'users', 'instanceId']) {
      expect([what, other[what]]).toEqual([what, body[what]]);
    }
    expect(body).toMatchObject({
      organizations: { acme: expect.stringMatching(/^2\d{17}$/) as string },
      serviceUsers: { backend: { clientId: 'backend', pat: 'pat-of-backend' } },
      applications: { 'acme/portal/api': { clientSecret: 'secret-of-the-api' } },
    });
  });

  it('changes a member, and takes the membership back', async () => {
    const alice = await tokenOf('alice');
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER']);
    const member = { user: 'alice', organization: 'acme' };
    await put(url, 'members', { ...member, roles: ['ORG_OWNER_VIEWER'] });
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER_VIEWER']);
    for (let time = 0; time < 2; time += 1) {
      expect(await put(url, 'members', { ...member, roles: [] })).toEqual({
        status: 200,
        body: {},
      });
      expect(await rolesOf(alice)).toEqual([200]);
    }
    await put(url, 'members', { user: 'alice', instance: true, roles: ['IAM_OWNER'] });
    expect(await rolesOf(alice)).toEqual([200, 'IAM_OWNER']);
    await post(url, 'reset', {});
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER']);
  });

  it('makes calls fail, wait, and heal', async () => {
    const alice = await tokenOf('alice');
    await post(url, 'faults', { endpoint: 'memberships', fault: 503, times: 1 });
    expect(await rolesOf(alice)).toEqual([503]);
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER']);
    await post(url, 'faults', { endpoint: 'memberships', fault: { status: 418 }, delayMs: 1 });
    expect([
      await rolesOf(alice).catch(() => 'no JSON'),
      await rolesOf(alice).catch(() => 'no JSON'),
    ]).toEqual(['no JSON', 'no JSON']);
    await fetch(`${url}/emulator/faults?endpoint=memberships`, { method: 'DELETE' });
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER']);
    const { body } = await get(url, 'requests?endpoint=memberships');
    expect([body['count'], Object(body['requests']).length]).toEqual([5, 5]);
    await fetch(`${url}/emulator/requests`, { method: 'DELETE' });
    expect((await get(url, 'requests')).body['count']).toBe(0);
  });

  it('lets reads lag behind', async () => {
    const alice = await tokenOf('alice');
    await put(url, 'reads', { held: true });
    await put(url, 'members', { user: 'alice', organization: 'acme', roles: [] });
    expect(await rolesOf(alice)).toEqual([200, 'ORG_OWNER']);
    await put(url, 'reads', { held: false, lagMs: 0 });
    expect(await rolesOf(alice)).toEqual([200]);
  });

  it('changes the state of a user, and the roles of a project', async () => {
    const alice = await tokenOf('alice');
    await put(url, 'users', { user: 'alice', state: 'locked' });
    expect(await rolesOf(alice)).toEqual([401]);
    await put(url, 'users', { user: 'alice', state: 'active' });
    expect(await rolesOf(await tokenOf('alice'))).toEqual([200, 'ORG_OWNER']);
    const authorization = { user: 'bob', project: 'portal', organization: 'customer' };
    for (const roles of [['reader'], [], []]) {
      expect((await put(url, 'authorizations', { ...authorization, roles })).status).toBe(200);
    }
  });

  it('makes tokens of every kind, and key files that stay', async () => {
    for (const kind of ['jwt', 'opaque', 'pat']) {
      const asked = { user: 'alice', kind, projects: ['portal'], expiresInSeconds: 60 };
      const { body } = await post(url, 'tokens', asked);
      expect([kind, await rolesOf(String(body['token']))]).toEqual([kind, [200, 'ORG_OWNER']]);
    }
    expect(await rolesOf('pat-of-backend')).toEqual([200, 'IAM_OWNER_VIEWER']);
    const [robot, application] = [
      await get(url, 'key-file?of=backend'),
      await get(url, 'key-file?of=acme/portal/api'),
    ];
    expect(robot.body).toMatchObject({ type: 'serviceaccount' });
    expect(application.body).toMatchObject({ type: 'application' });
    await post(url, 'reset', {});
    expect(await get(url, 'key-file?of=backend')).toEqual(robot);
    expect((await get(url, 'key-file?of=alice')).status).toBe(400);
    const world = {
      serviceUsers: [{ userName: 'backend', keyFile: 'backend.json' }],
      projects: [{ name: 'portal', applications: [{ name: 'api', type: 'api' }] }],
    };
    writeFileSync(join(folder, 'backend.json'), JSON.stringify(robot.body));
    const second = await listening(written(world));
    expect(await get(second.url, 'key-file?of=backend')).toEqual(robot);
    await second.stop();
  });

  it.each([
    ['POST', 'faults', '{', 'the body is not JSON'],
    ['POST', 'faults', '{}', 'endpoint is missing'],
    ['POST', 'faults', '{"endpoint":"nothing","fault":503}', "no endpoint is called 'nothing'"],
    ['POST', 'faults', '{"endpoint":"keys"}', 'fault or delayMs is missing'],
    ['POST', 'faults', '{"endpoint":"keys","fault":"oops"}', 'fault: a status from 200 to 599'],
    ['POST', 'faults', '{"endpoint":"keys","fault":700}', 'fault: a status from 200 to 599'],
    ['POST', 'faults', '{"endpoint":"keys","fault":{"status":9999}}', 'fault: a status from 200'],
    ['POST', 'faults', '{"endpoint":"keys","delayMs":99999999999}', 'from 0 to 2147483647'],
    ['POST', 'faults', '{"endpoint":"keys","fault":503,"times":0}', 'times: a whole number from 1'],
    ['POST', 'faults', '{"endpoint":"keys","fault":"wrong-user"}', 'needs an endpoint that tells'],
    ['DELETE', 'faults?endpoint=nothing', '', "no endpoint is called 'nothing'"],
    ['GET', 'requests?endpoint=nothing', undefined, "no endpoint is called 'nothing'"],
    ['PUT', 'members', '{"user":"alice","roles":[]}', 'exactly one of instance, organization'],
    ['PUT', 'members', '{"user":"eve","instance":true,"roles":[]}', 'there is no user eve'],
    ['PUT', 'reads', '{"lagMs":-1}', 'lagMs: a whole number from 0 to 2147483647 is expected'],
    [
      'PUT',
      'users',
      '{"user":"alice","state":"gone"}',
      'state: "active" or "inactive" or "locked"',
    ],
    ['POST', 'tokens', '{"user":"alice","projects":["none"]}', 'there is no project none'],
  ])('%s %s with %s is 400', async (method, path, body, text) => {
    const { status, body: reply } = await bodyOf(
      await fetch(`${url}/emulator/${path}`, { method, ...(body !== undefined && { body }) }),
    );
    expect([status, reply['error']]).toEqual([400, expect.stringContaining(text)]);
  });

  it('is 404 where there is none, and listed where there is', async () => {
    expect(await get(url, 'nothing')).toMatchObject({ status: 404 });
    const { calls } = (await bodyOf(await fetch(`${url}/emulator`))).body;
    expect(calls).toContain('POST /emulator/faults');
  });

  it('is refused to pages, and to names that are not of this machine', async () => {
    const pages = [{ origin: url }, { 'sec-fetch-site': 'same-origin' }, { host: 'evil.example' }];
    for (const headers of pages) {
      expect(await statusOf(url, headers)).toEqual([403, undefined]);
    }
    // Somebody types the address into a browser.
    expect(await statusOf(url, { 'sec-fetch-site': 'none' })).toEqual([200, undefined]);
    const open = await listening('--open-control');
    for (const host of ['zitadel', '172.17.0.2:8080', '[fd00::2]:8080', 'host.docker.internal']) {
      expect(await statusOf(open.url, { host })).toEqual([200, undefined]);
    }
    expect(await statusOf(open.url, { origin: 'http://evil.example' })).toEqual([403, undefined]);
    // A name that anybody may own can be made to lead here.
    expect(await statusOf(open.url, { host: 'evil.example' })).toEqual([403, undefined]);
    await open.stop();
    const named = await listening('--open-control', '--issuer', 'http://zitadel.example:8080');
    expect(await statusOf(named.url, { host: 'zitadel.example' })).toEqual([200, undefined]);
    await named.stop();
  });
});

/** With headers that `fetch` does not send. */
async function statusOf(url: string, headers: Record<string, string>) {
  const asked = request(`${url}/emulator/world`, { headers }).end();
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  reply.resume();
  return [reply.statusCode, reply.headers['access-control-allow-origin']];
}
