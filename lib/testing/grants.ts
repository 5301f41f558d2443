import { ZitadelError } from './errors.js';
import { type GrantRecord, type ProjectRecord, dropMembers } from './state.js';
import type { World } from './world.js';

/** Asked when everything that ZITADEL looks up before the permission is there; throws to refuse. */
export type GrantCheck = (ownerOrgId: string, resourceIds: readonly string[]) => void;

export interface NewGrant {
  readonly projectId: string;
  /** The organization that the call acts in; it has to own the project. */
  readonly ownerOrgId: string;
  readonly grantedOrgId: string;
  readonly roleKeys: readonly string[];
}

const allow: GrantCheck = () => undefined;

export function addGrant(world: World, input: NewGrant, check: GrantCheck = allow): GrantRecord {
  const { projectId, ownerOrgId, grantedOrgId } = input;
  const project = world.now.projects.get(projectId);
  if (project?.orgId !== ownerOrgId)
    throw new ZitadelError(9, 'COMMAND-m9gsd', 'Project not found');
  if (!world.now.orgs.has(grantedOrgId)) {
    throw new ZitadelError(9, 'COMMAND-3m9gg', 'Organisation not found');
  }
  requireRoles(project, input.roleKeys);
  check(ownerOrgId, [projectId]);
  if (grantedOrgId === ownerOrgId) {
    throw new ZitadelError(9, 'PROJECT-ckUpbvboAH', 'Project Grant is invalid');
  }
  for (const grant of world.now.grants.values()) {
    if (grant.projectId === projectId && grant.grantedOrgId === grantedOrgId) {
      throw new ZitadelError(6, 'V3-DKcYh', 'Project Grant already exists');
    }
  }
  const grant: GrantRecord = {
    id: world.ids.next(),
    projectId,
    ownerOrgId,
    grantedOrgId,
    roleKeys: [...input.roleKeys],
    active: true,
    details: world.created(projectId, ownerOrgId),
  };
  world.commit((state) => state.grants.set(grant.id, grant));
  return grant;
}

/** Which grant a call means: in ZITADEL the project and its owner have to fit as well. */
export interface GrantAddress {
  readonly grantId: string;
  readonly projectId: string;
  readonly ownerOrgId: string;
}

export function changeGrant(
  world: World,
  address: GrantAddress,
  roleKeys: readonly string[],
  check: GrantCheck = allow,
): GrantRecord {
  const grant = requireGrant(world, address);
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  const project = world.now.projects.get(grant.projectId);
  if (project !== undefined) requireRoles(project, roleKeys);
  // Order counts: the same roles in another order are a change.
  if (JSON.stringify(grant.roleKeys) === JSON.stringify(roleKeys)) return grant;
  return replace(world, grant, { roleKeys: [...roleKeys] });
}

export function setGrantActive(
  world: World,
  address: GrantAddress,
  active: boolean,
  check: GrantCheck = allow,
): GrantRecord {
  const project = world.now.projects.get(address.projectId);
  if (project?.orgId !== address.ownerOrgId) {
    throw new ZitadelError(9, 'COMMA-VCnwD', 'Project not found');
  }
  const grant = requireGrant(world, address);
  // ZITADEL answers before it looks at the permission when there is nothing to do.
  if (grant.active === active) return grant;
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  return replace(world, grant, { active });
}

export function removeGrant(
  world: World,
  address: GrantAddress,
  check: GrantCheck = allow,
): GrantRecord {
  const grant = requireGrant(world, address);
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  const details = world.changed(grant.projectId, grant.details);
  world.commit((state) => {
    state.grants.delete(grant.id);
    dropMembers(state, ({ scope }) => scope.kind === 'projectGrant' && scope.id === grant.id);
  });
  return { ...grant, details };
}

function replace(world: World, grant: GrantRecord, change: Partial<GrantRecord>): GrantRecord {
  const details = world.changed(grant.projectId, grant.details);
  const after: GrantRecord = { ...grant, ...change, details };
  world.commit((state) => state.grants.set(after.id, after));
  return after;
}

function requireGrant(world: World, address: GrantAddress): GrantRecord {
  const grant = world.now.grants.get(address.grantId);
  if (grant?.projectId !== address.projectId || grant.ownerOrgId !== address.ownerOrgId) {
    throw new ZitadelError(5, 'PROJECT-D8JxR', 'Project Grant not found');
  }
  return grant;
}

function requireRoles(project: ProjectRecord, roleKeys: readonly string[]): void {
  if (!roleKeys.every((key) => project.roles.includes(key))) {
    throw new ZitadelError(9, 'COMMAND-6m9gd', 'Errors.Project.Role.NotFound');
  }
}
