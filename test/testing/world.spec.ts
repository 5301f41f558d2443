import { beforeAll, describe, expect, it, afterEach, beforeEach, vi } from 'vitest';
import type { MemberResource, Org, User } from '../../lib/testing/index.js';
import { call, myMemberships, outcomeOf, rowsOf, useTenants, EACH_TEST } from './calls.js';
import { useEmulator } from '../support/world.js';

const w = useTenants();
let people = 0;

function somebody(org?: Org): User {
  people += 1;
  return w.zitadel.addUser(`person-${String(people)}`, org === undefined ? {} : { org });
}

async function rows(user: User): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return rowsOf(await myMemberships(w.zitadel, w.zitadel.tokenFor(user)));
}

describe('what the verbs return', () => {
  it('is plain, with ids of 18 digits', () => {
    const user = w.zitadel.addUser('ann', { org: w.acme, displayName: 'Ann Example' });
    expect(user).toEqual({
      id: expect.stringMatching(/^\d{18}$/) as string,
      name: 'Ann Example',
      email: 'ann@example.com',
      userName: 'ann',
      orgId: w.acme.id,
      kind: 'person',
    });
    expect(w.portal).toEqual({ id: w.portal.id, name: 'portal', orgId: w.acme.id });
    expect(w.grant).toEqual({
      id: w.grant.id,
      projectId: w.portal.id,
      grantedOrgId: w.globex.id,
      roleKeys: ['reader'],
      state: 'active',
    });
    expect(structuredClone(w.grant)).toEqual(w.grant);
  });

  it('may be given to other verbs as it is, or as an id', async () => {
    const user = somebody();
    w.zitadel.addMember(user.id, { org: w.acme.id }, ['ORG_OWNER']);
    w.zitadel.changeMember(user, { org: w.acme }, ['ORG_OWNER_VIEWER']);
    expect(await rows(user)).toMatchObject([{ orgId: w.acme.id, roles: ['ORG_OWNER_VIEWER'] }]);
  });
});

describe('members', () => {
  const on: Readonly<Record<string, () => MemberResource>> = {
    instance: () => 'instance',
    org: () => ({ org: w.acme }),
    project: () => ({ project: w.portal }),
    grant: () => ({ projectGrant: w.grant }),
    'no org': () => ({ org: '1' }),
    'no project': () => ({ project: '1' }),
    'no grant': () => ({ projectGrant: '1' }),
  };
  const resource = (name: string) => on[name]?.() ?? expect.unreachable(name);

  it.each<[string, string, () => object]>([
    ['instance', 'IAM_OWNER', () => ({ iam: true, displayName: 'ZITADEL' })],
    ['org', 'ORG_OWNER', () => ({ orgId: w.acme.id, displayName: 'acme' })],
    ['project', 'PROJECT_OWNER', () => ({ projectId: w.portal.id, displayName: 'portal' })],
    ['grant', 'PROJECT_GRANT_OWNER', () => ({ projectGrantId: w.grant.id, displayName: 'portal' })],
  ])('of the %s have one row until they are removed', async (name, role, row) => {
    const user = somebody();
    w.zitadel.addMember(user, resource(name), [role]);
    const [first, ...more] = await rows(user);
    const { details, ...rest } = first ?? {};
    expect(rest).toEqual({ userId: user.id, roles: [role], ...row() });
    expect(details).toMatchObject({ sequence: expect.stringMatching(/^\d+$/) as string });
    expect(more).toEqual([]);
    w.zitadel.removeMember(user, resource(name));
    const after = await myMemberships(w.zitadel, w.zitadel.tokenFor(user));
    expect(after.json).toEqual({
      details: { viewTimestamp: expect.stringMatching(/\.\d{6}Z$/) as string },
    });
  });

  it.each<[string, readonly string[], string]>([
    ['org', ['IAM_OWNER'], 'Org-4N8es'],
    ['instance', ['ORG_OWNER'], 'INSTANCE-4m0fS'],
    ['project', ['ORG_OWNER'], 'PROJECT-3m9ds'],
    ['grant', ['PROJECT_OWNER'], 'PROJECT-m9gKK'],
    ['org', [], 'Org-4N8es'],
    ['org', ['ORG_OWNER', 'IAM_OWNER'], 'Org-4N8es'],
    ['no org', ['ORG_OWNER'], 'COMMAND-3m9gg'],
    ['no project', ['PROJECT_OWNER'], 'COMMAND-m9gsd'],
    ['no grant', ['PROJECT_GRANT_OWNER'], 'PROJECT-D8JxR'],
  ])('of the %s are refused with %j', (name, roles, id) => {
    expect(() => w.zitadel.addMember(somebody(), resource(name), roles)).toThrow(`(${id})`);
  });

  it('are refused twice, and not changed or removed where they are not', () => {
    const user = somebody();
    expect(() => w.zitadel.changeMember(user, { org: w.acme }, ['ORG_OWNER'])).toThrow(
      '(Org-D8JxR)',
    );
    expect(() => w.zitadel.removeMember(user, { org: w.acme })).toThrow('(Org-D8JxR)');
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
    expect(() => w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER'])).toThrow('(V3-DKcYh)');
  });

  it('may have roles of a configured server, and a project may have roles of a grant', async () => {
    const user = somebody();
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_AUDITOR']);
    w.zitadel.addMember(user, { project: w.portal }, ['PROJECT_GRANT_OWNER']);
    expect((await rows(user)).map((row) => row['roles'])).toEqual([
      ['ORG_AUDITOR'],
      ['PROJECT_GRANT_OWNER'],
    ]);
  });
});

describe('names', () => {
  it('are unique: of organizations, of users, of projects within an organization', () => {
    w.zitadel.addUser('only-one');
    expect(() => w.zitadel.addUser('only-one')).toThrow('(V3-DKcYh)');
    expect(() => w.zitadel.addOrg('acme')).toThrow('(V3-DKcYh)');
    expect(() => w.zitadel.renameOrg(w.globex, 'acme')).toThrow('(V3-DKcYh)');
    expect(() => w.zitadel.addProject('portal', { org: w.acme })).toThrow('(V3-DKcYh)');
    expect(w.zitadel.addProject('portal', { org: w.globex })).toMatchObject({ orgId: w.globex.id });
  });

  it('are shown in rows as they are now, whatever they hold', async () => {
    const name = '<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b';
    const org = w.zitadel.addOrg('plain');
    const user = somebody();
    w.zitadel.addMember(user, { org }, ['ORG_OWNER']);
    w.zitadel.renameOrg(org, name);
    expect(await rows(user)).toMatchObject([{ displayName: name }]);
  });
});

describe('what goes with what', () => {
  it('takes the rows of a project and of its grants with the project', async () => {
    const project = w.zitadel.addProject('short-lived', { org: w.acme, roles: ['a'] });
    const itsGrant = w.zitadel.grantProject(project, w.globex, ['a']);
    const user = somebody();
    w.zitadel.addMember(user, { project }, ['PROJECT_OWNER']);
    w.zitadel.addMember(user, { projectGrant: itsGrant }, ['PROJECT_GRANT_OWNER']);
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
    w.zitadel.removeProject(project);
    expect((await rows(user)).map((row) => row['orgId'])).toEqual([w.acme.id]);
    expect(w.zitadel.grants().map(({ id }) => id)).not.toContain(itsGrant.id);
  });

  it('takes everything in it and granted to it with an organization', async () => {
    const org = w.zitadel.addOrg('doomed');
    const project = w.zitadel.addProject('p', { org, roles: ['a'] });
    const outgoing = w.zitadel.grantProject(project, w.globex, ['a']);
    const incoming = w.zitadel.grantProject(w.portal, org, ['reader']);
    const user = somebody(w.acme);
    w.zitadel.addMember(user, { org }, ['ORG_OWNER']);
    w.zitadel.addMember(user, { project }, ['PROJECT_OWNER']);
    w.zitadel.addMember(user, { projectGrant: outgoing }, ['PROJECT_GRANT_OWNER']);
    w.zitadel.addMember(user, { projectGrant: incoming }, ['PROJECT_GRANT_OWNER']);
    w.zitadel.removeOrg(org);
    expect(await rows(user)).toEqual([]);
    expect(w.zitadel.grants().map(({ id }) => id)).toEqual([w.grant.id]);
    expect(() => w.zitadel.addUser('late', { org })).toThrow('(COMMAND-3m9gg)');
  });

  it('leaves the name of an organization behind, under which calls go on', async () => {
    const org = w.zitadel.addOrg('left behind');
    const user = somebody(w.acme);
    w.zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    const token = w.zitadel.tokenFor(user);
    const ask = (path: string, id: string, method = 'GET') =>
      call(w.zitadel, path, token, { method, headers: { 'x-zitadel-orgid': id } });
    const read = () => ask('/management/v1/orgs/me', org.id);
    const { json } = await read();
    expect(json['org']).toMatchObject({
      id: org.id,
      name: 'left behind',
      state: 'ORG_STATE_ACTIVE',
    });

    const remove = () => ask(`/admin/v1/orgs/${org.id}`, w.acme.id, 'DELETE');
    expect((await remove()).status).toBe(200);
    const again = await remove();
    expect(outcomeOf(again)).toEqual([404, 'COMMA-aps2n']);
    expect(() => w.zitadel.removeOrg(org)).toThrow('(COMMA-aps2n)');

    const removed = await read();
    expect(removed.text).toBe(JSON.stringify({ org: { id: org.id, name: 'left behind' } }));
    const project = await ask(`/management/v1/projects/${w.portal.id}`, org.id);
    expect(outcomeOf(project)).toEqual([404, 'MANAG-SFf2a']);
    const never = await ask('/management/v1/orgs/me', '1');
    expect(outcomeOf(never)).toEqual([403, 'AUTH-Bs7Ds']);
  });

  it('leaves rows alone when something is only deactivated', async () => {
    const user = somebody(w.acme);
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
    w.zitadel.addMember(user, { project: w.portal }, ['PROJECT_OWNER']);
    w.zitadel.addMember(user, { projectGrant: w.grant }, ['PROJECT_GRANT_OWNER']);
    w.zitadel.deactivateGrant(w.grant);
    w.zitadel.deactivateProject(w.portal);
    w.zitadel.deactivateOrg(w.acme);
    expect(await rows(user)).toHaveLength(3);
    const path = `/management/v1/projects/${w.portal.id}`;
    const project = await call(w.zitadel, path, w.zitadel.tokenFor(user));
    expect(project.json['project']).toMatchObject({ state: 'PROJECT_STATE_INACTIVE' });
    expect(w.zitadel.grants()[0]?.state).toBe('inactive');
    w.zitadel.reactivateOrg(w.acme);
    w.zitadel.reactivateProject(w.portal);
    w.zitadel.reactivateGrant(w.grant);
    expect(w.zitadel.grants()[0]?.state).toBe('active');
  });
});

describe('what a service user reads of others', () => {
  it('is nothing without the right to it', async () => {
    const reader = w.zitadel.addServiceUser('no-reader', { org: w.acme });
    w.zitadel.addMember(reader, { org: w.acme }, ['ORG_SETTINGS_MANAGER']);
    const path = `/management/v1/users/${reader.id}/memberships/_search`;
    const called = await call(w.zitadel, path, w.zitadel.tokenFor(reader), { body: {} });
    expect(outcomeOf(called)).toEqual([403, 'AUTH-5mWD2']);
  });
});

describe('searches', () => {
  let user: User;

  beforeAll(() => {
    user = somebody();
    w.zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
  });

  it.each<[string, unknown, number]>([
    ['proto names', { queries: [{ org_query: { org_id: 'ACME' } }] }, 1],
    ['a limit as text', { query: { limit: '1' } }, 1],
    ['unknown fields', { nothing: true }, 2],
    ['null', { query: null, queries: null }, 2],
  ])('take %s', async (_name, body, count) => {
    const text = JSON.stringify(body).replace('ACME', w.acme.id);
    const called = await myMemberships(w.zitadel, w.zitadel.tokenFor(user), { body: text });
    expect([called.status, rowsOf(called).length]).toEqual([200, count]);
  });

  it.each<[string, string]>([
    ['a list', '[]'],
    ['a text', '"x"'],
    ['trailing commas', '{"query":{},}'],
    ['text that ends too early', '{"query":{"limit":1'],
    ['a negative limit', '{"query":{"limit":-1}}'],
    ['a limit that is no number', '{"query":{"limit":"many"}}'],
    ['queries that are no list', '{"queries":{}}'],
    ['an id that is no text', '{"queries":[{"orgQuery":{"orgId":1}}]}'],
  ])('refuse %s with 400', async (_name, body) => {
    const called = await myMemberships(w.zitadel, w.zitadel.tokenFor(user), { body });
    expect([called.status, called.json['code']]).toEqual([400, 3]);
  });
});

describe('what reads see', () => {
  const w = useTenants(EACH_TEST);
  let alice: User;
  let token: string;

  beforeEach(() => {
    alice = w.addMember({ org: w.acme }, ['ORG_OWNER'], w.acme);
    token = w.zitadel.tokenFor(alice);
  });

  afterEach(() => vi.useRealTimers());

  async function roles(): Promise<unknown> {
    return rowsOf(await myMemberships(w.zitadel, token)).map((row) => row['roles']);
  }

  function post(path: string, body: object = {}): ReturnType<typeof call> {
    return call(w.zitadel, `/management/v1${path}`, token, { body });
  }

  describe('reads that are held', () => {
    it('see nothing that happens, until they are released', async () => {
      w.zitadel.holdReads();
      w.zitadel.changeMember(alice, { org: w.acme }, ['ORG_OWNER_VIEWER']);
      w.zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
      w.zitadel.renameOrg(w.acme, 'renamed');
      expect(await roles()).toEqual([['ORG_OWNER']]);
      w.zitadel.releaseReads();
      expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
    });

    it('show the rows of a member that is already removed', async () => {
      w.zitadel.holdReads();
      w.zitadel.removeMember(alice, { org: w.acme });
      expect(await roles()).toEqual([['ORG_OWNER']]);
      w.zitadel.releaseReads();
      expect(await roles()).toEqual([]);
    });

    it('are lists, memberships and projects; one grant and all rights are fresh', async () => {
      const late = w.zitadel.addServiceUser('late', { org: w.acme });
      w.zitadel.holdReads();
      w.zitadel.addMember(late, { org: w.acme }, ['ORG_OWNER']);
      token = w.zitadel.tokenFor(late);
      const young = w.zitadel.addProject('young', { org: w.acme });
      const body = { grantedOrgId: w.globex.id, roleKeys: ['reader'] };
      const added = await post(`/projects/${w.other.id}/grants`, body);
      expect(added.status).toBe(200);
      const id = String(added.json['grantId']);
      const path = `/management/v1/projects/${w.other.id}/grants/${id}`;
      expect((await call(w.zitadel, path, token)).status).toBe(200);
      expect(rowsOf(await post(`/projects/${w.other.id}/grants/_search`))).toEqual([]);
      // The one that was there before.
      expect(rowsOf(await post('/projectgrants/_search'))).toHaveLength(1);
      const project404 = await call(w.zitadel, `/management/v1/projects/${young.id}`, token);
      expect(project404.status).toBe(404);
      w.zitadel.releaseReads();
      expect(rowsOf(await post(`/projects/${w.other.id}/grants/_search`))).toHaveLength(1);
      expect((await call(w.zitadel, `/management/v1/projects/${young.id}`, token)).status).toBe(
        200,
      );
    });
  });

  describe('reads that lag', () => {
    it('see each change when its time has passed', async () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      w.zitadel.lagReads(1000);
      w.zitadel.changeMember(alice, { org: w.acme }, ['ORG_OWNER_VIEWER']);
      vi.advanceTimersByTime(600);
      w.zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
      expect(await roles()).toEqual([['ORG_OWNER']]);
      vi.advanceTimersByTime(600);
      expect(await roles()).toEqual([['ORG_OWNER_VIEWER']]);
      vi.advanceTimersByTime(600);
      expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
    });

    it('do not lag behind what was there before', async () => {
      w.zitadel.lagReads(3_600_000);
      expect(await roles()).toEqual([['ORG_OWNER']]);
    });

    it('are up to date again at 0', async () => {
      w.zitadel.lagReads(3_600_000);
      w.zitadel.removeMember(alice, { org: w.acme });
      expect(await roles()).toEqual([['ORG_OWNER']]);
      w.zitadel.lagReads(0);
      expect(await roles()).toEqual([]);
    });

    it('never reach what tokens are checked against', async () => {
      w.zitadel.lagReads(3_600_000);
      w.zitadel.deactivateUser(alice);
      expect((await myMemberships(w.zitadel, token)).status).toBe(401);
    });
  });
});

describe('one emulator for many tests', async () => {
  const zitadel = await useEmulator({ queryLimits: { max: 50 } });

  const rowsOf = async (token: string) => {
    const { status, json } = await myMemberships(zitadel, token);
    return [status, (json as { result?: unknown[] }).result?.length ?? 0];
  };

  describe('ids', () => {
    it('may be given, and are taken then', () => {
      const org = zitadel.addOrg('acme', { id: 'acme-1' });
      const project = zitadel.addProject('portal', { org, id: '1' });
      const customer = zitadel.addOrg('customer');
      expect(org.id).toBe('acme-1');
      expect(zitadel.addUser('alice', { org, id: '2' }).id).toBe('2');
      expect(zitadel.addServiceUser('backend', { id: '3' }).id).toBe('3');
      expect(zitadel.grantProject(project, customer, [], { id: '4' }).id).toBe('4');
      const redirectUris = ['http://localhost:9/callback'];
      expect(zitadel.addApplication(project, { clientId: '5', redirectUris }).clientId).toBe('5');
      const api = zitadel.addApiApplication(project, { clientId: '6', clientSecret: 'secret-6' });
      expect(api).toMatchObject({ clientId: '6', clientSecret: 'secret-6' });
      expect(() => zitadel.addOrg('other', { id: '1' })).toThrow('the id 1 is taken');
      expect(() => zitadel.addUser('bob', { id: 'a/b' })).toThrow("'a/b' is not an id");
      expect(zitadel.addUser('bob').id).toMatch(/^\d{18}$/);
    });
  });

  describe('reset', () => {
    it('begins again, with the same address, keys and ids', async () => {
      const { url, issuer, instanceId, rootOrg, defaultProject, zitadelProjectId } = zitadel;
      const keys = zitadel.publicKeys();
      zitadel.reset();
      const acme = zitadel.addOrg('acme', { id: 'acme-1' });
      const alice = zitadel.addUser('alice', { org: acme, id: '2' });
      zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
      zitadel.addMember(alice, { project: defaultProject }, ['PROJECT_OWNER']);
      zitadel.addTarget('http://127.0.0.1:9/', {});
      const [robot, pat] = [zitadel.addServiceUser('backend'), 'a-text-of-mine'];
      expect(zitadel.patFor(robot, pat)).toBe(pat);
      zitadel.setRolePermissions('ORG_OWNER', []);
      zitadel.setEditor(alice);
      zitadel.deliveries({ lose: 1 });
      zitadel.lagReads(60_000);
      zitadel.fail('memberships', 503);
      zitadel.serveApis('v2');
      zitadel.limitQueries({ max: 1 });
      const token = zitadel.tokenFor(alice);
      zitadel.reset();
      expect(await rowsOf(token)).toEqual([401, 0]);
      expect(await rowsOf(pat)).toEqual([401, 0]);
      expect(zitadel.requests()).toBe(2);
      expect(zitadel.grants()).toEqual([]);
      expect(zitadel).toMatchObject({
        url,
        issuer,
        instanceId,
        rootOrg,
        defaultProject,
        zitadelProjectId,
      });
      expect(zitadel.publicKeys()).toEqual(keys);
      // Who is added again with the same id is the same to tokens.
      const again = zitadel.addUser('alice', { org: zitadel.addOrg('acme'), id: '2' });
      expect(await rowsOf(token)).toEqual([200, 0]);
      zitadel.addMember(again, { project: defaultProject }, ['PROJECT_OWNER']);
      expect(await rowsOf(token)).toEqual([200, 1]);
      await zitadel.delivered();
    });
  });
});
