import { beforeAll, describe, expect, it } from 'vitest';
import type { MemberResource, User } from '../../lib/testing/index.js';
import {
  administrators,
  type Called,
  connectCall,
  errorIdOf,
  listOf,
  useTenants,
} from './calls.js';

const BETA = '/zitadel.internal_permission.v2beta.InternalPermissionService/ListAdministrators';
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

const w = useTenants();
let frank: User;
let hank: User;
let viewer: string;

beforeAll(() => {
  const { zitadel, acme, globex, portal, grant } = w;
  viewer = w.member('instance', 'IAM_OWNER_VIEWER');
  frank = zitadel.addServiceUser('frank', { org: acme });
  zitadel.addMember(frank, { org: acme }, ['ORG_AUDITOR']);
  zitadel.addMember(frank, { org: globex }, ['ORG_AUDITOR', 'ORG_OTHER']);
  zitadel.addMember(frank, { project: portal }, ['PROJECT_OWNER_AUDITOR']);
  zitadel.addMember(frank, { projectGrant: grant }, ['PROJECT_GRANT_AUDITOR']);
  zitadel.addMember(frank, 'instance', ['IAM_AUDITOR']);
  hank = zitadel.addUser('hank', { org: globex, displayName: 'Hank Human' });
  zitadel.addMember(hank, { org: globex }, ['ORG_AUDITOR']);
});

/** What somebody is shown; frank unless told. */
function list(body: object, token = w.zitadel.tokenFor(frank)): Promise<Called> {
  return administrators(w.zitadel, token, body);
}

function of(...users: readonly User[]): object {
  return { inUserIdsFilter: { ids: users.map(({ id }) => id) } };
}

const NOBODY = { filters: [{ inUserIdsFilter: { ids: ['1'] } }] };

function rowsIn(called: Called) {
  return listOf(called, 'administrators');
}

function kindsOf(called: Called): string[] {
  const kinds = ['instance', 'organization', 'project', 'projectGrant'];
  return rowsIn(called).map((row) => kinds.find((kind) => kind in row) ?? 'nothing');
}

describe('rows of administrators', () => {
  it('tell user, resource and roles, newest first', async () => {
    const called = await list({ filters: [of(frank)] });
    const row = {
      creationDate: expect.stringMatching(MOMENT) as string,
      changeDate: expect.stringMatching(MOMENT) as string,
      user: { id: frank.id, preferredLoginName: 'frank', organizationId: w.acme.id },
    };
    const [organizationId, projectId] = [w.acme.id, w.portal.id];
    const ends = { projectId, organizationId, grantedOrganizationId: w.globex.id };
    const projectGrant = { id: w.grant.id, projectName: 'portal', ...ends };
    const project = { id: projectId, name: 'portal', organizationId };
    const [acme, globex] = [w.acme, w.globex].map(({ id, name }) => ({ id, name }));
    expect([called.status, called.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(called.json).toEqual({
      pagination: { totalResult: '5', appliedLimit: '100' },
      administrators: [
        { ...row, instance: true, roles: ['IAM_AUDITOR'] },
        { ...row, projectGrant, roles: ['PROJECT_GRANT_AUDITOR'] },
        { ...row, project, roles: ['PROJECT_OWNER_AUDITOR'] },
        { ...row, organization: globex, roles: ['ORG_AUDITOR', 'ORG_OTHER'] },
        { ...row, organization: acme, roles: ['ORG_AUDITOR'] },
      ],
    });
  });

  it('show the display name of persons only', async () => {
    const called = await list({ filters: [of(hank)] }, w.zitadel.tokenFor(hank));
    expect(rowsIn(called)[0]?.['user']).toEqual({
      id: hank.id,
      preferredLoginName: 'hank',
      displayName: 'Hank Human',
      organizationId: w.globex.id,
    });
  });

  it('keep their creation date when roles change', async () => {
    const body = { filters: [of(hank)] };
    const [before] = rowsIn(await list(body, viewer));
    w.zitadel.changeMember(hank, { org: w.globex }, ['ORG_OTHER']);
    const [after] = rowsIn(await list(body, viewer));
    expect(after).toMatchObject({ creationDate: before?.['creationDate'], roles: ['ORG_OTHER'] });
    expect(String(after?.['changeDate']) > String(before?.['changeDate'])).toBe(true);
    w.zitadel.changeMember(hank, { org: w.globex }, ['ORG_AUDITOR']);
  });
});

describe('what readers see of somebody else', () => {
  const everything = ['instance', 'projectGrant', 'project', 'organization', 'organization'];

  it.each<[string, () => MemberResource, string[]]>([
    ['IAM_OWNER', () => 'instance', everything],
    ['IAM_OWNER_VIEWER', () => 'instance', everything],
    ['IAM_ORG_MANAGER', () => 'instance', everything.slice(1)],
    ['IAM_USER_MANAGER', () => 'instance', everything.slice(1)],
    ['ORG_OWNER', () => ({ org: w.acme }), ['projectGrant', 'project', 'organization']],
    ['ORG_OWNER_VIEWER', () => ({ org: w.acme }), ['projectGrant', 'project', 'organization']],
    ['ORG_OWNER', () => ({ org: w.globex }), ['projectGrant', 'organization']],
    ['ORG_USER_MANAGER', () => ({ org: w.acme }), []],
    ['PROJECT_OWNER', () => ({ project: w.portal }), ['projectGrant', 'project']],
    ['PROJECT_GRANT_OWNER', () => ({ projectGrant: w.grant }), ['projectGrant']],
  ])('with %s of %s', async (role, on, kinds) => {
    const reader = w.addMember(on(), [role], w.acme);
    const token = w.zitadel.tokenFor(reader);
    const called = await list({ filters: [of(frank)] }, token);
    const page = await list({ filters: [of(frank)], pagination: { limit: 2 } }, token);
    w.zitadel.removeUser(reader);
    expect(kindsOf(called)).toEqual(kinds);
    expect(called.json['pagination']).toEqual({ totalResult: '5', appliedLimit: '100' });
    expect('administrators' in called.json).toBe(kinds.length > 0);
    // A page comes short of rows that the reader may not see, and still counts them.
    expect(kindsOf(page)).toEqual(everything.slice(0, 2).filter((kind) => kinds.includes(kind)));
    expect(page.json['pagination']).toEqual({ totalResult: '5', appliedLimit: '2' });
  });
});

describe('pages of administrators', () => {
  it('have no total beyond the end, and none of nothing', async () => {
    const nothing = { pagination: { appliedLimit: '100' } };
    const beyond = await list({ filters: [of(frank)], pagination: { offset: 5 } });
    expect([beyond.json, (await list(NOBODY)).json]).toEqual([nothing, nothing]);
  });

  it('can be sorted by user and by change', async () => {
    const first = async (column: string | number, asc: boolean): Promise<unknown> => {
      const pagination = { asc, limit: 1 };
      const body = { filters: [of(frank, hank)], sortingColumn: column, pagination };
      const [row] = rowsIn(await list(body, viewer));
      return (row?.['user'] as { id: string } | undefined)?.id;
    };
    expect(await first('ADMINISTRATOR_FIELD_NAME_USER_ID', true)).toBe(frank.id);
    expect(await first('ADMINISTRATOR_FIELD_NAME_USER_ID', false)).toBe(hank.id);
    w.zitadel.changeMember(frank, 'instance', ['IAM_OTHER']);
    expect(await first('ADMINISTRATOR_FIELD_NAME_CHANGE_DATE', false)).toBe(frank.id);
    expect(await first(3, false)).toBe(frank.id);
    expect(await first('ADMINISTRATOR_FIELD_NAME_CREATION_DATE', false)).toBe(hank.id);
    w.zitadel.changeMember(frank, 'instance', ['IAM_AUDITOR']);
  });
});

describe('filters of administrators', () => {
  const found = async (...filters: readonly object[]): Promise<string[]> =>
    kindsOf(await list({ filters }, viewer));

  it('narrow to roles, resources and the organization of the user', async () => {
    expect(await found({ role: { roleKey: 'ORG_OTHER' } })).toEqual(['organization']);
    expect(await found({ role: { roleKey: 'ORG' } })).toEqual([]);
    expect(await found({ userOrganizationId: { id: w.globex.id } })).toEqual(['organization']);
    const projectGrant = { projectId: w.portal.id, organizationId: w.acme.id };
    expect(await found({ resource: { projectGrant } })).toEqual([]);
  });

  it('can be joined and turned round', async () => {
    const one = { resource: { organizationId: w.globex.id } };
    const two = { resource: { projectId: w.portal.id } };
    const kinds = ['organization', 'project', 'organization'];
    expect(await found({ or: { queries: [one, two] } })).toEqual(kinds);
    expect(await found({ and: { queries: [one, of(frank)] } })).toEqual(['organization']);
    expect(await found(one, { not: { query: of(frank) } })).toEqual(['organization']);
    expect(await found(one, two)).toEqual([]);
  });

  const inside = 'embedded message failed validation | caused by: invalid';
  const caused = `invalid ListAdministratorsRequest.Filters[0]: ${inside} AdministratorSearchFilter`;
  const resource = `.Resource: ${inside} ResourceFilter`;

  it.each<[object, string]>([
    [{}, '.Filter: value is required'],
    [{ resource: { instance: false } }, `${resource}.Instance: value must equal true`],
    [{ resource: {} }, `${resource}.Resource: value is required`],
    [
      { inUserIdsFilter: { ids: ['1', '1'] } },
      `.InUserIdsFilter: ${inside} InIDsFilter.Ids[1]: repeated value must contain unique items`,
    ],
    [
      { or: { queries: [{ role: { roleKey: '' } }] } },
      `.Or: ${inside} OrFilter.Queries[0]: ${inside} AdministratorSearchFilter.Role: ` +
        `${inside} RoleFilter.RoleKey: value length must be between 1 and 200 runes, inclusive`,
    ],
  ])('are refused where they are not valid: %j', async (filter, told) => {
    const called = await list({ filters: [filter] });
    const message = `${caused}${told}`;
    expect([called.status, called.json]).toEqual([400, { code: 'invalid_argument', message }]);
  });

  it('answer 501 where they are not emulated', async () => {
    const called = await list({ filters: [{ creationDate: {} }] });
    expect([called.status, called.json['code']]).toEqual([501, 'unimplemented']);
  });
});

describe('the list of administrators', () => {
  it('lags like the other reads, with users who are gone', async () => {
    const gone = w.addMember({ org: w.acme }, ['ORG_AUDITOR'], w.acme);
    const body = { filters: [of(gone)] };
    w.zitadel.holdReads();
    w.zitadel.removeUser(gone);
    expect(kindsOf(await list(body, viewer))).toEqual(['organization']);
    w.zitadel.releaseReads();
    expect(kindsOf(await list(body, viewer))).toEqual([]);
  });

  it('is there as v2beta', async () => {
    const body = { filters: [of(frank)] };
    const beta = await connectCall(w.zitadel, BETA, w.zitadel.tokenFor(frank), body);
    expect(beta.json).toEqual((await list(body)).json);
  });

  it('is missed by the REST search of v2beta, which ZITADEL takes for a change', async () => {
    const path = '/v2beta/administrators/search';
    const { status, headers, json } = await connectCall(w.zitadel, path, viewer, {});
    const message = 'Errors.Invalid.Argument (ADMIN-i0V2IbdloZ)';
    expect([status, json]).toMatchObject([400, { code: 3, message }]);
    expect(headers.get('cache-control')).toBeNull();
    expect((await connectCall(w.zitadel, path, viewer, '{')).json).toEqual(json);
    const refused = await connectCall(w.zitadel, path, 'garbage', '{');
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([401, 'no-store']);
  });

  it('can be about somebody else', async () => {
    w.zitadel.failNext('administrators', 'wrong-user', 3);
    const rows = rowsIn(await list({ filters: [of(frank)] }));
    const ids = rows.map((row) => (row['user'] as { id: string }).id);
    expect([ids.length, new Set(ids).size, ids.includes(frank.id)]).toEqual([5, 1, false]);
    const [row] = rowsIn(await list(NOBODY));
    expect(row).toMatchObject({ instance: true, roles: ['IAM_OWNER'] });
    expect(errorIdOf(await list({}, 'garbage'))).toBe('AUTH-7fs1e');
  });
});
