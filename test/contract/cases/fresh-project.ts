import type { Given } from '../case.js';
import { PORTAL_ROLES } from '../scene.js';

let made = 0;

/** A project of acme's that no other case knows, as `{p}`. */
export const aProject: Given = async (scene) => {
  made += 1;
  const name = `project-${String(made)}`;
  const project = await scene.world.addProject(scene.made.orgs.acme, name, { roles: PORTAL_ROLES });
  scene.call(project.id, 'p');
  return { p: project.id };
};

/** The same, owned by bob too. */
export const bobsProject: Given = async (scene) => {
  const names = await aProject(scene);
  const { users, orgs } = scene.made;
  const project = { id: String(names['p']), name: 'p', orgId: orgs.acme.id };
  await scene.world.addMember(users.bob, { project }, ['PROJECT_OWNER']);
  return names;
};

/** The same, granted to initech with the roles, as `{g}`; and to globex as `{g2}`. */
export function granted(roleKeys: readonly string[], alsoToGlobex = false): Given {
  return async (scene) => {
    made += 1;
    const { acme, initech, globex } = scene.made.orgs;
    const project = await scene.world.addProject(acme, `project-${String(made)}`, {
      roles: PORTAL_ROLES,
    });
    scene.call(project.id, 'p');
    const grant = await scene.world.grantProject(project, initech, roleKeys);
    scene.call(grant.id, 'g');
    if (!alsoToGlobex) return { p: project.id, g: grant.id };
    const second = await scene.world.grantProject(project, globex, roleKeys);
    scene.call(second.id, 'g2');
    return { p: project.id, g: grant.id, g2: second.id };
  };
}

/** The same, and inactive. */
export function grantedInactive(roleKeys: readonly string[]): Given {
  return async (scene) => {
    const names = await granted(roleKeys)(scene);
    const { acme, initech } = scene.made.orgs;
    await scene.world.deactivateGrant({
      id: String(names['g']),
      projectId: String(names['p']),
      ownerOrgId: acme.id,
      grantedOrgId: initech.id,
    });
    return names;
  };
}
