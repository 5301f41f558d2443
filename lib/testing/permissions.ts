import { ZitadelError } from './errors.js';
import { membersOf } from './members.js';
import type { MemberRecord, State } from './state.js';
import type { World } from './world.js';

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
