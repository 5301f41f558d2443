import { MonotonicClock } from './clock.js';
import { Bench, STATES, type Case, type Result } from './fault-bench.js';
import { ENDPOINTS, FaultServer } from './fault-server.js';
import { BUDGET_MS, openWorld, SUBJECTS, type Subject } from './fault-subjects.js';
import { FAULTS, type Scene } from './faults-list.js';
import type { Figures } from './proof.js';
import { seededRandom } from './seeded-random.js';
import { openPlaces } from './unreachable.js';

export const about =
  '34 faults of ZITADEL, 6 endpoints, 3 states of the cache: closed, in time, told as an outage';

const SEED = 20_261_124;
const GRACE_MS = 100;
const AT_ONCE = 12;

/** Answers of ZITADEL that are refusals and no outage, and how they may be told: ours are never the caller's. */
const REFUSALS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  U22: {
    discovery: ['unavailable'],
    keys: ['unavailable'],
    introspection: ['misconfigured'],
    // The one 401 that is about the caller: ZITADEL's API refuses the caller's own token.
    'v1 memberships as caller': ['token_rejected'],
    'v2 memberships as caller': ['token_rejected'],
    memberships: ['misconfigured'],
    token: ['misconfigured'],
    grants: ['service_user_refused'],
  },
  U23: {
    discovery: ['unavailable'],
    keys: ['unavailable'],
    // ZITADEL's OpenID Connect provider never says it: somebody else does.
    introspection: ['unavailable'],
    memberships: ['misconfigured'],
    token: ['unavailable'],
    grants: ['zitadel_refused 403'],
  },
  U24: {
    discovery: ['misconfigured'],
    keys: ['unavailable'],
    introspection: ['misconfigured'],
    memberships: ['misconfigured'],
    token: ['misconfigured'],
    grants: ['zitadel_refused 404'],
  },
  U32: {
    // Rows that are counted and not shown are those that the service user may not see.
    'v2 get a grant': ['zitadel_unavailable', 'service_user_refused'],
    'v2 list grants': ['zitadel_unavailable', 'service_user_refused'],
  },
  U34: {
    // A key set names no instance: of another's there is only to say that this token's key is not in it.
    keys: ['token_invalid'],
    // API v1 does not look at the project in the path, so this is what it answers to a grant of another project.
    'v1 get a grant': ['zitadel_refused 404'],
  },
};

/** A token may be of a kind that has no such claim, or another one: then it is the token that is not accepted. */
const CLAIMS = /^(sub|exp|aud): /;

/** How an outage is told: to a request, and to whoever calls a service. */
const OUTAGE: ReadonlySet<string> = new Set([
  'unavailable',
  'misconfigured',
  'zitadel_unavailable',
]);

/** A promise that was not held. */
type Fail = 'allows' | 'slow' | 'outageAsDenial' | 'refusalsMistold' | 'notRecovered';

export async function run({
  short,
  progress: tell,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const world = await openWorld();
  const server = await FaultServer.start(world.zitadel.url);
  const places = await openPlaces(world.zitadel.url);
  const clock = new MonotonicClock();
  const bench = new Bench(clock, world, server, places);
  const progress = (text: string) => {
    clock.restore();
    tell(text);
    clock.resume();
  };
  const unhandled: string[] = [];
  const hear = (error: unknown) => void unhandled.push(String(error));
  process.on('unhandledRejection', hear).on('uncaughtException', hear);
  const fails: Record<Fail, number> = {
    allows: 0,
    slow: 0,
    outageAsDenial: 0,
    refusalsMistold: 0,
    notRecovered: 0,
  };
  const cells = new Set<string>();
  const told = new Map<string, number>();
  let slowestMs = 0;
  let repeated = 0;
  const settle = async (each: Case, first: Result): Promise<void> => {
    let result = first;
    // On a busy machine a call can be late before it meets the fault, or an answer is heard late: what time alone can explain is asked
    // again, alone.
    for (let again = 0; again < 3 && isOfTheMachine(each, result); again += 1) {
      repeated += 1;
      result = (await bench.run([each]))[0] ?? result;
    }
    const found = faultsOf(each, result);
    const { fault, variant, subject, state } = each;
    const { outcome, ms } = result;
    for (const fail of found) {
      fails[fail] += 1;
      progress(
        `${fail}: ${fault.id} (${fault.text}, ${variant.name}), ${subject.name}, ${state}: ${outcome.reason} after ${Math.round(ms)} ms, afterwards ${result.afterwards.reason}`,
      );
    }
    cells.add([fault.id, subject.endpoint, state].join());
    told.set(outcome.reason, (told.get(outcome.reason) ?? 0) + 1);
    slowestMs = Math.max(slowestMs, ms);
  };
  try {
    await bench.check(SUBJECTS);
    const all = casesOf(({ name, endpoint }) => ({
      endpoint,
      api: name.startsWith('v2') ? 'v2' : 'v1',
      places,
      proxyUrl: server.url,
      ids: world.ids,
    }));
    const cases = short ? oneOfEach(all) : all;
    progress(`${cases.length} questions`);
    for (const state of STATES) {
      const shuffled = seededRandom(SEED, 0).shuffled(cases.filter((each) => each.state === state));
      const these = [true, undefined].flatMap((hangs) =>
        shuffled.filter(({ fault }) => fault.hangs === hangs),
      );
      for (let from = 0; from < these.length; from += AT_ONCE) {
        const batch = these.slice(from, from + AT_ONCE);
        const results = await bench.run(batch);
        for (const [at, each] of batch.entries()) await settle(each, results[at] as Result);
      }
      progress(`${state}: ${these.length} asked`);
    }
    const trapped = places.trap.connections();
    return {
      ok:
        Object.values(fails).every((count) => count === 0) &&
        unhandled.length === 0 &&
        trapped === 0 &&
        (short || cells.size === FAULTS.length * ENDPOINTS.length * STATES.length),
      cells: cells.size,
      ...fails,
      unhandled: unhandled.length,
      ...(unhandled.length > 0 && { first: unhandled[0] }),
      trapped,
      runs: cases.length,
      slowestMs: Math.round(slowestMs),
      repeated,
      told: Object.fromEntries(told),
    };
  } finally {
    process.off('unhandledRejection', hear).off('uncaughtException', hear);
    clock.restore();
    await places.close();
    await server.stop();
    await world.zitadel.stop();
  }
}

/** Whether what is remembered is enough, so that nothing meets the fault. Discovery is remembered for good: it cannot expire. */
function rests({ subject, state }: Case): boolean {
  if (subject.uncached) return false;
  return state === 'fresh' || (state === 'expired' && subject.endpoint === 'discovery');
}

/** The fault was met, or what is remembered was enough. */
function isMeant(each: Case, { hits, outcome }: Result): boolean {
  return rests(each) ? hits === 0 && outcome.allowed : hits > 0;
}

function isOfTheMachine(each: Case, result: Result): boolean {
  if (!isMeant(each, result)) return true;
  const inTime: readonly Fail[] = ['allows', 'outageAsDenial'];
  return faultsOf(each, result).some((fail) => !inTime.includes(fail));
}

function isSlow({ ms }: Result): boolean {
  return ms > BUDGET_MS + GRACE_MS;
}

/** What is wrong with an answer. */
function faultsOf(each: Case, result: Result): Fail[] {
  const { fault, variant, subject, state } = each;
  const { outcome, hits, afterwards } = result;
  const where = `${fault.id} (${variant.name}), ${subject.name}, ${state}`;
  if (!isMeant(each, result))
    throw new Error(`${where}: ${hits} calls met the fault, ${outcome.reason}`);
  const found: Fail[] = [];
  if (outcome.allowed) {
    if (hits > 0) found.push('allows');
  } else {
    const table = REFUSALS[fault.id] ?? {};
    const expected = table[subject.name] ?? table[subject.endpoint];
    if (expected && !expected.includes(outcome.reason)) found.push('refusalsMistold');
    const ofToken = subject.endpoint === 'introspection' && CLAIMS.test(variant.name);
    if (
      !expected &&
      !OUTAGE.has(outcome.reason) &&
      !(ofToken && outcome.reason === 'token_invalid')
    ) {
      found.push('outageAsDenial');
    }
  }
  if (isSlow(result)) found.push('slow');
  if (!afterwards.allowed) found.push('notRecovered');
  return found;
}

function casesOf(sceneOf: (subject: Subject) => Scene): readonly Case[] {
  return FAULTS.flatMap((fault) =>
    SUBJECTS.filter(({ mute }) => !(mute && fault.id === 'U34')).flatMap((subject) =>
      fault
        .variants(sceneOf(subject))
        .flatMap((variant) => STATES.map((state) => ({ fault, variant, subject, state }))),
    ),
  );
}

/** Of each fault on each endpoint one variant, in one state. */
function oneOfEach(all: readonly Case[]): readonly Case[] {
  const random = seededRandom(SEED, 1);
  const byCell = new Map<string, Case[]>();
  for (const each of all) {
    const cell = each.fault.id + each.subject.endpoint;
    byCell.set(cell, [...(byCell.get(cell) ?? []), each]);
  }
  return [...byCell.values()].map((cases) => random.pick(cases));
}
