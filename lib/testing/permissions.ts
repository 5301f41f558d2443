import { ZitadelError } from './errors.js';
import { membersOf } from './members.js';
import type { MemberRecord } from './state.js';
import type { World } from './world.js';

/** The permissions that the emulated calls ask for. */
export type Permission =
  | 'project.read'
  | 'project.grant.read'
  | 'project.grant.write'
  | 'project.grant.delete'
  | 'user.membership.read';

const EDITOR: readonly Permission[] = [
  'project.read',
  'project.grant.read',
  'project.grant.write',
  'project.grant.delete',
];
const OWNER: readonly Permission[] = [...EDITOR, 'user.membership.read'];
const VIEWER: readonly Permission[] = [
  'project.read',
  'project.grant.read',
  'user.membership.read',
];

/** ZITADEL's default mapping; a role that is not listed is known but may do none of this. */
const PERMISSIONS_OF_ROLE: Readonly<Record<string, readonly Permission[]>> = {
  IAM_OWNER: OWNER,
  IAM_OWNER_VIEWER: VIEWER,
  IAM_ORG_MANAGER: OWNER,
  IAM_USER_MANAGER: OWNER,
  IAM_LOGIN_CLIENT: VIEWER,
  ORG_OWNER: OWNER,
  ORG_OWNER_VIEWER: VIEWER,
  ORG_USER_MANAGER: ['project.read', 'user.membership.read'],
  ORG_USER_PERMISSION_EDITOR: ['project.read', 'project.grant.read'],
  ORG_PROJECT_PERMISSION_EDITOR: EDITOR,
  PROJECT_OWNER: OWNER,
  PROJECT_OWNER_VIEWER: VIEWER,
  PROJECT_OWNER_GLOBAL: ['project.read', 'user.membership.read'],
  PROJECT_OWNER_VIEWER_GLOBAL: VIEWER,
  PROJECT_GRANT_OWNER: VIEWER,
  PROJECT_GRANT_OWNER_VIEWER: VIEWER,
};

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

function heldIn(world: World, userId: string, orgId: string, permission: Permission): Held {
  const counting = membersOf(world.now, userId).filter((member) => counts(world, member, orgId));
  if (counting.length === 0) throw new ZitadelError(5, 'AUTHZ-cdgFk', 'membership not found');
  const granting = counting.filter((member) =>
    member.roles.some((role) => PERMISSIONS_OF_ROLE[role]?.includes(permission)),
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
function counts(world: World, member: MemberRecord, orgId: string): boolean {
  const owner = member.details.resourceOwner;
  if (owner === orgId || owner === world.instanceId) return true;
  const { scope } = member;
  return scope.kind === 'projectGrant' && world.now.grants.get(scope.id)?.grantedOrgId === orgId;
}

function refusal(id: string): ZitadelError {
  return new ZitadelError(7, id, 'No matching permissions found');
}
