import { org, projectGrant, role, type Requirement } from 'nestjs-zitadel/express';
import type { Case } from '../case.js';
import type { Setting } from '../library.js';
import type { Scene } from '../scene.js';
import type { Stage } from '../stage.js';
import { everything } from './webhooks.js';

/** Who is let through, by what, and how that ends. */
interface Subject {
  readonly token: string;
  readonly requirement: Requirement;
  readonly happens: () => Promise<void>;
  /** What the delivery that matters names: the user, or the grant. */
  readonly names: string;
  readonly type: string;
}

type Arrange = (scene: Scene, name: string) => Promise<Subject>;

async function aViewer(scene: Scene, name: string) {
  const { acme, initech } = scene.made.orgs;
  const user = await scene.world.addServiceUser(acme, name);
  await scene.world.addMember(user, { org: initech }, ['ORG_OWNER_VIEWER']);
  const requirement = role('ORG_OWNER_VIEWER', org(initech.id));
  return { user, requirement, token: await scene.tokenOf(user) };
}

const memberRemoved: Arrange = async (scene, name) => {
  const { user, ...viewer } = await aViewer(scene, name);
  const on = { org: scene.made.orgs.initech };
  const happens = () => scene.world.removeMember(user, on);
  return { ...viewer, happens, names: user.id, type: 'org.member.removed' };
};

const userDeactivated: Arrange = async (scene, name) => {
  const { user, ...viewer } = await aViewer(scene, name);
  const happens = () => scene.world.deactivateUser(user);
  return { ...viewer, happens, names: user.id, type: 'user.deactivated' };
};

const grantRemoved: Arrange = async (scene, name) => {
  const { acme, globex } = scene.made.orgs;
  const { world } = scene;
  const user = await world.addServiceUser(acme, name);
  const project = await world.addProject(acme, name, { roles: ['reader'] });
  const grant = await world.grantProject(project, globex, ['reader']);
  await world.addMember(user, { grant }, ['PROJECT_GRANT_OWNER']);
  return {
    token: await scene.tokenOf(user),
    requirement: role('PROJECT_GRANT_OWNER', projectGrant(grant.id)),
    happens: () => world.removeGrant(grant),
    names: grant.id,
    type: 'project.grant.removed',
  };
};

/** What an application that remembers answers: while it knows nothing of the change, and when it was told. */
async function beforeAndAfter(stage: Stage, setting: Setting, arrange: Arrange, name: string) {
  const { scene, door } = stage;
  const { listening } = await everything(scene);
  const events = { signingKeys: listening.signingKey };
  const zitadel = await stage.library({ ...setting, more: { cache: { ttlMs: 60_000 }, events } });
  const { token, requirement, happens, names, type } = await arrange(scene, name);
  const ask = () => door.ask(zitadel, requirement, token);
  await scene.until('the role', async () => (await ask()) === 'allowed').catch(() => undefined);
  const before = await ask();
  await happens();
  const untold = await ask();
  const told = () =>
    listening.deliveries.find(({ raw }) => raw.includes(names) && raw.includes(`"${type}"`));
  await scene.until(type, async () => told() !== undefined);
  const delivery = told();
  const verdict = zitadel.events.receive(delivery?.raw ?? '', delivery?.headers ?? {});
  // What it ends, it ends after it has answered.
  await new Promise((resolve) => setImmediate(resolve));
  return { before, untold, received: verdict.status, told: await ask() };
}

function toldCase(
  what: string,
  arrange: Arrange,
  reads: NonNullable<Setting['reads']>,
  verdict: string,
): Case {
  const by = reads === 'caller' ? 'the caller' : 'the service user';
  return {
    chapter: 'revocation',
    says: `${what}: an application that remembers, and reads as ${by}, ends it when it is told`,
    generation: 'v2',
    needs: 'webhooks',
    again: false,
    verdict: { before: 'allowed', untold: 'allowed', received: 200, told: verdict },
    ask: (stage) => {
      const name = `told-${what}-${reads}`.replaceAll(/\W+/g, '-').toLowerCase();
      return beforeAndAfter(stage, { api: 'v2', reads }, arrange, name);
    },
  };
}

/** What deliveries are for: the application ends at once what it would remember for a minute. */
export const toldLibrary: readonly Case[] = (['caller', 'serviceUser'] as const).flatMap(
  (reads) => [
    toldCase('member removed', memberRemoved, reads, '403 role_missing'),
    toldCase('user deactivated', userDeactivated, reads, '401 token_invalid'),
    toldCase('project grant removed', grantRemoved, reads, '403 role_missing'),
  ],
);
