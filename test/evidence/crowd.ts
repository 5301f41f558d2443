import { createZitadel, pat, type Decision, type ZitadelOptions } from 'nestjs-zitadel/express';
import { crowdQuestions, type CrowdQuestion } from './crowd-questions.js';
import {
  createCrowdWorld,
  type CrowdSettings,
  type CrowdWorld,
  type Own,
  type Pair,
  type Person,
} from './crowd-world.js';

export const about =
  '10,000 foreign rows beside the own ones lock nobody out and change no decision';

const ROWS = 10_000;

/** A way to read memberships. */
interface Way {
  readonly text: string;
  readonly apis: 'v1' | 'v2' | 'both';
  readonly options: (world: CrowdWorld) => Partial<ZitadelOptions>;
}

const organizationsOf = ({ places }: CrowdWorld) => {
  const { home, acme, globex, initech, foreign } = places;
  return [home, acme, globex, initech, foreign];
};

const WAYS: readonly Way[] = [
  { text: 'v1, the caller', apis: 'v1', options: () => ({ api: 'v1' }) },
  { text: 'v2, the caller', apis: 'v2', options: () => ({ api: 'v2' }) },
  {
    text: 'v1, the service user in organizations',
    apis: 'v1',
    options: (world) => ({
      api: 'v1',
      serviceUser: pat(world.reader),
      memberships: { as: 'serviceUser', organizations: organizationsOf(world) },
    }),
  },
  {
    text: 'v2, the service user everywhere',
    apis: 'v2',
    options: ({ reader }) => ({
      api: 'v2',
      serviceUser: pat(reader),
      memberships: { as: 'serviceUser' },
    }),
  },
  {
    text: 'v2 where v1 is served too, the service user everywhere',
    apis: 'both',
    options: ({ reader }) => ({ serviceUser: pat(reader), memberships: { as: 'serviceUser' } }),
  },
];

interface Tally {
  decisions: number;
  allowed: number;
  lockOuts: number;
  wrong: number;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const every: readonly Own[] = [
    'all kinds',
    'an organization',
    'the granted organization',
    'a project',
    'a project grant',
    'the instance',
    'none',
  ];
  const crowds: readonly CrowdSettings[] = short
    ? [{ rows: ROWS, owns: ['all kinds'], crowd: 'first', longNames: true }]
    : (['first', 'last'] as const).flatMap((crowd) =>
        [false, true].map((longNames) => ({ rows: ROWS, owns: every, crowd, longNames })),
      );
  const tally: Tally = { decisions: 0, allowed: 0, lockOuts: 0, wrong: 0 };
  for (const settings of crowds) {
    const began = performance.now();
    const world = await createCrowdWorld(settings);
    progress(`world ${performance.now() - began}`);
    try {
      for (const way of WAYS) {
        for (const pair of world.pairs) {
          const began = performance.now();
          const said = await compare(world, way, pair, tally);
          for (const text of said) progress(text);
          progress(`${way.text} ${pair.own} ${performance.now() - began}`);
        }
      }
    } finally {
      await world.emulator.stop();
    }
  }
  return { ok: tally.lockOuts === 0 && tally.wrong === 0, rows: ROWS, ...tally };
}

/** Asks everything twice, of somebody in the crowd and of the twin, and answers what differs. */
async function compare(
  world: CrowdWorld,
  way: Way,
  { own, crowded, twin }: Pair,
  tally: Tally,
): Promise<readonly string[]> {
  world.emulator.serveApis(way.apis);
  const ask = asker(world, way);
  const differences: string[] = [];
  for (const { text, requirement, needs } of crowdQuestions(world.places)) {
    if (needs === 'permissions' && way.apis === 'v2') continue;
    const [said, wanted] = [await ask(crowded, requirement), await ask(twin, requirement)];
    tally.decisions += 1;
    if (wanted.allowed) tally.allowed += 1;
    const [one, other] = [verdictOf(said), verdictOf(wanted)];
    if (one === other) continue;
    const isLockOut = !said.allowed && ['unavailable', 'misconfigured'].includes(said.reason);
    tally[isLockOut ? 'lockOuts' : 'wrong'] += 1;
    differences.push(`${way.text}; own rows: ${own}; ${text}: ${one} instead of ${other}`);
  }
  return differences;
}

function asker(world: CrowdWorld, way: Way) {
  const { decisions } = createZitadel(
    world.emulator.options({ logger: SILENT, ...way.options(world) }),
  );
  return async ({ token }: Person, requirement: CrowdQuestion['requirement']): Promise<Decision> =>
    decisions.authorize({ headers: { authorization: `Bearer ${token}` } }, requirement);
}

/** All that a decision says, but for whom it is about and when it was read. */
function verdictOf(decision: Decision): string {
  if (!decision.allowed) return `${decision.reason} ${decision.detail ?? ''}`.trim();
  const { by, checked } = decision;
  return JSON.stringify(['allowed', by && [by.kind, by.id, by.roles], checked]);
}

const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
