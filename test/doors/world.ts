import { ZitadelEmulator } from '../../lib/testing/index.js';

/** Who asks. */
export type Person =
  | 'owner of acme'
  | 'viewer of acme'
  | 'owner of globex'
  | 'viewer of globex'
  | 'instance owner'
  | 'instance viewer'
  | 'owner of portal'
  | 'manager of the grant'
  | 'grant manager on the project'
  | 'auditor of acme'
  | 'nobody';

/** Two organizations, a project of one that is granted to the other, and a person for each kind of membership. */
export interface World {
  readonly zitadel: ZitadelEmulator;
  readonly acme: string;
  readonly globex: string;
  /** A project of acme, granted to globex. */
  readonly portal: string;
  /** A project of globex. */
  readonly tools: string;
  readonly grant: string;
  /** An id that nothing has. */
  readonly unknown: string;
  readonly tokens: Readonly<Record<Person, string>>;
  readonly ids: Readonly<Record<Person, string>>;
}

export async function createWorld(): Promise<World> {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  const tools = zitadel.addProject('tools', { org: globex });
  const grant = zitadel.grantProject(portal, globex, ['reader']);
  const tokens: Partial<Record<Person, string>> = {};
  const ids: Partial<Record<Person, string>> = {};
  const person = (
    name: Person,
    ...membership: [] | [on: Parameters<ZitadelEmulator['addMember']>[1], role: string]
  ) => {
    const user = zitadel.addUser(name.replaceAll(' ', '-'), { org: acme });
    const [on, role] = membership;
    if (on !== undefined && role !== undefined) zitadel.addMember(user, on, [role]);
    tokens[name] = zitadel.tokenFor(user);
    ids[name] = user.id;
  };
  person('owner of acme', { org: acme }, 'ORG_OWNER');
  person('viewer of acme', { org: acme }, 'ORG_OWNER_VIEWER');
  person('owner of globex', { org: globex }, 'ORG_OWNER');
  person('viewer of globex', { org: globex }, 'ORG_OWNER_VIEWER');
  person('instance owner', 'instance', 'IAM_OWNER');
  person('instance viewer', 'instance', 'IAM_OWNER_VIEWER');
  person('owner of portal', { project: portal }, 'PROJECT_OWNER');
  person('manager of the grant', { projectGrant: grant }, 'PROJECT_GRANT_OWNER');
  person('grant manager on the project', { project: portal }, 'PROJECT_GRANT_OWNER');
  person('auditor of acme', { org: acme }, 'ORG_AUDITOR');
  person('nobody');
  return {
    zitadel,
    acme: acme.id,
    globex: globex.id,
    portal: portal.id,
    tools: tools.id,
    grant: grant.id,
    unknown: '999999999999999999',
    tokens: tokens as Record<Person, string>,
    ids: ids as Record<Person, string>,
  };
}
