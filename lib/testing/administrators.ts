import { isoOf } from './clock.js';
import { ZitadelError } from './errors.js';
import { type Permission, requireForCommand } from './permissions.js';
import type { GrantRecord, LoginRecord, MemberRecord, State } from './state.js';
import type { World } from './world.js';

/** A membership as API v2 knows it: with the user, and with the grant where it is on one. */
export interface Administrator {
  readonly member: MemberRecord;
  readonly user: LoginRecord;
  readonly grant: GrantRecord | undefined;
}

/** All there are. Users without a login name have none. */
export function administratorsOf(state: State): Administrator[] {
  return [...state.members].flatMap(([userId, rows]) => {
    const user = state.logins.get(userId);
    if (user === undefined) return [];
    return [...rows.values()].map((member) => {
      const { scope } = member;
      const grant = scope.kind === 'projectGrant' ? state.grants.get(scope.id) : undefined;
      return { member, user, grant };
    });
  });
}

/** Own rows always; others where the reader may read the members of the resource. */
export function isVisible(world: World, readerId: string, row: Administrator): boolean {
  const { member, user, grant } = row;
  const { scope, details } = member;
  const owner = details.resourceOwner;
  const may = (permission: Permission, orgId: string, resourceId: string): boolean =>
    isAllowed(world, readerId, permission, orgId, resourceId);
  if (user.id === readerId) return true;
  switch (scope.kind) {
    case 'instance':
      return may('iam.member.read', owner, scope.id);
    case 'org':
      return may('org.member.read', owner, scope.id);
    case 'project':
      return may('project.member.read', owner, scope.id);
    case 'projectGrant':
      return isAllowedOnGrant(may, 'project.grant.member.read', {
        id: scope.id,
        projectId: scope.projectId,
        ownerOrgId: owner,
        grantedOrgId: grant?.grantedOrgId ?? '',
      });
  }
}

/** A grant is in reach of its owner, of whom it is granted to, and of who manages the project. */
export function isAllowedOnGrant(
  may: (permission: Permission, orgId: string, resourceId: string) => boolean,
  permission: Permission,
  grant: Pick<GrantRecord, 'id' | 'projectId' | 'ownerOrgId' | 'grantedOrgId'>,
): boolean {
  return (
    may(permission, grant.ownerOrgId, grant.id) ||
    may(permission, grant.grantedOrgId, grant.id) ||
    may(permission, grant.ownerOrgId, grant.projectId)
  );
}

export function isAllowed(
  world: World,
  userId: string,
  permission: Permission,
  orgId: string,
  resourceId: string,
): boolean {
  try {
    requireForCommand(world, userId, orgId, permission, [resourceId]);
    return true;
  } catch (error) {
    if (error instanceof ZitadelError) return false;
    throw error;
  }
}

export function administratorJson(state: State, row: Administrator): object {
  const { member, user, grant } = row;
  return {
    creationDate: isoOf(member.details.created),
    changeDate: isoOf(member.details.changed),
    user: {
      id: user.id,
      preferredLoginName: user.userName,
      // Service users have no display name here.
      displayName: user.kind === 'person' ? user.displayName : undefined,
      organizationId: user.orgId,
    },
    ...resourceJson(state, member, grant),
    roles: member.roles,
  };
}

function resourceJson(state: State, member: MemberRecord, grant: GrantRecord | undefined): object {
  const { scope, details } = member;
  const organizationId = details.resourceOwner;
  switch (scope.kind) {
    case 'instance':
      return { instance: true };
    case 'org':
      return { organization: { id: scope.id, name: state.orgs.get(scope.id)?.name } };
    case 'project': {
      const { id } = scope;
      return { project: { id, name: state.projects.get(id)?.name, organizationId } };
    }
    case 'projectGrant': {
      const { id, projectId } = scope;
      const projectName = state.projects.get(projectId)?.name;
      const grantedOrganizationId = grant?.grantedOrgId;
      return {
        projectGrant: { id, projectId, projectName, organizationId, grantedOrganizationId },
      };
    }
  }
}
