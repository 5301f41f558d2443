import { idOf, type MemberResource } from '../model.js';
import { ZitadelError } from '../server/answers.js';
import type { Happening } from './events.js';
import { type MemberRecord, type MemberScope, putMember, scopeKey, type State } from './state.js';
import { requireOrg, requireProject, requireUser, type World } from './world.js';

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
  const grant = world.now.grants.get(idOf(on.projectGrant));
  if (grant === undefined) throw new ZitadelError(5, 'PROJECT-D8JxR', 'Project Grant not found');
  const { id, projectId, ownerOrgId } = grant;
  return {
    scope: { kind: 'projectGrant', id, projectId },
    owner: ownerOrgId,
    aggregate: projectId,
  };
}

/** The permissions that the emulated calls ask for. */
export type Permission =
  | 'org.read'
  | 'org.delete'
  | 'project.read'
  | 'project.grant.read'
  | 'project.grant.write'
  | 'project.grant.delete'
  | 'user.membership.read'
  | 'events.read'
  | 'iam.member.read'
  | 'org.member.read'
  | 'project.member.read'
  | 'project.grant.member.read';

/** Where a permission is held: everywhere in the organization, or on these projects and grants only. */
export interface Held {
  readonly everywhere: boolean;
  readonly ids: ReadonlySet<string>;
}

/** The check in front of an API call: held anywhere in the organization that the call acts in. */
export function requirePermission(
  world: World,
  userId: string,
  orgId: string,
  permission: Permission,
): Held {
  const held = heldIn(world, userId, orgId, permission);
  if (!held.everywhere && held.ids.size === 0) throw refusal('AUTH-5mWD2');
  return held;
}

/** The same for a call that names the one resource it is about. */
export function requirePermissionOn(
  world: World,
  userId: string,
  orgId: string,
  permission: Permission,
  resourceId: string,
): void {
  const held = requirePermission(world, userId, orgId, permission);
  if (!held.everywhere && !held.ids.has(resourceId)) throw refusal('AUTH-3jknH');
}

/** The check inside a command, in the organization that owns the resource. */
export function requireForCommand(
  world: World,
  userId: string,
  ownerOrgId: string,
  permission: Permission,
  resourceIds: readonly string[],
): void {
  const held = heldIn(world, userId, ownerOrgId, permission);
  if (held.everywhere) return;
  if (held.ids.size === 0) throw refusal('AUTH-AWfge');
  if (!resourceIds.some((id) => held.ids.has(id))) throw refusal('AUTH-Swrgg2');
}

/** Everything that a user may do in an organization, as reads see it; narrow rights name their resource. */
export function permissionsIn(world: World, userId: string, orgId: string): string[] {
  const all = countingIn(world, world.reads, userId, orgId).flatMap(({ scope, roles }) => {
    const suffix = isNarrow(scope.kind) ? `:${scope.id}` : '';
    const permissions = roles.flatMap((role) => world.rolePermissions.get(role) ?? []);
    return permissions.map((permission) => `${permission}${suffix}`);
  });
  return [...new Set(all)];
}

function heldIn(world: World, userId: string, orgId: string, permission: Permission): Held {
  const counting = countingIn(world, world.now, userId, orgId);
  if (counting.length === 0) throw new ZitadelError(5, 'AUTHZ-cdgFk', 'membership not found');
  const granting = counting.filter((member) =>
    member.roles.some((role) => world.rolePermissions.get(role)?.includes(permission)),
  );
  const scoped = granting.filter(({ scope }) => isNarrow(scope.kind));
  return {
    everywhere: scoped.length < granting.length,
    ids: new Set(scoped.map(({ scope }) => scope.id)),
  };
}

function isNarrow(kind: MemberRecord['scope']['kind']): boolean {
  return kind === 'project' || kind === 'projectGrant';
}

/** Rows of the instance count everywhere, a grant's rows also in the organization it is granted to. */
function countingIn(world: World, state: State, userId: string, orgId: string): MemberRecord[] {
  return membersOf(state, userId).filter(({ scope, details }) => {
    const owner = details.resourceOwner;
    if (owner === orgId || owner === world.instanceId) return true;
    return scope.kind === 'projectGrant' && state.grants.get(scope.id)?.grantedOrgId === orgId;
  });
}

function refusal(id: string): ZitadelError {
  return new ZitadelError(7, id, 'No matching permissions found');
}
