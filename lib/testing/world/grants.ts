import type { ProjectGrant } from '../model.js';
import { ZitadelError } from '../server/replies.js';
import { dropAuthorizations, takeRolesBack } from './authorizations.js';
import {
  dropGrants,
  grantBetween,
  type GrantEnds,
  type GrantRecord,
  type ProjectRecord,
  putGrant,
} from './state.js';
import { requireGrant, requireOrg, type World } from './world.js';

/** Asked when everything that ZITADEL looks up before the permission is there; throws to refuse. */
export type GrantCheck = (ownerOrgId: string, resourceIds: readonly string[]) => void;

interface NewGrant extends GrantEnds {
  /** The organization that the call acts in; it has to own the project. */
  readonly ownerOrgId: string;
  readonly roleKeys: readonly string[];
  /** One that nothing else has. */
  readonly id?: string | undefined;
}

const allow: GrantCheck = () => undefined;

export function addGrant(world: World, input: NewGrant, check: GrantCheck = allow): GrantRecord {
  const { projectId, ownerOrgId, grantedOrgId } = input;
  const project = world.now.projects.get(projectId);
  if (project?.orgId !== ownerOrgId) {
    throw new ZitadelError(9, 'COMMAND-m9gsd', 'Project not found');
  }
  requireOrg(world, grantedOrgId);
  requireRoles(project, input.roleKeys);
  check(ownerOrgId, [projectId]);
  if (grantedOrgId === ownerOrgId) {
    throw new ZitadelError(9, 'PROJECT-ckUpbvboAH', 'Project Grant is invalid');
  }
  if (grantBetween(world.now, input) !== undefined) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Project Grant already exists');
  }
  const id = world.ids.nextOr(input.id);
  const handedOn = input.roleKeys.length === 0 ? {} : { roleKeys: [...input.roleKeys] };
  const payload = { grantId: id, grantedOrgId, ...handedOn };
  const grant: GrantRecord = {
    id,
    projectId,
    ownerOrgId,
    grantedOrgId,
    roleKeys: [...input.roleKeys],
    active: true,
    details: world.created(projectId, ownerOrgId, { type: 'project.grant.added', payload }),
  };
  world.commit((state) => putGrant(state, grant));
  return grant;
}

/** Which grant a call means: in ZITADEL the project and its owner have to fit as well. */
type GrantAddress = Pick<GrantRecord, 'id' | 'projectId' | 'ownerOrgId'>;

/** The grant of a project to an organization. If there is none: an address that no grant has. */
export function addressBetween(world: World, ends: GrantEnds): GrantAddress {
  const { projectId } = ends;
  const ownerOrgId = world.now.projects.get(projectId)?.orgId ?? '';
  return grantBetween(world.now, ends) ?? { id: '', projectId, ownerOrgId };
}

export function changeGrant(
  world: World,
  address: GrantAddress,
  roleKeys: readonly string[],
  check: GrantCheck = allow,
  /** Whether events tell of the user grants that lose roles by it. */
  cascade: 'told' | 'untold' = 'told',
): GrantRecord {
  const grant = requireAt(world, address);
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  const project = world.now.projects.get(grant.projectId);
  if (project !== undefined) requireRoles(project, roleKeys);
  // Order counts: the same roles in another order are a change.
  if (JSON.stringify(grant.roleKeys) === JSON.stringify(roleKeys)) return grant;
  const after = replace(world, grant, { roleKeys: [...roleKeys] }, 'changed');
  takeRolesBack(world, after, cascade === 'told');
  return after;
}

export function setGrantActive(
  world: World,
  address: GrantAddress,
  active: boolean,
  check: GrantCheck = allow,
): GrantRecord {
  const project = world.now.projects.get(address.projectId);
  if (project?.orgId !== address.ownerOrgId) {
    throw new ZitadelError(9, 'COMMAND-EbFMN', 'Project not found');
  }
  const grant = requireAt(world, address);
  // When there is nothing to do, ZITADEL replies before it looks at the permission.
  if (grant.active === active) return grant;
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  return replace(world, grant, { active }, active ? 'reactivated' : 'deactivated');
}

export function removeGrant(
  world: World,
  address: GrantAddress,
  check: GrantCheck = allow,
): GrantRecord {
  const grant = requireAt(world, address);
  check(grant.ownerOrgId, [grant.id, grant.projectId]);
  const removed = { type: 'project.grant.removed', payload: { grantId: grant.id } };
  const details = world.changed(grant.projectId, grant.details, removed);
  dropAuthorizations(world, ({ grantId }) => grantId === grant.id, details.changed);
  world.grantRemovals.set(endsKey(grant), details.changed);
  world.commit((state) => {
    dropGrants(state, ({ id }) => id === grant.id);
  });
  return { ...grant, details };
}

/**
 * Removes what may not be there. The moment is that of the last event ZITADEL finds about the pair: the
 * removal, an earlier one, or the creation of the project.
 */
export function removeGrantBetween(
  world: World,
  ends: GrantEnds,
  check: GrantCheck,
): number | undefined {
  const address = addressBetween(world, ends);
  if (address.id !== '') return removeGrant(world, address, check).details.changed;
  const project = world.now.projects.get(ends.projectId);
  return project && (world.grantRemovals.get(endsKey(ends)) ?? project.details.created);
}

function endsKey({ projectId, grantedOrgId }: GrantEnds): string {
  return `${projectId}:${grantedOrgId}`;
}

function replace(
  world: World,
  grant: GrantRecord,
  change: Partial<GrantRecord>,
  what: 'changed' | 'deactivated' | 'reactivated',
): GrantRecord {
  const { roleKeys } = change;
  const payload = { grantId: grant.id, ...(roleKeys === undefined ? {} : { roleKeys }) };
  const happening = { type: `project.grant.${what}`, payload };
  const details = world.changed(grant.projectId, grant.details, happening);
  const after: GrantRecord = { ...grant, ...change, details };
  world.commit((state) => putGrant(state, after));
  return after;
}

function requireAt(world: World, address: GrantAddress): GrantRecord {
  const grant = requireGrant(world, address.id);
  const { projectId, ownerOrgId } = grant;
  if (projectId === address.projectId && ownerOrgId === address.ownerOrgId) return grant;
  return requireGrant(world, '');
}

function requireRoles(project: ProjectRecord, roleKeys: readonly string[]): void {
  if (!roleKeys.every((key) => project.roles.includes(key))) {
    throw new ZitadelError(9, 'COMMAND-6m9gd', 'Errors.Project.Role.NotFound');
  }
}

/** As the verbs show it. */
export function grantOf(grant: GrantRecord): ProjectGrant {
  const { id, projectId, grantedOrgId, roleKeys, active } = grant;
  return { id, projectId, grantedOrgId, roleKeys, state: active ? 'active' : 'inactive' };
}
