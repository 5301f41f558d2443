import { anyOf, org, project, projectGrant, role } from 'nestjs-zitadel/express';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { all, listLeftOut, rows, total } from '../views.js';

const MINE = 'POST /auth/v1/memberships/me/_search';
const DEAD = { status: 401, id: 'AUTH-7fs1e' };
const LONG = '1'.repeat(201);
const ALICE = ['org acme: ORG_OWNER ORG_USER_MANAGER'];
const FRANK = [
  'grant grant: PROJECT_GRANT_OWNER_VIEWER',
  'instance: IAM_USER_MANAGER',
  'org acme: ORG_OWNER_VIEWER',
  'org globex: ORG_OWNER',
  'project other: PROJECT_OWNER_VIEWER',
];

const asked = raw('my memberships', 'v1', [
  {
    says: 'the owner of an organization has one row, with all roles in it',
    ask: MINE,
    as: 'alice',
    body: {},
    see: rows,
    verdict: { status: 200, see: ALICE },
  },
  {
    says: 'the owner of a project has a row that names the project',
    ask: MINE,
    as: 'bob',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['project portal: PROJECT_OWNER'] },
  },
  {
    says: 'the owner of a project grant has a row that names the grant',
    ask: MINE,
    as: 'carol',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['grant grant: PROJECT_GRANT_OWNER'] },
  },
  {
    says: 'somebody without any manager role gets no list and no total',
    ask: MINE,
    as: 'dave',
    body: {},
    see: all({ listLeftOut, total }),
    verdict: { status: 200, see: { listLeftOut: true, total: 0 } },
  },
  {
    says: 'rows of every kind and of every organization come in one answer',
    ask: MINE,
    as: 'frank',
    body: {},
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: FRANK, total: 5 } },
  },
  {
    says: 'an opaque token is read for',
    ask: MINE,
    as: 'olga',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['org acme: ORG_USER_MANAGER'] },
  },
  {
    says: 'a personal access token is read for',
    ask: MINE,
    as: 'alice PAT',
    body: {},
    see: rows,
    verdict: { status: 200, see: ALICE },
  },
  {
    says: 'the token of a person is read for',
    ask: MINE,
    as: 'hank',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['org acme: ORG_USER_MANAGER'] },
  },
  {
    says: 'a session token is read for as well',
    ask: MINE,
    as: 'hank session token',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['org acme: ORG_USER_MANAGER'] },
  },
  {
    says: 'a request without a body is an empty one',
    ask: MINE,
    as: 'alice',
    see: rows,
    verdict: { status: 200, see: ALICE },
  },
  {
    says: 'the organization in the header changes nothing',
    ask: MINE,
    as: 'alice',
    org: 'globex',
    body: {},
    see: rows,
    verdict: { status: 200, see: ALICE },
  },
  {
    says: 'an unknown organization in the header is refused',
    ask: MINE,
    as: 'alice',
    org: '1',
    body: {},
    verdict: { status: 403, id: 'AUTH-Bs7Ds' },
  },
  {
    says: 'a limit cuts the rows and not the total',
    ask: MINE,
    as: 'frank',
    body: { query: { limit: 2 } },
    see: all({ total, rows: (answer, scene) => (rows(answer, scene) as unknown[]).length }),
    verdict: { status: 200, see: { total: 5, rows: 2 } },
  },
  {
    says: 'beyond the end there is neither row nor total',
    ask: MINE,
    as: 'frank',
    body: { query: { offset: '50', limit: 2 } },
    see: all({ listLeftOut, total }),
    verdict: { status: 200, see: { listLeftOut: true, total: 0 } },
  },
  {
    says: 'orgQuery keeps the row of that organization',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ orgQuery: { orgId: '{globex}' } }] },
    see: rows,
    verdict: { status: 200, see: ['org globex: ORG_OWNER'] },
  },
  {
    says: 'projectQuery keeps the rows of grants of that project too',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ projectQuery: { projectId: '{portal}' } }] },
    see: rows,
    verdict: { status: 200, see: ['grant grant: PROJECT_GRANT_OWNER_VIEWER'] },
  },
  {
    says: 'projectGrantQuery keeps the row of that grant',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ projectGrantQuery: { projectGrantId: '{grant}' } }] },
    see: rows,
    verdict: { status: 200, see: ['grant grant: PROJECT_GRANT_OWNER_VIEWER'] },
  },
  {
    says: 'iamQuery keeps the row of the instance, also when it says false',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ iamQuery: { iam: false } }] },
    see: rows,
    verdict: { status: 200, see: ['instance: IAM_USER_MANAGER'] },
  },
  {
    says: 'two queries must both hold',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ orgQuery: { orgId: '{acme}' } }, { iamQuery: { iam: true } }] },
    see: listLeftOut,
    verdict: { status: 200, see: true },
  },
  {
    says: 'two queries in one object are refused',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ orgQuery: { orgId: '{acme}' }, iamQuery: { iam: true } }] },
    verdict: { status: 400 },
  },
  {
    says: 'an empty query is refused',
    ask: MINE,
    as: 'frank',
    body: { queries: [{}] },
    verdict: { status: 400 },
  },
  {
    says: 'a query of an unknown kind is refused',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ orgIdQuery: { orgID: '1' } }] },
    verdict: { status: 400 },
  },
  {
    says: 'an id of 201 characters is refused',
    ask: MINE,
    as: 'frank',
    body: { queries: [{ orgQuery: { orgId: LONG } }] },
    verdict: { status: 400 },
  },
  {
    says: 'a token that is not for the API is refused like a dead one',
    ask: MINE,
    as: 'alice without ZITADEL',
    body: {},
    verdict: DEAD,
  },
  { says: 'a live ID token is refused', ask: MINE, as: 'hank id token', body: {}, verdict: DEAD },
  { says: 'garbage is refused', ask: MINE, as: 'garbage', body: {}, verdict: DEAD },
  {
    says: 'an impersonation token is not for the API',
    ask: MINE,
    as: 'alice impersonated',
    body: {},
    verdict: { status: 403, id: 'APP-Shi0J' },
  },
]);

const decided = throughLibrary('my memberships', [
  {
    says: 'the owner of an organization is let through for it',
    as: 'alice',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'and for no other organization',
    as: 'alice',
    may: (id) => role('ORG_OWNER', org(id('globex'))),
    verdict: '403 role_missing',
  },
  {
    says: 'an owner is a viewer too',
    as: 'alice',
    may: (id) => role('ORG_OWNER_VIEWER', org(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'a viewer is no owner',
    as: 'frank',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: '403 role_missing',
  },
  {
    says: 'the owner of a project is let through for it',
    as: 'bob',
    may: (id) => role('PROJECT_OWNER', project(id('portal'))),
    verdict: 'allowed',
  },
  {
    says: 'and for no other project of the organization',
    as: 'bob',
    may: (id) => role('PROJECT_OWNER', project(id('other'))),
    verdict: '403 role_missing',
  },
  {
    says: 'the owner of an organization owns its projects',
    as: 'alice',
    may: (id) => role('PROJECT_OWNER', project(id('portal')).in(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'a project is not of an organization because a request says so',
    as: 'gina',
    may: (id) => role('PROJECT_OWNER', project(id('portal')).in(id('globex'))),
    verdict: '403 role_missing',
  },
  {
    says: 'the owner of a grant is let through for it by its id',
    as: 'carol',
    may: (id) => role('PROJECT_GRANT_OWNER', projectGrant(id('grant'))),
    verdict: 'allowed',
  },
  {
    says: 'the owner of the granted organization manages the grant, named by its two ends',
    as: 'gina',
    may: (id) =>
      role(
        'PROJECT_GRANT_OWNER',
        projectGrant({ project: id('portal'), grantedOrg: id('globex') }),
      ),
    verdict: 'allowed',
  },
  {
    says: 'the owner of the granting organization does not manage the grant',
    as: 'alice',
    may: (id) =>
      role(
        'PROJECT_GRANT_OWNER',
        projectGrant({ project: id('portal'), grantedOrg: id('globex') }),
      ),
    verdict: '403 role_missing',
  },
  {
    says: 'a manager of the instance is let through for the instance',
    as: 'frank',
    may: () => role('IAM_USER_MANAGER'),
    verdict: 'allowed',
  },
  {
    says: 'nobody is let through nowhere',
    as: 'dave',
    may: (id) =>
      anyOf(
        role('ORG_OWNER_VIEWER', org(id('acme'))),
        role('PROJECT_OWNER', project(id('portal'))),
      ),
    verdict: '403 role_missing',
  },
  {
    says: 'a project that does not exist and a role that is missing are answered alike',
    as: 'alice',
    may: () => role('PROJECT_OWNER', project('1')),
    verdict: '403 role_missing',
  },
  {
    says: 'a role of the instance counts in every organization',
    as: 'svc-viewer',
    may: (id) => role('ORG_OWNER_VIEWER', org(id('initech'))),
    verdict: 'allowed',
  },
]);

const listed = throughLibrary('my memberships', [
  {
    says: 'listMine() answers the rows as ZITADEL does',
    only: 'v1',
    call: async (library, { scene }) => {
      const list = await library.membershipLists.listMine(await scene.token('frank'));
      return { total: list.details.totalResult, rows: list.result.length };
    },
    verdict: { total: 5, rows: 5 },
  },
  {
    says: 'listMine() tells that ZITADEL does not take a token',
    only: 'v1',
    call: (library) => library.membershipLists.listMine('garbage'),
    verdict: { thrown: 'zitadel_refused', id: 'AUTH-7fs1e', status: 401 },
  },
]);

export const myMemberships = [...asked, ...decided, ...listed];
