import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Org,
  type Project,
  type ProjectGrant,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import { administrators, type Called, connectCall, errorIdOf, listOf } from './calls.js';

const BETA = '/zitadel.internal_permission.v2beta.InternalPermissionService/ListAdministrators';
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let portal: Project;
let grant: ProjectGrant;
let frank: User;
let hank: User;
let people = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  grant = zitadel.grantProject(portal, globex, ['reader']);
  frank = zitadel.addServiceUser('frank', { org: acme });
  zitadel.addMember(frank, { org: acme }, ['ORG_AUDITOR']);
  zitadel.addMember(frank, { org: globex }, ['ORG_AUDITOR', 'ORG_OTHER']);
  zitadel.addMember(frank, { project: portal }, ['PROJECT_OWNER_AUDITOR']);
  zitadel.addMember(frank, { projectGrant: grant }, ['PROJECT_GRANT_AUDITOR']);
  zitadel.addMember(frank, 'instance', ['IAM_AUDITOR']);
  hank = zitadel.addUser('hank', { org: globex, displayName: 'Hank Human' });
  zitadel.addMember(hank, { org: globex }, ['ORG_AUDITOR']);
});

afterAll(() => zitadel.stop());

const added: User[] = [];

afterEach(() => {
  for (const user of added.splice(0)) zitadel.removeUser(user);
});

function reader(org: Org, ...on: Parameters<ZitadelEmulator['addMember']>[1][]): string {
  people += 1;
  const user = zitadel.addServiceUser(`reader-${String(people)}`, { org });
  added.push(user);
  for (const resource of on) zitadel.addMember(user, resource, [roleOn(resource)]);
  return zitadel.tokenFor(user);
}

function roleOn(resource: Parameters<ZitadelEmulator['addMember']>[1]): string {
  if (resource === 'instance') return 'IAM_OWNER_VIEWER';
  if ('org' in resource) return 'ORG_OWNER';
  return 'project' in resource ? 'PROJECT_OWNER' : 'PROJECT_GRANT_OWNER';
}

function memberWith(org: Org, on: 'instance' | { org: Org }, role: string): string {
  people += 1;
  const user = zitadel.addServiceUser(`reader-${String(people)}`, { org });
  added.push(user);
  zitadel.addMember(user, on, [role]);
  return zitadel.tokenFor(user);
}

function of(...users: readonly User[]): object {
  return { inUserIdsFilter: { ids: users.map(({ id }) => id) } };
}

function kindsOf(called: Called): string[] {
  const kinds = ['instance', 'organization', 'project', 'projectGrant'];
  return listOf(called, 'administrators').map(
    (row) => kinds.find((kind) => kind in row) ?? 'nothing',
  );
}

function paginationOf(called: Called): unknown {
  return called.json['pagination'];
}

describe('rows of administrators', () => {
  it('tell user, resource and roles, newest first', async () => {
    const called = await administrators(zitadel, zitadel.tokenFor(frank), { filters: [of(frank)] });
    const row = {
      creationDate: expect.stringMatching(MOMENT) as string,
      changeDate: expect.stringMatching(MOMENT) as string,
      user: { id: frank.id, preferredLoginName: 'frank', organizationId: acme.id },
    };
    const [organizationId, projectId] = [acme.id, portal.id];
    const ends = { projectId, organizationId, grantedOrganizationId: globex.id };
    const projectGrant = { id: grant.id, projectName: 'portal', ...ends };
    const project = { id: projectId, name: 'portal', organizationId };
    expect([called.status, called.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(called.json).toEqual({
      pagination: { totalResult: '5', appliedLimit: '100' },
      administrators: [
        { ...row, instance: true, roles: ['IAM_AUDITOR'] },
        { ...row, projectGrant, roles: ['PROJECT_GRANT_AUDITOR'] },
        { ...row, project, roles: ['PROJECT_OWNER_AUDITOR'] },
        {
          ...row,
          organization: { id: globex.id, name: 'globex' },
          roles: ['ORG_AUDITOR', 'ORG_OTHER'],
        },
        { ...row, organization: { id: acme.id, name: 'acme' }, roles: ['ORG_AUDITOR'] },
      ],
    });
  });

  it('show the display name of persons only', async () => {
    const called = await administrators(zitadel, zitadel.tokenFor(hank), { filters: [of(hank)] });
    expect(listOf(called, 'administrators')[0]?.['user']).toEqual({
      id: hank.id,
      preferredLoginName: 'hank',
      displayName: 'Hank Human',
      organizationId: globex.id,
    });
  });

  it('keep their creation date when roles change', async () => {
    const body = { filters: [of(hank)] };
    const token = zitadel.tokenFor(hank);
    const [before] = listOf(await administrators(zitadel, token, body), 'administrators');
    zitadel.changeMember(hank, { org: globex }, ['ORG_OTHER']);
    const [after] = listOf(await administrators(zitadel, token, body), 'administrators');
    expect(after).toMatchObject({ creationDate: before?.['creationDate'], roles: ['ORG_OTHER'] });
    expect(String(after?.['changeDate']) > String(before?.['changeDate'])).toBe(true);
    zitadel.changeMember(hank, { org: globex }, ['ORG_AUDITOR']);
  });
});

describe('what readers see of somebody else', () => {
  const everything = ['instance', 'projectGrant', 'project', 'organization', 'organization'];

  it.each<[string, string, string[]]>([
    ['instance', 'IAM_OWNER', everything],
    ['instance', 'IAM_OWNER_VIEWER', everything],
    ['instance', 'IAM_ORG_MANAGER', everything.slice(1)],
    ['instance', 'IAM_USER_MANAGER', everything.slice(1)],
    ['acme', 'ORG_OWNER', ['projectGrant', 'project', 'organization']],
    ['acme', 'ORG_OWNER_VIEWER', ['projectGrant', 'project', 'organization']],
    ['globex', 'ORG_OWNER', ['projectGrant', 'organization']],
    ['acme', 'ORG_USER_MANAGER', []],
  ])('on %s with %s', async (place, role, kinds) => {
    const on = place === 'instance' ? place : { org: place === 'acme' ? acme : globex };
    const called = await administrators(zitadel, memberWith(acme, on, role), {
      filters: [of(frank)],
    });
    expect(kindsOf(called)).toEqual(kinds);
    expect(paginationOf(called)).toEqual({ totalResult: '5', appliedLimit: '100' });
    expect('administrators' in called.json).toBe(kinds.length > 0);
  });

  it.each<[string, string[]]>([
    ['project', ['projectGrant', 'project']],
    ['projectGrant', ['projectGrant']],
    ['nothing', []],
  ])('as a member of a %s', async (kind, kinds) => {
    const on = { project: [{ project: portal }], projectGrant: [{ projectGrant: grant }] }[kind];
    const token = reader(acme, ...(on ?? []));
    const called = await administrators(zitadel, token, { filters: [of(frank)] });
    expect(kindsOf(called)).toEqual(kinds);
  });
});

describe('pages of administrators', () => {
  const page = (pagination: object, more: object = {}): object => ({
    pagination,
    filters: [of(frank)],
    ...more,
  });

  it('follow each other in the order that was asked for', async () => {
    const token = zitadel.tokenFor(frank);
    const first = await administrators(zitadel, token, page({ limit: 2, asc: true }));
    const second = await administrators(
      zitadel,
      token,
      page({ offset: '2', limit: '2', asc: true }),
    );
    expect([...kindsOf(first), ...kindsOf(second)]).toEqual([
      'organization',
      'organization',
      'project',
      'projectGrant',
    ]);
    expect(paginationOf(second)).toEqual({ totalResult: '5', appliedLimit: '2' });
  });

  it('have no total beyond the end, and none of nothing', async () => {
    const token = zitadel.tokenFor(frank);
    const beyond = await administrators(zitadel, token, page({ offset: 5 }));
    expect(beyond.json).toEqual({ pagination: { appliedLimit: '100' } });
    const nobody = await administrators(zitadel, token, {
      filters: [{ inUserIdsFilter: { ids: ['1'] } }],
    });
    expect(nobody.json).toEqual({ pagination: { appliedLimit: '100' } });
  });

  it('come short of rows that the reader may not see, and still count them', async () => {
    const token = reader(acme, { org: acme });
    const called = await administrators(zitadel, token, page({ limit: 2 }));
    expect(kindsOf(called)).toEqual(['projectGrant']);
    expect(paginationOf(called)).toEqual({ totalResult: '5', appliedLimit: '2' });
  });

  it('hold at most 1000 rows', async () => {
    const token = zitadel.tokenFor(frank);
    expect((await administrators(zitadel, token, page({ limit: 1000 }))).status).toBe(200);
    const called = await administrators(zitadel, token, page({ limit: 1001 }));
    expect([called.status, called.json]).toEqual([
      400,
      {
        code: 'invalid_argument',
        message: 'Limit exceeded (QUERY-4M0fs)',
        details: [
          {
            type: 'zitadel.v1.ErrorDetail',
            value: 'CgtRVUVSWS00TTBmcxIOTGltaXQgZXhjZWVkZWQ',
            debug: { id: 'QUERY-4M0fs', message: 'Limit exceeded' },
          },
        ],
      },
    ]);
  });

  it('can be sorted by user and by change', async () => {
    const token = memberWith(acme, 'instance', 'IAM_OWNER_VIEWER');
    const filters = [of(frank, hank)];
    const users = async (column: string | number, asc: boolean): Promise<unknown> => {
      const body = { filters, sortingColumn: column, pagination: { asc, limit: 1 } };
      const [row] = listOf(await administrators(zitadel, token, body), 'administrators');
      return (row?.['user'] as { id: string } | undefined)?.id;
    };
    expect(await users('ADMINISTRATOR_FIELD_NAME_USER_ID', true)).toBe(frank.id);
    expect(await users('ADMINISTRATOR_FIELD_NAME_USER_ID', false)).toBe(hank.id);
    zitadel.changeMember(frank, 'instance', ['IAM_OTHER']);
    expect(await users('ADMINISTRATOR_FIELD_NAME_CHANGE_DATE', false)).toBe(frank.id);
    expect(await users(3, false)).toBe(frank.id);
    expect(await users('ADMINISTRATOR_FIELD_NAME_CREATION_DATE', false)).toBe(hank.id);
    zitadel.changeMember(frank, 'instance', ['IAM_AUDITOR']);
  });
});

describe('filters of administrators', () => {
  const resource = (value: object): object => ({ resource: value });

  async function found(...filters: readonly object[]): Promise<string[]> {
    const token = memberWith(acme, 'instance', 'IAM_OWNER_VIEWER');
    return kindsOf(await administrators(zitadel, token, { filters }));
  }

  it('narrow to one resource', async () => {
    expect(await found(of(frank), resource({ instance: true }))).toEqual(['instance']);
    expect(await found(resource({ organizationId: acme.id }))).toEqual(['organization']);
    expect(await found(resource({ organizationId: globex.id }))).toHaveLength(2);
    expect(await found(resource({ projectId: portal.id }))).toEqual(['project']);
    const ends = { projectId: portal.id, organizationId: globex.id };
    expect(await found(resource({ projectGrant: ends }))).toEqual(['projectGrant']);
    const owner = { ...ends, organizationId: acme.id };
    expect(await found(resource({ projectGrant: owner }))).toEqual([]);
  });

  it('narrow to roles and to the organization of the user', async () => {
    expect(await found({ role: { roleKey: 'ORG_OTHER' } })).toEqual(['organization']);
    expect(await found({ role: { roleKey: 'ORG' } })).toEqual([]);
    expect(await found({ userOrganizationId: { id: globex.id } })).toEqual(['organization']);
  });

  it('can be joined and turned round', async () => {
    const [one, two] = [
      resource({ organizationId: globex.id }),
      resource({ projectId: portal.id }),
    ];
    const kinds = ['organization', 'project', 'organization'];
    expect(await found({ or: { queries: [one, two] } })).toEqual(kinds);
    expect(await found({ and: { queries: [one, of(frank)] } })).toEqual(['organization']);
    expect(await found(one, { not: { query: of(frank) } })).toEqual(['organization']);
    expect(await found(one, two)).toEqual([]);
  });

  const place = 'invalid ListAdministratorsRequest.Filters[0]: embedded message failed validation';
  const caused = `${place} | caused by: invalid AdministratorSearchFilter`;
  const inside = 'embedded message failed validation | caused by: invalid';

  it.each<[object, string]>([
    [{}, `${caused}.Filter: value is required`],
    [
      { resource: { instance: false } },
      `${caused}.Resource: ${inside} ResourceFilter.Instance: value must equal true`,
    ],
    [{ resource: {} }, `${caused}.Resource: ${inside} ResourceFilter.Resource: value is required`],
    [
      { inUserIdsFilter: { ids: ['1', '1'] } },
      `${caused}.InUserIdsFilter: ${inside} InIDsFilter.Ids[1]: repeated value must contain unique items`,
    ],
    [
      { or: { queries: [{ role: { roleKey: '' } }] } },
      `${caused}.Or: ${inside} OrFilter.Queries[0]: ${inside} AdministratorSearchFilter.Role: ` +
        `${inside} RoleFilter.RoleKey: value length must be between 1 and 200 runes, inclusive`,
    ],
  ])('are refused where they are not valid: %j', async (filter, message) => {
    const token = zitadel.tokenFor(frank);
    const called = await administrators(zitadel, token, { filters: [filter] });
    expect([called.status, called.json]).toEqual([400, { code: 'invalid_argument', message }]);
  });

  it('answer 501 where they are not emulated', async () => {
    const filters = [{ creationDate: {} }];
    const called = await administrators(zitadel, zitadel.tokenFor(frank), { filters });
    expect([called.status, called.json['code']]).toEqual([501, 'unimplemented']);
  });
});

describe('the list of administrators', () => {
  it('lags like the other reads, with users who are gone', async () => {
    const gone = zitadel.addServiceUser('gone', { org: acme });
    zitadel.addMember(gone, { org: acme }, ['ORG_AUDITOR']);
    const token = memberWith(acme, 'instance', 'IAM_OWNER_VIEWER');
    const body = { filters: [of(gone)] };
    zitadel.holdReads();
    zitadel.removeUser(gone);
    expect(kindsOf(await administrators(zitadel, token, body))).toEqual(['organization']);
    zitadel.releaseReads();
    expect(kindsOf(await administrators(zitadel, token, body))).toEqual([]);
  });

  it('is there as v2beta', async () => {
    const token = zitadel.tokenFor(frank);
    const body = { filters: [of(frank)] };
    const beta = await connectCall(zitadel, BETA, token, body);
    expect(beta.json).toEqual((await administrators(zitadel, token, body)).json);
  });

  it('is missed by the REST search of v2beta, which ZITADEL takes for a change', async () => {
    const path = '/v2beta/administrators/search';
    const called = await connectCall(zitadel, path, zitadel.tokenFor(frank), {});
    expect([called.status, called.json['code'], called.json['message']]).toEqual([
      400,
      3,
      'Errors.Invalid.Argument (ADMIN-i0V2IbdloZ)',
    ]);
    expect((await connectCall(zitadel, path, 'garbage', {})).status).toBe(401);
  });

  it('can be about somebody else', async () => {
    const token = zitadel.tokenFor(frank);
    zitadel.failNext('administrators', 'wrong-user', 3);
    const rows = listOf(
      await administrators(zitadel, token, { filters: [of(frank)] }),
      'administrators',
    );
    const ids = rows.map((row) => (row['user'] as { id: string }).id);
    expect([ids.length, new Set(ids).size, ids.includes(frank.id)]).toEqual([5, 1, false]);
    const none = { filters: [{ inUserIdsFilter: { ids: ['1'] } }] };
    const [row] = listOf(await administrators(zitadel, token, none), 'administrators');
    expect(row).toMatchObject({ instance: true, roles: ['IAM_OWNER'] });
    const refused = await administrators(zitadel, 'garbage');
    expect(errorIdOf(refused)).toBe('AUTH-7fs1e');
  });
});
