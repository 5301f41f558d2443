import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MemberResource,
  type Org,
  type Project,
  type ProjectGrant,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import { call, type Called, connectCall, errorIdOf, listOf, outcomeOf, PROJECTS } from './calls.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let initech: Org;
let portal: Project;
let other: Project;
let grant: ProjectGrant;
let owner: string;
let people: number;

beforeEach(async () => {
  zitadel = await ZitadelEmulator.start();
  people = 0;
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  initech = zitadel.addOrg('initech');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  other = zitadel.addProject('other', { org: acme, roles: ['reader'] });
  grant = zitadel.grantProject(portal, globex, ['reader']);
  owner = member(acme, { org: acme }, 'ORG_OWNER');
});

afterEach(() => zitadel.stop());

function member(org: Org, on: MemberResource, role: string): string {
  people += 1;
  const user = zitadel.addServiceUser(`service-${String(people)}`, { org });
  zitadel.addMember(user, on, [role]);
  return zitadel.tokenFor(user);
}

function verb(
  name: string,
  ends: { readonly project?: Project | string; readonly org?: Org | string },
  roleKeys?: readonly string[],
  token = owner,
): Promise<Called> {
  const { project = portal, org = globex } = ends;
  return connectCall(zitadel, `${PROJECTS}/${name}ProjectGrant`, token, {
    projectId: typeof project === 'string' ? project : project.id,
    grantedOrganizationId: typeof org === 'string' ? org : org.id,
    ...(roleKeys === undefined ? {} : { roleKeys }),
  });
}

function list(
  token = owner,
  body: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Called> {
  return connectCall(zitadel, `${PROJECTS}/ListProjectGrants`, token, body, headers);
}

function endsOf(called: Called): string[] {
  const names = new Map([acme, globex, initech].map(({ id, name }) => [id, name]));
  return listOf(called, 'projectGrants').map(
    (row) =>
      `${String(row['projectName'])} -> ${String(names.get(String(row['grantedOrganizationId'])))}`,
  );
}

describe('creating a grant', () => {
  it('tells when, and makes the grant that API v1 knows', async () => {
    const created = await verb('Create', { project: other, org: initech }, ['reader']);
    expect([created.status, Object.keys(created.json)]).toEqual([200, ['creationDate']]);
    const [, made] = zitadel.grants();
    expect(made).toMatchObject({ projectId: other.id, grantedOrgId: initech.id });
    const path = `/management/v1/projects/${other.id}/grants/${made?.id ?? ''}`;
    const seen = (await call(zitadel, path, owner)).json['projectGrant'] as {
      details: { creationDate: string };
    };
    expect(seen.details.creationDate).toBe(created.json['creationDate']);
  });

  it('needs no organization header, but the right where the project is', async () => {
    const admin = member(zitadel.rootOrg, 'instance', 'IAM_OWNER');
    expect((await verb('Create', { org: initech }, [], admin)).status).toBe(200);
    const foreign = member(globex, { org: globex }, 'ORG_OWNER');
    const refused = await verb('Create', { project: other }, [], foreign);
    expect(outcomeOf(refused)).toEqual([404, 'AUTHZ-cdgFk']);
    const viewer = member(acme, { org: acme }, 'ORG_OWNER_VIEWER');
    expect(outcomeOf(await verb('Create', { project: other }, [], viewer))).toEqual([
      403,
      'AUTH-AWfge',
    ]);
    const bob = member(acme, { project: portal }, 'PROJECT_OWNER');
    expect(outcomeOf(await verb('Create', { project: other }, [], bob))).toEqual([
      403,
      'AUTH-Swrgg2',
    ]);
  });

  it.each<[string, () => Promise<Called>, number, string, string]>([
    ['twice', () => verb('Create', {}, ['reader']), 409, 'already_exists', 'V3-DKcYh'],
    [
      'of no project',
      () => verb('Create', { project: '1' }),
      400,
      'failed_precondition',
      'COMMAND-m9gsd',
    ],
    ['to nobody', () => verb('Create', { org: '1' }), 400, 'failed_precondition', 'COMMAND-3m9gg'],
    [
      'with a role that is not there',
      () => verb('Create', { org: initech }, ['x']),
      400,
      'failed_precondition',
      'COMMAND-6m9gd',
    ],
    [
      'to the owner',
      () => verb('Create', { org: acme }),
      400,
      'failed_precondition',
      'PROJECT-ckUpbvboAH',
    ],
  ])('is refused %s', async (_, create, status, code, id) => {
    const called = await create();
    expect(outcomeOf(called)).toEqual([status, id]);
    expect(called.json['code']).toBe(code);
  });

  it.each([
    ['Create', 'projectId', 'ProjectId'],
    ['Update', 'grantedOrganizationId', 'GrantedOrganizationId'],
    ['Deactivate', 'grantedOrganizationId', 'GrantedOrganizationId'],
    ['Activate', 'projectId', 'ProjectId'],
    ['Delete', 'projectId', 'ProjectId'],
  ])('%s is refused without %s', async (name, missing, field) => {
    const ends = { projectId: portal.id, grantedOrganizationId: globex.id };
    const body = { ...ends, [missing]: undefined };
    const called = await connectCall(zitadel, `${PROJECTS}/${name}ProjectGrant`, owner, body);
    expect([called.status, called.json]).toEqual([
      400,
      {
        code: 'invalid_argument',
        message:
          `invalid ${name}ProjectGrantRequest.${field}: ` +
          'value length must be between 1 and 200 runes, inclusive',
      },
    ]);
  });
});

describe('changing a grant', () => {
  it('replaces its roles, and keeps the change date where they are the same', async () => {
    const first = await verb('Update', {}, ['reader', 'writer']);
    const second = await verb('Update', {}, ['reader', 'writer']);
    expect([first.status, Object.keys(first.json)]).toEqual([200, ['changeDate']]);
    expect(second.json).toEqual(first.json);
    expect((await verb('Update', {}, ['writer', 'reader'])).json).not.toEqual(first.json);
    expect(zitadel.grants()[0]?.roleKeys).toEqual(['writer', 'reader']);
  });

  it('is refused with unknown roles and where there is none', async () => {
    expect(outcomeOf(await verb('Update', {}, ['x']))).toEqual([400, 'COMMAND-6m9gd']);
    const none = [404, 'PROJECT-D8JxR'];
    expect(outcomeOf(await verb('Update', { org: initech }, []))).toEqual(none);
    expect(outcomeOf(await verb('Update', { project: '1' }, []))).toEqual(none);
    expect(outcomeOf(await verb('Deactivate', { org: initech }))).toEqual(none);
    expect(outcomeOf(await verb('Activate', { project: '1' }))).toEqual([400, 'COMMAND-EbFMN']);
  });

  it.each(['Deactivate', 'Activate'])('%s twice changes once', async (name) => {
    if (name === 'Activate') zitadel.deactivateGrant(grant);
    const first = await verb(name, {});
    expect((await verb(name, {})).json).toEqual(first.json);
    const state = name === 'Activate' ? 'ACTIVE' : 'INACTIVE';
    const [row] = listOf(await list(), 'projectGrants');
    expect(row).toMatchObject({
      state: `PROJECT_GRANT_STATE_${state}`,
      changeDate: first.json['changeDate'],
    });
  });

  it('needs the right of a writer', async () => {
    const viewer = member(acme, { org: acme }, 'ORG_OWNER_VIEWER');
    for (const name of ['Update', 'Deactivate', 'Delete']) {
      expect(outcomeOf(await verb(name, {}, ['writer'], viewer))).toEqual([403, 'AUTH-AWfge']);
    }
    expect(zitadel.grants()).toEqual([grant]);
  });
});

describe('deleting a grant', () => {
  it('takes the memberships on it away, and answers the same again', async () => {
    const carol = zitadel.addServiceUser('carol');
    zitadel.addMember(carol, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    const first = await verb('Delete', {});
    expect([first.status, Object.keys(first.json)]).toEqual([200, ['deletionDate']]);
    expect(zitadel.grants()).toEqual([]);
    expect((await verb('Delete', {})).json).toEqual(first.json);
    const mine = await call(zitadel, '/auth/v1/memberships/me/_search', zitadel.tokenFor(carol), {
      body: {},
    });
    expect('result' in mine.json).toBe(false);
  });

  it('proves nothing where nothing was granted', async () => {
    const read = await connectCall(zitadel, `${PROJECTS}/GetProject`, owner, {
      projectId: other.id,
    });
    const { creationDate } = read.json['project'] as { creationDate: string };
    const never = await verb('Delete', { project: other });
    expect([never.status, never.json]).toEqual([200, { deletionDate: creationDate }]);
    const nowhere = await verb('Delete', { project: '1' });
    expect([nowhere.status, nowhere.json]).toEqual([200, {}]);
  });
});

describe('the list of grants', () => {
  it('has no grant ids, newest first', async () => {
    zitadel.grantProject(other, globex, []);
    const called = await list();
    const date = expect.stringMatching(/\.\d{6}Z$/) as string;
    const row = {
      organizationId: acme.id,
      creationDate: date,
      changeDate: date,
      grantedOrganizationId: globex.id,
      grantedOrganizationName: 'globex',
      state: 'PROJECT_GRANT_STATE_ACTIVE',
    };
    expect(called.json).toEqual({
      pagination: { totalResult: '2', appliedLimit: '100' },
      projectGrants: [
        { ...row, projectId: other.id, projectName: 'other' },
        { ...row, projectId: portal.id, projectName: 'portal', grantedRoleKeys: ['reader'] },
      ],
    });
  });

  it('is filtered', async () => {
    zitadel.grantProject(other, initech, []);
    const foreign = zitadel.addProject('foreign', { org: globex });
    zitadel.grantProject(foreign, initech, []);
    const admin = member(acme, 'instance', 'IAM_OWNER_VIEWER');
    const find = async (...filters: readonly object[]): Promise<string[]> =>
      endsOf(await list(admin, { filters, pagination: { asc: true } }));
    expect(await find()).toEqual(['portal -> globex', 'other -> initech', 'foreign -> initech']);
    const ids = [portal.id, other.id];
    const both = ['portal -> globex', 'other -> initech'];
    expect(await find({ inProjectIdsFilter: { ids } })).toEqual(both);
    expect(await find({ organizationIdFilter: { id: acme.id } })).toEqual(both);
    const granted = { grantedOrganizationIdFilter: { id: initech.id } };
    expect(await find(granted)).toEqual(['other -> initech', 'foreign -> initech']);
    expect(await find(granted, { inProjectIdsFilter: { ids } })).toEqual(['other -> initech']);
    expect(await find({ roleKeyFilter: { key: 'reader' } })).toEqual(['portal -> globex']);
    expect(await find({ projectNameFilter: { projectName: 'port' } })).toEqual([]);
    const method = 'TEXT_FILTER_METHOD_STARTS_WITH';
    const starting = { projectNameFilter: { projectName: 'port', method } };
    expect(await find(starting)).toEqual(['portal -> globex']);
  });

  it('is refused with filters that are not valid, and with too large pages', async () => {
    const place = 'invalid ListProjectGrantsRequest.Filters[0]: embedded message failed validation';
    const empty = await list(owner, { filters: [{}] });
    expect([empty.status, empty.json]).toEqual([
      400,
      {
        code: 'invalid_argument',
        message: `${place} | caused by: invalid ProjectGrantSearchFilter.Filter: value is required`,
      },
    ]);
    const large = await list(owner, { pagination: { limit: 1001 } });
    expect(outcomeOf(large)).toEqual([400, 'QUERY-4M0fs']);
  });

  it('shows what the reader may see, and counts the rest as well', async () => {
    zitadel.grantProject(other, globex, []);
    const asc = { pagination: { asc: true } };
    const bob = member(acme, { project: portal }, 'PROJECT_OWNER');
    const part = await list(bob, asc);
    expect([endsOf(part), part.json['pagination']]).toEqual([
      ['portal -> globex'],
      { totalResult: '2', appliedLimit: '100' },
    ]);
    const gina = member(globex, { org: globex }, 'ORG_OWNER');
    expect(endsOf(await list(gina, asc))).toEqual(['portal -> globex', 'other -> globex']);
    const carol = member(acme, { projectGrant: grant }, 'PROJECT_GRANT_OWNER');
    expect(endsOf(await list(carol, asc))).toEqual(['portal -> globex']);
    const hank = member(initech, { org: initech }, 'ORG_OWNER');
    const nothing = await list(hank, asc);
    expect(nothing.json).toEqual({ pagination: { totalResult: '2', appliedLimit: '100' } });
  });

  it('needs the right to read grants in the organization of the call', async () => {
    const nobody = zitadel.tokenFor(zitadel.addServiceUser('nobody', { org: acme }));
    expect(outcomeOf(await list(nobody))).toEqual([404, 'AUTHZ-cdgFk']);
    const manager = member(acme, { org: acme }, 'ORG_USER_MANAGER');
    expect(outcomeOf(await list(manager))).toEqual([403, 'AUTH-5mWD2']);
    const gina = member(acme, { org: globex }, 'ORG_OWNER');
    expect(errorIdOf(await list(gina))).toBe('AUTHZ-cdgFk');
    expect((await list(gina, {}, { 'x-zitadel-orgid': globex.id })).status).toBe(200);
  });

  it('can be sorted and read in pages', async () => {
    zitadel.grantProject(other, globex, []);
    zitadel.grantProject(portal, initech, []);
    zitadel.changeGrant(grant, ['writer']);
    const order = async (column: string): Promise<string[]> =>
      endsOf(await list(owner, { sortingColumn: `PROJECT_GRANT_FIELD_NAME_${column}` }));
    const [oldest, middle, newest] = ['portal -> globex', 'other -> globex', 'portal -> initech'];
    expect(await order('CREATION_DATE')).toEqual([newest, middle, oldest]);
    expect(await order('CHANGE_DATE')).toEqual([oldest, newest, middle]);
    expect(await order('PROJECT_ID')).toEqual([middle, newest, oldest]);
    const page = async (offset: number): Promise<string[]> =>
      endsOf(await list(owner, { pagination: { limit: 2, offset, asc: true } }));
    expect([await page(0), await page(2), await page(4)]).toEqual([[oldest, middle], [newest], []]);
  });

  it('lags, where commands do not', async () => {
    zitadel.holdReads();
    await verb('Create', { project: other }, []);
    expect(endsOf(await list())).toEqual(['portal -> globex']);
    expect((await verb('Create', { project: other }, [])).status).toBe(409);
    expect((await verb('Update', { project: other }, ['reader'])).status).toBe(200);
    zitadel.releaseReads();
    expect(endsOf(await list())).toEqual(['other -> globex', 'portal -> globex']);
  });

  it('is there as v2beta, under its own names of filters; the other verbs are not', async () => {
    const beta = '/zitadel.project.v2beta.ProjectService';
    const filters = [
      { projectResourceOwnerFilter: { id: acme.id } },
      { projectGrantResourceOwnerFilter: { id: globex.id } },
    ];
    const called = await connectCall(zitadel, `${beta}/ListProjectGrants`, owner, { filters });
    expect(endsOf(called)).toEqual(['portal -> globex']);
    const create = await connectCall(zitadel, `${beta}/CreateProjectGrant`, owner, {});
    expect(create.status).toBe(501);
  });
});
