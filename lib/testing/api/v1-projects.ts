import type { Instance } from '../instance.js';
import {
  changedJson,
  createdJson,
  detailsJson,
  listJson,
  type Page,
  pageIn,
} from '../server/pages.js';
import {
  chosenInEach,
  type Message,
  messagesField,
  type Oneof,
  requireId,
  stringField,
} from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import { addRole, removeRole } from '../world/project-roles.js';
import type { ProjectRecord } from '../world/state.js';
import { createProject, removeProjectAndAll } from '../world/tenants.js';
import { requireProject } from '../world/world.js';
import { type ApiHandle, type Caller, callerOf, callerWith, type Permission } from './caller.js';
import { settingsJson } from './orgs-and-projects.js';

const QUERY = {
  message: 'zitadel.project.v1.ProjectQuery',
  field: 'query',
  members: ['nameQuery', 'projectResourceOwnerQuery'],
} as const satisfies Oneof<string>;

/** POST /management/v1/projects/_search: those that the organization of the call owns. */
export const listProjects: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const names = namesIn(message, exchange, QUERY, 'ListProjectsRequest');
  const caller = callerWith(instance, exchange, 'project.read');
  const state = instance.world.reads;
  const rows = [...state.projects.values()].filter(
    ({ id, name, orgId }) =>
      orgId === caller.orgId &&
      names().every((each) => each === name) &&
      caller.may('project.read', orgId, id),
  );
  return listJson(state, rows, instance.limits.ofV1(asked), (project) => ({
    id: project.id,
    details: detailsJson(project.details),
    name: project.name,
    ...settingsJson(project),
  }));
};

/** The names in queries for a name. Other queries are not emulated, and neither are other methods. */
export function namesIn<Name extends string>(
  message: Message,
  exchange: Exchange,
  oneof: Oneof<Name>,
  request: string,
  // What the name is called in the query.
  called = 'name',
): () => readonly string[] {
  const queries = chosenInEach(message, 'queries', exchange.body, oneof, `${request}.Queries`);
  return () =>
    queries.map((query) => {
      const { name, value } = query();
      const method = stringField(value, 'method') || 'TEXT_QUERY_METHOD_EQUALS';
      if (name !== oneof.members[0] || method !== 'TEXT_QUERY_METHOD_EQUALS') {
        throw new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${name}`);
      }
      return stringField(value, called);
    });
}

/** POST /management/v1/projects */
export const postProject: ApiHandle = (instance, exchange, message) => {
  const name = stringField(message, 'name');
  const roleAssertion = message['projectRoleAssertion'] === true;
  const caller = callerWith(instance, exchange, 'project.create');
  requireId(name, 'AddProjectRequest.Name');
  const { id } = createProject(instance.world, name, caller.orgId, { roleAssertion });
  return { id, details: createdJson(requireProject(instance.world, id).details) };
};

/** DELETE /management/v1/projects/{id} */
export const deleteProject: ApiHandle = (instance, exchange) => {
  const { project } = projectOf(instance, exchange, 'project.delete');
  removeProjectAndAll(instance.world, instance.credentials, project.id);
  return { details: changedJson(project.details) };
};

/** The project in the path, if the organization of the call owns it. */
export function projectOf(
  instance: Instance,
  exchange: Exchange,
  permission: Permission,
): { readonly caller: Caller; readonly project: ProjectRecord } {
  const caller = callerOf(instance, exchange);
  const [id = ''] = exchange.params;
  caller.requireOn(permission, id);
  const project = instance.world.now.projects.get(id);
  if (project?.orgId !== caller.orgId) {
    throw new ZitadelError(5, 'COMMAND-3M9sd', 'Errors.Project.NotFound');
  }
  return { caller, project };
}

/** POST /management/v1/projects/{projectId}/roles/_search */
export const listRoles: ApiHandle = (instance, exchange, message) => {
  const asked: Page = pageIn(message, 'query');
  const caller = callerOf(instance, exchange);
  const [id = ''] = exchange.params;
  caller.requireOn('project.role.read', id);
  const state = instance.world.reads;
  const project = state.projects.get(id);
  const roles = project?.orgId === caller.orgId ? project.roles : [];
  return listJson(state, roles, instance.limits.ofV1(asked), (key) => {
    const created = project?.rolesMade.get(key) ?? project?.details.created ?? 0;
    const details = { sequence: 1, created, changed: created, resourceOwner: caller.orgId };
    return { key, details: detailsJson(details), displayName: key };
  });
};

/** POST /management/v1/projects/{projectId}/roles/_bulk */
export const postRoles: ApiHandle = (instance, exchange, message) => {
  const keys = messagesField(message, 'roles').map((role) => stringField(role, 'key'));
  const { project } = projectOf(instance, exchange, 'project.role.write');
  for (const key of keys) requireId(key, 'BulkAddProjectRolesRequest_Role.Key');
  keys.reduce((before, key) => addRole(instance.world, before, key), project);
  return { details: { resourceOwner: project.orgId } };
};

/** DELETE /management/v1/projects/{projectId}/roles/{roleKey} */
export const deleteRole: ApiHandle = (instance, exchange) => {
  const { project } = projectOf(instance, exchange, 'project.role.delete');
  const after = removeRole(instance.world, project, exchange.params[1] ?? '');
  return { details: changedJson(after.details) };
};
