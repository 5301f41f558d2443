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
  type Chosen,
  chosenInEach,
  field,
  type Message,
  requireId,
  shortField,
  stringField,
  stringsField,
} from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import {
  addGrant,
  changeGrant,
  type GrantAddress,
  removeGrant,
  setGrantActive,
} from '../world/grants.js';
import type { GrantRecord, State } from '../world/state.js';
import { type ApiHandle, type Caller, callerOf, callerWith } from './caller.js';

/** POST /management/v1/projects/{projectId}/grants */
export const postGrant: ApiHandle = (instance, exchange, message) => {
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
 * GET /management/v1/projects/{projectId}/grants/{grantId}: always fresh. It ignores the project in the
 * path, and replies only under the organization that owns the project or has the grant.
 */
export const getGrant: ApiHandle = (instance, exchange) => {
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
  return { projectGrant: grantJson(now, grant) };
};

/** PUT /management/v1/projects/{projectId}/grants/{grantId} */
export const putGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const permission = 'project.grant.write';
  const caller = callerWith(instance, exchange, permission);
  const address = addressOf(exchange, caller, 'UpdateProjectGrantRequest');
  return changed(changeGrant(instance.world, address, roleKeys, caller.checkFor(permission)));
};

/** POST .../{grantId}/_deactivate */
export const deactivateGrant = settingActive(false, 'DeactivateProjectGrantRequest');

/** POST .../{grantId}/_reactivate */
export const reactivateGrant = settingActive(true, 'ReactivateProjectGrantRequest');

/** DELETE /management/v1/projects/{projectId}/grants/{grantId} */
export const deleteGrant: ApiHandle = (instance, exchange) => {
  const permission = 'project.grant.delete';
  const caller = callerWith(instance, exchange, permission);
  const address = addressOf(exchange, caller, 'RemoveProjectGrantRequest');
  return changed(removeGrant(instance.world, address, caller.checkFor(permission)));
};

function settingActive(active: boolean, request: string): ApiHandle {
  const permission = 'project.grant.write';
  return (instance, exchange) => {
    const caller = callerWith(instance, exchange, permission);
    const address = addressOf(exchange, caller, request);
    return changed(setGrantActive(instance.world, address, active, caller.checkFor(permission)));
  };
}

function addressOf(exchange: Exchange, { orgId }: Caller, request: string): GrantAddress {
  const [projectId = '', grantId = ''] = exchange.params;
  requireId(projectId, `${request}.ProjectId`);
  requireId(grantId, `${request}.GrantId`);
  return { projectId, grantId, ownerOrgId: orgId };
}

function changed(grant: GrantRecord): object {
  return { details: changedJson(grant.details) };
}

/** POST /management/v1/projects/{projectId}/grants/_search */
export const listGrants: ApiHandle = (instance, exchange, message) => {
  const search = searchOf(message, exchange.body, 'ListProjectGrantsRequest', {
    message: 'zitadel.project.v1.ProjectGrantQuery',
    members: ['projectNameQuery', 'roleKeyQuery'],
  });
  const caller = callerOf(instance, exchange);
  const [projectId = ''] = exchange.params;
  caller.requireOn('project.grant.read', projectId);
  return listOf(
    instance,
    search,
    (grant) => grant.projectId === projectId && grant.ownerOrgId === caller.orgId,
  );
};

/** POST /management/v1/projectgrants/_search */
export const listAllGrants: ApiHandle = (instance, exchange, message) => {
  const search = searchOf(message, exchange.body, 'ListAllProjectGrantsRequest', {
    message: 'zitadel.project.v1.AllProjectGrantQuery',
    members: ['projectNameQuery', 'roleKeyQuery', 'projectIdQuery', 'grantedOrgIdQuery'],
  });
  const caller = callerOf(instance, exchange);
  // Rights on single resources are compared with the grant's id, so those on a project show nothing.
  const { everywhere, ids } = caller.require('project.grant.read');
  return listOf(
    instance,
    search,
    (grant) => grant.ownerOrgId === caller.orgId && (everywhere || ids.has(grant.id)),
  );
};

/** POST /management/v1/granted_projects/_search: what was granted to the organization of the call. */
export const listGrantedProjects: ApiHandle = (instance, exchange, message) => {
  const search = searchOf(message, exchange.body, 'ListGrantedProjectsRequest', {
    message: 'zitadel.project.v1.ProjectQuery',
    members: ['nameQuery'],
  });
  const caller = callerOf(instance, exchange);
  const { everywhere, ids } = caller.require('project.read');
  return listOf(
    instance,
    search,
    (grant) => grant.grantedOrgId === caller.orgId && (everywhere || ids.has(grant.id)),
  );
};

/** What a grant list is asked for. */
interface GrantSearch {
  readonly page: Page;
  /** All have to hold. What parses but is not valid throws here, which is for after the token. */
  readonly conditions: () => GrantCondition[];
}

export type GrantCondition = (grant: GrantRecord, state: State) => boolean;

type QueryName =
  | 'projectNameQuery'
  | 'nameQuery'
  | 'roleKeyQuery'
  | 'projectIdQuery'
  | 'grantedOrgIdQuery';

function searchOf(
  message: Message,
  text: string,
  request: string,
  oneof: { readonly message: string; readonly members: readonly QueryName[] },
): GrantSearch {
  const query = { ...oneof, field: 'query' } as const;
  const queries = chosenInEach(message, 'queries', text, query, `${request}.Queries`);
  return {
    page: pageIn(message, 'query'),
    conditions: () => queries.map((chosen) => conditionOf(chosen())),
  };
}

function conditionOf({ name, value, place }: Chosen<QueryName>): GrantCondition {
  const short = (idName: string): string => shortField(value, idName, place);
  switch (name) {
    case 'projectIdQuery': {
      const projectId = short('projectId');
      return (grant) => grant.projectId === projectId;
    }
    case 'grantedOrgIdQuery': {
      const grantedOrgId = short('grantedOrgId');
      return (grant) => grant.grantedOrgId === grantedOrgId;
    }
    case 'roleKeyQuery': {
      const matches = textMatcher(value, short('roleKey'));
      return (grant) => grant.roleKeys.some(matches);
    }
    case 'nameQuery':
    case 'projectNameQuery': {
      const matches = textMatcher(value, short('name'));
      return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '');
    }
  }
}

const TEXT_METHODS: Readonly<Record<string, (text: string, wanted: string) => boolean>> = {
  EQUALS: (text, wanted) => text === wanted,
  STARTS_WITH: (text, wanted) => text.startsWith(wanted),
  CONTAINS: (text, wanted) => text.includes(wanted),
  ENDS_WITH: (text, wanted) => text.endsWith(wanted),
};

/** Compares by the `method` of a query or filter. Unknown methods compare like `EQUALS`. */
export function textMatcher(value: Message, wanted: string): (text: string) => boolean {
  const method = String(field(value, 'method'));
  const [, name = '', ignoreCase] =
    /^(?:TEXT_(?:QUERY|FILTER)_METHOD_)?(\w+?)(_IGNORE_CASE)?$/.exec(method) ?? [];
  const matches = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined;
  if (matches === undefined) return (text) => text === wanted;
  return ignoreCase === undefined
    ? (text) => matches(text, wanted)
    : (text) => matches(text.toLowerCase(), wanted.toLowerCase());
}

function listOf(
  { world, limits }: Instance,
  search: GrantSearch,
  visible: (grant: GrantRecord) => boolean,
): object {
  const state = world.reads;
  const conditions = search.conditions();
  const rows = [...state.grants.values()].filter(
    (grant) => visible(grant) && conditions.every((condition) => condition(grant, state)),
  );
  return listJson(state, rows, limits.ofV1(search.page), (grant) => grantJson(state, grant));
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
