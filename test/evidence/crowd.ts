import {
  pat,
  project,
  role,
  type Decision,
  type Requirement,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { createZitadel } from './data-path.js';
import { crowdQuestions } from './crowd-questions.js';
import {
  createCrowdWorld,
  type CrowdSettings,
  type CrowdWorld,
  type Own,
  type Pair,
  type Person,
} from './crowd-world.js';

export const about =
  '10,000 foreign rows lock nobody out and change no decision, whatever the server allows a page';

const ROWS = 10_000;
/** What servers allow a page: ZITADEL's own number, a lower one, and 0, which is any number. */
const MAXIMA = [1_000, 100, 0] as const;

/** A way to read memberships. */
interface Way {
  readonly text: string;
  readonly apis: 'v1' | 'v2' | 'both';
  /** API v2 reads the rows: it knows grants by their two ends alone. */
  readonly byEnds?: true;
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
    byEnds: true,
    options: ({ reader }) => ({ serviceUser: pat(reader), memberships: { as: 'serviceUser' } }),
  },
];

interface Tally {
  decisions: number;
  allowed: number;
  lockOuts: number;
  wrong: number;
  /** People whose resources cannot be listed, because their list is over its cap: `lookupResources` says so. */
  unlisted: number;
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
  const tally: Tally = { decisions: 0, allowed: 0, lockOuts: 0, wrong: 0, unlisted: 0 };
  for (const settings of crowds) {
    const world = await createCrowdWorld(settings);
    try {
      for (const [max, way] of MAXIMA.flatMap((each) => WAYS.map((one) => [each, one] as const))) {
        world.emulator.limitQueries(max === 0 ? { max, default: 0 } : { max });
        for (const pair of world.pairs) {
          for (const text of await compare(world, way, pair, tally)) {
            progress(`at most ${max} a page; ${text}`);
          }
        }
        const { crowd, longNames } = settings;
        progress(
          `at most ${max} a page; ${way.text}; the crowd ${crowd}${longNames ? ', with long names' : ''}: ${tally.decisions} decisions so far`,
        );
      }
    } finally {
      await world.emulator.stop();
    }
  }
  progress(
    `not counted: ${tally.unlisted} times lookupResources() answered that the list is over its cap; project grants by their ids where v2 reads the rows`,
  );
  const { lockOuts, wrong, allowed, decisions } = tally;
  const isTried = allowed > 0 && allowed < decisions;
  return { ok: lockOuts === 0 && wrong === 0 && isTried, rows: ROWS, maxima: MAXIMA, ...tally };
}

/** Asks everything twice, of somebody in the crowd and of the twin, and answers what differs. */
async function compare(
  world: CrowdWorld,
  way: Way,
  { own, crowded, twin }: Pair,
  tally: Tally,
): Promise<readonly string[]> {
  const { emulator, places } = world;
  emulator.serveApis(way.apis);
  const { decisions, authorizer } = createZitadel(
    emulator.options({ logger: SILENT, ...PATIENCE, ...way.options(world) }),
  );
  const ask = async ({ token }: Person, requirement: Requirement): Promise<Decision> =>
    decisions.authorize(
      { headers: { authorization: `Bearer ${token}` } },
      decisions.prepare(requirement),
    );
  const differences: string[] = [];
  const judge = (text: string, said: Decision, wanted: string, mayBeUntold = false) => {
    const verdict = verdictOf(said);
    tally.decisions += 1;
    if (said.allowed) tally.allowed += 1;
    // A project grant by its id may be more than ZITADEL tells anybody, in a crowd or not.
    const isSettled = !isNoAnswer(said) || (mayBeUntold && verdict.startsWith('misconfigured'));
    if (verdict === wanted && isSettled) return;
    tally[isNoAnswer(said) ? 'lockOuts' : 'wrong'] += 1;
    differences.push(`${way.text}; own rows: ${own}; ${text}: ${verdict} instead of ${wanted}`);
  };
  for (const { text, requirement, needs } of crowdQuestions(places)) {
    if (needs !== undefined && way.apis === 'v2') continue;
    if (needs === 'grant ids' && way.byEnds) continue;
    const wanted = verdictOf(await ask(twin, requirement));
    judge(text, await ask(crowded, requirement), wanted, needs === 'grant ids');
  }
  // The crowd itself counts too, wherever in it a row stands.
  const owner = await ask(crowded, role('PROJECT_OWNER', project(places.foreignProject)));
  judge('a project of the crowd', owner, owner.allowed ? verdictOf(owner) : 'allowed');
  if (owner.allowed) {
    const listed = authorizer.lookupResources(owner.caller, 'PROJECT_OWNER');
    tally.unlisted += await listed.then(
      () => 0,
      () => 1,
    );
  }
  return differences;
}

/** A list of a hundred pages takes a while on a busy machine. */
const PATIENCE = { timeoutMs: 60_000, budgetMs: 120_000 };

/** Answered 503 or 500. */
function isNoAnswer(decision: Decision): boolean {
  return !decision.allowed && ['unavailable', 'misconfigured'].includes(decision.reason);
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
