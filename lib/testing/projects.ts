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
  const project: ProjectRecord = {
    id,
    name,
    orgId,
    roles: [...(options.roles ?? [])],
    roleAssertion: options.roleAssertion ?? false,
    active: true,
    details: world.created(id, orgId),
  };
  world.commit((state) => state.projects.set(id, project));
  return { id, name, orgId };
}

export function updateProject(
  world: World,
  id: string,
  change: { readonly active: boolean },
): void {
  const before = requireProject(world, id);
  const project = { ...before, ...change, details: world.changed(id, before.details) };
  world.commit((state) => state.projects.set(id, project));
}

export function removeProjectAndAll(core: Core, id: string): void {
  const { world, credentials } = core;
  requireProject(world, id);
  credentials.dropProject(id);
  const grants = [...world.now.grants.values()].filter((grant) => grant.projectId === id);
  world.commit((state) => {
    state.projects.delete(id);
    for (const grant of grants) state.grants.delete(grant.id);
    for (const [key, authorization] of state.authorizations) {
      if (authorization.projectId === id) state.authorizations.delete(key);
    }
    dropMembers(
      state,
      ({ scope }) =>
        (scope.kind === 'project' && scope.id === id) ||
        (scope.kind === 'projectGrant' && scope.projectId === id),
    );
  });
}

export function authorizeUser(
  world: World,
  userId: string,
  projectId: string,
  roleKeys: readonly string[],
): void {
  const { orgId, roles } = requireProject(world, projectId);
  if (!roleKeys.every((key) => roles.includes(key))) {
    throw new ZitadelError(9, 'COMMAND-mm9F4', 'Errors.Project.Role.NotFound');
  }
  const authorization = { userId, projectId, orgId, roleKeys: [...roleKeys] };
  world.commit((state) => state.authorizations.set(`${userId}:${projectId}`, authorization));
}
