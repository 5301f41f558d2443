import type { ZitadelEmulator } from '../../../lib/testing/index.js';

/** Two organizations, two projects and a grant; frank with a membership of each kind, and nobody with none. */
export function addFrank(zitadel: ZitadelEmulator) {
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  const other = zitadel.addProject('other', { org: acme });
  const grant = zitadel.grantProject(portal, globex, ['reader']);
  const frank = zitadel.addUser('frank', { org: acme });
  const nobody = zitadel.addUser('nobody', { org: acme });
  zitadel.addMember(frank, 'instance', ['IAM_USER_MANAGER']);
  zitadel.addMember(frank, { org: acme }, ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER']);
  zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
  zitadel.addMember(frank, { project: other }, ['PROJECT_OWNER_VIEWER']);
  zitadel.addMember(frank, { projectGrant: grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
  return { acme, globex, portal, other, grant, frank, nobody };
}
