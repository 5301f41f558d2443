import { describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { type Random, seededRandom } from '../../evidence/seeded-random.js';
import { recorder, verdict } from '../parts.js';
import { startEmulator } from '../../support/world.js';

interface RandomWorld {
  readonly token: string;
  readonly ways: Readonly<Record<string, Zitadel>>;
  readonly orgs: readonly string[];
  readonly projects: readonly string[];
  readonly grants: readonly string[];
}

async function worldOf(random: Random): Promise<RandomWorld> {
  const zitadel = await startEmulator();
  const orgs = [1, 2, 3, 4].map((number) => zitadel.addOrg(`org ${number}`).id);
  const owned = [1, 2, 3, 4].map((number) => {
    const owner = random.pick(orgs);
    return { owner, id: zitadel.addProject(`project ${number}`, { org: owner }).id };
  });
  const projects = owned.map(({ id }) => id);
  const grants = owned.map(({ owner, id }) => {
    const to = random.pick(orgs.filter((each) => each !== owner));
    return zitadel.grantProject(id, to, []).id;
  });
  const user = zitadel.addUser('somebody', { org: random.pick(orgs) });
  if (random.chance(0.2)) zitadel.addMember(user, 'instance', ['IAM_OWNER_VIEWER']);
  for (const id of orgs.filter(() => random.chance(0.4))) {
    zitadel.addMember(user, { org: id }, [random.pick(['ORG_OWNER', 'ORG_OWNER_VIEWER'])]);
  }
  for (const id of projects.filter(() => random.chance(0.3))) {
    const roles = ['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER', 'PROJECT_GRANT_OWNER'];
    zitadel.addMember(user, { project: id }, [random.pick(roles)]);
  }
  for (const id of grants.filter(() => random.chance(0.4))) {
    const roles = ['PROJECT_GRANT_OWNER', 'PROJECT_GRANT_OWNER_VIEWER'];
    zitadel.addMember(user, { projectGrant: id }, [random.pick(roles)]);
  }
  const reader = zitadel.addServiceUser('reader');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  const library = (options: Partial<ZitadelOptions>) =>
    createZitadel(
      zitadel.options({ serviceUser: pat(zitadel.patFor(reader)), logger: recorder(), ...options }),
    );
  const ways = {
    'as the caller, v1': library({ api: 'v1' }),
    'as the caller, v2': library({ api: 'v2' }),
    'as the service user, v1': library({
      api: 'v1',
      memberships: { as: 'serviceUser', organizations: orgs },
    }),
    'as the service user, v2': library({ api: 'v2', memberships: { as: 'serviceUser' } }),
    'as the service user, auto': library({ memberships: { as: 'serviceUser' } }),
  };
  return { token: zitadel.tokenFor(user), ways, orgs, projects, grants };
}

/** `byId`: a grant is named by its id, which API v2 alone does not know. */
function* questionsOf({ orgs, projects, grants }: RandomWorld): Generator<{
  readonly requirement: Requirement;
  readonly byId: boolean;
}> {
  for (const id of orgs) {
    yield { requirement: role('ORG_OWNER', org(id)), byId: false };
    yield { requirement: role('ORG_OWNER_VIEWER', org(id)), byId: false };
  }
  for (const id of [...projects, '7']) {
    yield { requirement: role('PROJECT_OWNER', project(id)), byId: false };
    yield { requirement: role('PROJECT_OWNER_VIEWER', project(id)), byId: false };
    for (const owner of orgs) {
      yield { requirement: role('PROJECT_OWNER', project(id).in(owner)), byId: false };
      const ends = projectGrant({ project: id, grantedOrg: owner });
      yield { requirement: role('PROJECT_GRANT_OWNER_VIEWER', ends), byId: false };
    }
  }
  for (const id of [...grants, '8']) {
    yield { requirement: role('PROJECT_GRANT_OWNER', projectGrant(id)), byId: true };
  }
}

describe('the same decision, whoever reads the memberships and by which API', () => {
  it.each([1, 2, 3])('in the random world of seed %i', async (seed) => {
    const world = await worldOf(seededRandom(seed, 0));
    const seen = new Set<string>();
    for (const { requirement, byId } of questionsOf(world)) {
      const answers: Record<string, string> = {};
      for (const [way, library] of Object.entries(world.ways)) {
        if (byId && way.endsWith('v2')) continue;
        answers[way] = await verdict(library, world.token, requirement);
      }
      const [first = ''] = Object.values(answers);
      seen.add(first);
      const same = Object.fromEntries(Object.keys(answers).map((way) => [way, first]));
      expect({ requirement, answers }).toEqual({ requirement, answers: same });
    }
    expect([...seen].sort()).toEqual(['role_missing', 'yes']);
  });
});
