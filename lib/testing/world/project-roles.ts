import { ZitadelError } from '../server/replies.js';
import { takeRoleFromAll } from './authorizations.js';
import { changeGrant } from './grants.js';
import { type ProjectRecord, putProject } from './state.js';
import type { World } from './world.js';

export function addRole(world: World, project: ProjectRecord, key: string): ProjectRecord {
  if (project.roles.includes(key)) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Project.Role.AlreadyExists');
  }
  const happening = { type: 'project.role.added', payload: { key } };
  const details = world.changed(project.id, project.details, happening);
  const rolesMade = new Map(project.rolesMade).set(key, details.changed);
  const after = { ...project, roles: [...project.roles, key], rolesMade, details };
  world.commit((state) => putProject(state, after));
  return after;
}

/** With what project grants and authorizations have of it. */
export function removeRole(world: World, project: ProjectRecord, key: string): ProjectRecord {
  if (!project.roles.includes(key)) {
    throw new ZitadelError(5, 'COMMAND-m9vMf', 'Errors.Project.Role.NotExisting');
  }
  for (const grant of [...world.now.grants.values()]) {
    if (grant.projectId !== project.id || !grant.roleKeys.includes(key)) continue;
    const address = { grantId: grant.id, projectId: project.id, ownerOrgId: grant.ownerOrgId };
    const left = grant.roleKeys.filter((each) => each !== key);
    changeGrant(world, address, left);
  }
  takeRoleFromAll(world, project.id, key);
  const happening = { type: 'project.role.removed', payload: { key } };
  const details = world.changed(project.id, project.details, happening);
  const after = { ...project, roles: project.roles.filter((each) => each !== key), details };
  world.commit((state) => putProject(state, after));
  return after;
}
