import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type Org,
  type Project,
  type ProjectGrant,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import { type Called, call, outcomeOf, rowsOf } from './calls.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let initech: Org;
let portal: Project;
let other: Project;
let grant: ProjectGrant;
let people = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  initech = zitadel.addOrg('initech');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  other = zitadel.addProject('other', { org: acme, roles: ['reader'] });
  grant = zitadel.grantProject(portal, globex, ['reader']);
});

afterAll(() => zitadel.stop());

function serviceUser(org: Org): User {
  people += 1;
  return zitadel.addServiceUser(`service-${String(people)}`, { org });
}

function orgMember(org: Org, role: string): string {
  const user = serviceUser(org);
  zitadel.addMember(user, { org }, [role]);
  return zitadel.tokenFor(user);
}

function grantsOf(project: Project): string {
  return `/management/v1/projects/${project.id}/grants`;
}

describe('rights on grants', () => {
  it.each<[string, [number, string | undefined]]>([
    ['ORG_OWNER', [200, undefined]],
    ['ORG_PROJECT_PERMISSION_EDITOR', [200, undefined]],
    ['ORG_OWNER_VIEWER', [403, 'AUTH-5mWD2']],
    ['ORG_USER_MANAGER', [403, 'AUTH-5mWD2']],
    ['ORG_AUDITOR', [403, 'AUTH-5mWD2']],
  ])('to add and remove one: %s', async (role, expected) => {
    const token = orgMember(acme, role);
    const body = { grantedOrgId: initech.id, roleKeys: ['reader'] };
    const added = await call(zitadel, grantsOf(portal), token, { body });
    expect(outcomeOf(added)).toEqual(expected);
    const id = (added.json['grantId'] as string | undefined) ?? grant.id;
    const path = `${grantsOf(portal)}/${id}`;
    expect(outcomeOf(await call(zitadel, path, token, { method: 'DELETE' }))).toEqual(expected);
    expect(zitadel.grants()).toHaveLength(1);
  });

  it('end at the project for a project owner', async () => {
    const bob = serviceUser(acme);
    zitadel.addMember(bob, { project: portal }, ['PROJECT_OWNER']);
    const token = zitadel.tokenFor(bob);
    const body = { grantedOrgId: initech.id, roleKeys: ['reader'] };
    const elsewhere = await call(zitadel, grantsOf(other), token, { body });
    expect(outcomeOf(elsewhere)).toEqual([403, 'AUTH-Swrgg2']);
    const search = { body: {} };
    const own = await call(zitadel, `${grantsOf(portal)}/_search`, token, search);
    expect(rowsOf(own)).toHaveLength(1);
    const foreign = await call(zitadel, `${grantsOf(other)}/_search`, token, search);
    expect(outcomeOf(foreign)).toEqual([403, 'AUTH-3jknH']);
    const project = await call(zitadel, `/management/v1/projects/${other.id}`, token);
    expect(outcomeOf(project)).toEqual([403, 'AUTH-3jknH']);
  });

  it('are none for those who manage the grant, but for reading it', async () => {
    const carol = serviceUser(acme);
    zitadel.addMember(carol, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    const token = zitadel.tokenFor(carol);
    const path = `${grantsOf(portal)}/${grant.id}`;
    expect(outcomeOf(await call(zitadel, path, token))).toEqual([200, undefined]);
    const change = { method: 'PUT', body: { roleKeys: ['writer'] } };
    expect(outcomeOf(await call(zitadel, path, token, change))).toEqual([403, 'AUTH-5mWD2']);
    const remove = { method: 'DELETE' };
    expect(outcomeOf(await call(zitadel, path, token, remove))).toEqual([403, 'AUTH-5mWD2']);
  });

  it('come from the instance everywhere, under the header of the owner', async () => {
    const admin = serviceUser(zitadel.rootOrg);
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const path = `${grantsOf(portal)}/${grant.id}`;
    const change = { method: 'PUT', body: { roleKeys: ['reader'] } };
    const token = zitadel.tokenFor(admin);
    expect(outcomeOf(await call(zitadel, path, token, change))).toEqual([404, 'PROJECT-D8JxR']);
    const headers = { 'x-zitadel-orgid': acme.id };
    const right = await call(zitadel, path, token, { ...change, headers });
    expect(outcomeOf(right)).toEqual([200, undefined]);
  });
});

describe('the organization of the call', () => {
  const path = () => `${grantsOf(portal)}/${grant.id}`;

  function ask(org: Org, verb = '', method = 'GET'): Promise<Called> {
    const user = serviceUser(initech);
    zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    const headers = { 'x-zitadel-orgid': org.id };
    const body = method === 'GET' ? {} : { body: {} };
    return call(zitadel, path() + verb, zitadel.tokenFor(user), { method, headers, ...body });
  }

  it('has to own a grant that is read, or to be the one it was given to', async () => {
    expect(outcomeOf(await ask(acme))).toEqual([200, undefined]);
    expect(outcomeOf(await ask(globex))).toEqual([200, undefined]);
    expect(outcomeOf(await ask(initech))).toEqual([404, 'MANAG-d3g31']);
  });

  it.each(['/_deactivate', '/_reactivate'])('has to own the project for %s', async (verb) => {
    const refused = [400, 'COMMAND-EbFMN'];
    expect(outcomeOf(await ask(globex, verb, 'POST'))).toEqual(refused);
    expect(outcomeOf(await ask(initech, verb, 'POST'))).toEqual(refused);
  });
});

describe('projects granted to an organization', () => {
  it('are all there for its managers, and one by one for members of grants', async () => {
    const second = zitadel.grantProject(other, globex, ['reader']);
    const path = '/management/v1/granted_projects/_search';
    const all = await call(zitadel, path, orgMember(globex, 'ORG_OWNER'), { body: {} });
    expect(rowsOf(all).map((row) => row['grantId'])).toEqual([grant.id, second.id]);
    const carol = serviceUser(acme);
    zitadel.addMember(carol, { projectGrant: second }, ['PROJECT_GRANT_OWNER_VIEWER']);
    const headers = { 'x-zitadel-orgid': globex.id };
    const one = await call(zitadel, path, zitadel.tokenFor(carol), { body: {}, headers });
    expect(rowsOf(one).map((row) => row['grantId'])).toEqual([second.id]);
    const nothing = await call(zitadel, path, orgMember(initech, 'ORG_OWNER'), { body: {} });
    expect(rowsOf(nothing)).toEqual([]);
    zitadel.removeGrant(second);
  });
});

describe('a grant', () => {
  it('keeps its sequence when it is given the roles that it has', async () => {
    const token = orgMember(acme, 'ORG_OWNER');
    const path = `${grantsOf(portal)}/${grant.id}`;
    const put = async (roleKeys: readonly string[]): Promise<unknown> =>
      (await call(zitadel, path, token, { method: 'PUT', body: { roleKeys } })).json['details'];
    const first = await put(['reader', 'writer']);
    expect(await put(['reader', 'writer'])).toEqual(first);
    expect(await put(['writer', 'reader'])).not.toEqual(first);
    await put(['reader']);
  });

  it.each(['_deactivate', '_reactivate'])('takes %s twice and changes once', async (action) => {
    const token = orgMember(acme, 'ORG_OWNER');
    const path = `${grantsOf(portal)}/${grant.id}/${action}`;
    const act = async (): Promise<unknown> =>
      (await call(zitadel, path, token, { body: {} })).json['details'];
    const first = await act();
    expect(first).toMatchObject({ resourceOwner: acme.id });
    expect(await act()).toEqual(first);
    expect(zitadel.grants()[0]?.state).toBe(action === '_reactivate' ? 'active' : 'inactive');
  });

  it('is one for each pair of project and organization, whatever the read side sees', async () => {
    const token = orgMember(acme, 'ORG_OWNER');
    zitadel.holdReads();
    const body = { grantedOrgId: initech.id, roleKeys: ['reader'] };
    const [one, two] = await Promise.all([
      call(zitadel, grantsOf(other), token, { body }),
      call(zitadel, grantsOf(other), token, { body }),
    ]);
    expect([one, two].map(({ status }) => status).sort((left, right) => left - right)).toEqual([
      200, 409,
    ]);
    const search = await call(zitadel, `${grantsOf(other)}/_search`, token, { body: {} });
    expect(rowsOf(search)).toEqual([]);
    const id = String(one.json['grantId'] ?? two.json['grantId']);
    const fresh = await call(zitadel, `${grantsOf(other)}/${id}`, token);
    expect(fresh.json['projectGrant']).toMatchObject({ grantedOrgId: initech.id });
    zitadel.releaseReads();
    const later = await call(zitadel, `${grantsOf(other)}/_search`, token, { body: {} });
    expect(rowsOf(later)).toHaveLength(1);
    zitadel.removeGrant(id);
  });

  it('is found by project name, role key, project and granted organization', async () => {
    const token = orgMember(acme, 'ORG_OWNER');
    const find = async (...queries: readonly object[]): Promise<number> => {
      const path = '/management/v1/projectgrants/_search';
      return rowsOf(await call(zitadel, path, token, { body: { queries } })).length;
    };
    const contains = 'TEXT_QUERY_METHOD_CONTAINS';
    expect(await find({ projectNameQuery: { name: 'portal' } })).toBe(1);
    expect(await find({ projectNameQuery: { name: 'ort' } })).toBe(0);
    expect(await find({ projectNameQuery: { name: 'ort', method: contains } })).toBe(1);
    expect(await find({ roleKeyQuery: { roleKey: 'writer' } })).toBe(0);
    expect(await find({ roleKeyQuery: { roleKey: 'reader' } })).toBe(1);
    expect(await find({ projectIdQuery: { projectId: other.id } })).toBe(0);
    expect(await find({ grantedOrgIdQuery: { grantedOrgId: globex.id } })).toBe(1);
    const both = [{ projectIdQuery: { projectId: portal.id } }, { roleKeyQuery: { roleKey: 'x' } }];
    expect(await find(...both)).toBe(0);
  });

  it('cannot be searched with an empty query', async () => {
    const token = orgMember(acme, 'ORG_OWNER');
    const path = '/management/v1/projectgrants/_search';
    const called = await call(zitadel, path, token, { body: { queries: [{}] } });
    expect([called.status, called.json['message']]).toEqual([
      400,
      'invalid ListAllProjectGrantsRequest.Queries[0]: embedded message failed validation | ' +
        'caused by: invalid AllProjectGrantQuery.Query: value is required',
    ]);
  });

  it('is changed by the verbs with the refusals of the API', () => {
    expect(() => zitadel.grantProject(portal, acme, ['reader'])).toThrow('(PROJECT-ckUpbvboAH)');
    expect(() => zitadel.grantProject(portal, globex, ['reader'])).toThrow('(V3-DKcYh)');
    expect(() => zitadel.grantProject('1', globex, [])).toThrow('(COMMAND-m9gsd)');
    expect(() => zitadel.grantProject(portal, initech, ['x'])).toThrow('(COMMAND-6m9gd)');
    expect(() => zitadel.removeGrant('1')).toThrow('(PROJECT-D8JxR)');
    expect(zitadel.changeGrant(grant, ['writer'])).toMatchObject({ roleKeys: ['writer'] });
    expect(zitadel.changeGrant(grant, ['reader'])).toMatchObject({ roleKeys: ['reader'] });
  });
});
