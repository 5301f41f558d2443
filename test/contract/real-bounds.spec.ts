import { afterEach, describe, expect, it } from 'vitest';
import { castOf } from './cast.js';
import { RealApi } from './real-api.js';
import { NotOurs, RealBounds } from './real-bounds.js';
import { announcement, realServerFrom } from './real-server.js';
import { RealWorld } from './real-world.js';
import type { ReplayServer } from './replay-server.js';
import {
  changesOn,
  closeServers,
  id,
  recordedIn,
  replay,
  SUFFIX,
  TOKEN,
  worldOn,
} from './replaying.js';
import { until, type Org, type Project } from './world.js';

const HEADER = 'x-zitadel-orgid';
const DISOBEYED = 'this server, or what stands before it, does not obey x-zitadel-orgid';
const POLICY = '/admin/v1/policies/security';

const recorded = [
  './recorded/setup.json',
  '../captures/human.json',
  '../captures/memberships.json',
  '../captures/impersonation.json',
].flatMap((path) => recordedIn(path));

afterEach(closeServers);

const aServer = (): Promise<ReplayServer> => replay(recorded);

function removalsOn(server: ReplayServer): readonly string[] {
  return changesOn(server).filter((line) => /^DELETE|_deactivate$/.test(line));
}

describe('a server that does not obey the header that names the organization', () => {
  it('is found out before anything is made', async () => {
    const server = await aServer();
    server.drops = HEADER;

    await expect(worldOn(server)).rejects.toThrow(DISOBEYED);
    await expect(worldOn(server)).rejects.toThrow('Nothing was made');
    expect(changesOn(server)).toEqual([]);
  });

  it('has nothing removed when it stops obeying while the first organization is made', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    server.drops = HEADER;

    await expect(world.addOrg('acme')).rejects.toThrow(DISOBEYED);
    await expect(world.close()).rejects.toThrow(
      new RegExp(
        `^${DISOBEYED}.* Nothing was removed, and left behind.*\\n {2}organization acme`,
        's',
      ),
    );
    expect(removalsOn(server)).toEqual([]);
  });

  it('has nothing removed when it stops obeying later, but the security policy is put back', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const scene = await castOf(world);
    await scene.token('alice impersonated');
    const before = changesOn(server).length;
    server.drops = HEADER;
    const failing = world.close();

    await expect(failing).rejects.toThrow(DISOBEYED);
    await expect(failing).rejects.toThrow(/organization acme-b737b2$/);
    await expect(failing).rejects.not.toThrow('security policy');
    expect(changesOn(server).slice(before)).toEqual([`PUT ${POLICY}`]);
  });

  it('has no organization deactivated, and nothing changed any more after that', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const acme = await world.addOrg('acme');
    server.drops = HEADER;
    const before = changesOn(server).length;

    await expect(world.deactivateOrg(acme)).rejects.toThrow(DISOBEYED);
    server.drops = undefined;
    await expect(world.removeOrg(acme)).rejects.toThrow(NotOurs);
    await expect(world.addOrg('globex')).rejects.toThrow(NotOurs);
    expect(changesOn(server).slice(before)).toEqual([]);
  });

  it('is found out by where a change happened, before anything is taken away', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const acme = await world.addOrg('acme');
    const body = { id: '7', details: { resourceOwner: id('root') } };
    server.script(/^POST .*\/projects$/, { status: 200, body });

    await expect(world.addProject(acme, 'portal')).rejects.toThrow(`happened in ${id('root')}`);
    await expect(world.deactivateOrg(acme)).rejects.toThrow(NotOurs);
    await expect(world.close()).rejects.toThrow('Nothing was removed');
    expect(removalsOn(server)).toEqual([]);
  });
});

describe('an id', () => {
  it.each([{}, { id: '' }, { id: 'me' }, { id: '1/../2' }, { id: 7 }])(
    'that is none, as in %j, is no organization, and nothing is removed by it',
    async (body) => {
      const server = await aServer();
      const world = await worldOn(server);
      server.script(/^POST .*\/orgs$/, { status: 200, body });

      await expect(world.addOrg('acme')).rejects.toThrow("the server gave no id as 'id'");
      await expect(world.close()).rejects.toThrow(
        /left behind.*organization acme-b737b2: perhaps/s,
      );
      expect(removalsOn(server)).toEqual([]);
    },
  );

  it.each([
    ['users/machine', (world: RealWorld) => world.addServiceUser(world.root, 'svc-viewer')],
    ['projects', (world: RealWorld, acme: Org) => world.addProject(acme, 'portal')],
    ['v2/users/new', (world: RealWorld, acme: Org) => world.addPerson(acme, 'hank')],
  ] as const)('that is missing in the answer of %s ends the run', async (path, make) => {
    const server = await aServer();
    const world = await worldOn(server);
    const acme = await world.addOrg('acme');
    server.script(new RegExp(`^POST /.*${path}$`), { status: 200, body: {} });

    await expect(make(world, acme)).rejects.toThrow('the server gave no id');
  });

  it.each([
    ['the operator’s own organization', () => id('root'), 'ZITADEL'],
    ['an organization of another name', () => '41', 'Customers'],
    ['one that only looks like it', () => '41', `acme-${SUFFIX}-old`],
    ['the same name in front', () => '41', `x-acme-${SUFFIX}`],
  ])('of %s is not taken for the new one, and nothing is removed', async (_what, other, name) => {
    const server = await aServer();
    const world = await worldOn(server);
    server.script(/^POST .*\/orgs$/, { status: 200, body: { id: other() } });
    const org = { id: other(), name, state: 'ORG_STATE_ACTIVE' };
    server.script(/^GET .*\/orgs\/me$/, { status: 200, body: { org } });

    await expect(world.addOrg('acme')).rejects.toThrow(NotOurs);
    await expect(world.close()).rejects.toThrow('Nothing was removed');
    expect(removalsOn(server)).toEqual([]);
  });

  it('of a user of another name removes neither the user nor anything else', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    await world.addOrg('acme');
    const { id: userId } = await world.addServiceUser(world.root, 'svc-viewer');
    const user = { id: userId, userName: 'root', state: 'USER_STATE_ACTIVE' };
    server.script(/^GET .*\/users\/\d+$/, { status: 200, body: { user } });

    await expect(world.close()).rejects.toThrow("is called 'root', not 'svc-viewer-b737b2'");
    expect(removalsOn(server)).toEqual([]);
  });
});

describe('what the run did not make', () => {
  const foreign: Org = { id: '41', name: 'Customers' };
  const somebody = { id: '42', userName: 'root', orgId: id('root') };
  const theirs: Project = { id: '43', name: 'shop', orgId: foreign.id };
  const own: Project = { ...theirs, orgId: id('root') };
  const grant = { id: '44', projectId: '43', ownerOrgId: id('root'), grantedOrgId: '41' };
  const signedIn = { accessToken: '', idToken: '', refreshToken: '', redeemedBy: {} };

  it.each<[string, (world: RealWorld) => Promise<unknown>]>([
    ['the own organization deactivated', (world) => world.deactivateOrg(world.root)],
    ['the own organization removed', (world) => world.removeOrg(world.root)],
    ['another organization deactivated', (world) => world.deactivateOrg(foreign)],
    ['another organization reactivated', (world) => world.reactivateOrg(foreign)],
    ['another organization removed', (world) => world.removeOrg(foreign)],
    ['a project made in the own organization', (world) => world.addProject(world.root, 'x')],
    ['a project made in another organization', (world) => world.addProject(foreign, 'x')],
    ['a project of the own organization deactivated', (world) => world.deactivateProject(own)],
    ['a project of another one deactivated', (world) => world.deactivateProject(theirs)],
    ['a grant of the own organization removed', (world) => world.removeGrant(grant)],
    ['a user of the own organization removed', (world) => world.removeUser(somebody)],
    ['a user of the own organization locked', (world) => world.lockUser(somebody)],
    ['a secret of such a user replaced', (world) => world.addSecret(somebody)],
    ['a token made for such a user', (world) => world.addPat(somebody)],
    ['a person made in the own organization', (world) => world.addPerson(world.root, 'x')],
    [
      'an owner of the instance made of such a user',
      (world) => world.addMember(somebody, 'instance', ['IAM_OWNER']),
    ],
    ['a manager of the instance removed', (world) => world.removeMember(somebody, 'instance')],
    [
      'a manager of the own organization removed',
      (world) => world.removeMember(somebody, { org: world.root }),
    ],
  ])('%s: is not asked for', async (_what, change) => {
    const server = await aServer();
    const world = await worldOn(server);

    await expect(change(world)).rejects.toThrow(NotOurs);
    expect(changesOn(server)).toEqual([]);
  });

  it('somebody else’s target called, or anybody’s events called by none: is not asked for', async () => {
    const server = await aServer();
    for (const targets of [['45'], [], undefined, ['46', '45']]) {
      const api = new RealApi(server.url, TOKEN);
      const bounds = new RealBounds(api, { id: id('root'), name: 'root' }, SUFFIX);
      bounds.noteTarget('46');
      const body = { condition: { event: { event: 'org.removed' } }, targets };
      const call = { method: 'PUT', path: '/v2/actions/executions', body };
      await expect(bounds.check(call)).rejects.toThrow(NotOurs);
    }
    expect(changesOn(server)).toEqual([]);
  });

  it('targets of this run are called and removed, and no others', async () => {
    const server = await aServer();
    const api = new RealApi(server.url, TOKEN);
    const bounds = new RealBounds(api, { id: id('root'), name: 'root' }, SUFFIX);
    bounds.noteTarget('46');
    const execution = { method: 'PUT', path: '/v2/actions/executions', body: { targets: ['46'] } };
    expect(await bounds.check(execution)).toBe('ours');
    expect(await bounds.check({ method: 'DELETE', path: '/v2/actions/targets/46' })).toBe('ours');
    const others = { method: 'DELETE', path: '/v2/actions/targets/45' };
    await expect(bounds.check(others)).rejects.toThrow(NotOurs);
  });

  it('somebody else’s session ended: is not asked for', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const session = { ...signedIn, sessionId: '45', sessionToken: '' };

    await expect(world.endSession(somebody, session)).rejects.toThrow(NotOurs);
    expect(changesOn(server).filter((line) => line.includes('session'))).toEqual([]);
  });
});

describe('what may have been made', () => {
  it('by a request whose answer was lost is named at the end', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    await world.addOrg('globex');
    server.refuse(/^POST .*\/orgs$/, 502);

    await expect(world.addOrg('acme')).rejects.toThrow('502');
    await expect(world.close()).rejects.toThrow(
      /^left behind on the server:\n {2}organization acme-b737b2: perhaps.*502/,
    );
    expect(removalsOn(server)).toEqual([`DELETE /admin/v1/orgs/${id('globex')}`]);
  });

  it('by a request that was refused is not named', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    server.refuse(/^POST .*\/orgs$/, 409);

    await expect(world.addOrg('acme')).rejects.toThrow('409');
    await expect(world.close()).resolves.toBeUndefined();
  });

  it('by a request under way when somebody interrupts is removed', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const release = server.hold(/^POST .*\/orgs$/);
    const making = world.addOrg('acme').catch((error: unknown) => error);
    await until('asked', () => Promise.resolve(changesOn(server).length === 1));
    const closing = world.close();
    release();
    await closing;

    expect(removalsOn(server)).toEqual([`DELETE /admin/v1/orgs/${id('acme')}`]);
    await server.close();
    await making;
  });

  it('is not taken for gone because a gateway does not know the route', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    await world.addOrg('acme');
    const body = { code: 5, message: 'Not Found' };
    server.script(/^DELETE/, { status: 404, body });

    await expect(world.close()).rejects.toThrow(/left behind.*organization acme-b737b2: 404/s);
  });
});

describe('at the end', () => {
  it('a server that is away for longer is waited for once in all, and all is named', async () => {
    const server = await aServer();
    const world = await worldOn(server, { tidyMs: 500 });
    await castOf(world);
    server.refuse(/./, 503);
    const before = server.asked.length;

    await expect(world.close()).rejects.toThrow(
      /globex-b737b2: Error: GET .*: 503.*\n {2}organization acme-b737b2: Error/s,
    );
    const looksAt = (path: string) =>
      server.asked.slice(before).filter((each) => each.path === path);
    // The first one takes all the patience: its waits double from 50 ms, and after four of them nothing is left.
    const [first] = server.asked.slice(before);
    expect(looksAt(String(first?.path)).length).toBeLessThanOrEqual(1 + 5);
    // Each of the three organizations is looked for, and then there are three more looks and no patience.
    expect(looksAt('/management/v1/orgs/me')).toHaveLength(3 * (1 + 3));
  });

  it('keys and tokens that could be left behind live for an hour', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const user = await world.addServiceUser(world.root, 'svc-viewer');
    await world.addKey(user);
    await world.addPat(user);

    const asked = server.asked.filter(({ path }) => /\/(keys|pats)$/.test(path));
    expect(asked).toHaveLength(2);
    for (const { body } of asked) {
      const { expirationDate } = body as { expirationDate: string };
      const livesMs = Date.parse(expirationDate) - Date.now();
      expect(livesMs).toBeGreaterThan(3_500_000);
      expect(livesMs).toBeLessThanOrEqual(3_600_000);
    }
  });
});

describe('the security policy', () => {
  it('that is none is not written back', async () => {
    const server = await aServer();
    server.script(new RegExp(`^GET ${POLICY}$`), { status: 200, body: {} });
    const scene = await castOf(await worldOn(server));

    await expect(scene.token('alice impersonated')).rejects.toThrow(`GET ${POLICY}: 200 {}`);
    expect(changesOn(server)).not.toContain(`PUT ${POLICY}`);
  });

  it('keeps what somebody else has changed in it meanwhile', async () => {
    const server = await aServer();
    const world = await worldOn(server);
    const scene = await castOf(world);
    await scene.token('alice impersonated');
    const changed = { enableImpersonation: true, allowedOrigins: ['https://acme.example'] };
    await fetch(`${server.url}${POLICY}`, { method: 'PUT', body: JSON.stringify(changed) });
    // Reads lag by one look.
    await fetch(`${server.url}${POLICY}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    await world.close();

    const written = server.asked.filter(({ method, path }) => method === 'PUT' && path === POLICY);
    expect(written.map(({ body }) => body)).toEqual([
      { enableImpersonation: true },
      changed,
      { ...changed, enableImpersonation: false },
    ]);
  });

  it('is left alone where impersonation is allowed anyway', async () => {
    const server = await aServer();
    const policy = { enableImpersonation: true };
    server.script(new RegExp(`^GET ${POLICY}$`), { status: 200, body: { policy } });
    const world = await worldOn(server);
    const scene = await castOf(world);
    await scene.token('alice impersonated').catch(() => undefined);
    await world.close();

    expect(changesOn(server)).not.toContain(`PUT ${POLICY}`);
  });
});

describe('the token', () => {
  it('goes to nobody who calls himself something else', async () => {
    const server = await aServer();
    server.issuer = 'https://another.example';

    await expect(worldOn(server)).rejects.toThrow(
      "ZITADEL_URL must be the issuer, which this server says is 'https://another.example'",
    );
    expect(server.asked.map(({ path, headers }) => [path, headers])).toEqual([
      ['/.well-known/openid-configuration', {}],
    ]);
  });

  it.each([
    { status: 200, body: 'Welcome to our network' },
    { status: 302, body: {} },
    { status: 404, body: {} },
  ])('goes to nobody who answers %j to the question who he is', async (answer) => {
    const server = await aServer();
    server.script(/openid-configuration$/, answer);

    await expect(worldOn(server)).rejects.toThrow('ZITADEL_URL must be the issuer');
    expect(server.asked.filter(({ headers }) => 'authorization' in headers)).toEqual([]);
  });

  it('waits while the server is starting', async () => {
    const server = await aServer();
    server.refuse(/openid-configuration$/, 503, 2);
    await worldOn(server);

    const [first, second, third] = server.asked.map(({ headers }) => 'authorization' in headers);
    expect([first, second, third]).toEqual([false, false, false]);
  });
});

describe('the environment', () => {
  const from = (more: Record<string, string>) => realServerFrom({ ZITADEL_PAT: 'secret', ...more });

  it.each([
    ['https://acme.example', 'https://acme.example'],
    ['https://acme.example/', 'https://acme.example'],
    ['https://acme.example:443', 'https://acme.example'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('ZITADEL_URL=%s names %s', (url, origin) => {
    expect(from({ ZITADEL_URL: url })).toEqual({ origin, token: 'secret' });
  });

  it.each([
    'http://acme.example',
    'http://127.0.0.1.acme.example',
    'http://localhost.acme.example',
    'http://10.0.0.1:8080',
  ])('ZITADEL_URL=%s is refused unless ZITADEL_ALLOW_HTTP=1', (url) => {
    expect(() => from({ ZITADEL_URL: url })).toThrow('over plain http everybody');
    expect(() => from({ ZITADEL_URL: url, ZITADEL_ALLOW_HTTP: '0' })).toThrow('plain http');
    expect(from({ ZITADEL_URL: url, ZITADEL_ALLOW_HTTP: '1' })?.origin).toBe(url);
  });

  it.each([
    'https://acme.example/zitadel',
    'https://root:secret@acme.example',
    'https://acme.example/?a',
    'https://acme.example/#a',
    'ftp://acme.example',
    'acme.example:443',
  ])('ZITADEL_URL=%s is refused', (url) => {
    expect(() => from({ ZITADEL_URL: url })).toThrow('ZITADEL_URL must be the issuer alone');
  });

  it('names both or none', () => {
    expect(realServerFrom({})).toBeUndefined();
    expect(() => realServerFrom({ ZITADEL_PAT: 'secret' })).toThrow('go together');
    expect(() => realServerFrom({ ZITADEL_URL: 'https://acme.example' })).toThrow('go together');
    expect(() => from({ ZITADEL_URL: 'acme' })).toThrow('go together');
  });

  it('with a token that no header can carry is refused without showing it', () => {
    const broken = { ZITADEL_URL: 'https://acme.example', ZITADEL_PAT: 'secret\n' };
    expect(() => from(broken)).toThrow(/^ZITADEL_PAT must be the token alone$/);
  });
});

describe('the suite', () => {
  const from = (host: string) =>
    realServerFrom({
      ZITADEL_URL: 'https://acme.example',
      ZITADEL_PAT: 'secret',
      ZITADEL_WEBHOOKS_HOST: host,
    });

  it('is told of events where the host is named by which the server reaches it, and says so', () => {
    const server = from('host.docker.internal');
    expect(server?.webhooksHost).toBe('host.docker.internal');
    expect(server && announcement(server, 'x')).toContain('it has them delivered here');
    expect(() => from('http://here:80/')).toThrow('ZITADEL_WEBHOOKS_HOST must be a host alone');
  });

  it.each([
    ['nobody listens', {}, true],
    ['only requests are listened to', { executions: [{ condition: { request: {} } }] }, true],
    ['somebody listens', { executions: [{ condition: { event: { all: true } } }] }, false],
  ])('takes no events away: %s', async (_what, body, taken) => {
    const server = await aServer();
    server.script(/executions\/search/, { status: 200, body });
    const said: string[] = [];
    const world = await RealWorld.start(
      { origin: server.url, token: TOKEN, webhooksHost: '127.0.0.1' },
      SUFFIX,
      { say: (line) => said.push(line) },
    );
    expect(world.serves.has('webhooks')).toBe(taken);
    expect(said.join()).toMatch(taken ? /^$/ : /Somebody listens to the events/);
  });

  it('has its target removed at the end', async () => {
    const server = await aServer();
    server.script(/executions\/search/, { status: 200, body: {} });
    server.script(/POST .*targets$/, { status: 200, body: { id: '46', signingKey: 'key' } });
    server.script(/(PUT|DELETE) .*actions/, { status: 200, body: {} });
    const at = { origin: server.url, token: TOKEN, webhooksHost: '127.0.0.1' };
    const world = await RealWorld.start(at, SUFFIX);
    const { signingKey } = await world.listen(['org.removed']);
    await world.close();
    expect(signingKey).toBe('key');
    expect(changesOn(server).filter((line) => line.includes('actions'))).toEqual([
      'POST /v2/actions/executions/search',
      'POST /v2/actions/targets',
      'PUT /v2/actions/executions',
      'DELETE /v2/actions/targets/46',
    ]);
  });
});

describe('the announcement', () => {
  const said = announcement({ origin: 'https://acme.example', token: 'secret' }, 'contract-1a2b');

  it('says where, how many, how they are called, what of the instance is changed, and not the token', () => {
    expect(said).toContain('On https://acme.example this makes 7 organizations');
    expect(said).toContain('2 service users in the organization of the token');
    expect(said).toContain('end in -contract-1a2b.');
    expect(said).toContain('security policy of the instance');
    expect(said).not.toContain('secret');
  });

  it('says how many users there are in the own organization', async () => {
    const server = await aServer();
    const scene = await castOf(await worldOn(server));
    await scene.hank();
    await scene.token('alice impersonated');
    const atHome = server.asked.filter(
      ({ method, path, headers }) =>
        method === 'POST' && path.endsWith('/users/machine') && headers[HEADER] === id('root'),
    );
    expect(said).toContain(`and ${String(atHome.length)} service users`);
  });
});
