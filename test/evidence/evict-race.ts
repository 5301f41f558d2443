import fc from 'fast-check';
import { isRefusal } from '#dist/core/decision.js';
import { indexOf } from '#dist/core/caller.js';
import { MEMBERSHIPS, packed, type PackedRows, unpacked } from '#dist/core/memory/caller-kinds.js';
import { Floors, type StoreTarget } from '#dist/core/store/epochs.js';
import { Flights } from '#dist/core/memory/flight.js';
import { ReadCache } from '#dist/core/memory/read-cache.js';
import { SharedStore } from '#dist/core/store/shared-store.js';
import type { Turns } from '#dist/core/store/turns.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'loads, evictions and questions of two processes in any order: nothing evicted comes back';

const SEED = 12;
const TARGETS: readonly StoreTarget[] = [{ userId: 'alice' }, { orgId: '1' }, 'everyone'];

/** A question, or a change at ZITADEL with the eviction that follows it. */
type Step =
  | { readonly type: 'get'; readonly at: 0 | 1 }
  | { readonly type: 'evict'; readonly at: 0 | 1; readonly target: StoreTarget };

const place = fc.constantFrom<0 | 1>(0, 1);
const target = fc.constantFrom(...TARGETS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('get'), at: place }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('evict'), at: place, target }) },
);
/** Several do something at once, each one thing after another. */
const steps = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
  minLength: 2,
  maxLength: 3,
});

/** What keeps evicted data away, and how each part of it is switched off: nothing of the library does that. */
const GUARDS: Readonly<Record<string, () => () => void>> = {
  flights: () => replace(Flights.prototype, { spoil: () => {} }),
  epochs: () => replace(SharedStore.prototype, { evict: (_target, at) => Promise.resolve(at) }),
  floors: () => replace(Floors.prototype, { of: () => 0 }),
};

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const interleavings = short ? 60 : 100_000;
  const { stale, gets } = await race(interleavings, progress);
  const off: Record<string, number> = {};
  for (const [guard, switchOff] of Object.entries(GUARDS)) {
    const switchOn = switchOff();
    try {
      off[guard] = (await race(short ? 150 : 10_000, () => undefined)).stale;
    } finally {
      switchOn();
    }
    progress(`without ${guard}: ${off[guard]} stale`);
  }
  const staleWithGuardOff = Math.min(...Object.values(off));
  const ok = stale === 0 && staleWithGuardOff > 0;
  return { ok, interleavings, gets, stale, staleWithGuardOff, off };
}

async function race(interleavings: number, progress: RunOptions['progress']) {
  const seen = { stale: 0, gets: 0, runs: 0 };
  const property = fc.asyncProperty(fc.scheduler(), steps, async (scheduler, given) => {
    const { stale, gets } = await interleave(scheduler, given);
    seen.stale += stale;
    seen.gets += gets;
    seen.runs += 1;
    if (seen.runs % 10_000 === 0) progress(`${seen.runs} interleavings, ${seen.stale} stale`);
  });
  await fc.assert(property, { numRuns: interleavings, seed: SEED });
  return seen;
}

/** One interleaving. Stale: a question got what ZITADEL said before an eviction that was acknowledged before the question began. */
async function interleave(scheduler: fc.Scheduler, given: readonly (readonly Step[])[]) {
  let isPrepared = false;
  const pause = (what: string) =>
    isPrepared ? scheduler.schedule(Promise.resolve(), what) : undefined;
  const seen = { stale: 0, gets: 0 };
  const entries = new Map<string, string>();
  const store = {
    async get(key: string) {
      await pause('get');
      const value = entries.get(key);
      await pause('got');
      return value;
    },
    async set(key: string, value: string) {
      await pause('set');
      entries.set(key, value);
      await pause('has set');
    },
  };
  /** Of ZITADEL. */
  let version = 0;
  const turn = { keep: () => Promise.resolve(true), end: () => Promise.resolve() };
  const turns: Turns = {
    async take() {
      await pause('turn');
      return turn;
    },
  };
  // The second one looks into the store again before it asks, and nobody keeps it waiting.
  const processes = [undefined, turns].map((its) => {
    const shared = new SharedStore(store, 'k'.repeat(32), ['scope'], 30_000, { turns: its });
    const sharing = { store: shared, inTurn: its !== undefined };
    /** `least`: the oldest version that a question which begins now may get. */
    return { shared, cache: new ReadCache(MEMBERSHIPS, 30_000, 2 ** 20, sharing), least: 0 };
  });
  type Process = (typeof processes)[number];

  const read = async (): Promise<PackedRows> => {
    await pause('question');
    const roles = [`V${version}`];
    // ZITADEL is slower than the store.
    for (let part = 0; part < 8; part += 1) await pause('reply');
    return packed(indexOf([{ userId: 'alice', kind: 'org', id: '1', roles }]));
  };
  const get = async ({ cache, least }: Process) => {
    const question = { key: 'alice', userId: 'alice', notAfter: Infinity, notBefore: -Infinity };
    const found = await cache.get({ ...question, read });
    if (isRefusal(found)) return;
    const [role = ''] = unpacked(found.value).orgs.get('1')?.roles ?? [];
    seen.gets += 1;
    if (Number(role.slice(1)) < least) seen.stale += 1;
  };
  const forget = ({ cache }: Process, whom: StoreTarget) => {
    if (typeof whom === 'object' && Object.hasOwn(whom, 'userId')) cache.evict('alice');
    else cache.evict();
  };
  const evict = async (here: Process, whom: StoreTarget) => {
    version += 1;
    const evicted = version;
    await pause('change');
    const at = here.shared.stamp();
    forget(here, whom);
    const hear = async (there: Process) => {
      await pause('message');
      there.shared.heard(whom, at);
      forget(there, whom);
      there.least = Math.max(there.least, evicted);
    };
    const heard = Promise.all(processes.filter((each) => each !== here).map(hear));
    await here.shared.evict(whom, at);
    forget(here, whom);
    here.least = Math.max(here.least, evicted);
    await heard;
  };
  // So that the store holds something.
  for (const each of processes) await get(each);
  isPrepared = true;
  const all = given.map(async (own) => {
    for (const each of own) {
      await pause(each.type);
      const here = processes[each.at] as Process;
      await (each.type === 'get' ? get(here) : evict(here, each.target));
    }
  });
  await scheduler.waitFor(Promise.all(all));
  // Whoever asks when all is over must not get anything older either.
  await scheduler.waitFor(Promise.all(processes.map(get)));
  return seen;
}

function replace<T extends object>(target: T, methods: Partial<T>): () => void {
  const before = Object.fromEntries(
    Object.keys(methods).map((name) => [name, target[name as keyof T]]),
  );
  Object.assign(target, methods);
  return () => void Object.assign(target, before);
}
