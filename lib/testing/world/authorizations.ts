import { ZitadelError } from '../server/replies.js';
import type { Happening } from './events.js';
import { type AuthorizationRecord, grantBetween, type GrantRecord } from './state.js';
import { requireOrg, requireProject, requireUser, type World } from './world.js';

/** Who is given roles of which project, and by which organization. */
interface AuthorizationEnds {
  readonly userId: string;
  readonly projectId: string;
  /** The owner of the project, or an organization that the project is granted to. */
  readonly orgId: string;
}

/** An earlier authorization between the same ends is replaced. */
export function authorizeUser(
  world: World,
  ends: AuthorizationEnds,
  roleKeys: readonly string[],
): void {
  const { userId, projectId, orgId } = ends;
  requireUser(world, userId);
  const project = requireProject(world, projectId);
  requireOrg(world, orgId);
  const grant = project.orgId === orgId ? undefined : requireGrantTo(world, ends);
  const handedOn = grant?.roleKeys ?? project.roles;
  if (!roleKeys.every((key) => handedOn.includes(key))) {
    throw new ZitadelError(9, 'COMMAND-mm9F4', 'Errors.Project.Role.NotFound');
  }
  const before = world.now.authorizations.get(keyOf(ends));
  const given = { roleKeys: [...roleKeys], grantId: grant?.id };
  if (before !== undefined) {
    const payload = { roleKeys: given.roleKeys };
    change(world, { ...before, ...given }, { type: 'user.grant.changed', payload });
    return;
  }
  const id = world.ids.next();
  const payload = { userId, projectId, ...(grant && { grantId: grant.id }), roleKeys };
  const details = world.created(id, orgId, { type: 'user.grant.added', payload });
  put(world, { id, userId, projectId, orgId, ...given, active: true, details });
}

/** Tokens do not show the roles of an inactive authorization. API v2 does, with its state. */
export function setAuthorizationActive(
  world: World,
  ends: AuthorizationEnds,
  active: boolean,
): void {
  const before = requireAuthorization(world, ends);
  if (before.active === active) return;
  const type = active ? 'user.grant.reactivated' : 'user.grant.deactivated';
  change(world, { ...before, active }, { type });
}

export function unauthorizeUser(world: World, ends: AuthorizationEnds): void {
  const authorization = requireAuthorization(world, ends);
  const { id, orgId } = authorization;
  world.happened(id, orgId, { type: 'user.grant.removed' });
  drop(world, [authorization]);
}

/**
 * What a grant hands on no longer is gone from its authorizations, and does not come back. API v1 tells it
 * of each, API v2 does not.
 */
export function takeRolesBack(world: World, grant: GrantRecord, told: boolean): void {
  const left = authorizationsWhere(world, ({ grantId }) => grantId === grant.id);
  keepRoles(world, left, (key) => grant.roleKeys.includes(key), told);
}

/** A role that a project does not have any more is gone from all authorizations, also where a grant handed it on. */
export function takeRoleFromAll(world: World, projectId: string, role: string): void {
  const all = authorizationsWhere(world, (each) => each.projectId === projectId);
  keepRoles(world, all, (key) => key !== role, true);
}

function keepRoles(
  world: World,
  authorizations: readonly AuthorizationRecord[],
  stays: (key: string) => boolean,
  told: boolean,
): void {
  for (const authorization of authorizations) {
    const roleKeys = authorization.roleKeys.filter(stays);
    if (roleKeys.length === authorization.roleKeys.length) continue;
    const after = { ...authorization, roleKeys };
    if (told) change(world, after, { type: 'user.grant.cascade.changed', payload: { roleKeys } });
    else put(world, after);
  }
}

/** Removes authorizations together with something else, with events of the same moment. Without a moment there are no events. */
export function dropAuthorizations(
  world: World,
  unwanted: (authorization: AuthorizationRecord) => boolean,
  stamp?: number,
): void {
  const authorizations = authorizationsWhere(world, unwanted);
  if (stamp !== undefined) {
    const happening = { type: 'user.grant.cascade.removed' };
    for (const { id, orgId } of authorizations) world.happened(id, orgId, happening, stamp);
  }
  drop(world, authorizations);
}

function authorizationsWhere(
  world: World,
  wanted: (authorization: AuthorizationRecord) => boolean,
): AuthorizationRecord[] {
  return [...world.now.authorizations.values()].filter(wanted);
}

function change(world: World, after: AuthorizationRecord, happening: Happening): void {
  put(world, { ...after, details: world.changed(after.id, after.details, happening) });
}

function put(world: World, authorization: AuthorizationRecord): void {
  world.commit((state) => state.authorizations.set(keyOf(authorization), authorization));
}

function drop(world: World, authorizations: readonly AuthorizationRecord[]): void {
  world.commit((state) => {
    for (const authorization of authorizations) state.authorizations.delete(keyOf(authorization));
  });
}

function requireAuthorization(world: World, ends: AuthorizationEnds): AuthorizationRecord {
  const authorization = world.now.authorizations.get(keyOf(ends));
  if (authorization !== undefined) return authorization;
  throw new ZitadelError(5, 'COMMAND-1My0t', 'Errors.UserGrant.NotFound');
}

function requireGrantTo(world: World, { projectId, orgId }: AuthorizationEnds): GrantRecord {
  const grant = grantBetween(world.now, { projectId, grantedOrgId: orgId });
  if (grant !== undefined) return grant;
  throw new ZitadelError(9, 'COMMAND-4m9ff', 'Errors.Project.Grant.NotFound');
}

function keyOf({ userId, projectId, orgId }: AuthorizationEnds): string {
  return `${userId}:${projectId}:${orgId}`;
}
