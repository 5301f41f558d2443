import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type MemberResource,
  type Org,
  type Project,
  type ProjectGrant,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import { call, errorIdOf, myMemberships, rowsOf } from './calls.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let portal: Project;
let grant: ProjectGrant;
let people = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  grant = zitadel.grantProject(portal, globex, ['reader']);
});

afterAll(() => zitadel.stop());

function somebody(org?: Org): User {
  people += 1;
  return zitadel.addUser(`person-${String(people)}`, org === undefined ? {} : { org });
}

async function rows(user: User): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return rowsOf(await myMemberships(zitadel, zitadel.tokenFor(user)));
}

describe('what the verbs return', () => {
  it('is plain, with ids of 18 digits', () => {
    const user = zitadel.addUser('ann', { org: acme, displayName: 'Ann Example' });
    expect(user).toEqual({
      id: expect.stringMatching(/^\d{18}$/) as string,
      name: 'Ann Example',
      userName: 'ann',
      orgId: acme.id,
      kind: 'person',
    });
    expect(portal).toEqual({ id: portal.id, name: 'portal', orgId: acme.id });
    expect(grant).toEqual({
      id: grant.id,
      projectId: portal.id,
      grantedOrgId: globex.id,
      roleKeys: ['reader'],
      state: 'active',
    });
    expect(structuredClone(grant)).toEqual(grant);
  });

  it('may be given to other verbs as it is, or as an id', async () => {
    const user = somebody();
    zitadel.addMember(user.id, { org: acme.id }, ['ORG_OWNER']);
    zitadel.changeMember(user, { org: acme }, ['ORG_OWNER_VIEWER']);
    expect(await rows(user)).toMatchObject([{ orgId: acme.id, roles: ['ORG_OWNER_VIEWER'] }]);
  });
});

describe('members', () => {
  it.each<[string, () => MemberResource, string, () => object]>([
    ['the instance', () => 'instance', 'IAM_OWNER', () => ({ iam: true, displayName: 'ZITADEL' })],
    [
      'an organization',
      () => ({ org: acme }),
      'ORG_OWNER',
      () => ({ orgId: acme.id, displayName: 'acme' }),
    ],
    [
      'a project',
      () => ({ project: portal }),
      'PROJECT_OWNER',
      () => ({ projectId: portal.id, displayName: 'portal' }),
    ],
    [
      'a project grant',
      () => ({ projectGrant: grant }),
      'PROJECT_GRANT_OWNER',
      () => ({ projectGrantId: grant.id, displayName: 'portal' }),
    ],
  ])('of %s have one row until they are removed', async (_name, on, role, row) => {
    const user = somebody();
    zitadel.addMember(user, on(), [role]);
    const [first, ...more] = await rows(user);
    const { details, ...rest } = first ?? {};
    expect(rest).toEqual({ userId: user.id, roles: [role], ...row() });
    expect(details).toMatchObject({ sequence: expect.stringMatching(/^\d+$/) as string });
    expect(more).toEqual([]);
    zitadel.removeMember(user, on());
    const after = await myMemberships(zitadel, zitadel.tokenFor(user));
    expect(after.json).toEqual({
      details: { viewTimestamp: expect.stringMatching(/\.\d{6}Z$/) as string },
    });
  });

  it.each<[string, () => MemberResource, readonly string[], string]>([
    ['an IAM role in an organization', () => ({ org: acme }), ['IAM_OWNER'], 'Org-4N8es'],
    ['an ORG role on the instance', () => 'instance', ['ORG_OWNER'], 'INSTANCE-4m0fS'],
    ['an ORG role on a project', () => ({ project: portal }), ['ORG_OWNER'], 'PROJECT-3m9ds'],
    [
      'a PROJECT role on a grant',
      () => ({ projectGrant: grant }),
      ['PROJECT_OWNER'],
      'PROJECT-m9gKK',
    ],
    ['no role', () => ({ org: acme }), [], 'Org-4N8es'],
    ['one wrong role of two', () => ({ org: acme }), ['ORG_OWNER', 'IAM_OWNER'], 'Org-4N8es'],
    ['an organization that is not there', () => ({ org: '1' }), ['ORG_OWNER'], 'COMMAND-3m9gg'],
    ['a project that is not there', () => ({ project: '1' }), ['PROJECT_OWNER'], 'COMMAND-m9gsd'],
    [
      'a grant that is not there',
      () => ({ projectGrant: '1' }),
      ['PROJECT_GRANT_OWNER'],
      'PROJECT-D8JxR',
    ],
  ])('are refused with %s', (_name, on, roles, id) => {
    const user = somebody();
    expect(() => zitadel.addMember(user, on(), roles)).toThrow(`(${id})`);
  });

  it('are refused twice, and not changed or removed where they are not', () => {
    const user = somebody();
    expect(() => zitadel.changeMember(user, { org: acme }, ['ORG_OWNER'])).toThrow('(Org-D8JxR)');
    expect(() => zitadel.removeMember(user, { org: acme })).toThrow('(Org-D8JxR)');
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    expect(() => zitadel.addMember(user, { org: acme }, ['ORG_OWNER'])).toThrow('(V3-DKcYh)');
  });

  it('may have roles of a configured server, and a project may have roles of a grant', async () => {
    const user = somebody();
    zitadel.addMember(user, { org: acme }, ['ORG_AUDITOR']);
    zitadel.addMember(user, { project: portal }, ['PROJECT_GRANT_OWNER']);
    expect((await rows(user)).map((row) => row['roles'])).toEqual([
      ['ORG_AUDITOR'],
      ['PROJECT_GRANT_OWNER'],
    ]);
  });
});

describe('names', () => {
  it('are unique: of organizations, of users, of projects within an organization', () => {
    zitadel.addUser('only-one');
    expect(() => zitadel.addUser('only-one')).toThrow('(V3-DKcYh)');
    expect(() => zitadel.addOrg('acme')).toThrow('(V3-DKcYh)');
    expect(() => zitadel.renameOrg(globex, 'acme')).toThrow('(V3-DKcYh)');
    expect(() => zitadel.addProject('portal', { org: acme })).toThrow('(V3-DKcYh)');
    expect(zitadel.addProject('portal', { org: globex })).toMatchObject({ orgId: globex.id });
  });

  it('are shown in rows as they are now, whatever they hold', async () => {
    const name = '<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b';
    const org = zitadel.addOrg('plain');
    const user = somebody();
    zitadel.addMember(user, { org }, ['ORG_OWNER']);
    zitadel.renameOrg(org, name);
    expect(await rows(user)).toMatchObject([{ displayName: name }]);
  });
});

describe('what goes with what', () => {
  it('takes the rows of a project and of its grants with the project', async () => {
    const project = zitadel.addProject('short-lived', { org: acme, roles: ['a'] });
    const itsGrant = zitadel.grantProject(project, globex, ['a']);
    const user = somebody();
    zitadel.addMember(user, { project }, ['PROJECT_OWNER']);
    zitadel.addMember(user, { projectGrant: itsGrant }, ['PROJECT_GRANT_OWNER']);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    zitadel.removeProject(project);
    expect((await rows(user)).map((row) => row['orgId'])).toEqual([acme.id]);
    expect(zitadel.grants().map(({ id }) => id)).not.toContain(itsGrant.id);
  });

  it('takes everything in it and granted to it with an organization', async () => {
    const org = zitadel.addOrg('doomed');
    const project = zitadel.addProject('p', { org, roles: ['a'] });
    const outgoing = zitadel.grantProject(project, globex, ['a']);
    const incoming = zitadel.grantProject(portal, org, ['reader']);
    const user = somebody(acme);
    zitadel.addMember(user, { org }, ['ORG_OWNER']);
    zitadel.addMember(user, { project }, ['PROJECT_OWNER']);
    zitadel.addMember(user, { projectGrant: outgoing }, ['PROJECT_GRANT_OWNER']);
    zitadel.addMember(user, { projectGrant: incoming }, ['PROJECT_GRANT_OWNER']);
    zitadel.removeOrg(org);
    expect(await rows(user)).toEqual([]);
    expect(zitadel.grants().map(({ id }) => id)).toEqual([grant.id]);
    expect(() => zitadel.addUser('late', { org })).toThrow('(COMMAND-3m9gg)');
  });

  it('leaves the name of an organization behind, under which calls go on', async () => {
    const org = zitadel.addOrg('left behind');
    const user = somebody(acme);
    zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    const token = zitadel.tokenFor(user);
    const ask = (path: string, id: string, method = 'GET') =>
      call(zitadel, path, token, { method, headers: { 'x-zitadel-orgid': id } });
    const read = () => ask('/management/v1/orgs/me', org.id);
    const { json } = await read();
    expect(json['org']).toMatchObject({
      id: org.id,
      name: 'left behind',
      state: 'ORG_STATE_ACTIVE',
    });

    const remove = () => ask(`/admin/v1/orgs/${org.id}`, acme.id, 'DELETE');
    expect((await remove()).status).toBe(200);
    const again = await remove();
    expect([again.status, errorIdOf(again)]).toEqual([404, 'COMMA-aps2n']);
    expect(() => zitadel.removeOrg(org)).toThrow('(COMMA-aps2n)');

    const removed = await read();
    expect(removed.text).toBe(JSON.stringify({ org: { id: org.id, name: 'left behind' } }));
    const project = await ask(`/management/v1/projects/${portal.id}`, org.id);
    expect([project.status, errorIdOf(project)]).toEqual([404, 'MANAG-SFf2a']);
    const never = await ask('/management/v1/orgs/me', '1');
    expect([never.status, errorIdOf(never)]).toEqual([403, 'AUTH-Bs7Ds']);
  });

  it('leaves rows alone when something is only deactivated', async () => {
    const user = somebody(acme);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(user, { project: portal }, ['PROJECT_OWNER']);
    zitadel.addMember(user, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    zitadel.deactivateGrant(grant);
    zitadel.deactivateProject(portal);
    zitadel.deactivateOrg(acme);
    expect(await rows(user)).toHaveLength(3);
    const path = `/management/v1/projects/${portal.id}`;
    const project = await call(zitadel, path, zitadel.tokenFor(user));
    expect(project.json['project']).toMatchObject({ state: 'PROJECT_STATE_INACTIVE' });
    expect(zitadel.grants()[0]?.state).toBe('inactive');
    zitadel.reactivateOrg(acme);
    zitadel.reactivateProject(portal);
    zitadel.reactivateGrant(grant);
    expect(zitadel.grants()[0]?.state).toBe('active');
  });
});

describe('what a service user reads of others', () => {
  it('is what one organization and the instance own', async () => {
    const user = somebody();
    const reader = zitadel.addServiceUser('reader', { org: acme });
    zitadel.addMember(reader, { org: acme }, ['ORG_USER_MANAGER']);
    zitadel.addMember(user, 'instance', ['IAM_USER_MANAGER']);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(user, { org: globex }, ['ORG_OWNER']);
    zitadel.addMember(user, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    const path = `/management/v1/users/${user.id}/memberships/_search`;
    const token = zitadel.tokenFor(reader);
    const called = await call(zitadel, path, token, { body: {} });
    expect(rowsOf(called).map((row) => row['roles'])).toEqual([
      ['ORG_OWNER'],
      ['IAM_USER_MANAGER'],
      ['PROJECT_GRANT_OWNER'],
    ]);
    const headers = { 'x-zitadel-orgid': globex.id };
    const elsewhere = await call(zitadel, path, token, { body: {}, headers });
    expect([elsewhere.status, errorIdOf(elsewhere)]).toEqual([404, 'AUTHZ-cdgFk']);
  });

  it('is nothing without the right to it', async () => {
    const reader = zitadel.addServiceUser('no-reader', { org: acme });
    zitadel.addMember(reader, { org: acme }, ['ORG_SETTINGS_MANAGER']);
    const path = `/management/v1/users/${reader.id}/memberships/_search`;
    const called = await call(zitadel, path, zitadel.tokenFor(reader), { body: {} });
    expect([called.status, errorIdOf(called)]).toEqual([403, 'AUTH-5mWD2']);
  });
});

describe('searches', () => {
  let user: User;

  beforeAll(() => {
    user = somebody();
    zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
  });

  it.each<[string, unknown, number]>([
    ['proto names', { queries: [{ org_query: { org_id: 'ACME' } }] }, 1],
    ['a limit as text', { query: { limit: '1' } }, 1],
    ['unknown fields', { nothing: true }, 2],
    ['null', { query: null, queries: null }, 2],
  ])('take %s', async (_name, body, count) => {
    const text = JSON.stringify(body).replace('ACME', acme.id);
    const called = await myMemberships(zitadel, zitadel.tokenFor(user), { body: text });
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
    const called = await myMemberships(zitadel, zitadel.tokenFor(user), { body });
    expect([called.status, called.json['code']]).toEqual([400, 3]);
  });
});
