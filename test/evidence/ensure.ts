import { setTimeout as sleep } from 'node:timers/promises';
import { createZitadel, pat, type EnsuredGrant } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { seededRandom, type Random } from './seeded-random.js';

export const about =
  'two writers of one project grant, lost answers and a lagging list: one right grant';

const SEED = 20_261_124;
const ROLES = ['reader', 'writer', 'editor', 'admin'] as const;
const LANES = 8;
/** Of the writes: so many are done without an answer, so many are neither done nor answered. */
const LOST = 0.25;
const REFUSED = 0.05;
const LAGS_MS = [0, 20, 100, 400] as const;

/** One world with the races that are run in it, one after the other. */
interface Lane {
  readonly zitadel: ZitadelEmulator;
  readonly ownerId: string;
  readonly grantedOrgId: string;
  readonly tokens: readonly [string, string];
}

interface Tally {
  races: number;
  /** Races after which there was more than one grant. */
  duplicates: number;
  /** Races after which there was no grant, or one that nobody wanted, or another one than a writer was told. */
  wrong: number;
  /** Races of two writers that only add roles, after which a role was missing. */
  lostRoles: number;
  /** Writers that were told that it did not work out. */
  errors: number;
  lostAnswers: number;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const races = short ? 20 : 1_000;
  const additions = short ? 8 : 200;
  const tally: Tally = {
    races: 0,
    duplicates: 0,
    wrong: 0,
    lostRoles: 0,
    errors: 0,
    lostAnswers: 0,
  };
  const lanes = await Promise.all(Array.from({ length: LANES }, openLane));
  let next = 0;
  const drive = async (lane: Lane) => {
    for (let number = next++; number < races + additions; number = next++) {
      const said = await race(lane, number, number >= races, tally);
      for (const text of said) progress(text);
      if (number % 100 === 99) progress(`${number + 1} races begun`);
    }
  };
  try {
    await Promise.all(lanes.map(drive));
  } finally {
    await Promise.all(lanes.map(({ zitadel }) => zitadel.stop()));
  }
  const { duplicates, wrong, lostRoles } = tally;
  return {
    ok:
      // Answers must really have been lost, or nothing was put to the test.
      tally.lostAnswers > 0 &&
      duplicates === 0 &&
      wrong === 0 &&
      lostRoles === 0 &&
      tally.races === races + additions,
    ...tally,
    races,
    additions,
    seed: SEED,
  };
}

async function openLane(): Promise<Lane> {
  const zitadel = await ZitadelEmulator.start();
  const owner = zitadel.addOrg('acme');
  const { id: grantedOrgId } = zitadel.addOrg('globex');
  const tokenOf = (name: string) => {
    const user = zitadel.addServiceUser(name, { org: owner });
    zitadel.addMember(user, { org: owner }, ['ORG_OWNER']);
    return zitadel.patFor(user);
  };
  return { zitadel, ownerId: owner.id, grantedOrgId, tokens: [tokenOf('one'), tokenOf('other')] };
}

/** Runs one race and answers what is wrong with how it ended. */
async function race(
  { zitadel, ownerId, grantedOrgId, tokens }: Lane,
  number: number,
  adding: boolean,
  tally: Tally,
): Promise<readonly string[]> {
  const random = seededRandom(SEED, number);
  const org = ownerId;
  const project = zitadel.addProject(`project ${number}`, { org, roles: ROLES });
  const [before, ...wanted] = drawSets(random, adding);
  if (before) zitadel.grantProject(project, grantedOrgId, before);
  zitadel.lagReads(random.pick(LAGS_MS));
  const ensure = async (at: 0 | 1): Promise<EnsuredGrant> => {
    const own = seededRandom(SEED + 1 + at, number);
    const { projectGrants } = createZitadel(
      zitadel.options({
        serviceUser: pat(tokens[at]),
        timeoutMs: 1_000,
        logger: SILENT,
        fetch: (url, init) => faultily(zitadel, own, url, init, tally),
      }),
    );
    await sleep(own.below(12));
    return projectGrants.ensure({
      organizationId: org,
      projectId: project.id,
      grantedOrgId,
      roleKeys: wanted[at] ?? [],
      keepOthers: adding,
    });
  };
  const ends = await Promise.allSettled([ensure(0), ensure(1)]);
  zitadel.heal();
  const grants = zitadel.grants().filter(({ projectId }) => projectId === project.id);
  const [grant] = grants;
  tally.races += 1;
  tally.errors += ends.filter(({ status }) => status === 'rejected').length;
  const wrong: string[] = [];
  const blame = (kind: 'duplicates' | 'wrong' | 'lostRoles', text: string) => {
    tally[kind] += 1;
    wrong.push(
      `race ${number}: ${text}; before ${before?.join() ?? 'none'}, wanted ${wanted.map((set) => set.join()).join(' and ')}, now ${grants.map(({ roleKeys }) => roleKeys.join()).join(' and ')}`,
    );
  };
  if (grants.length > 1) blame('duplicates', 'more than one grant');
  const satisfied = ends.flatMap((end, at) =>
    end.status === 'fulfilled' ? [{ told: end.value, roles: wanted[at] ?? [] }] : [],
  );
  const now = grant?.roleKeys ?? [];
  if (satisfied.some(({ told }) => told.grantId !== grant?.id)) {
    blame('wrong', 'a writer was told of another grant');
  } else if (adding && satisfied.some(({ roles }) => !roles.every((key) => now.includes(key)))) {
    blame('lostRoles', 'a role that was added is missing');
  } else if (adding && before?.some((key) => !now.includes(key))) {
    blame('lostRoles', 'a role that was there is missing');
  } else if (!adding && satisfied.length > 0 && !wanted.some((set) => same(set, now))) {
    blame('wrong', 'nobody wanted these roles');
  } else if (
    satisfied.length === 0 &&
    grant &&
    ![before, ...wanted].some((set) => same(set, now))
  ) {
    blame('wrong', 'nobody ever wanted these roles');
  }
  return wrong;
}

/** What is there before, if anything, and what each of the two writers wants. */
function drawSets(
  random: Random,
  adding: boolean,
): [readonly string[] | undefined, readonly string[], readonly string[]] {
  const some = () => random.shuffled(ROLES).slice(0, 1 + random.below(ROLES.length));
  const before = random.chance(0.5) ? some() : undefined;
  if (adding) {
    const [one = '', other = ''] = random.shuffled(ROLES);
    return [before, [one], [other]];
  }
  const first = some();
  return [before, first, random.chance(0.3) ? random.shuffled(first) : some()];
}

/** A fetch whose writes now and then go unanswered. */
async function faultily(
  zitadel: ZitadelEmulator,
  random: Random,
  url: string,
  init: RequestInit,
  tally: Tally,
): Promise<Response> {
  const endpoint =
    init.method === 'PUT'
      ? 'changeGrant'
      : init.method === 'POST' && url.endsWith('/grants')
        ? 'addGrant'
        : undefined;
  if (endpoint) {
    if (random.chance(LOST)) {
      tally.lostAnswers += 1;
      zitadel.failNext(endpoint, 'lose');
    } else if (random.chance(REFUSED)) zitadel.failNext(endpoint, 'refuse');
  }
  return globalThis.fetch(url, init);
}

function same(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one?.length === other.length && one.every((key) => other.includes(key));
}

const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
