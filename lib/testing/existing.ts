import { ZitadelError } from './errors.js';
import type { OrgRecord, ProjectRecord, UserRecord } from './state.js';
import type { World } from './world.js';

export function requireOrg(world: World, id: string): OrgRecord {
  const org = world.now.orgs.get(id);
  if (org === undefined) throw new ZitadelError(9, 'COMMAND-3m9gg', 'Organisation not found');
  return org;
}

export function requireProject(world: World, id: string): ProjectRecord {
  const project = world.now.projects.get(id);
  if (project === undefined) throw new ZitadelError(9, 'COMMAND-m9gsd', 'Project not found');
  return project;
}

export function requireUser(world: World, id: string): UserRecord {
  const user = world.users.get(id);
  if (user === undefined) throw new ZitadelError(9, 'COMMAND-uXHNj', 'User could not be found');
  return user;
}
