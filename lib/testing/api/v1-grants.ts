import type { Instance } from '../instance.js';
import { changedJson, createdJson, detailsJson, listJson, searchIn } from '../server/pages.js';
import {
  type Condition,
  field,
  type Message,
  type Oneof,
  requireId,
  shortField,
  stringField,
  stringsField,
} from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import { addGrant, changeGrant, removeGrant, setGrantActive } from '../world/grants.js';
import type { GrantRecord, State } from '../world/state.js';
import { type ApiHandle, type ApiRow, callerOf, callerWith, type Permission } from './caller.js';

const postGrant: ApiHandle = (instance, exchange, message) => {
  const grantedOrgId = stringField(message, 'grantedOrgId');
  const roleKeys = stringsField(message, 'roleKeys');
  const caller = callerWith(instance, exchange, 'project.grant.write');
  const [projectId = ''] = exchange.params;
  requireId(projectId, 'AddProjectGrantRequest.ProjectId');
  requireId(grantedOrgId, 'AddProjectGrantRequest.GrantedOrgId');
  const input = { projectId, ownerOrgId: caller.orgId, grantedOrgId, roleKeys };
  const grant = addGrant(instance.world, input, caller.checkFor('project.grant.write'));
  return { grantId: grant.id, details: createdJson(grant.details) };
};

/**
 * Always fresh. It ignores the project in the path, and replies only under the organization that owns the
 * project or has the grant.
 */
const getGrant: ApiHandle = (instance, exchange) => {
  const { orgId } = callerWith(instance, exchange, 'project.grant.read');
  const [, grantId = ''] = exchange.params;
  requireId(grantId, 'GetProjectGrantByIDRequest.GrantId');
  const { now } = instance.world;
  const grant = now.grants.get(grantId);
  if (grant === undefined) {
    throw new ZitadelError(5, 'QUERY-n98GGs', 'Errors.ProjectGrant.NotFound');
  }
  if (orgId !== grant.ownerOrgId && orgId !== grant.grantedOrgId) {
    throw new ZitadelError(5, 'MANAG-d3g31', 'Project grant not found');
  }
  return { projectGrant: grantJson(grant, now) };
};

const putGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { address, check } = named(instance, exchange, 'UpdateProjectGrantRequest');
  return changed(changeGrant(instance.world, address, roleKeys, check));
};

const deleteGrant: ApiHandle = (instance, exchange) => {
  const permission = 'project.grant.delete';
  const { address, check } = named(instance, exchange, 'RemoveProjectGrantRequest', permission);
  return changed(removeGrant(instance.world, address, check));
};

function settingActive(active: boolean, request: string): ApiHandle {
  return (instance, exchange) => {
    const { address, check } = named(instance, exchange, request);
    return changed(setGrantActive(instance.world, address, active, check));
  };
}

/** The grant that a path names. */
function named(
  instance: Instance,
  exchange: Exchange,
  request: string,
  permission: Permission = 'project.grant.write',
) {
  const caller = callerWith(instance, exchange, permission);
  const [projectId = '', id = ''] = exchange.params;
  requireId(projectId, `${request}.ProjectId`);
  requireId(id, `${request}.GrantId`);
  const address = { id, projectId, ownerOrgId: caller.orgId };
  return { address, check: caller.checkFor(permission) };
}

function changed(grant: GrantRecord): object {
  return { details: changedJson(grant.details) };
}

const listGrants: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListProjectGrantsRequest', {
    message: 'zitadel.project.v1.ProjectGrantQuery',
    field: 'query',
    members: { projectNameQuery, roleKeyQuery },
  });
  const caller = callerOf(instance, exchange);
  const [projectId = ''] = exchange.params;
  caller.requireOn('project.grant.read', projectId);
  const rows = [...instance.world.reads.grants.values()].filter(
    (grant) => grant.projectId === projectId && grant.ownerOrgId === caller.orgId,
  );
  return listJson(instance, search, rows, grantJson);
};

const listAllGrants: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListAllProjectGrantsRequest', {
    message: 'zitadel.project.v1.AllProjectGrantQuery',
    field: 'query',
    members: { projectNameQuery, roleKeyQuery, projectIdQuery, grantedOrgIdQuery },
  });
  const caller = callerOf(instance, exchange);
  // Rights on single resources are compared with the grant's id, so those on a project show nothing.
  const { everywhere, ids } = caller.require('project.grant.read');
  const rows = [...instance.world.reads.grants.values()].filter(
    ({ id, ownerOrgId }) => ownerOrgId === caller.orgId && (everywhere || ids.has(id)),
  );
  return listJson(instance, search, rows, grantJson);
};

/** What was granted to the organization of the call. */
const listGrantedProjects: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListGrantedProjectsRequest', {
    message: 'zitadel.project.v1.ProjectQuery',
    field: 'query',
    members: { nameQuery: projectNameQuery },
  });
  const caller = callerOf(instance, exchange);
  const { everywhere, ids } = caller.require('project.read');
  const rows = [...instance.world.reads.grants.values()].filter(
    ({ id, grantedOrgId }) => grantedOrgId === caller.orgId && (everywhere || ids.has(id)),
  );
  return listJson(instance, search, rows, grantJson);
};

type Query = NonNullable<Oneof<GrantRecord>['members'][string]>;

const projectIdQuery: Query = (value, place) => {
  const projectId = shortField(value, 'projectId', place);
  return (grant) => grant.projectId === projectId;
};

const grantedOrgIdQuery: Query = (value, place) => {
  const grantedOrgId = shortField(value, 'grantedOrgId', place);
  return (grant) => grant.grantedOrgId === grantedOrgId;
};

const roleKeyQuery: Query = (value, place) => {
  const matches = textMatcher(value, shortField(value, 'roleKey', place));
  return (grant) => grant.roleKeys.some(matches);
};

const projectNameQuery: Query = (value, place) =>
  byProjectName(value, shortField(value, 'name', place));

export function byProjectName(value: Message, wanted: string): Condition<GrantRecord> {
  const matches = textMatcher(value, wanted);
  return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '');
}

const TEXT_METHODS: Readonly<Record<string, (text: string, wanted: string) => boolean>> = {
  EQUALS: (text, wanted) => text === wanted,
  STARTS_WITH: (text, wanted) => text.startsWith(wanted),
  CONTAINS: (text, wanted) => text.includes(wanted),
  ENDS_WITH: (text, wanted) => text.endsWith(wanted),
};

/** Compares by the `method` of a query or filter. Unknown methods compare like `EQUALS`. */
function textMatcher(value: Message, wanted: string): (text: string) => boolean {
  const method = String(field(value, 'method'));
  const [, name = '', ignoreCase] =
    /^(?:TEXT_(?:QUERY|FILTER)_METHOD_)?(\w+?)(_IGNORE_CASE)?$/.exec(method) ?? [];
  const matches = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined;
  if (matches === undefined) return (text) => text === wanted;
  return ignoreCase === undefined
    ? (text) => matches(text, wanted)
    : (text) => matches(text.toLowerCase(), wanted.toLowerCase());
}

function grantJson(grant: GrantRecord, state: State): object {
  return {
    grantId: grant.id,
    grantedOrgId: grant.grantedOrgId,
    grantedOrgName: state.orgs.get(grant.grantedOrgId)?.name,
    grantedRoleKeys: grant.roleKeys.length === 0 ? undefined : grant.roleKeys,
    state: grant.active ? 'PROJECT_GRANT_STATE_ACTIVE' : 'PROJECT_GRANT_STATE_INACTIVE',
    projectId: grant.projectId,
    projectName: state.projects.get(grant.projectId)?.name,
    projectOwnerId: grant.ownerOrgId,
    projectOwnerName: state.orgs.get(grant.ownerOrgId)?.name,
    details: detailsJson(grant.details),
  };
}

const GRANTS = '/management/v1/projects/*/grants';
const DEACTIVATE = settingActive(false, 'DeactivateProjectGrantRequest');
const REACTIVATE = settingActive(true, 'ReactivateProjectGrantRequest');

export const PROJECT_GRANTS: readonly ApiRow[] = [
  ['POST', GRANTS, 'addGrant', postGrant],
  ['POST', `${GRANTS}/_search`, 'listGrants', listGrants],
  ['GET', `${GRANTS}/*`, 'getGrant', getGrant],
  ['PUT', `${GRANTS}/*`, 'changeGrant', putGrant],
  ['DELETE', `${GRANTS}/*`, 'removeGrant', deleteGrant],
  ['POST', `${GRANTS}/*/_deactivate`, 'deactivateGrant', DEACTIVATE],
  ['POST', `${GRANTS}/*/_reactivate`, 'reactivateGrant', REACTIVATE],
  ['POST', '/management/v1/projectgrants/_search', 'listAllGrants', listAllGrants],
  ['POST', '/management/v1/granted_projects/_search', 'grantedProjects', listGrantedProjects],
];
