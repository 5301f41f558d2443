import { type Core, requireCaller } from '../core.js';
import { type Answer, type Exchange, jsonAnswer } from '../server/answers.js';
import { detailsJson, listJson, type V1Page } from '../server/pages.js';
import {
  type Chosen,
  chosenQueries,
  invalid,
  pageOf,
  parseMessage,
  requireId,
  requireShort,
  stringField,
} from '../server/protojson.js';
import { membersOf, permissionsIn, requirePermission } from '../world/managers.js';
import type { MemberRecord, MemberScope, State } from '../world/state.js';
import type { World } from '../world/world.js';

type Condition = (scope: MemberScope) => boolean;

const QUERY_TYPE = 'zitadel.user.v1.MembershipQuery';
const QUERY_FIELDS = ['orgQuery', 'projectQuery', 'projectGrantQuery', 'iamQuery'] as const;

/** POST /auth/v1/memberships/me/_search: List My ZITADEL Manager Roles. */
export function listMyMemberships(core: Core, exchange: Exchange): Answer {
  const body = parseMessage(exchange.body);
  const queries = chosenQueries(body, exchange.body, QUERY_TYPE, QUERY_FIELDS);
  const page = pageOf(body);
  const { user } = requireCaller(core, exchange);
  const conditions = conditionsOf(queries, 'ListMyMembershipsRequest');
  const state = core.world.reads;
  const members = membersOf(state, user.id);
  return jsonAnswer(200, listOf(core, state, members, conditions, page));
}

/** POST /management/v1/users/{userId}/memberships/_search: List ZITADEL Permissions of a user. */
export function listUserMemberships(core: Core, exchange: Exchange): Answer {
  const body = parseMessage(exchange.body);
  const queries = chosenQueries(body, exchange.body, QUERY_TYPE, QUERY_FIELDS);
  const page = pageOf(body);
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'user.membership.read');
  const [userId = ''] = exchange.params;
  requireId(userId, 'ListUserMembershipsRequest.UserId');
  const conditions = conditionsOf(queries, 'ListUserMembershipsRequest');
  const state = core.world.reads;
  const owners = [core.world.instanceId, orgId];
  const members = membersOf(state, userId).filter(({ details }) =>
    owners.includes(details.resourceOwner),
  );
  return jsonAnswer(200, listOf(core, state, members, conditions, page));
}

function conditionsOf(queries: readonly (Chosen | undefined)[], request: string): Condition[] {
  return queries.map((query, index) => {
    const place = `${request}.Queries[${String(index)}]: embedded message failed validation`;
    if (query === undefined) {
      throw invalid(`${place} | caused by: invalid MembershipQuery.Query: value is required`);
    }
    const kind = `${query.name.charAt(0).toUpperCase()}${query.name.slice(1)}`;
    const cause =
      `${place} | caused by: invalid MembershipQuery.${kind}: ` +
      `embedded message failed validation | caused by: invalid Membership${kind}`;
    return conditionOf(query.name, (idName, goName) => {
      const id = stringField(query.value, idName);
      requireShort(id, `${cause}.${goName}`);
      return id;
    });
  });
}

function conditionOf(name: string, id: (idName: string, goName: string) => string): Condition {
  if (name === 'orgQuery') {
    const orgId = id('orgId', 'OrgId');
    return (scope) => scope.kind === 'org' && scope.id === orgId;
  }
  if (name === 'projectQuery') {
    const projectId = id('projectId', 'ProjectId');
    return (scope) =>
      (scope.kind === 'project' && scope.id === projectId) ||
      (scope.kind === 'projectGrant' && scope.projectId === projectId);
  }
  if (name === 'projectGrantQuery') {
    const grantId = id('projectGrantId', 'ProjectGrantId');
    return (scope) => scope.kind === 'projectGrant' && scope.id === grantId;
  }
  // `iam: false` filters exactly like `iam: true`.
  return (scope) => scope.kind === 'instance';
}

function listOf(
  { limits, world }: Core,
  state: State,
  members: readonly MemberRecord[],
  conditions: readonly Condition[],
  page: V1Page,
): object {
  const rows = members.filter(({ scope }) => conditions.every((condition) => condition(scope)));
  return listJson(state, rows, limits.ofV1(page), (member) => rowJson(world, state, member));
}

function rowJson(world: World, state: State, member: MemberRecord): object {
  const { scope, roles } = member;
  return {
    userId: member.userId,
    details: detailsJson(member.details),
    roles: roles.length === 0 ? undefined : roles,
    ...scopeJson(world, state, scope),
  };
}

/** `displayName` is the name of the resource, not of the user. */
function scopeJson(world: World, state: State, scope: MemberScope): object {
  switch (scope.kind) {
    case 'instance':
      return { displayName: world.instanceName, iam: true };
    case 'org':
      return { displayName: state.orgs.get(scope.id)?.name, orgId: scope.id };
    case 'project':
      return { displayName: state.projects.get(scope.id)?.name, projectId: scope.id };
    case 'projectGrant':
      return { displayName: state.projects.get(scope.projectId)?.name, projectGrantId: scope.id };
  }
}

/** POST /auth/v1/permissions/zitadel/me/_search: in the organization of the call; nobody is refused. */
export function listMyPermissions(core: Core, exchange: Exchange): Answer {
  parseMessage(exchange.body);
  const { user, orgId } = requireCaller(core, exchange);
  const result = permissionsIn(core.world, user.id, orgId);
  return jsonAnswer(200, result.length === 0 ? {} : { result });
}
