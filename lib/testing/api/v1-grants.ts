import { type ApiCaller, type Core, requireCaller } from '../core.js';
import { type Answer, type Exchange, jsonAnswer, ZitadelError } from '../server/answers.js';
import { changedJson, createdJson, detailsJson, listJson, type V1Page } from '../server/pages.js';
import {
  chosenQueries,
  field,
  invalid,
  type Message,
  pageOf,
  parseMessage,
  requireId,
  requireShort,
  stringField,
  stringsField,
} from '../server/protojson.js';
import {
  addGrant,
  changeGrant,
  type GrantAddress,
  type GrantCheck,
  removeGrant,
  setGrantActive,
} from '../world/grants.js';
import {
  type Permission,
  requireForCommand,
  requirePermission,
  requirePermissionOn,
} from '../world/managers.js';
import type { GrantRecord, State } from '../world/state.js';

/** POST /management/v1/projects/{projectId}/grants */
export function postGrant(core: Core, exchange: Exchange): Answer {
  const body = parseMessage(exchange.body);
  const grantedOrgId = stringField(body, 'grantedOrgId');
  const roleKeys = stringsField(body, 'roleKeys');
  const caller = requireRight(core, exchange, 'project.grant.write');
  const [projectId = ''] = exchange.params;
  requireId(projectId, 'AddProjectGrantRequest.ProjectId');
  requireId(grantedOrgId, 'AddProjectGrantRequest.GrantedOrgId');
  const input = { projectId, ownerOrgId: caller.orgId, grantedOrgId, roleKeys };
  const grant = addGrant(core.world, input, commandCheck(core, caller, 'project.grant.write'));
  return jsonAnswer(200, { grantId: grant.id, details: createdJson(grant.details) });
}

/**
 * GET /management/v1/projects/{projectId}/grants/{grantId}: always fresh, and deaf to the project in the
 * path; only under the organization that owns the project, or the one it is granted to.
 */
export function getGrant(core: Core, exchange: Exchange): Answer {
  const { orgId } = requireRight(core, exchange, 'project.grant.read');
  const [, grantId = ''] = exchange.params;
  requireId(grantId, 'GetProjectGrantByIDRequest.GrantId');
  const grant = core.world.now.grants.get(grantId);
  if (grant === undefined) {
    throw new ZitadelError(5, 'QUERY-n98GGs', 'Errors.ProjectGrant.NotFound');
  }
  if (orgId !== grant.ownerOrgId && orgId !== grant.grantedOrgId) {
    throw new ZitadelError(5, 'MANAG-d3g31', 'Project grant not found');
  }
  return jsonAnswer(200, { projectGrant: grantJson(core.world.now, grant) });
}

/** POST /management/v1/projects/{projectId}/grants/_search */
export function listGrants(core: Core, exchange: Exchange): Answer {
  const search = grantSearch(exchange.body, PROJECT_GRANTS);
  const { user, orgId } = requireCaller(core, exchange);
  const [projectId = ''] = exchange.params;
  requirePermissionOn(core.world, user.id, orgId, 'project.grant.read', projectId);
  const visible = (grant: GrantRecord): boolean =>
    grant.projectId === projectId && grant.ownerOrgId === orgId;
  return list(core, search, visible);
}

/** POST /management/v1/projectgrants/_search */
export function listAllGrants(core: Core, exchange: Exchange): Answer {
  const search = grantSearch(exchange.body, ALL_GRANTS);
  const { user, orgId } = requireCaller(core, exchange);
  const held = requirePermission(core.world, user.id, orgId, 'project.grant.read');
  // Rights on single resources are compared with the grant's id, so those on a project show nothing.
  const visible = (grant: GrantRecord): boolean =>
    grant.ownerOrgId === orgId && (held.everywhere || held.ids.has(grant.id));
  return list(core, search, visible);
}

/** POST /management/v1/granted_projects/_search: what was granted to the organization of the call. */
export function listGrantedProjects(core: Core, exchange: Exchange): Answer {
  const search = grantSearch(exchange.body, GRANTED_PROJECTS);
  const { user, orgId } = requireCaller(core, exchange);
  const held = requirePermission(core.world, user.id, orgId, 'project.read');
  const visible = (grant: GrantRecord): boolean =>
    grant.grantedOrgId === orgId && (held.everywhere || held.ids.has(grant.id));
  return list(core, search, visible);
}

/** PUT /management/v1/projects/{projectId}/grants/{grantId} */
export function putGrant(core: Core, exchange: Exchange): Answer {
  const roleKeys = stringsField(parseMessage(exchange.body), 'roleKeys');
  const caller = requireRight(core, exchange, 'project.grant.write');
  const address = addressOf(exchange, caller, 'UpdateProjectGrantRequest');
  const check = commandCheck(core, caller, 'project.grant.write');
  return changed(changeGrant(core.world, address, roleKeys, check));
}

/** POST .../{grantId}/_deactivate */
export function deactivateGrant(core: Core, exchange: Exchange): Answer {
  return setActive(core, exchange, false, 'DeactivateProjectGrantRequest');
}

/** POST .../{grantId}/_reactivate */
export function reactivateGrant(core: Core, exchange: Exchange): Answer {
  return setActive(core, exchange, true, 'ReactivateProjectGrantRequest');
}

/** DELETE /management/v1/projects/{projectId}/grants/{grantId} */
export function deleteGrant(core: Core, exchange: Exchange): Answer {
  const caller = requireRight(core, exchange, 'project.grant.delete');
  const address = addressOf(exchange, caller, 'RemoveProjectGrantRequest');
  const check = commandCheck(core, caller, 'project.grant.delete');
  return changed(removeGrant(core.world, address, check));
}

function setActive(core: Core, exchange: Exchange, active: boolean, request: string): Answer {
  parseMessage(exchange.body);
  const caller = requireRight(core, exchange, 'project.grant.write');
  const address = addressOf(exchange, caller, request);
  const check = commandCheck(core, caller, 'project.grant.write');
  return changed(setGrantActive(core.world, address, active, check));
}

function requireRight(core: Core, exchange: Exchange, permission: Permission): ApiCaller {
  const caller = requireCaller(core, exchange);
  requirePermission(core.world, caller.user.id, caller.orgId, permission);
  return caller;
}

function commandCheck(core: Core, caller: ApiCaller, permission: Permission): GrantCheck {
  return (ownerOrgId, resourceIds) => {
    requireForCommand(core.world, caller.user.id, ownerOrgId, permission, resourceIds);
  };
}

function addressOf(exchange: Exchange, caller: ApiCaller, request: string): GrantAddress {
  const [projectId = '', grantId = ''] = exchange.params;
  requireId(projectId, `${request}.ProjectId`);
  requireId(grantId, `${request}.GrantId`);
  return { projectId, grantId, ownerOrgId: caller.orgId };
}

function changed(grant: GrantRecord): Answer {
  return jsonAnswer(200, { details: changedJson(grant.details) });
}

function list(core: Core, search: GrantSearch, visible: (grant: GrantRecord) => boolean): Answer {
  const state = core.world.reads;
  const conditions = search.conditions();
  const rows = [...state.grants.values()].filter(
    (grant) => visible(grant) && conditions.every((condition) => condition(grant, state)),
  );
  const page = core.limits.ofV1(search.page);
  return jsonAnswer(
    200,
    listJson(state, rows, page, (grant) => grantJson(state, grant)),
  );
}

function grantJson(state: State, grant: GrantRecord): object {
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

export type GrantCondition = (grant: GrantRecord, state: State) => boolean;

type TextMatch = (value: string, wanted: string) => boolean;

const equals: TextMatch = (value, wanted) => value === wanted;

const TEXT_METHODS = new Map<string, TextMatch>(
  Object.entries({
    EQUALS: equals,
    EQUALS_IGNORE_CASE: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
    STARTS_WITH: (value, wanted) => value.startsWith(wanted),
    STARTS_WITH_IGNORE_CASE: (value, wanted) =>
      value.toLowerCase().startsWith(wanted.toLowerCase()),
    CONTAINS: (value, wanted) => value.includes(wanted),
    CONTAINS_IGNORE_CASE: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
    ENDS_WITH: (value, wanted) => value.endsWith(wanted),
    ENDS_WITH_IGNORE_CASE: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
  }),
);

/** Which list is asked for, as its messages call it. */
export interface GrantList {
  readonly request: string;
  readonly type: string;
  readonly fields: readonly string[];
}

export const PROJECT_GRANTS: GrantList = {
  request: 'ListProjectGrantsRequest',
  type: 'ProjectGrantQuery',
  fields: ['projectNameQuery', 'roleKeyQuery'],
};

export const ALL_GRANTS: GrantList = {
  request: 'ListAllProjectGrantsRequest',
  type: 'AllProjectGrantQuery',
  fields: ['projectNameQuery', 'roleKeyQuery', 'projectIdQuery', 'grantedOrgIdQuery'],
};

export const GRANTED_PROJECTS: GrantList = {
  request: 'ListGrantedProjectsRequest',
  type: 'ProjectQuery',
  fields: ['nameQuery'],
};

/** What a grant list is asked for. */
export interface GrantSearch {
  readonly page: V1Page;
  /** All have to hold. Throws for what parses but is not valid, which is for after the token. */
  readonly conditions: () => GrantCondition[];
}

export function grantSearch(text: string, list: GrantList): GrantSearch {
  const body = parseMessage(text);
  const type = `zitadel.project.v1.${list.type}`;
  const queries = chosenQueries(body, text, type, list.fields);
  const conditions = (): GrantCondition[] =>
    queries.map((query, index) => {
      const place = `${list.request}.Queries[${String(index)}]: embedded message failed validation`;
      if (query === undefined) {
        throw invalid(`${place} | caused by: invalid ${list.type}.Query: value is required`);
      }
      const { name, value } = query;
      const kind = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      return conditionOf(name, value, `${place} | caused by: invalid ${list.type}.${kind}`);
    });
  return { page: pageOf(body), conditions };
}

function conditionOf(name: string, value: Message, complaint: string): GrantCondition {
  const id = (idName: string): string => {
    const given = stringField(value, idName);
    requireShort(given, complaint);
    return given;
  };
  if (name === 'projectIdQuery') {
    const projectId = id('projectId');
    return (grant) => grant.projectId === projectId;
  }
  if (name === 'grantedOrgIdQuery') {
    const grantedOrgId = id('grantedOrgId');
    return (grant) => grant.grantedOrgId === grantedOrgId;
  }
  const matches = textMatcher(value);
  if (name === 'roleKeyQuery') {
    const roleKey = id('roleKey');
    return (grant) => grant.roleKeys.some((key) => matches(key, roleKey));
  }
  const wanted = id('name');
  return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '', wanted);
}

export function textMatcher(value: Message): TextMatch {
  const method = field(value, 'method');
  const name = typeof method === 'string' ? method.replace(/^TEXT_(QUERY|FILTER)_METHOD_/, '') : '';
  return TEXT_METHODS.get(name) ?? equals;
}
