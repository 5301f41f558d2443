import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { indexOf } from '../../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import { MEMBERSHIPS, packed, type PackedRows } from '../../../lib/core/memory/caller-kinds.js';
import { ReadCache, type Remembered } from '../../../lib/core/memory/read-cache.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import { type Turns, StoreQueue } from '../../../lib/core/store/turns.js';
import { ANEW, ANY_AGE } from '../../../lib/core/validity.js';
import { gate } from '../gate.js';
import { orgRow } from '../rows.js';
import { MemoryStore } from './memory-store.js';

const NEVER = new Promise<never>(() => undefined);
const DOWN: Refusal = { reason: 'unavailable' };

/** Turns as over one Redis. */
class FakeTurns implements Turns {
  readonly taken = new Set<string>();
  takes = 0;

  take(name: string): ReturnType<Turns['take']> {
    this.takes += 1;
    if (this.taken.has(name)) return Promise.resolve('taken');
    this.taken.add(name);
    const end = () => {
      this.taken.delete(name);
      return Promise.resolve();
    };
    return Promise.resolve({ keep: () => Promise.resolve(true), end });
  }
}

let store: MemoryStore;
let turns: FakeTurns;
let reads: number;

beforeEach(() => {
  store = new MemoryStore();
  turns = new FakeTurns();
  reads = 0;
});

type Cache = ReturnType<typeof processOf>;

/** One of several processes, with what it asks ZITADEL. */
function processOf(inTurn = true, itsTurns: Turns | undefined = turns, ttlMs = 30_000) {
  const shared = new SharedStore(store, 'k'.repeat(32), ['scope'], ttlMs, { turns: itsTurns });
  return new ReadCache(MEMBERSHIPS, ttlMs, 2 ** 20, { store: shared, inTurn });
}

/** Asks about a user. ZITADEL replies with what it gets. */
async function ask(
  cache: Cache,
  reply: Promise<unknown> = Promise.resolve(),
  notBefore = ANY_AGE,
): Promise<Remembered<PackedRows> | Refusal> {
  const read = async () => {
    reads += 1;
    const value = await reply;
    return value === DOWN ? DOWN : packed(indexOf([orgRow('alice', `read ${reads}`)]));
  };
  return cache.get({ key: 'alice', userId: 'alice', notAfter: Infinity, notBefore, read });
}

const from = (found: Remembered<PackedRows> | Refusal) =>
  isRefusal(found) ? found.reason : found.read.from;

/** Waits until the turn of the question is taken. */
const underWay = () => expect.poll(() => reads, { interval: 1, timeout: 2_000 }).toBeGreaterThan(0);

describe('several processes that are asked about one user at once', () => {
  it('ask ZITADEL once', async () => {
    const reply = gate<unknown>();
    const asked = Array.from({ length: 8 }, () => ask(processOf(), reply.passed));
    await underWay();
    reply.open(undefined);
    const found = (await Promise.all(asked)).map(from);
    expect(found.filter((each) => each === 'zitadel')).toHaveLength(1);
    expect(reads).toBe(1);
  });

  it.each<[string, () => Cache]>([
    ['have no turns', () => processOf(true, undefined)],
    ['ask with tokens of their own', () => processOf(false)],
    ['keep nothing', () => processOf(true, turns, 0)],
    ['do not know whose turn it is', () => processOf(true, { take: async () => 'unknown' })],
    ['have turns that fail', () => processOf(true, { take: () => Promise.reject(new Error('x')) })],
    [
      'have turns that throw',
      () =>
        processOf(true, {
          take: () => {
            throw new Error('x');
          },
        }),
    ],
    ['have turns that hang', () => processOf(true, { take: () => NEVER })],
  ])('each ask at once where they %s', async (_what, make) => {
    const reply = gate<unknown>();
    const asked = Array.from({ length: 3 }, () => ask(make(), reply.passed));
    await expect.poll(() => reads, { interval: 1, timeout: 2_000 }).toBe(3);
    reply.open(undefined);
    expect((await Promise.all(asked)).map(from)).toEqual(['zitadel', 'zitadel', 'zitadel']);
  });

  it('ask themselves if the one that has the turn is not done in a while', async () => {
    const first = ask(processOf(), NEVER);
    await underWay();
    expect(from(await ask(processOf()))).toBe('zitadel');
    void first;
  });

  it('ask themselves if the store hangs meanwhile', async () => {
    const first = ask(processOf(), NEVER);
    await underWay();
    const second = ask(processOf());
    await expect.poll(() => turns.takes, { interval: 1 }).toBeGreaterThan(3);
    store.beforeGet = () => NEVER;
    expect(from(await second)).toBe('zitadel');
    void first;
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is refused', () => Promise.resolve(DOWN)],
    ['throws', () => Promise.reject(new Error('broken'))],
  ])('do not wait for one that %s', async (_how, reply) => {
    await ask(processOf(), reply()).catch(() => undefined);
    expect(turns.taken.size).toBe(0);
    expect(from(await ask(processOf()))).toBe('zitadel');
  });

  it('take the turn after one that leaves nothing', async () => {
    const failing = gate<unknown>();
    const first = ask(processOf(), failing.passed);
    await underWay();
    const reply = gate<unknown>();
    const asked = [ask(processOf(), reply.passed), ask(processOf(), reply.passed)];
    await expect.poll(() => turns.takes, { interval: 1 }).toBeGreaterThan(4);
    failing.open(DOWN);
    expect(from(await first)).toBe('unavailable');
    await expect.poll(() => reads, { interval: 1, timeout: 2_000 }).toBe(2);
    expect([...turns.taken].filter((name) => name.includes(':rows:'))).toHaveLength(1);
    reply.open(undefined);
    expect((await Promise.all(asked)).map(from).toSorted()).toEqual(['shared', 'zitadel']);
  });

  it('end a turn that came too late', async () => {
    const late = gate();
    const slow: Turns = {
      take: async (name) => {
        const turn = await turns.take(name);
        await late.passed;
        return turn;
      },
    };
    expect(from(await ask(processOf(true, slow)))).toBe('zitadel');
    expect(turns.taken.size).toBeGreaterThan(0);
    late.open();
    await expect.poll(() => turns.taken.size, { interval: 1 }).toBe(0);
  });

  it('end their turn when the others can find what they have stored', async () => {
    const written = gate();
    store.beforeSet = (key) => (key.includes(':rows:') ? written.passed : undefined);
    expect(from(await ask(processOf()))).toBe('zitadel');
    expect([...turns.taken].filter((name) => name.includes(':rows:'))).toHaveLength(1);
    written.open();
    await expect.poll(() => turns.taken.size, { interval: 1 }).toBe(0);
    expect(from(await ask(processOf()))).toBe('shared');
  });

  it('look again when they get the turn that another had just before', async () => {
    const other = processOf();
    const late: Turns = {
      take: async (name) => {
        if (name.includes(':rows:')) {
          await ask(other);
          await expect.poll(() => store.rowKeys().length, { interval: 1 }).toBe(1);
        }
        return turns.take(name);
      },
    };
    expect(from(await ask(processOf(true, late)))).toBe('shared');
    expect(reads).toBe(1);
    expect(turns.taken.size).toBe(0);
  });
});

describe('what is asked anew', () => {
  it.each<[string, () => number]>([
    ['fresh', () => ANEW],
    ['younger than what the others may be asking for', () => performance.now() - 500],
  ])('waits for nobody: %s', async (_what, notBefore) => {
    const first = ask(processOf(), NEVER);
    await underWay();
    const takes = turns.takes;
    expect(from(await ask(processOf(), undefined, notBefore()))).toBe('zitadel');
    expect(turns.takes).toBe(takes);
    void first;
  });

  it('waits for the others where what they bring is young enough, and takes nothing older', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    await ask(processOf());
    await expect.poll(() => store.rowKeys().length, { interval: 1 }).toBe(1);
    vi.advanceTimersByTime(3_000);
    const notBefore = performance.now() - 2_000;
    const reply = gate<unknown>();
    const asked = Array.from({ length: 3 }, () => ask(processOf(), reply.passed, notBefore));
    await expect.poll(() => reads, { interval: 1 }).toBe(2);
    reply.open(undefined);
    const found = (await Promise.all(asked)).map(from);
    expect(found.filter((each) => each === 'zitadel')).toHaveLength(1);
    expect(reads).toBe(2);
    vi.useRealTimers();
  });
});

/** Ten who ask, and never end. Those who went. */
function crowd(queue: StoreQueue): number[] {
  const gone: number[] = [];
  for (let one = 0; one < 10; one += 1) {
    void queue.join(() => {
      gone.push(one);
      return new Promise(() => undefined);
    });
  }
  return gone;
}

describe('the queue for the shared store', () => {
  beforeEach(
    () => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }),
  );
  afterEach(() => void vi.useRealTimers());

  it('lets six go at a time; one that has ended leaves its place', async () => {
    const queue = new StoreQueue();
    await queue.join(() => Promise.resolve());
    expect(crowd(queue)).toHaveLength(6);
  });

  it('makes room after 250 ms', async () => {
    const gone = crowd(new StoreQueue());
    await vi.advanceTimersByTimeAsync(249);
    expect(gone).toHaveLength(6);
    await vi.advanceTimersByTimeAsync(1);
    expect(gone).toHaveLength(10);
  });

  it('lets all go to a store that fails, and has nobody wait for it', async () => {
    const queue = new StoreQueue();
    const gone = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(gone).toHaveLength(10);
    expect(crowd(queue)).toHaveLength(10);
  });

  it('has them wait again for one that replies', () => {
    const queue = new StoreQueue();
    queue.settle(true);
    queue.settle(false);
    expect(crowd(queue)).toHaveLength(6);
  });
});
