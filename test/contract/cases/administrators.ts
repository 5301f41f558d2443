import { raw, type RawCase } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { org, project, role } from 'nestjs-zitadel/express';
import { administrators as rows, all, everybody, listLeftOut, total, type See } from '../views.js';

const SERVICE = '/zitadel.internal_permission.v2.InternalPermissionService';
const LIST = `POST ${SERVICE}/ListAdministrators`;
const OF_FRANK = { filters: [{ inUserIdsFilter: { ids: ['{frank}'] } }] };
const SORTED = { sortingColumn: 'ADMINISTRATOR_FIELD_NAME_CREATION_DATE' };
const FRANK = [
  'grant grant: PROJECT_GRANT_OWNER_VIEWER',
  'instance: IAM_USER_MANAGER',
  'org acme: ORG_OWNER_VIEWER',
  'org globex: ORG_OWNER',
  'project other: PROJECT_OWNER_VIEWER',
];

/** Where a project grant is, which the list v1 does not say. */
const grantScope: See = ({ body }, scene) =>
  (body['administrators'] as readonly Record<string, Record<string, string>>[])
    .map((row) => row['projectGrant'])
    .filter((grant) => grant !== undefined)
    .map((grant) => ({
      project: scene.name(grant['projectId'] ?? ''),
      owner: scene.name(grant['organizationId'] ?? ''),
      granted: scene.name(grant['grantedOrganizationId'] ?? ''),
    }));

const asked: readonly RawCase[] = [
  {
    says: 'everybody sees the own rows of every kind, asked for by the own id',
    ask: LIST,
    as: 'frank',
    body: OF_FRANK,
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: FRANK, total: 5 } },
  },
  {
    says: 'the row of a project grant says of which project, whose it is and to whom it is granted',
    ask: LIST,
    as: 'frank',
    body: OF_FRANK,
    see: grantScope,
    verdict: { status: 200, see: [{ project: 'portal', owner: 'acme', granted: 'globex' }] },
  },
  {
    says: 'sorted by creation date the first page of two holds the two oldest',
    ask: LIST,
    as: 'frank',
    body: { ...OF_FRANK, ...SORTED, pagination: { limit: 2, asc: true } },
    see: all({ rows, total }),
    verdict: {
      status: 200,
      see: { rows: ['org acme: ORG_OWNER_VIEWER', 'org globex: ORG_OWNER'], total: 5 },
    },
  },
  {
    says: 'and the second page the next two',
    ask: LIST,
    as: 'frank',
    body: { ...OF_FRANK, ...SORTED, pagination: { offset: '2', limit: 2, asc: true } },
    see: rows,
    verdict: {
      status: 200,
      see: ['grant grant: PROJECT_GRANT_OWNER_VIEWER', 'project other: PROJECT_OWNER_VIEWER'],
    },
  },
  {
    says: 'a viewer of the instance sees all rows of a user',
    ask: LIST,
    as: 'svc-viewer',
    body: OF_FRANK,
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: FRANK, total: 5 } },
  },
  {
    says: 'an owner of one organization sees only its rows, though the total counts the others',
    ask: LIST,
    as: 'svc-acme',
    body: OF_FRANK,
    see: all({ rows, total }),
    verdict: {
      status: 200,
      see: {
        rows: [
          'grant grant: PROJECT_GRANT_OWNER_VIEWER',
          'org acme: ORG_OWNER_VIEWER',
          'project other: PROJECT_OWNER_VIEWER',
        ],
        total: 5,
      },
    },
  },
  {
    says: 'somebody without rights gets the total and no row',
    ask: LIST,
    as: 'dave',
    body: OF_FRANK,
    see: all({ listLeftOut, total }),
    verdict: { status: 200, see: { listLeftOut: true, total: 5 } },
  },
  {
    says: 'somebody without rows gets neither',
    ask: LIST,
    as: 'dave',
    body: { filters: [{ inUserIdsFilter: { ids: ['{dave}'] } }] },
    see: all({ listLeftOut, total }),
    verdict: { status: 200, see: { listLeftOut: true, total: 0 } },
  },
  {
    says: 'a limit above 1000 is refused',
    ask: LIST,
    as: 'frank',
    body: { pagination: { limit: 1_001 } },
    verdict: { status: 400, id: 'QUERY-4M0fs' },
  },
  {
    says: 'a resource filter keeps the managers of an organization',
    ask: LIST,
    as: 'svc-viewer',
    body: { filters: [{ resource: { organizationId: '{globex}' } }] },
    see: everybody,
    verdict: {
      status: 200,
      see: ['frank: org globex: ORG_OWNER', 'gina: org globex: ORG_OWNER'],
    },
  },
  {
    says: 'a resource filter keeps the managers of a project, without those of its grants',
    ask: LIST,
    as: 'svc-viewer',
    body: { filters: [{ resource: { projectId: '{portal}' } }] },
    see: everybody,
    verdict: { status: 200, see: ['bob: project portal: PROJECT_OWNER'] },
  },
  {
    says: 'a resource filter keeps the managers of a project grant, named by its two ends',
    ask: LIST,
    as: 'svc-viewer',
    body: {
      filters: [
        { resource: { projectGrant: { projectId: '{portal}', organizationId: '{globex}' } } },
      ],
    },
    see: everybody,
    verdict: {
      status: 200,
      see: [
        'carol: grant grant: PROJECT_GRANT_OWNER',
        'frank: grant grant: PROJECT_GRANT_OWNER_VIEWER',
      ],
    },
  },
  {
    says: 'a resource filter keeps the managers of the instance',
    ask: LIST,
    as: 'svc-viewer',
    // An instance may have more managers than a page holds.
    body: {
      filters: [
        { resource: { instance: true } },
        { inUserIdsFilter: { ids: ['{frank}', '{svc-viewer}', '{alice}'] } },
      ],
    },
    see: everybody,
    verdict: {
      status: 200,
      see: ['frank: instance: IAM_USER_MANAGER', 'svc-viewer: instance: IAM_OWNER_VIEWER'],
    },
  },
  {
    says: 'a resource filter for no instance is refused',
    ask: LIST,
    as: 'svc-viewer',
    body: { filters: [{ resource: { instance: false } }] },
    verdict: { status: 400 },
  },
  {
    says: 'two filters must both hold',
    ask: LIST,
    as: 'svc-viewer',
    body: {
      filters: [
        { inUserIdsFilter: { ids: ['{frank}'] } },
        { resource: { organizationId: '{acme}' } },
      ],
    },
    see: rows,
    verdict: { status: 200, see: ['org acme: ORG_OWNER_VIEWER'] },
  },
  {
    says: 'of filters in an or one must hold',
    ask: LIST,
    as: 'svc-viewer',
    body: {
      filters: [
        {
          or: {
            queries: [
              { resource: { organizationId: '{globex}' } },
              { inUserIdsFilter: { ids: ['{bob}'] } },
            ],
          },
        },
      ],
    },
    see: everybody,
    verdict: {
      status: 200,
      see: [
        'bob: project portal: PROJECT_OWNER',
        'frank: org globex: ORG_OWNER',
        'gina: org globex: ORG_OWNER',
      ],
    },
  },
  {
    says: 'a role filter keeps who holds the role',
    ask: LIST,
    as: 'frank',
    body: {
      filters: [
        { role: { roleKey: 'ORG_OWNER' } },
        { inUserIdsFilter: { ids: ['{frank}', '{gina}'] } },
      ],
    },
    see: everybody,
    verdict: {
      status: 200,
      see: ['frank: org globex: ORG_OWNER', 'gina: org globex: ORG_OWNER'],
    },
  },
  {
    says: 'an empty filter is refused',
    ask: LIST,
    as: 'frank',
    body: { filters: [{}] },
    verdict: { status: 400 },
  },
  {
    says: 'an unknown field is ignored',
    ask: LIST,
    as: 'frank',
    body: { ...OF_FRANK, nonsense: 1 },
    see: rows,
    verdict: { status: 200, see: FRANK },
  },
  {
    says: 'an impersonation token is not for the API',
    ask: LIST,
    as: 'alice impersonated',
    body: {},
    verdict: { status: 403, id: 'APP-Shi0J' },
  },
  {
    says: 'a token that is not for the API is refused like a dead one',
    ask: LIST,
    as: 'alice without ZITADEL',
    body: {},
    verdict: { status: 401, id: 'AUTH-7fs1e' },
  },
  {
    says: 'an unknown organization in the header is refused',
    ask: LIST,
    as: 'frank',
    org: '1',
    body: OF_FRANK,
    verdict: { status: 403, id: 'AUTH-Bs7Ds' },
  },
  {
    says: 'the header of the connect protocol changes nothing',
    ask: LIST,
    as: 'frank',
    headers: { 'connect-protocol-version': '1' },
    body: OF_FRANK,
    see: rows,
    verdict: { status: 200, see: FRANK },
  },
];

export const administrators = [
  ...raw('administrators', 'v2', asked),
  ...throughLibrary('administrators', [
    {
      says: 'an owner of one organization as the reader is told to be no instance-wide reader',
      only: 'v2',
      reads: 'serviceUser',
      serviceUser: 'svc-acme',
      as: 'frank',
      may: (id) => role('ORG_OWNER_VIEWER', org(id('acme'))),
      verdict: '500 misconfigured',
    },
    {
      says: 'an instance-wide reader decides about organizations that nobody listed',
      only: 'v2',
      reads: 'serviceUser',
      as: 'svc-viewer',
      may: (id) => role('ORG_OWNER_VIEWER', org(id('root'))),
      verdict: 'allowed',
    },
    {
      says: 'the row of a project says who owns it',
      only: 'v2',
      as: 'bob',
      may: (id) => role('PROJECT_OWNER', project(id('portal')).in(id('acme'))),
      verdict: 'allowed',
    },
  ]),
];
