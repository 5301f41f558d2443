import type { Instance } from '../instance.js';
import type { MemberResource } from '../model.js';
import { changedJson, createdJson, detailsJson, listJson, searchIn } from '../server/pages.js';
import {
  type Condition,
  FAILED,
  goName,
  type Message,
  type Oneof,
  requireId,
  shortField,
  stringField,
  stringsField,
} from '../server/protojson.js';
import type { Exchange } from '../server/replies.js';
import { addMember, changeMember, membersOf, removeMember } from '../world/managers.js';
import type { MemberRecord, MemberScope, State } from '../world/state.js';
import { type ApiHandle, type ApiRow, callerOf, callerWith } from './caller.js';
import { projectOf } from './orgs-and-projects.js';

const QUERY: Oneof<MemberRecord> = {
  message: 'zitadel.user.v1.MembershipQuery',
  field: 'query',
  members: {
    orgQuery: byResource('orgId', (scope, id) => scope.kind === 'org' && scope.id === id),
    projectQuery: byResource(
      'projectId',
      (scope, id) =>
        (scope.kind === 'project' && scope.id === id) ||
        (scope.kind === 'projectGrant' && scope.projectId === id),
    ),
    projectGrantQuery: byResource(
      'projectGrantId',
      (scope, id) => scope.kind === 'projectGrant' && scope.id === id,
    ),
    // `iam: false` filters exactly like `iam: true`.
    iamQuery:
      () =>
      ({ scope }) =>
        scope.kind === 'instance',
  },
};

function byResource(name: string, fits: (scope: MemberScope, id: string) => boolean) {
  return (value: Message, place: string): Condition<MemberRecord> => {
    const query = place.slice(place.lastIndexOf('.') + 1);
    const id = shortField(value, name, `${place}: ${FAILED} Membership${query}.${goName(name)}`);
    return ({ scope }) => fits(scope, id);
  };
}

/** List My ZITADEL Manager Roles. */
const listMyMemberships: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListMyMembershipsRequest', QUERY);
  const { userId } = callerOf(instance, exchange);
  const rows = membersOf(instance.world.reads, userId);
  return listJson(instance, search, rows, memberJson(instance));
};

/** List ZITADEL Permissions of a user. */
const listUserMemberships: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListUserMembershipsRequest', QUERY);
  const caller = callerWith(instance, exchange, 'user.membership.read');
  const userId = requireId(exchange.params[0] ?? '', 'ListUserMembershipsRequest.UserId');
  const owners = [instance.world.instanceId, caller.orgId];
  const rows = membersOf(instance.world.reads, userId).filter(({ details }) =>
    owners.includes(details.resourceOwner),
  );
  return listJson(instance, search, rows, memberJson(instance));
};

/** In the organization of the call. Nobody is refused. */
const listMyPermissions: ApiHandle = (instance, exchange) => {
  const result = callerOf(instance, exchange).permissions();
  return result.length === 0 ? {} : { result };
};

function memberJson({ world: { instanceName } }: Instance) {
  return ({ userId, scope, roles, details }: MemberRecord, state: State): object => ({
    userId,
    details: detailsJson(details),
    roles: roles.length === 0 ? undefined : roles,
    ...scopeJson(instanceName, state, scope),
  });
}

/** `displayName` is the name of the resource, not of the user. */
function scopeJson(instanceName: string, state: State, scope: MemberScope): object {
  switch (scope.kind) {
    case 'instance':
      return { displayName: instanceName, iam: true };
    case 'org':
      return { displayName: state.orgs.get(scope.id)?.name, orgId: scope.id };
    case 'project':
      return { displayName: state.projects.get(scope.id)?.name, projectId: scope.id };
    case 'projectGrant':
      return { displayName: state.projects.get(scope.projectId)?.name, projectGrantId: scope.id };
  }
}

/** What a path of members is about. */
type Place = (instance: Instance, exchange: Exchange, what: 'write' | 'delete') => MemberResource;

const ofInstance: Place = (instance, exchange, what) => {
  callerWith(instance, exchange, `iam.member.${what}`);
  return 'instance';
};

const ofOrg: Place = (instance, exchange, what) => ({
  org: callerWith(instance, exchange, `org.member.${what}`).orgId,
});

const ofProject: Place = (instance, exchange, what) => ({
  project: projectOf(instance, exchange, `project.member.${what}`),
});

function managing(path: string, place: Place): readonly ApiRow[] {
  const post: ApiHandle = (instance, exchange, message) => {
    const [userId, roles] = [stringField(message, 'userId'), stringsField(message, 'roles')];
    const on = place(instance, exchange, 'write');
    return { details: createdJson(addMember(instance.world, userId, on, roles)) };
  };
  const put: ApiHandle = (instance, exchange, message) => {
    const roles = stringsField(message, 'roles');
    const on = place(instance, exchange, 'write');
    const userId = exchange.params.at(-1) ?? '';
    return { details: changedJson(changeMember(instance.world, userId, on, roles)) };
  };
  const remove: ApiHandle = (instance, exchange) => {
    const on = place(instance, exchange, 'delete');
    const { resourceOwner } = removeMember(instance.world, exchange.params.at(-1) ?? '', on);
    return { details: { resourceOwner } };
  };
  return [
    ['POST', path, 'members', post],
    ['PUT', `${path}/*`, 'members', put],
    ['DELETE', `${path}/*`, 'members', remove],
  ];
}

export const MEMBERSHIPS: readonly ApiRow[] = [
  ['POST', '/auth/v1/memberships/me/_search', 'memberships', listMyMemberships],
  ['POST', '/auth/v1/permissions/zitadel/me/_search', 'permissions', listMyPermissions],
  ['POST', '/management/v1/users/*/memberships/_search', 'userMemberships', listUserMemberships],
  ...managing('/admin/v1/members', ofInstance),
  ...managing('/management/v1/orgs/me/members', ofOrg),
  ...managing('/management/v1/projects/*/members', ofProject),
];
