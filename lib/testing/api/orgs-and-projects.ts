import type { Instance } from '../instance.js';
import {
  changedJson,
  createdJson,
  datesJson,
  detailsJson,
  listJson,
  pagedJson,
  pageIn,
  searchIn,
} from '../server/pages.js';
import {
  byId,
  byText,
  invalid,
  messagesField,
  type Oneof,
  requireId,
  stringField,
} from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import type { OrgRecord, ProjectRecord } from '../world/state.js';
import {
  addRole,
  createProject,
  removeOrgAndAll,
  removeProjectAndAll,
  removeRole,
} from '../world/tenants.js';
import { type OrgMetadata, requireProject } from '../world/world.js';
import { type ApiHandle, type ApiRow, callerOf, callerWith, type Permission } from './caller.js';

/** The organization of the call. A removed one has no state any more. */
const getMyOrg: ApiHandle = (instance, exchange) => {
  const { orgId: id } = callerWith(instance, exchange, 'org.read');
  const { world } = instance;
  const org = world.now.orgs.get(id);
  if (org === undefined) return { org: { id, name: world.removedOrgs.get(id) } };
  const state = org.active ? 'ORG_STATE_ACTIVE' : 'ORG_STATE_INACTIVE';
  return { org: { id, details: detailsJson(org.details), state, name: org.name } };
};

const ORG_QUERY: Oneof<OrgRecord> = {
  message: 'zitadel.org.v2.SearchQuery',
  field: 'query',
  members: {
    nameQuery: undefined,
    domainQuery: undefined,
    stateQuery: undefined,
    idQuery: byId(({ id }) => id, 'OrganizationIDQuery.Id'),
    defaultQuery: undefined,
  },
};

/** Those that the reader may see. Written from ZITADEL's source. */
export const listOrganizations: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListOrganizationsRequest', ORG_QUERY);
  const caller = callerWith(instance, exchange, 'org.read');
  const list = {
    name: 'result',
    rows: [...instance.world.reads.orgs.values()],
    visible: ({ id }: OrgRecord) => caller.may('org.read', id, id),
    json: ({ id, name, active, details }: OrgRecord) => ({
      id,
      details: detailsJson(details),
      state: active ? 'ORGANIZATION_STATE_ACTIVE' : 'ORGANIZATION_STATE_INACTIVE',
      name,
    }),
  };
  return pagedJson(instance, search, list, 'details');
};

const deleteOrg: ApiHandle = (instance, exchange) => {
  callerWith(instance, exchange, 'org.delete');
  removeOrgAndAll(instance.world, instance.credentials, exchange.params[0] ?? '');
  return {};
};

const METADATA_QUERY: Oneof<readonly [key: string, OrgMetadata]> = {
  message: 'zitadel.metadata.v1.MetadataQuery',
  field: 'query',
  members: { keyQuery: byText('key', ([key]) => key, 'TEXT_QUERY') },
};

// The calls of metadata are written from ZITADEL's documentation.
const listOrgMetadata: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListOrgMetadataRequest', METADATA_QUERY);
  const { orgId } = callerWith(instance, exchange, 'org.read');
  const rows = [...(instance.world.orgMetadata.get(orgId) ?? [])];
  return listJson(instance, search, rows, ([key, { value, details }]) => ({
    details: detailsJson(details),
    key,
    value,
  }));
};

const postOrgMetadata: ApiHandle = (instance, exchange, message) => {
  const value = stringField(message, 'value');
  const { orgId } = callerWith(instance, exchange, 'org.write');
  const key = requireId(exchange.params[0] ?? '', 'SetOrgMetadataRequest.Key');
  if (value === '') throw invalid('SetOrgMetadataRequest.Value: value length must be at least 1');
  const { world } = instance;
  const kept = world.orgMetadata.get(orgId) ?? new Map();
  const happening = { type: 'org.metadata.set', payload: { key, value } };
  const before = kept.get(key)?.details;
  const details = before
    ? world.changed(orgId, before, happening)
    : world.created(orgId, orgId, happening);
  world.orgMetadata.set(orgId, kept.set(key, { value, details }));
  return { details: createdJson(details) };
};

const deleteOrgMetadata: ApiHandle = (instance, exchange) => {
  const { orgId } = callerWith(instance, exchange, 'org.write');
  const [key = ''] = exchange.params;
  if (instance.world.orgMetadata.get(orgId)?.delete(key) !== true) {
    throw new ZitadelError(5, 'META-mcnw3', 'Errors.Metadata.NotFound');
  }
  instance.world.happened(orgId, orgId, { type: 'org.metadata.removed', payload: { key } });
  return { details: { resourceOwner: orgId } };
};

/** Only under the organization that owns it, for any caller. */
const getProject: ApiHandle = (instance, exchange) => {
  const caller = callerOf(instance, exchange);
  const [id = ''] = exchange.params;
  caller.requireOn('project.read', id);
  requireId(id, 'GetProjectByIDRequest.Id');
  const project = requireReadable(instance, id);
  if (project.orgId !== caller.orgId) {
    throw new ZitadelError(5, 'MANAG-SFf2a', 'Project not found');
  }
  return { project: projectJson(project) };
};

/** Under any organization where the caller may read projects. */
export const getProjectV2: ApiHandle = (instance, exchange, message) => {
  const id = stringField(message, 'projectId');
  const caller = callerWith(instance, exchange, 'project.read');
  requireId(id, 'GetProjectRequest.ProjectId');
  const project = requireReadable(instance, id);
  const { orgId: organizationId, name, details } = project;
  caller.checkFor('project.read')(organizationId, [id]);
  const settings = settingsJson(project);
  return { project: { projectId: id, organizationId, ...datesJson(details), name, ...settings } };
};

function requireReadable(instance: Instance, id: string): ProjectRecord {
  const project = instance.world.reads.projects.get(id);
  if (project === undefined) throw new ZitadelError(5, 'QUERY-fk2fs', 'Project not found');
  return project;
}

function projectJson(project: ProjectRecord): object {
  const { id, name, details } = project;
  return { id, details: detailsJson(details), name, ...settingsJson(project) };
}

function settingsJson(project: ProjectRecord): object {
  return {
    state: project.active ? 'PROJECT_STATE_ACTIVE' : 'PROJECT_STATE_INACTIVE',
    projectRoleAssertion: project.roleAssertion ? true : undefined,
  };
}

const PROJECT_QUERY: Oneof<ProjectRecord> = {
  message: 'zitadel.project.v1.ProjectQuery',
  field: 'query',
  members: {
    nameQuery: byText('name', ({ name }) => name, 'TEXT_QUERY'),
    projectResourceOwnerQuery: undefined,
  },
};

/** Those that the organization of the call owns. */
const listProjects: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListProjectsRequest', PROJECT_QUERY);
  const caller = callerWith(instance, exchange, 'project.read');
  const rows = [...instance.world.reads.projects.values()].filter(
    ({ id, orgId }) => orgId === caller.orgId && caller.may('project.read', orgId, id),
  );
  return listJson(instance, search, rows, projectJson);
};

const postProject: ApiHandle = (instance, exchange, message) => {
  const name = stringField(message, 'name');
  const roleAssertion = message['projectRoleAssertion'] === true;
  const caller = callerWith(instance, exchange, 'project.create');
  requireId(name, 'AddProjectRequest.Name');
  const { id } = createProject(instance.world, name, caller.orgId, { roleAssertion });
  return { id, details: createdJson(requireProject(instance.world, id).details) };
};

const deleteProject: ApiHandle = (instance, exchange) => {
  const project = projectOf(instance, exchange, 'project.delete');
  removeProjectAndAll(instance.world, instance.credentials, project.id);
  return { details: changedJson(project.details) };
};

/** The project in the path, if the organization of the call owns it. */
export function projectOf(
  instance: Instance,
  exchange: Exchange,
  permission: Permission,
): ProjectRecord {
  const caller = callerOf(instance, exchange);
  const [id = ''] = exchange.params;
  caller.requireOn(permission, id);
  const project = instance.world.now.projects.get(id);
  if (project?.orgId === caller.orgId) return project;
  throw new ZitadelError(5, 'COMMAND-3M9sd', 'Errors.Project.NotFound');
}

const listRoles: ApiHandle = (instance, exchange, message) => {
  const page = pageIn(message, 'query');
  const caller = callerOf(instance, exchange);
  const { orgId } = caller;
  const [id = ''] = exchange.params;
  caller.requireOn('project.role.read', id);
  const project = instance.world.reads.projects.get(id);
  const roles = project?.orgId === orgId ? project.roles : [];
  return listJson(instance, { page }, roles, (key) => {
    const created = project?.rolesMade.get(key) ?? project?.details.created ?? 0;
    const details = { sequence: 1, created, changed: created, resourceOwner: orgId };
    return { key, details: detailsJson(details), displayName: key };
  });
};

const postRoles: ApiHandle = (instance, exchange, message) => {
  const keys = messagesField(message, 'roles').map((role) => stringField(role, 'key'));
  const project = projectOf(instance, exchange, 'project.role.write');
  for (const key of keys) requireId(key, 'BulkAddProjectRolesRequest_Role.Key');
  keys.reduce((before, key) => addRole(instance.world, before, key), project);
  return { details: { resourceOwner: project.orgId } };
};

const deleteRole: ApiHandle = (instance, exchange) => {
  const project = projectOf(instance, exchange, 'project.role.delete');
  const after = removeRole(instance.world, project, exchange.params[1] ?? '');
  return { details: changedJson(after.details) };
};

const METADATA = '/management/v1/metadata';
const PROJECTS = '/management/v1/projects';
const ROLES = `${PROJECTS}/*/roles`;

export const ORGS_AND_PROJECTS: readonly ApiRow[] = [
  ['GET', '/management/v1/orgs/me', 'org', getMyOrg],
  ['DELETE', '/admin/v1/orgs/*', 'removeOrg', deleteOrg],
  ['POST', `${METADATA}/_search`, 'orgMetadata', listOrgMetadata],
  ['POST', `${METADATA}/*`, 'orgMetadata', postOrgMetadata],
  ['DELETE', `${METADATA}/*`, 'orgMetadata', deleteOrgMetadata],
  ['GET', `${PROJECTS}/*`, 'project', getProject],
  ['POST', `${PROJECTS}/_search`, 'projects', listProjects],
  ['POST', PROJECTS, 'projects', postProject],
  ['DELETE', `${PROJECTS}/*`, 'projects', deleteProject],
  ['POST', `${ROLES}/_search`, 'roles', listRoles],
  ['POST', `${ROLES}/_bulk`, 'roles', postRoles],
  ['DELETE', `${ROLES}/*`, 'roles', deleteRole],
];
