import { org, project, projectGrant, role } from 'nestjs-zitadel/express';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { all, listLeftOut, rows, total } from '../views.js';

const OF_FRANK = 'POST /management/v1/users/{frank}/memberships/_search';
const NOBODY = { status: 404, id: 'AUTHZ-cdgFk' };
const IN_ACME = [
  'grant grant: PROJECT_GRANT_OWNER_VIEWER',
  'instance: IAM_USER_MANAGER',
  'org acme: ORG_OWNER_VIEWER',
  'project other: PROJECT_OWNER_VIEWER',
];

const asked = raw('user memberships', 'v1', [
  {
    says: 'an owner of the organization sees the rows of the organization and of the instance',
    ask: OF_FRANK,
    as: 'svc-acme',
    body: {},
    see: rows,
    verdict: { status: 200, see: IN_ACME },
  },
  {
    says: 'and nothing in the name of another organization',
    ask: OF_FRANK,
    as: 'svc-acme',
    org: 'globex',
    body: {},
    verdict: NOBODY,
  },
  {
    says: 'a viewer of the instance sees the same in the name of that organization',
    ask: OF_FRANK,
    as: 'svc-viewer',
    org: 'acme',
    body: {},
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: IN_ACME, total: 4 } },
  },
  {
    says: 'in the name of another organization its rows come, and those of the instance',
    ask: OF_FRANK,
    as: 'svc-viewer',
    org: 'globex',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['instance: IAM_USER_MANAGER', 'org globex: ORG_OWNER'] },
  },
  {
    says: 'in the name of the reader’s own organization only rows of the instance come',
    ask: OF_FRANK,
    as: 'svc-viewer',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['instance: IAM_USER_MANAGER'] },
  },
  {
    says: 'a row on a project grant belongs to the granting organization',
    ask: 'POST /management/v1/users/{carol}/memberships/_search',
    as: 'svc-viewer',
    org: 'acme',
    body: {},
    see: rows,
    verdict: { status: 200, see: ['grant grant: PROJECT_GRANT_OWNER'] },
  },
  {
    says: 'and is not there in the name of the granted one',
    ask: 'POST /management/v1/users/{carol}/memberships/_search',
    as: 'svc-viewer',
    org: 'globex',
    body: {},
    see: listLeftOut,
    verdict: { status: 200, see: true },
  },
  {
    says: 'a user that does not exist has no rows',
    ask: 'POST /management/v1/users/1/memberships/_search',
    as: 'svc-viewer',
    org: 'acme',
    body: {},
    see: listLeftOut,
    verdict: { status: 200, see: true },
  },
  {
    says: 'somebody without manager roles may not read them',
    ask: OF_FRANK,
    as: 'dave',
    body: {},
    verdict: NOBODY,
  },
  {
    says: 'an organization that does not exist is refused',
    ask: OF_FRANK,
    as: 'svc-viewer',
    org: '1',
    body: {},
    verdict: { status: 403, id: 'AUTH-Bs7Ds' },
  },
  {
    says: 'a limit cuts the rows and not the total',
    ask: OF_FRANK,
    as: 'svc-viewer',
    org: 'acme',
    body: { query: { limit: 1 } },
    see: all({ total, rows: (answer, scene) => (rows(answer, scene) as unknown[]).length }),
    verdict: { status: 200, see: { total: 4, rows: 1 } },
  },
]);

const decided = throughLibrary('user memberships', [
  {
    says: 'read by the service user, the owner of an organization is let through',
    reads: 'serviceUser',
    as: 'alice',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, rows of a second organization count',
    reads: 'serviceUser',
    as: 'frank',
    may: (id) => role('ORG_OWNER', org(id('globex'))),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, a viewer is no owner',
    reads: 'serviceUser',
    as: 'frank',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: '403 role_missing',
  },
  {
    says: 'read by the service user, a role of the instance counts',
    reads: 'serviceUser',
    as: 'frank',
    may: () => role('IAM_USER_MANAGER'),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, the owner of a project is let through for it',
    reads: 'serviceUser',
    as: 'bob',
    may: (id) => role('PROJECT_OWNER', project(id('portal'))),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, the owner of a grant is let through for it',
    reads: 'serviceUser',
    as: 'carol',
    may: (id) => role('PROJECT_GRANT_OWNER', projectGrant(id('grant'))),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, the owner of the organization owns its projects',
    reads: 'serviceUser',
    as: 'alice',
    may: (id) => role('PROJECT_OWNER', project(id('portal')).in(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'read by the service user, somebody without rows is refused',
    reads: 'serviceUser',
    as: 'dave',
    may: (id) => role('ORG_OWNER_VIEWER', org(id('acme'))),
    verdict: '403 role_missing',
  },
  {
    says: 'a token that is not for ZITADEL’s API counts, where its user’s rows are read by the service user',
    reads: 'serviceUser',
    as: 'alice without ZITADEL',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: 'allowed',
  },
  {
    says: 'a service user without any right is our own misconfiguration, not the caller’s',
    reads: 'serviceUser',
    serviceUser: 'dave',
    as: 'alice',
    may: (id) => role('ORG_OWNER', org(id('acme'))),
    verdict: '500 misconfigured',
  },
  {
    says: 'by a bare user id the same is decided without a request',
    reads: 'serviceUser',
    call: async (library, { id }) => {
      const may = (name: string) =>
        library.authorizer.can(id('frank'), role('ORG_OWNER', org(id(name))));
      return { acme: await may('acme'), globex: await may('globex') };
    },
    verdict: { acme: false, globex: true },
  },
]);

export const userMemberships = [...asked, ...decided];
