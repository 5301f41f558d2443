import { describe, expect, it } from 'vitest';
import type { Org } from '../../lib/testing/index.js';
import {
  call,
  type Called,
  connectCall,
  EACH_TEST,
  listOf,
  myMemberships,
  outcomeOf,
  PROJECTS,
  rowsOf,
  useTenants,
} from './calls.js';

const APIS = ['v1', 'v2'] as const;
type Api = (typeof APIS)[number];
type Verb = 'Create' | 'Update' | 'Deactivate' | 'Activate' | 'Delete';
type Tenant = 'acme' | 'globex' | 'initech';

/** Of `portal` to `globex` unless told. */
interface Ends {
  readonly project?: 'portal' | 'other' | 'nothing';
  readonly org?: Tenant | 'nothing';
}

const w = useTenants(EACH_TEST);
const owner = () => w.member({ org: w.acme }, 'ORG_OWNER');
const globally = (role: string) => w.member('instance', role);

function idsOf({ project = 'portal', org = 'globex' }: Ends) {
  return {
    projectId: project === 'nothing' ? '1' : w[project].id,
    grantedOrganizationId: org === 'nothing' ? '1' : w[org].id,
  };
}

const grantsOf = (project: 'portal' | 'other' | 'nothing' = 'portal') =>
  `/management/v1/projects/${idsOf({ project }).projectId}/grants`;

/** What API v1 calls by an id, v2 by its two ends. */
function act(
  api: Api,
  verb: Verb,
  ends: Ends = {},
  roleKeys: readonly string[] = [],
  token = owner(),
): Promise<Called> {
  const ids = idsOf(ends);
  if (api === 'v2') {
    const path = `${PROJECTS}/${verb}ProjectGrant`;
    const roles = verb === 'Create' || verb === 'Update' ? { roleKeys } : {};
    return connectCall(w.zitadel, path, token, { ...ids, ...roles });
  }
  const is = { projectId: ids.projectId, grantedOrgId: ids.grantedOrganizationId };
  const known = w.zitadel
    .grants()
    .find((each) => each.projectId === is.projectId && each.grantedOrgId === is.grantedOrgId);
  const path = grantsOf(ends.project);
  const one = `${path}/${known?.id ?? '1'}`;
  const send = (to: string, method: string, body?: object) =>
    call(w.zitadel, to, token, { method, ...(body && { body }) });
  switch (verb) {
    case 'Create':
      return send(path, 'POST', { grantedOrgId: is.grantedOrgId, roleKeys });
    case 'Update':
      return send(one, 'PUT', { roleKeys });
    case 'Delete':
      return send(one, 'DELETE');
    default:
      return send(`${one}/_${verb === 'Activate' ? 'reactivate' : 'deactivate'}`, 'POST', {});
  }
}

function list(token = owner(), body: object = {}, headers = {}): Promise<Called> {
  return connectCall(w.zitadel, `${PROJECTS}/ListProjectGrants`, token, body, headers);
}

function search(path: string, token = owner(), body: object = {}, headers = {}): Promise<Called> {
  return call(w.zitadel, path, token, { body, headers });
}

/** Rows of either generation. */
function endsOf(called: Called): string[] {
  return [...rowsOf(called), ...listOf(called, 'projectGrants')].map(
    (row) =>
      `${String(row['projectName'])} -> ${String(row['grantedOrgName'] ?? row['grantedOrganizationName'])}`,
  );
}

describe('rights on grants', () => {
  it.each<[Api, string, [number, string | undefined]]>([
    ['v1', 'ORG_OWNER', [200, undefined]],
    ['v1', 'ORG_PROJECT_PERMISSION_EDITOR', [200, undefined]],
    ['v1', 'ORG_OWNER_VIEWER', [403, 'AUTH-5mWD2']],
    ['v1', 'ORG_USER_MANAGER', [403, 'AUTH-5mWD2']],
    ['v1', 'ORG_AUDITOR', [403, 'AUTH-5mWD2']],
    ['v2', 'ORG_OWNER', [200, undefined]],
    ['v2', 'ORG_OWNER_VIEWER', [403, 'AUTH-AWfge']],
  ])('in %s with %s', async (api, role, expected) => {
    const token = w.member({ org: w.acme }, role);
    const added = await act(api, 'Create', { org: 'initech' }, ['reader'], token);
    expect(outcomeOf(added)).toEqual(expected);
    for (const verb of ['Update', 'Deactivate', 'Delete'] as const) {
      expect(outcomeOf(await act(api, verb, {}, ['writer'], token))).toEqual(expected);
    }
    if (expected[0] === 403) expect(w.zitadel.grants()).toEqual([w.grant]);
  });

  it('end at the project for a project owner', async () => {
    const token = w.member({ project: w.portal }, 'PROJECT_OWNER');
    for (const api of APIS) {
      const elsewhere = await act(api, 'Create', { project: 'other' }, [], token);
      expect(outcomeOf(elsewhere)).toEqual([403, 'AUTH-Swrgg2']);
    }
    expect(endsOf(await search(`${grantsOf('portal')}/_search`, token))).toHaveLength(1);
    const foreign = await search(`${grantsOf('other')}/_search`, token);
    expect(outcomeOf(foreign)).toEqual([403, 'AUTH-3jknH']);
    const project = await call(w.zitadel, `/management/v1/projects/${w.other.id}`, token);
    expect(outcomeOf(project)).toEqual([403, 'AUTH-3jknH']);
  });

  it('are none for those who manage the grant, but for reading it', async () => {
    const token = w.member({ projectGrant: w.grant }, 'PROJECT_GRANT_OWNER');
    const read = await call(w.zitadel, `${grantsOf('portal')}/${w.grant.id}`, token);
    expect(outcomeOf(read)).toEqual([200, undefined]);
    for (const verb of ['Update', 'Delete'] as const) {
      const refused = await act('v1', verb, {}, ['writer'], token);
      expect(outcomeOf(refused)).toEqual([403, 'AUTH-5mWD2']);
    }
  });

  it('come from the instance everywhere, in v1 under the header of the owner', async () => {
    const token = w.member('instance', 'IAM_OWNER', w.zitadel.rootOrg);
    const lost = await act('v1', 'Update', {}, ['reader'], token);
    expect(outcomeOf(lost)).toEqual([404, 'PROJECT-D8JxR']);
    const method = 'PUT';
    const headers = { 'x-zitadel-orgid': w.acme.id };
    const path = `${grantsOf('portal')}/${w.grant.id}`;
    const body = { roleKeys: ['reader'] };
    expect((await call(w.zitadel, path, token, { method, body, headers })).status).toBe(200);
    expect((await act('v2', 'Create', { org: 'initech' }, [], token)).status).toBe(200);
    const foreign = w.member({ org: w.globex }, 'ORG_OWNER', w.globex);
    const refused = await act('v2', 'Create', { project: 'other' }, [], foreign);
    expect(outcomeOf(refused)).toEqual([404, 'AUTHZ-cdgFk']);
  });

  it.each<[Tenant, string, [number, string | undefined]]>([
    ['acme', '', [200, undefined]],
    ['globex', '', [200, undefined]],
    ['initech', '', [404, 'MANAG-d3g31']],
    ...['/_deactivate', '/_reactivate'].flatMap((verb) => [
      ['globex', verb, [400, 'COMMAND-EbFMN']] satisfies [Tenant, string, [number, string]],
      ['initech', verb, [400, 'COMMAND-EbFMN']] satisfies [Tenant, string, [number, string]],
    ]),
  ])('in v1 in the name of %s: grant%s', async (org, verb, expected) => {
    const headers = { 'x-zitadel-orgid': w[org].id };
    const called = await call(
      w.zitadel,
      `${grantsOf('portal')}/${w.grant.id}${verb}`,
      w.member('instance', 'IAM_OWNER', w.initech),
      { headers, ...(verb === '' ? {} : { body: {} }) },
    );
    expect(outcomeOf(called)).toEqual(expected);
  });
});

describe('creating a grant', () => {
  it('in v2 tells when, and makes the grant that API v1 knows', async () => {
    const created = await act('v2', 'Create', { project: 'other', org: 'initech' }, ['reader']);
    expect([created.status, Object.keys(created.json)]).toEqual([200, ['creationDate']]);
    const [, made] = w.zitadel.grants();
    expect(made).toMatchObject({ projectId: w.other.id, grantedOrgId: w.initech.id });
    const seen = await call(w.zitadel, `${grantsOf('other')}/${made?.id ?? ''}`, owner());
    expect(seen.json['projectGrant']).toMatchObject({ details: created.json });
  });

  it.each<[string, Ends, string, number, string, string]>([
    ['twice', {}, 'reader', 409, 'already_exists', 'V3-DKcYh'],
    ['of no project', { project: 'nothing' }, '', 400, 'failed_precondition', 'COMMAND-m9gsd'],
    ['to nobody', { org: 'nothing' }, '', 400, 'failed_precondition', 'COMMAND-3m9gg'],
    ['of no such role', { org: 'initech' }, 'x', 400, 'failed_precondition', 'COMMAND-6m9gd'],
    ['to the owner', { org: 'acme' }, '', 400, 'failed_precondition', 'PROJECT-ckUpbvboAH'],
  ])('is refused %s', async (_, ends, role, status, code, id) => {
    const roleKeys = role === '' ? [] : [role];
    const called = await act('v2', 'Create', ends, roleKeys);
    expect([...outcomeOf(called), called.json['code']]).toEqual([status, id, code]);
    const { projectId, grantedOrganizationId } = idsOf(ends);
    const verb = () => w.zitadel.grantProject(projectId, grantedOrganizationId, roleKeys);
    expect(verb).toThrow(`(${id})`);
  });

  it.each([
    ['Create', 'projectId', 'ProjectId'],
    ['Update', 'grantedOrganizationId', 'GrantedOrganizationId'],
    ['Deactivate', 'grantedOrganizationId', 'GrantedOrganizationId'],
    ['Activate', 'projectId', 'ProjectId'],
    ['Delete', 'projectId', 'ProjectId'],
  ])('%s is refused without %s', async (name, missing, field) => {
    const body = { ...idsOf({}), [missing]: undefined };
    const called = await connectCall(w.zitadel, `${PROJECTS}/${name}ProjectGrant`, owner(), body);
    const message =
      `invalid ${name}ProjectGrantRequest.${field}: ` +
      'value length must be between 1 and 200 runes, inclusive';
    expect([called.status, called.json]).toEqual([400, { code: 'invalid_argument', message }]);
  });

  it('is done once for each pair of project and organization, whatever the read side sees', async () => {
    const ends = { project: 'other', org: 'initech' } as const;
    const token = owner();
    w.zitadel.holdReads();
    const both = await Promise.all(APIS.map(() => act('v1', 'Create', ends, ['reader'], token)));
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 409]));
    expect(outcomeOf(await act('v2', 'Create', ends, [], token))).toEqual([409, 'V3-DKcYh']);
    expect(rowsOf(await search(`${grantsOf('other')}/_search`, token))).toEqual([]);
    expect(endsOf(await list(token))).toEqual(['portal -> globex']);
    const id = String(both.find(({ status }) => status === 200)?.json['grantId']);
    const fresh = await call(w.zitadel, `${grantsOf('other')}/${id}`, token);
    expect(fresh.json['projectGrant']).toMatchObject({ grantedOrgId: w.initech.id });
    expect((await act('v2', 'Update', ends, ['reader'], token)).status).toBe(200);
    w.zitadel.releaseReads();
    expect(rowsOf(await search(`${grantsOf('other')}/_search`, token))).toHaveLength(1);
    expect(endsOf(await list(token))).toEqual(['other -> initech', 'portal -> globex']);
  });
});

describe.each(APIS)('changing a grant in %s', (api) => {
  it('replaces its roles, and tells the same change where they are the same', async () => {
    const first = await act(api, 'Update', {}, ['reader', 'writer']);
    const field = api === 'v1' ? 'details' : 'changeDate';
    expect([first.status, Object.keys(first.json)]).toEqual([200, [field]]);
    expect((await act(api, 'Update', {}, ['reader', 'writer'])).json).toEqual(first.json);
    expect((await act(api, 'Update', {}, ['writer', 'reader'])).json).not.toEqual(first.json);
    expect(w.zitadel.grants()[0]?.roleKeys).toEqual(['writer', 'reader']);
  });

  it.each(['Deactivate', 'Activate'] as const)('by %s twice changes once', async (verb) => {
    if (verb === 'Activate') w.zitadel.deactivateGrant(w.grant);
    const first = await act(api, verb);
    expect(first.status).toBe(200);
    if (api === 'v1') expect(first.json['details']).toMatchObject({ resourceOwner: w.acme.id });
    expect((await act(api, verb)).json).toEqual(first.json);
    const state = verb === 'Activate' ? 'active' : 'inactive';
    expect(w.zitadel.grants()[0]?.state).toBe(state);
    const [row] = listOf(await list(), 'projectGrants');
    expect(row).toMatchObject({
      state: `PROJECT_GRANT_STATE_${state.toUpperCase()}`,
      ...(api === 'v2' && { changeDate: first.json['changeDate'] }),
    });
  });
});

describe('a change', () => {
  it.each<[Verb, Ends, string[], number, string]>([
    ['Update', {}, ['x'], 400, 'COMMAND-6m9gd'],
    ['Update', { org: 'initech' }, [], 404, 'PROJECT-D8JxR'],
    ['Update', { project: 'nothing' }, [], 404, 'PROJECT-D8JxR'],
    ['Deactivate', { org: 'initech' }, [], 404, 'PROJECT-D8JxR'],
    ['Activate', { project: 'nothing' }, [], 400, 'COMMAND-EbFMN'],
  ])('by %s of %j with %j is refused', async (verb, ends, roles, status, id) => {
    expect(outcomeOf(await act('v2', verb, ends, roles))).toEqual([status, id]);
  });

  it('may be a verb of the emulator', () => {
    expect(() => w.zitadel.removeGrant('1')).toThrow('(PROJECT-D8JxR)');
    expect(w.zitadel.changeGrant(w.grant, ['writer'])).toMatchObject({ roleKeys: ['writer'] });
    expect(w.zitadel.changeGrant(w.grant, ['reader'])).toMatchObject({ roleKeys: ['reader'] });
  });
});

describe('deleting a grant in v2', () => {
  it('takes the memberships on it away, and answers the same again', async () => {
    const carol = w.member({ projectGrant: w.grant }, 'PROJECT_GRANT_OWNER');
    const first = await act('v2', 'Delete');
    expect([first.status, Object.keys(first.json)]).toEqual([200, ['deletionDate']]);
    expect(w.zitadel.grants()).toEqual([]);
    expect((await act('v2', 'Delete')).json).toEqual(first.json);
    expect('result' in (await myMemberships(w.zitadel, carol)).json).toBe(false);
  });

  it('proves nothing where nothing was granted', async () => {
    const path = `${PROJECTS}/GetProject`;
    const read = await connectCall(w.zitadel, path, owner(), { projectId: w.other.id });
    const { creationDate } = read.json['project'] as { creationDate: string };
    const never = await act('v2', 'Delete', { project: 'other' });
    expect([never.status, never.json]).toEqual([200, { deletionDate: creationDate }]);
    const nowhere = await act('v2', 'Delete', { project: 'nothing' });
    expect([nowhere.status, nowhere.json]).toEqual([200, {}]);
  });
});

describe('a search of grants', () => {
  it('in v2 shows no grant ids, newest first', async () => {
    w.zitadel.grantProject(w.other, w.globex, []);
    const date = expect.stringMatching(/\.\d{6}Z$/) as string;
    const row = {
      organizationId: w.acme.id,
      creationDate: date,
      changeDate: date,
      grantedOrganizationId: w.globex.id,
      grantedOrganizationName: 'globex',
      state: 'PROJECT_GRANT_STATE_ACTIVE',
    };
    const portal = { projectId: w.portal.id, projectName: 'portal', grantedRoleKeys: ['reader'] };
    expect((await list()).json).toEqual({
      pagination: { totalResult: '2', appliedLimit: '100' },
      projectGrants: [
        { ...row, projectId: w.other.id, projectName: 'other' },
        { ...row, ...portal },
      ],
    });
  });

  it('in v1 is narrowed by name, role, project and organization', async () => {
    const find = async (...queries: readonly object[]): Promise<number> =>
      rowsOf(await search('/management/v1/projectgrants/_search', owner(), { queries })).length;
    const method = 'TEXT_QUERY_METHOD_CONTAINS';
    expect(await find({ projectNameQuery: { name: 'portal' } })).toBe(1);
    expect(await find({ projectNameQuery: { name: 'ort' } })).toBe(0);
    expect(await find({ projectNameQuery: { name: 'ort', method } })).toBe(1);
    expect(await find({ roleKeyQuery: { roleKey: 'writer' } })).toBe(0);
    expect(await find({ roleKeyQuery: { roleKey: 'reader' } })).toBe(1);
    expect(await find({ projectIdQuery: { projectId: w.other.id } })).toBe(0);
    expect(await find({ grantedOrgIdQuery: { grantedOrgId: w.globex.id } })).toBe(1);
    const portal = { projectIdQuery: { projectId: w.portal.id } };
    expect(await find(portal, { roleKeyQuery: { roleKey: 'x' } })).toBe(0);
  });

  it('in v2 is narrowed by the same, and by the owner', async () => {
    w.zitadel.grantProject(w.other, w.initech, []);
    w.zitadel.grantProject(w.zitadel.addProject('foreign', { org: w.globex }), w.initech, []);
    const admin = globally('IAM_OWNER_VIEWER');
    const find = async (...filters: readonly object[]): Promise<string[]> =>
      endsOf(await list(admin, { filters, pagination: { asc: true } }));
    const [portal, other, foreign] = ['portal -> globex', 'other -> initech', 'foreign -> initech'];
    expect(await find()).toEqual([portal, other, foreign]);
    const ids = [w.portal.id, w.other.id];
    expect(await find({ inProjectIdsFilter: { ids } })).toEqual([portal, other]);
    expect(await find({ organizationIdFilter: { id: w.acme.id } })).toEqual([portal, other]);
    const granted = { grantedOrganizationIdFilter: { id: w.initech.id } };
    expect(await find(granted)).toEqual([other, foreign]);
    expect(await find(granted, { inProjectIdsFilter: { ids } })).toEqual([other]);
    expect(await find({ roleKeyFilter: { key: 'reader' } })).toEqual([portal]);
    expect(await find({ projectNameFilter: { projectName: 'port' } })).toEqual([]);
    const method = 'TEXT_FILTER_METHOD_STARTS_WITH';
    expect(await find({ projectNameFilter: { projectName: 'port', method } })).toEqual([portal]);
  });

  it('is refused with an empty filter, and with too large pages', async () => {
    const inside = 'embedded message failed validation | caused by: invalid';
    const v1 = await search('/management/v1/projectgrants/_search', owner(), { queries: [{}] });
    expect([v1.status, v1.json['message']]).toEqual([
      400,
      `invalid ListAllProjectGrantsRequest.Queries[0]: ${inside} AllProjectGrantQuery.Query: value is required`,
    ]);
    const v2 = await list(owner(), { filters: [{}] });
    const message = `invalid ListProjectGrantsRequest.Filters[0]: ${inside} ProjectGrantSearchFilter.Filter: value is required`;
    expect([v2.status, v2.json]).toEqual([400, { code: 'invalid_argument', message }]);
    const large = await list(owner(), { pagination: { limit: 1001 } });
    expect(outcomeOf(large)).toEqual([400, 'QUERY-4M0fs']);
  });

  it('in v2 shows what the reader may see, and counts the rest as well', async () => {
    w.zitadel.grantProject(w.other, w.globex, []);
    const [portal, other] = ['portal -> globex', 'other -> globex'];
    for (const [token, rows] of [
      [w.member({ project: w.portal }, 'PROJECT_OWNER'), [portal]],
      [w.member({ org: w.globex }, 'ORG_OWNER', w.globex), [portal, other]],
      [w.member({ projectGrant: w.grant }, 'PROJECT_GRANT_OWNER'), [portal]],
      [w.member({ org: w.initech }, 'ORG_OWNER', w.initech), []],
    ] as const) {
      const called = await list(token, { pagination: { asc: true } });
      expect(endsOf(called)).toEqual(rows);
      expect(called.json['pagination']).toEqual({ totalResult: '2', appliedLimit: '100' });
      expect('projectGrants' in called.json).toBe(rows.length > 0);
    }
  });

  it('in v2 needs the right to read grants in the organization of the call', async () => {
    const nobody = w.zitadel.tokenFor(w.addMember(undefined, [], w.acme));
    expect(outcomeOf(await list(nobody))).toEqual([404, 'AUTHZ-cdgFk']);
    const manager = w.member({ org: w.acme }, 'ORG_USER_MANAGER');
    expect(outcomeOf(await list(manager))).toEqual([403, 'AUTH-5mWD2']);
    const gina = w.member({ org: w.globex }, 'ORG_OWNER');
    expect(outcomeOf(await list(gina))).toEqual([404, 'AUTHZ-cdgFk']);
    expect((await list(gina, {}, { 'x-zitadel-orgid': w.globex.id })).status).toBe(200);
  });

  it('in v2 can be sorted and read in pages', async () => {
    w.zitadel.grantProject(w.other, w.globex, []);
    w.zitadel.grantProject(w.portal, w.initech, []);
    w.zitadel.changeGrant(w.grant, ['writer']);
    const order = async (column: string): Promise<string[]> =>
      endsOf(await list(owner(), { sortingColumn: `PROJECT_GRANT_FIELD_NAME_${column}` }));
    const [oldest, middle, newest] = ['portal -> globex', 'other -> globex', 'portal -> initech'];
    expect(await order('CREATION_DATE')).toEqual([newest, middle, oldest]);
    expect(await order('CHANGE_DATE')).toEqual([oldest, newest, middle]);
    expect(await order('PROJECT_ID')).toEqual([middle, newest, oldest]);
    const page = async (offset: number): Promise<string[]> =>
      endsOf(await list(owner(), { pagination: { limit: 2, offset, asc: true } }));
    expect([await page(0), await page(2), await page(4)]).toEqual([[oldest, middle], [newest], []]);
  });

  it('is there as v2beta, under its own names of filters; the other verbs are not', async () => {
    const beta = '/zitadel.project.v2beta.ProjectService';
    const filters = [
      { projectResourceOwnerFilter: { id: w.acme.id } },
      { projectGrantResourceOwnerFilter: { id: w.globex.id } },
    ];
    const path = `${beta}/ListProjectGrants`;
    const called = await connectCall(w.zitadel, path, owner(), { filters });
    expect(endsOf(called)).toEqual(['portal -> globex']);
    const create = await connectCall(w.zitadel, `${beta}/CreateProjectGrant`, owner(), {});
    expect(create.status).toBe(501);
  });

  it('in v1 of what was granted shows all to managers, and members of grants theirs', async () => {
    const second = w.zitadel.grantProject(w.other, w.globex, ['reader']);
    const path = '/management/v1/granted_projects/_search';
    const seen = async (token: string, org: Org): Promise<unknown[]> =>
      rowsOf(await search(path, token, {}, { 'x-zitadel-orgid': org.id })).map(
        ({ grantId }) => grantId,
      );
    const [of, ofOther] = [w.globex, w.initech].map((org) => w.member({ org }, 'ORG_OWNER', org));
    expect(await seen(of ?? '', w.globex)).toEqual([w.grant.id, second.id]);
    const carol = w.member({ projectGrant: second }, 'PROJECT_GRANT_OWNER_VIEWER');
    expect(await seen(carol, w.globex)).toEqual([second.id]);
    expect(await seen(ofOther ?? '', w.initech)).toEqual([]);
  });
});
