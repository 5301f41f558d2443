import { idOf, type MemberResource } from '../model.js';
import { ZitadelError } from '../server/replies.js';
import type { Happening } from './events.js';
import { type MemberRecord, type MemberScope, putMember, scopeKey, type State } from './state.js';
import { requireGrant, requireOrg, requireProject, requireUser, type World } from './world.js';

interface ScopeRules {
  readonly prefix: string;
  readonly invalid: readonly [id: string, text: string];
  readonly missing: readonly [id: string, text: string];
}

const RULES: Readonly<Record<MemberScope['kind'], ScopeRules>> = {
  instance: {
    prefix: 'IAM',
    invalid: ['INSTANCE-4m0fS', 'Member is invalid'],
    missing: ['INSTANCE-D8JxR', 'Errors.NotFound'],
  },
  org: {
    prefix: 'ORG',
    invalid: ['Org-4N8es', 'Errors.Org.MemberInvalid'],
    missing: ['Org-D8JxR', 'Errors.NotFound'],
  },
  // ZITADEL compares prefixes, so a project takes PROJECT_GRANT_* too.
  project: {
    prefix: 'PROJECT',
    invalid: ['PROJECT-3m9ds', 'Errors.Project.Member.Invalid'],
    missing: ['PROJECT-D8JxR', 'Errors.NotFound'],
  },
  projectGrant: {
    prefix: 'PROJECT_GRANT',
    invalid: ['PROJECT-m9gKK', 'Errors.Project.Grant.Member.Invalid'],
    missing: ['PROJECT-D8JxR', 'Errors.NotFound'],
  },
};

/** The order in which ZITADEL joins its four tables; within one, the order of adding. */
const LIST_ORDER: readonly MemberScope['kind'][] = ['org', 'instance', 'project', 'projectGrant'];

export function addMember(
  world: World,
  userId: string,
  on: MemberResource,
  roles: readonly string[],
): void {
  const { scope, owner, aggregate } = resolve(world, on);
  requireUser(world, userId);
  requireRoles(scope, roles, true);
  if (world.now.members.get(userId)?.has(scopeKey(scope)) === true) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Member.AlreadyExists');
  }
  const details = world.created(aggregate, owner, memberEvent(scope, 'added', userId, roles));
  const member: MemberRecord = { userId, scope, roles: [...roles], details };
  world.commit((state) => putMember(state, member));
}

export function changeMember(
  world: World,
  userId: string,
  on: MemberResource,
  roles: readonly string[],
): void {
  const { scope, aggregate } = resolve(world, on);
  requireRoles(scope, roles, false);
  const before = requireMember(world, userId, scope);
  const happening = memberEvent(scope, 'changed', userId, roles);
  const details = world.changed(aggregate, before.details, happening);
  const member: MemberRecord = { ...before, roles: [...roles], details };
  world.commit((state) => putMember(state, member));
}

export function removeMember(world: World, userId: string, on: MemberResource): void {
  const { scope, owner, aggregate } = resolve(world, on);
  requireMember(world, userId, scope);
  world.happened(aggregate, owner, memberEvent(scope, 'removed', userId));
  world.commit((state) => state.members.get(userId)?.delete(scopeKey(scope)));
}

/** The memberships that go with their user. */
export function dropMembersOf(world: World, userId: string, stamp: number): void {
  for (const { scope, details } of membersOf(world.now, userId)) {
    const aggregate = scope.kind === 'projectGrant' ? scope.projectId : scope.id;
    const happening = memberEvent(scope, 'cascade.removed', userId);
    world.happened(aggregate, details.resourceOwner, happening, stamp);
  }
  world.commit((state) => state.members.delete(userId));
}

export function membersOf(state: State, userId: string): MemberRecord[] {
  const rows = [...(state.members.get(userId)?.values() ?? [])];
  return rows.sort(
    (left, right) => LIST_ORDER.indexOf(left.scope.kind) - LIST_ORDER.indexOf(right.scope.kind),
  );
}

function memberEvent(
  scope: MemberScope,
  what: string,
  userId: string,
  roles?: readonly string[],
): Happening {
  const resource = scope.kind === 'projectGrant' ? 'project.grant' : scope.kind;
  const payload = {
    ...(roles === undefined ? {} : { roles: [...roles] }),
    userId,
    ...(scope.kind === 'projectGrant' ? { grantId: scope.id } : {}),
  };
  return { type: `${resource}.member.${what}`, payload };
}

function requireMember(world: World, userId: string, scope: MemberScope): MemberRecord {
  const member = world.now.members.get(userId)?.get(scopeKey(scope));
  if (member === undefined) throw new ZitadelError(5, ...RULES[scope.kind].missing);
  return member;
}

function requireRoles(scope: MemberScope, roles: readonly string[], adding: boolean): void {
  const { prefix, invalid } = RULES[scope.kind];
  const selfManagement =
    adding && scope.kind === 'org' && roles.every((role) => role === 'SELF_MANAGEMENT_GLOBAL');
  const allowed = selfManagement || roles.every((role) => role.startsWith(`${prefix}_`));
  if (roles.length === 0 || !allowed) throw new ZitadelError(3, ...invalid);
}

function resolve(
  world: World,
  on: MemberResource,
): { scope: MemberScope; owner: string; aggregate: string } {
  if (on === 'instance') {
    const id = world.instanceId;
    return { scope: { kind: 'instance', id }, owner: id, aggregate: id };
  }
  if ('org' in on) {
    const org = requireOrg(world, idOf(on.org));
    return { scope: { kind: 'org', id: org.id }, owner: org.id, aggregate: org.id };
  }
  if ('project' in on) {
    const { id, orgId } = requireProject(world, idOf(on.project));
    return { scope: { kind: 'project', id }, owner: orgId, aggregate: id };
  }
  const { id, projectId, ownerOrgId } = requireGrant(world, idOf(on.projectGrant));
  return {
    scope: { kind: 'projectGrant', id, projectId },
    owner: ownerOrgId,
    aggregate: projectId,
  };
}
