import { raw, type RawCase } from '../raw.js';
import { all, fields, grants, total } from '../views.js';
import { aProject, bobsProject, granted, grantedInactive } from './fresh-project.js';
import { throughServiceV2 } from './grant-service.js';

const SERVICE = '/zitadel.project.v2.ProjectService';
const CREATE = `POST ${SERVICE}/CreateProjectGrant`;
const UPDATE = `POST ${SERVICE}/UpdateProjectGrant`;
const DELETE = `POST ${SERVICE}/DeleteProjectGrant`;
const LIST = `POST ${SERVICE}/ListProjectGrants`;
const ENDS = { projectId: '{p}', grantedOrganizationId: '{initech}' };
const NOBODY = { status: 404, id: 'AUTHZ-cdgFk' };
const CREATED = { status: 200, see: ['creationDate'] };
const CHANGED = { status: 200, see: ['changeDate'] };
const DELETED = { status: 200, see: ['deletionDate'] };

function asked(says: string, ask: string, more: Omit<RawCase, 'says' | 'ask'>): RawCase {
  return { says, ask, as: 'svc-acme', ...more };
}

const creating: readonly RawCase[] = [
  asked('a project is granted, and the grant has no id', CREATE, {
    given: aProject,
    once: true,
    body: { ...ENDS, roleKeys: ['reader'] },
    see: fields,
    verdict: CREATED,
  }),
  asked('a second grant to the same organization is refused', CREATE, {
    given: granted(['reader']),
    body: { ...ENDS, roleKeys: ['reader'] },
    verdict: { status: 409, id: 'V3-DKcYh' },
  }),
  asked('a project that does not exist cannot be granted', CREATE, {
    body: { projectId: '1', grantedOrganizationId: '{initech}', roleKeys: ['reader'] },
    verdict: { status: 400, id: 'COMMAND-m9gsd' },
  }),
  asked('a project cannot be granted to an organization that does not exist', CREATE, {
    given: aProject,
    body: { projectId: '{p}', grantedOrganizationId: '1', roleKeys: ['reader'] },
    verdict: { status: 400, id: 'COMMAND-3m9gg' },
  }),
  asked('a role that the project does not have cannot be granted', CREATE, {
    given: aProject,
    body: { ...ENDS, roleKeys: ['nothing'] },
    verdict: { status: 400, id: 'COMMAND-6m9gd' },
  }),
  asked('a project cannot be granted to its owner', CREATE, {
    given: aProject,
    body: { projectId: '{p}', grantedOrganizationId: '{acme}', roleKeys: ['reader'] },
    verdict: { status: 400, id: 'PROJECT-ckUpbvboAH' },
  }),
  asked('a grant without an organization is a wrong request', CREATE, {
    given: aProject,
    body: { projectId: '{p}', roleKeys: ['reader'] },
    verdict: { status: 400 },
  }),
  asked('somebody without manager roles may not grant', CREATE, {
    as: 'dave',
    given: aProject,
    body: { ...ENDS, roleKeys: ['reader'] },
    verdict: NOBODY,
  }),
  asked('the owner of the project may grant it', CREATE, {
    as: 'bob',
    given: bobsProject,
    once: true,
    body: { ...ENDS, roleKeys: ['reader'] },
    see: fields,
    verdict: CREATED,
  }),
];

const listing: readonly RawCase[] = [
  asked('the grants of a project are listed', LIST, {
    given: granted(['reader'], true),
    body: { filters: [{ inProjectIdsFilter: { ids: ['{p}'] } }] },
    see: all({ grants, total }),
    verdict: {
      status: 200,
      see: {
        grants: ['p to globex: reader (active)', 'p to initech: reader (active)'],
        total: 2,
      },
    },
  }),
  asked('the grant between a project and an organization is found by both', LIST, {
    given: granted(['reader'], true),
    body: {
      filters: [
        { inProjectIdsFilter: { ids: ['{p}'] } },
        { grantedOrganizationIdFilter: { id: '{globex}' } },
      ],
    },
    see: grants,
    verdict: { status: 200, see: ['p to globex: reader (active)'] },
  }),
  asked('a page of one holds the oldest, and the total is not cut', LIST, {
    given: granted(['reader'], true),
    body: {
      pagination: { limit: 1, asc: true },
      sortingColumn: 'PROJECT_GRANT_FIELD_NAME_CREATION_DATE',
      filters: [{ inProjectIdsFilter: { ids: ['{p}'] } }],
    },
    see: all({ grants, total }),
    verdict: { status: 200, see: { grants: ['p to initech: reader (active)'], total: 2 } },
  }),
  asked('an owner of the granted organization sees the grant', LIST, {
    as: 'gina',
    body: {
      filters: [
        { inProjectIdsFilter: { ids: ['{portal}'] } },
        { grantedOrganizationIdFilter: { id: '{globex}' } },
      ],
    },
    see: grants,
    verdict: { status: 200, see: ['portal to globex: reader writer (active)'] },
  }),
  asked('somebody without manager roles may not list', LIST, {
    as: 'dave',
    body: {},
    verdict: NOBODY,
  }),
  asked('an inactive grant is listed as such', LIST, {
    given: grantedInactive(['reader']),
    body: { filters: [{ inProjectIdsFilter: { ids: ['{p}'] } }] },
    see: grants,
    verdict: { status: 200, see: ['p to initech: reader (inactive)'] },
  }),
];

const changing: readonly RawCase[] = [
  asked('the same roles are no error', UPDATE, {
    given: granted(['reader']),
    once: true,
    body: { ...ENDS, roleKeys: ['reader'] },
    see: fields,
    verdict: CHANGED,
  }),
  asked('roles are replaced', UPDATE, {
    given: granted(['reader']),
    once: true,
    body: { ...ENDS, roleKeys: ['writer'] },
    see: fields,
    verdict: CHANGED,
  }),
  asked('a change to a role that the project does not have is refused', UPDATE, {
    given: granted(['reader']),
    body: { ...ENDS, roleKeys: ['nothing'] },
    verdict: { status: 400, id: 'COMMAND-6m9gd' },
  }),
  asked('a change of a grant that does not exist is refused', UPDATE, {
    given: aProject,
    body: { ...ENDS, roleKeys: [] },
    verdict: { status: 404, id: 'PROJECT-D8JxR' },
  }),
  asked('a grant is deactivated', `POST ${SERVICE}/DeactivateProjectGrant`, {
    given: granted(['reader']),
    once: true,
    body: ENDS,
    see: fields,
    verdict: CHANGED,
  }),
  asked('an inactive grant may be deactivated again', `POST ${SERVICE}/DeactivateProjectGrant`, {
    given: grantedInactive(['reader']),
    body: ENDS,
    see: fields,
    verdict: CHANGED,
  }),
  asked('an inactive grant is activated', `POST ${SERVICE}/ActivateProjectGrant`, {
    given: grantedInactive(['reader']),
    once: true,
    body: ENDS,
    see: fields,
    verdict: CHANGED,
  }),
  asked('an active grant may be activated', `POST ${SERVICE}/ActivateProjectGrant`, {
    given: granted(['reader']),
    body: ENDS,
    see: fields,
    verdict: CHANGED,
  }),
  asked('a grant is deleted', DELETE, {
    given: granted(['reader']),
    once: true,
    body: ENDS,
    see: fields,
    verdict: DELETED,
  }),
  asked('to delete what was never granted succeeds too, and so proves nothing', DELETE, {
    given: aProject,
    body: ENDS,
    see: fields,
    verdict: DELETED,
  }),
];

export const grantsV2 = [
  ...raw('grants v2', 'v2', [...creating, ...listing, ...changing]),
  ...throughServiceV2,
];
