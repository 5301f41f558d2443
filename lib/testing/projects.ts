import { dropAuthorizations } from './authorizations.js';
import type { Core } from './core.js';
import { ZitadelError } from './errors.js';
import { requireOrg, requireProject } from './existing.js';
import type { Project, ProjectOptions } from './model.js';
import { type ProjectRecord, dropMembers } from './state.js';
import type { World } from './world.js';

export function createProject(
  world: World,
  name: string,
  orgId: string,
  options: Pick<ProjectOptions, 'roles' | 'roleAssertion'>,
): Project {
  requireOrg(world, orgId);
  for (const project of world.now.projects.values()) {
    if (project.orgId === orgId && project.name === name) {
      throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Project.AlreadyExists');
    }
  }
  const id = world.ids.next();
  const added = { type: 'project.added', payload: { name } };
  const project: ProjectRecord = {
    id,
    name,
    orgId,
    roles: [...(options.roles ?? [])],
    roleAssertion: options.roleAssertion ?? false,
    active: true,
    details: world.created(id, orgId, added),
  };
  world.commit((state) => state.projects.set(id, project));
  for (const key of project.roles) {
    world.happened(id, orgId, { type: 'project.role.added', payload: { key } });
  }
  return { id, name, orgId };
}

export function updateProject(
  world: World,
  id: string,
  change: { readonly active: boolean },
): void {
  const before = requireProject(world, id);
  const type = change.active ? 'project.reactivated' : 'project.deactivated';
  const details = world.changed(id, before.details, { type });
  const project = { ...before, ...change, details };
  world.commit((state) => state.projects.set(id, project));
}

export function removeProjectAndAll(core: Core, id: string): void {
  const { orgId } = requireProject(core.world, id);
  const { stamp } = core.world.happened(id, orgId, { type: 'project.removed' });
  dropAuthorizations(core.world, ({ projectId }) => projectId === id, stamp);
  dropProject(core, id);
}

/** With its grants, applications, memberships and authorizations, and without an event. */
export function dropProject(core: Core, id: string): void {
  const { world, credentials } = core;
  credentials.dropProject(id);
  const grants = [...world.now.grants.values()].filter((grant) => grant.projectId === id);
  dropAuthorizations(world, ({ projectId }) => projectId === id);
  world.commit((state) => {
    state.projects.delete(id);
    for (const grant of grants) state.grants.delete(grant.id);
    dropMembers(
      state,
      ({ scope }) =>
        (scope.kind === 'project' && scope.id === id) ||
        (scope.kind === 'projectGrant' && scope.projectId === id),
    );
  });
}
