import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest';
import { ZitadelEmulator } from '../../lib/testing/index.js';

/**
 * An emulator for all tests of a spec, or of a `describe` that awaits it. Each test finds it in order, and no requests
 * counted.
 */
export async function useEmulator(
  options?: Parameters<typeof ZitadelEmulator.start>[0],
): Promise<ZitadelEmulator> {
  const zitadel = await ZitadelEmulator.start(options);
  beforeEach(() => {
    zitadel.heal();
    zitadel.lagReads(0);
    zitadel.releaseReads();
    zitadel.serveApis(options?.apis ?? 'both');
    zitadel.resetRequests();
  });
  afterAll(() => zitadel.stop());
  return zitadel;
}

/** An emulator of one test's own, until the test ends. */
export async function startEmulator(
  options?: Parameters<typeof ZitadelEmulator.start>[0],
): Promise<ZitadelEmulator> {
  const zitadel = await ZitadelEmulator.start(options);
  onTestFinished(() => zitadel.stop());
  return zitadel;
}

/** A world for all tests of a spec: made before the first, and its emulator stopped after the last. */
function during<T extends { readonly zitadel: ZitadelEmulator }>(create: () => Promise<T>): T {
  const made = {} as T;
  beforeAll(async () => void Object.assign(made, await create()));
  afterAll(() => made.zitadel.stop());
  return made;
}

export const useWorld = (): World => during(createWorld);
export const usePeople = (): People => during(createPeople);

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

async function createWorld(): Promise<World> {
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

/** Two organizations, and whoever owns none, one, the other or both of them. */
export interface People {
  readonly zitadel: ZitadelEmulator;
  readonly orgA: string;
  readonly orgB: string;
  readonly tokens: Readonly<Record<'nobody' | 'ofA' | 'ofB' | 'ofBoth', string>>;
  readonly ids: Readonly<Record<'nobody' | 'ofA' | 'ofB' | 'ofBoth', string>>;
}

export async function createPeople(): Promise<People> {
  const zitadel = await ZitadelEmulator.start();
  const orgA = zitadel.addOrg('A');
  const orgB = zitadel.addOrg('B');
  const nobody = zitadel.addUser('nobody');
  const ofA = zitadel.addUser('of-a');
  const ofB = zitadel.addUser('of-b');
  const ofBoth = zitadel.addUser('of-both');
  for (const user of [ofA, ofBoth]) zitadel.addMember(user, { org: orgA }, ['ORG_OWNER']);
  for (const user of [ofB, ofBoth]) zitadel.addMember(user, { org: orgB }, ['ORG_OWNER']);
  const users = { nobody, ofA, ofB, ofBoth };
  const ofEach = (what: (user: (typeof users)['nobody']) => string) => ({
    nobody: what(nobody),
    ofA: what(ofA),
    ofB: what(ofB),
    ofBoth: what(ofBoth),
  });
  return {
    zitadel,
    orgA: orgA.id,
    orgB: orgB.id,
    tokens: ofEach((user) => zitadel.tokenFor(user)),
    ids: ofEach(({ id }) => id),
  };
}
