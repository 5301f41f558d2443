import type { Instance } from '../instance.js';
import { detailsJson, pagedJson, pageIn } from '../server/pages.js';
import {
  chosenInEach,
  FAILED,
  idField,
  type Oneof,
  requireId,
  stringField,
} from '../server/protojson.js';
import { ZitadelError } from '../server/replies.js';
import type { OrgRecord, ProjectRecord } from '../world/state.js';
import { removeOrgAndAll } from '../world/tenants.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, callerOf, callerWith } from './caller.js';

/** GET /management/v1/orgs/me: the organization of the call. A removed one has no state any more. */
export const getMyOrg: ApiHandle = (instance, exchange) => {
  const caller = callerOf(instance, exchange);
  const { orgId: id } = caller;
  const { world } = instance;
  caller.require('org.read');
  const org = world.now.orgs.get(id);
  if (org === undefined) return { org: { id, name: world.removedOrgs.get(id) } };
  const state = org.active ? 'ORG_STATE_ACTIVE' : 'ORG_STATE_INACTIVE';
  return { org: { id, details: detailsJson(org.details), state, name: org.name } };
};

const QUERY = {
  message: 'zitadel.org.v2.SearchQuery',
  field: 'query',
  members: ['nameQuery', 'domainQuery', 'stateQuery', 'idQuery', 'defaultQuery'],
} as const satisfies Oneof<string>;

/** OrganizationService.ListOrganizations: those that the reader may see. Written from ZITADEL's source. */
export const listOrganizations: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const caller = callerWith(instance, exchange, 'org.read');
  const place = 'ListOrganizationsRequest.Queries';
  const ids = chosenInEach(message, 'queries', exchange.body, QUERY, place).map((chosen) => {
    const { name, value, place: at } = chosen();
    if (name === 'idQuery') return idField(value, 'id', `${at}: ${FAILED} OrganizationIDQuery.Id`);
    throw new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${name}`);
  });
  const { orgs } = instance.world.reads;
  const list = {
    name: 'result',
    rows: [...orgs.values()].filter(({ id }) => ids.every((each) => each === id)),
    order: (left: OrgRecord, right: OrgRecord) => left.details.created - right.details.created,
    visible: ({ id }: OrgRecord) => caller.may('org.read', id, id),
    json: ({ id, name, active, details }: OrgRecord) => ({
      id,
      details: detailsJson(details),
      state: active ? 'ORGANIZATION_STATE_ACTIVE' : 'ORGANIZATION_STATE_INACTIVE',
      name,
    }),
  };
  return pagedJson(list, instance.limits.ofV2(asked), 'details');
};

/** DELETE /admin/v1/orgs/{orgId} */
export const deleteOrg: ApiHandle = (instance, exchange) => {
  callerOf(instance, exchange).require('org.delete');
  const [id = ''] = exchange.params;
  removeOrgAndAll(instance.world, instance.credentials, id);
  return {};
};

/** GET /management/v1/projects/{id}: only under the organization that owns it, for any caller. */
export const getProject: ApiHandle = (instance, exchange) => {
  const caller = callerOf(instance, exchange);
  const [id = ''] = exchange.params;
  caller.requireOn('project.read', id);
  requireId(id, 'GetProjectByIDRequest.Id');
  const project = requireReadable(instance, id);
  if (project.orgId !== caller.orgId) {
    throw new ZitadelError(5, 'MANAG-SFf2a', 'Project not found');
  }
  const { name, details } = project;
  return { project: { id, details: detailsJson(details), name, ...settingsJson(project) } };
};

/** ProjectService.GetProject: under any organization where the caller may read projects. */
export const getProjectV2: ApiHandle = (instance, exchange, message) => {
  const id = stringField(message, 'projectId');
  const caller = callerWith(instance, exchange, 'project.read');
  requireId(id, 'GetProjectRequest.ProjectId');
  const project = requireReadable(instance, id);
  caller.checkFor('project.read')(project.orgId, [id]);
  return {
    project: {
      projectId: id,
      organizationId: project.orgId,
      creationDate: isoOf(project.details.created),
      changeDate: isoOf(project.details.changed),
      name: project.name,
      ...settingsJson(project),
    },
  };
};

function requireReadable(instance: Instance, id: string): ProjectRecord {
  const project = instance.world.reads.projects.get(id);
  if (project === undefined) throw new ZitadelError(5, 'QUERY-fk2fs', 'Project not found');
  return project;
}

export function settingsJson(project: ProjectRecord): object {
  return {
    state: project.active ? 'PROJECT_STATE_ACTIVE' : 'PROJECT_STATE_INACTIVE',
    projectRoleAssertion: project.roleAssertion ? true : undefined,
  };
}
