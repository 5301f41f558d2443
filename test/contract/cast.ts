import { PORTAL_ROLES, Scene, type Inhabitant } from './scene.js';
import type { User, World } from './world.js';

/** Builds the world of the cases: three organizations, two projects, a grant, and one user of every right. */
export async function castOf(world: World): Promise<Scene> {
  const acme = await world.addOrg('acme');
  const globex = await world.addOrg('globex');
  const initech = await world.addOrg('initech');
  const settings = { roles: PORTAL_ROLES, assertRoles: true };
  const portal = await world.addProject(acme, 'portal', settings);
  const other = await world.addProject(acme, 'other');
  const apiBasic = await world.addApiApplication(portal, 'api-basic');
  const apiKey = await world.addKeyApplication(portal, 'api-key');

  const users: Partial<Record<Inhabitant, User>> = {};
  for (const name of ['alice', 'bob', 'carol', 'dave', 'frank'] as const) {
    users[name] = await world.addServiceUser(acme, name);
  }
  users.olga = await world.addServiceUser(acme, 'olga', 'opaque');
  users.gina = await world.addServiceUser(globex, 'gina');
  users['svc-acme'] = await world.addServiceUser(acme, 'svc-acme');
  users['svc-viewer'] = await world.addServiceUser(world.root, 'svc-viewer');
  users['svc-actor'] = await world.addServiceUser(acme, 'svc-actor');
  users.hank = await world.addPerson(acme, 'hank');
  const all = users as Record<Inhabitant, User>;

  await world.addMember(all['svc-viewer'], 'instance', ['IAM_OWNER_VIEWER']);
  await world.addMember(all.hank, { org: acme }, ['ORG_USER_MANAGER']);
  await world.addMember(all['svc-acme'], { org: acme }, ['ORG_OWNER']);
  await world.addMember(all.alice, { org: acme }, ['ORG_OWNER', 'ORG_USER_MANAGER']);
  await world.addMember(all.gina, { org: globex }, ['ORG_OWNER']);
  await world.addMember(all.frank, { org: acme }, ['ORG_OWNER_VIEWER']);
  await world.addMember(all.frank, { org: globex }, ['ORG_OWNER']);
  await world.addMember(all.olga, { org: acme }, ['ORG_USER_MANAGER']);
  await world.addMember(all.bob, { project: portal }, ['PROJECT_OWNER']);
  await world.addMember(all.frank, { project: other }, ['PROJECT_OWNER_VIEWER']);
  const grant = await world.grantProject(portal, globex, ['reader', 'writer']);
  await world.addMember(all.carol, { grant }, ['PROJECT_GRANT_OWNER']);
  await world.addMember(all.frank, { grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
  await world.addMember(all.frank, 'instance', ['IAM_USER_MANAGER']);
  await world.authorizeUser(all.dave, portal, ['reader']);
  await world.addMember(all['svc-actor'], { org: acme }, ['ORG_ADMIN_IMPERSONATOR']);

  const web = await world.addWebApplication(portal, 'web');
  const orgs = { acme, globex, initech };
  return new Scene(world, { orgs, portal, other, users: all, grant, apiBasic, apiKey, web });
}
