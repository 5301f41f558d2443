import type { Instance } from '../instance.js';
import { detailsJson, listJson, type Page, pageIn } from '../server/pages.js';
import {
  type Chosen,
  chosenInEach,
  FAILED,
  type Message,
  type Oneof,
  requireId,
  shortField,
} from '../server/protojson.js';
import { membersOf } from '../world/managers.js';
import type { MemberRecord, MemberScope, State } from '../world/state.js';
import type { World } from '../world/world.js';
import { type ApiHandle, callerOf, callerWith } from './caller.js';

const QUERY = {
  message: 'zitadel.user.v1.MembershipQuery',
  field: 'query',
  members: ['orgQuery', 'projectQuery', 'projectGrantQuery', 'iamQuery'],
} as const satisfies Oneof<string>;

type QueryName = (typeof QUERY.members)[number];

/** POST /auth/v1/memberships/me/_search: List My ZITADEL Manager Roles. */
export const listMyMemberships: ApiHandle = (instance, exchange, message) => {
  const search = searchOf(message, exchange.body, 'ListMyMembershipsRequest');
  const { userId } = callerOf(instance, exchange);
  const conditions = search.conditions();
  const state = instance.world.reads;
  return listOf(instance, state, membersOf(state, userId), conditions, search.page);
};

/** POST /management/v1/users/{userId}/memberships/_search: List ZITADEL Permissions of a user. */
export const listUserMemberships: ApiHandle = (instance, exchange, message) => {
  const search = searchOf(message, exchange.body, 'ListUserMembershipsRequest');
  const caller = callerWith(instance, exchange, 'user.membership.read');
  const [userId = ''] = exchange.params;
  requireId(userId, 'ListUserMembershipsRequest.UserId');
  const conditions = search.conditions();
  const state = instance.world.reads;
  const owners = [instance.world.instanceId, caller.orgId];
  const members = membersOf(state, userId).filter(({ details }) =>
    owners.includes(details.resourceOwner),
  );
  return listOf(instance, state, members, conditions, search.page);
};

/** POST /auth/v1/permissions/zitadel/me/_search: in the organization of the call. Nobody is refused. */
export const listMyPermissions: ApiHandle = (instance, exchange) => {
  const result = callerOf(instance, exchange).permissions();
  return result.length === 0 ? {} : { result };
};

type Condition = (scope: MemberScope) => boolean;

/** What parses before the token is looked at. What is not valid throws from `conditions`. */
function searchOf(
  message: Message,
  text: string,
  request: string,
): { readonly page: Page; readonly conditions: () => Condition[] } {
  const queries = chosenInEach(message, 'queries', text, QUERY, `${request}.Queries`);
  return {
    page: pageIn(message, 'query'),
    conditions: () => queries.map((query) => conditionOf(query())),
  };
}

function conditionOf({ name, value, place }: Chosen<QueryName>): Condition {
  const inside = `${place}: ${FAILED} Membership${place.slice(place.lastIndexOf('.') + 1)}`;
  switch (name) {
    case 'orgQuery': {
      const orgId = shortField(value, 'orgId', `${inside}.OrgId`);
      return (scope) => scope.kind === 'org' && scope.id === orgId;
    }
    case 'projectQuery': {
      const projectId = shortField(value, 'projectId', `${inside}.ProjectId`);
      return (scope) =>
        (scope.kind === 'project' && scope.id === projectId) ||
        (scope.kind === 'projectGrant' && scope.projectId === projectId);
    }
    case 'projectGrantQuery': {
      const grantId = shortField(value, 'projectGrantId', `${inside}.ProjectGrantId`);
      return (scope) => scope.kind === 'projectGrant' && scope.id === grantId;
    }
    case 'iamQuery':
      // `iam: false` filters exactly like `iam: true`.
      return (scope) => scope.kind === 'instance';
  }
}

function listOf(
  { limits, world }: Instance,
  state: State,
  members: readonly MemberRecord[],
  conditions: readonly Condition[],
  page: Page,
): object {
  const rows = members.filter(({ scope }) => conditions.every((condition) => condition(scope)));
  return listJson(state, rows, limits.ofV1(page), (member) => rowJson(world, state, member));
}

function rowJson(world: World, state: State, member: MemberRecord): object {
  const { userId, scope, roles } = member;
  return {
    userId,
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
