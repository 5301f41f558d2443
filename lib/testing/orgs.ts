import { dropAuthorizations } from './authorizations.js';
import type { Core } from './core.js';
import { ZitadelError } from './errors.js';
import type { Happening } from './event-log.js';
import { requireOrg } from './existing.js';
import type { Org } from './model.js';
import { dropProject } from './projects.js';
import { type OrgRecord, dropMembers } from './state.js';
import type { World } from './world.js';

export function createOrg(world: World, name: string): Org {
  requireFreeName(world, name);
  const id = world.ids.next();
  const details = world.created(id, id, { type: 'org.added', payload: { name } });
  const org: OrgRecord = { id, name, active: true, details };
  world.commit((state) => state.orgs.set(id, org));
  return { id, name };
}

export function updateOrg(
  world: World,
  id: string,
  change: { readonly name?: string; readonly active?: boolean },
): void {
  const before = requireOrg(world, id);
  if (change.name !== undefined && change.name !== before.name) requireFreeName(world, change.name);
  const details = world.changed(id, before.details, orgEvent(change));
  const org: OrgRecord = { ...before, ...change, details };
  world.commit((state) => state.orgs.set(id, org));
}

export function removeOrgAndAll(core: Core, id: string): void {
  const { world } = core;
  const org = world.now.orgs.get(id);
  if (org === undefined) throw new ZitadelError(5, 'COMMA-aps2n', 'Organisation not found');
  world.removedOrgs.set(id, org.name);
  // Nothing is told of what goes with it.
  world.happened(id, id, { type: 'org.removed' });
  for (const project of [...world.now.projects.values()]) {
    if (project.orgId === id) dropProject(core, project.id);
  }
  const grantIds = new Set(
    [...world.now.grants.values()]
      .filter((grant) => grant.grantedOrgId === id)
      .map((grant) => grant.id),
  );
  const users = [...world.users.values()].filter((user) => user.orgId === id);
  for (const user of users) {
    // Not deleted: ZITADEL still knows the tokens of such a user, and trips over them.
    user.orgRemoved = true;
    core.credentials.dropUser(user.id);
  }
  const userIds = new Set(users.map((user) => user.id));
  dropAuthorizations(world, ({ orgId, userId }) => orgId === id || userIds.has(userId));
  world.commit((state) => {
    state.orgs.delete(id);
    for (const grantId of grantIds) state.grants.delete(grantId);
    for (const user of users) {
      state.members.delete(user.id);
      state.logins.delete(user.id);
    }
    dropMembers(
      state,
      ({ scope, details }) =>
        details.resourceOwner === id || (scope.kind === 'projectGrant' && grantIds.has(scope.id)),
    );
  });
}

function orgEvent({
  name,
  active,
}: {
  readonly name?: string;
  readonly active?: boolean;
}): Happening {
  if (name !== undefined) return { type: 'org.changed', payload: { name } };
  return { type: active === true ? 'org.reactivated' : 'org.deactivated', payload: {} };
}

function requireFreeName(world: World, name: string): void {
  for (const org of world.now.orgs.values()) {
    if (org.name === name) throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Org.AlreadyExists');
  }
}
