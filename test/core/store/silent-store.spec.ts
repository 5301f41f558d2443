import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { indexOf } from '../../../lib/core/caller.js';
import { MEMBERSHIPS, packed } from '../../../lib/core/memory/caller-kinds.js';
import { ReadCache } from '../../../lib/core/memory/read-cache.js';
import { ANY_AGE } from '../../../lib/core/validity.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import type { Turns } from '../../../lib/core/store/turns.js';
import { orgRow } from '../rows.js';
import { settle } from '../gate.js';
import { MemoryStore } from './memory-store.js';

const NEVER = new Promise<never>(() => undefined);
const UPSTREAM_MS = 20;

let store: MemoryStore;

beforeEach(() => {
  taken.clear();
  tripMs = 0;
  reads = 0;
  vi.useFakeTimers({
    toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  });
  store = new MemoryStore();
});
afterEach(async () => {
  // Nobody waits any more.
  await pass(1_000);
  vi.useRealTimers();
});

/** Lets time pass, a millisecond at a time. */
async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 1) {
    await vi.advanceTimersByTimeAsync(1);
    await settle();
  }
}

const taken = new Set<string>();
/** How long a round trip takes, to whoever keeps turns as well. */
let tripMs = 0;
const half = () =>
  tripMs > 0 ? new Promise<void>((resolve) => setTimeout(resolve, tripMs / 2)) : undefined;
const turns: Turns = {
  take: async (name) => {
    await half();
    const isTaken = taken.has(name);
    if (!isTaken) taken.add(name);
    await half();
    const end = () => Promise.resolve(void taken.delete(name));
    return isTaken ? 'taken' : { keep: () => Promise.resolve(true), end };
  },
};
/** How often ZITADEL was asked. */
let reads = 0;

function processOf(itsTurns = turns) {
  const shared = new SharedStore(store, 'k'.repeat(32), ['scope'], 30_000, { turns: itsTurns });
  const cache = new ReadCache(MEMBERSHIPS, 30_000, 2 ** 20, { store: shared, inTurn: true });
  /** Asks one thing after another, and resolves with how long it waited beside what ZITADEL took. */
  return async (...keys: string[]): Promise<number> => {
    const since = performance.now();
    let upstream = 0;
    for (const key of keys) {
      const read = async () => {
        reads += 1;
        const sent = performance.now();
        await new Promise((resolve) => setTimeout(resolve, UPSTREAM_MS));
        upstream += performance.now() - sent;
        return packed(indexOf([orgRow(key, '1')]));
      };
      await cache.get({ key, userId: key, notAfter: Infinity, notBefore: ANY_AGE, read });
    }
    return performance.now() - since - upstream;
  };
}
const silence = () => {
  store.beforeGet = () => NEVER;
  store.beforeSet = () => NEVER;
};

async function longest(asked: readonly Promise<number>[]): Promise<number> {
  let waits: number[] | undefined;
  void Promise.all(asked).then((all) => (waits = all));
  for (let ms = 0; ms < 3_000 && !waits; ms += 1) await pass(1);
  return Math.max(...(waits ?? [Infinity]));
}

/** A process that has asked before. */
async function warm(): Promise<ReturnType<typeof processOf>> {
  const ask = processOf();
  await longest([ask('somebody')]);
  return ask;
}

describe('beside what ZITADEL takes, a request waits for a store that says nothing', () => {
  it('50 ms at most', async () => {
    silence();
    expect(await longest([processOf()('alice')])).toBeLessThanOrEqual(50);
  });

  it('70 ms at most with three questions, one after another', async () => {
    silence();
    const ask = processOf();
    expect(await longest([ask('rows', 'permissions', 'roles')])).toBeLessThanOrEqual(70);
  });

  it.each([10, 50, 200])('60 ms at most where %d ask at once', async (crowd) => {
    const ask = await warm();
    silence();
    const asked = Array.from({ length: crowd }, (_, user) => ask(`${user}`));
    expect(await longest(asked)).toBeLessThanOrEqual(60);
  });

  it('70 ms at most with three questions, where late replies to others come all the time', async () => {
    const ask = await warm();
    store.beforeGet = () => new Promise((resolve) => setTimeout(resolve, 300));
    const asked = [];
    for (let user = 0; user < 40; user += 1) {
      asked.push(ask(`rows of ${user}`, `permissions of ${user}`, `roles of ${user}`));
      await pass(20);
    }
    expect(await longest(asked)).toBeLessThanOrEqual(70);
  });

  it.each([1, 5, 20, 40])('40 ms at most where another asks for %d ms already', async (ms) => {
    const [one, other] = [await warm(), await warm()];
    const asked = one('alice');
    await pass(1);
    const waits = other('alice');
    await pass(ms);
    silence();
    expect(await longest([waits])).toBeLessThanOrEqual(ms + 40);
    await asked;
  });

  it('50 ms again after it has replied in less, be it after the question', async () => {
    const ask = await warm();
    silence();
    expect(await longest([ask('alice')])).toBe(50);
    store.beforeGet = () => new Promise((resolve) => setTimeout(resolve, 20));
    expect(await longest([ask('bob')])).toBe(10);
    await pass(20);
    silence();
    expect(await longest([ask('carol')])).toBe(50);
  });
});

describe('where round trips to the store take longer, several processes that are asked about a new user', () => {
  it.each([1, 5, 8, 9])('ask ZITADEL once, and none waits for 100 ms: %d ms', async (ms) => {
    const all = [await warm(), await warm(), await warm()];
    tripMs = ms;
    store.beforeGet = half;
    store.afterGet = half;
    store.beforeSet = async () => {
      await half();
      await half();
    };
    reads = 0;
    expect(await longest(all.map((ask) => ask('alice')))).toBeLessThan(100);
    expect(reads).toBe(1);
  });
});
