import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { indexOf, type Membership, type MembershipIndex } from '../../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import {
  type CacheKind,
  type CacheQuestion,
  ReadCache,
  type Remembered,
} from '../../../lib/core/memory/read-cache.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import { MEMBERSHIPS } from '../../../lib/core/memory/caller-kinds.js';
import { ANEW, ANY_AGE } from '../../../lib/core/validity.js';
import { gate, settle } from '../gate.js';
import { orgRow, orgsOf } from '../rows.js';
import { MemoryStore } from '../store/memory-store.js';

const TTL_MS = 30_000;
const DOWN: Refusal = { reason: 'unavailable' };

type Index = MembershipIndex;

/** A cache of memberships, with the store that it shares. */
class Memberships extends ReadCache<Index, Index['rows']> {
  constructor(
    ttlMs: number,
    maxBytes: number,
    readonly store: SharedStore | undefined,
  ) {
    const kind: CacheKind<Index, Index['rows']> = {
      ...MEMBERSHIPS,
      fromStored: (stored) => indexOf(stored),
      toStored: ({ rows: all }) => all,
      bytesOf: ({ bytes }) => bytes,
    };
    super(kind, ttlMs, maxBytes, store && { store, inTurn: false });
  }
}

function cacheOf(ttlMs = TTL_MS, maxBytes = 2 ** 20, store?: MemoryStore): Memberships {
  const shared = store && new SharedStore(store, 'k'.repeat(32), ['scope'], ttlMs);
  return new Memberships(ttlMs, maxBytes, shared);
}

/** Here, in the store, and once more what came from the store meanwhile. */
async function evictUser(cache: Memberships): Promise<void> {
  cache.evict('alice');
  await cache.store?.evict({ userId: 'alice' }, cache.store.stamp());
  cache.evict('alice');
}

async function evictAll(cache: Memberships): Promise<void> {
  cache.evict();
  await cache.store?.evict('everyone', cache.store.stamp());
  cache.evict();
}

function ask(
  cache: Memberships,
  read: () => Promise<readonly Membership[] | Refusal>,
  more: Partial<CacheQuestion<Index>> = {},
): Promise<Remembered<Index> | Refusal> {
  const question = { key: 'alice', userId: 'alice', notAfter: Infinity, notBefore: ANY_AGE };
  const indexed = async () => {
    const found = await read();
    return isRefusal(found) ? found : indexOf(found);
  };
  return cache.get({ ...question, read: indexed, ...more });
}

/** The organizations of what was remembered. */
async function orgs(asked: Promise<Remembered<Index> | Refusal>): Promise<string[]> {
  const answer = await asked;
  if (isRefusal(answer)) throw new Error(answer.reason);
  return orgsOf({ index: answer.value });
}

/** Answers with one organization at a time: '1', then '2' ... */
function counted(): { (): Promise<readonly Membership[]>; reads: number } {
  const read = (): Promise<readonly Membership[]> => {
    read.reads += 1;
    return Promise.resolve([orgRow('alice', String(read.reads))]);
  };
  read.reads = 0;
  return read;
}

const rows = (...orgIds: string[]) => orgIds.map((id) => orgRow('alice', id));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-11-24T12:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('one read a key', () => {
  it('answers everybody who asks while it is under way', async () => {
    const [cache, held] = [cacheOf(), gate<readonly Membership[]>()];
    const read = vi.fn(() => held.passed);
    const asked = Array.from({ length: 100 }, () => ask(cache, read));
    held.open(rows('1'));
    for (const one of asked) expect(await orgs(one)).toEqual(['1']);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('is not shared with another key', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await Promise.all([ask(cache, read), ask(cache, read, { key: 'other' })]);
    expect(read.reads).toBe(2);
  });

  it('is not shared with another user, even under the same key', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await Promise.all([ask(cache, read), ask(cache, read, { userId: 'bob' })]);
    expect(read.reads).toBe(2);
    expect(await orgs(ask(cache, read, { userId: 'carol' }))).toEqual(['3']);
  });
});

describe('what was read', () => {
  it('counts for the TTL and not a millisecond longer, however often it is used', async () => {
    const [cache, read] = [cacheOf(), counted()];
    const changes: number[] = [];
    for (let ms = 0; ms <= 3 * TTL_MS; ms += 10) {
      const before = read.reads;
      await ask(cache, read);
      if (read.reads > before) changes.push(ms);
      vi.advanceTimersByTime(10);
    }
    expect(changes).toEqual([0, TTL_MS, 2 * TTL_MS, 3 * TTL_MS]);
  });

  it('counts from when the question left, not from when the answer came', async () => {
    const [cache, held, read] = [cacheOf(), gate<readonly Membership[]>(), counted()];
    const first = ask(cache, () => held.passed);
    await settle();
    vi.advanceTimersByTime(20_000);
    held.open(rows('slow'));
    expect(await orgs(first)).toEqual(['slow']);
    vi.advanceTimersByTime(9_999);
    expect(await orgs(ask(cache, read))).toEqual(['slow']);
    vi.advanceTimersByTime(1);
    expect(await orgs(ask(cache, read))).toEqual(['1']);
  });

  it('is not kept beyond the end of the token that it was asked with', async () => {
    const [cache, read] = [cacheOf(), counted()];
    const notAfter = Date.now() + 5_000;
    await ask(cache, read, { notAfter });
    vi.advanceTimersByTime(4_999);
    await ask(cache, read, { notAfter });
    expect(read.reads).toBe(1);
    vi.advanceTimersByTime(1);
    await ask(cache, read, { notAfter });
    expect(read.reads).toBe(2);
  });

  it.each([0, -1, Number.NaN])('is not kept with a TTL of %d', async (ttlMs) => {
    const store = new MemoryStore();
    const [cache, read] = [cacheOf(ttlMs, 2 ** 20, store), counted()];
    await ask(cache, read);
    await ask(cache, read);
    await settle();
    expect(read.reads).toBe(2);
    expect(store.rowKeys()).toEqual([]);
  });

  it('is nobody’s to change', async () => {
    const cache = cacheOf();
    const answer = await ask(cache, () => Promise.resolve(rows('1')));
    if (isRefusal(answer)) throw new Error(answer.reason);
    const [row] = answer.value.rows;
    if (!row) throw new Error('no row');
    expect(() => (answer.value.rows as Membership[]).push(orgRow('alice', '2'))).toThrow(TypeError);
    expect(() => (row.roles as string[]).push('IAM_OWNER')).toThrow(TypeError);
    expect(() => Object.assign(row, { id: '2' })).toThrow(TypeError);
    expect(() => Object.assign(answer.value, { instance: row })).toThrow(TypeError);
    expect(() => Object.defineProperty(row, 'kind', { value: 'instance' })).toThrow(TypeError);
    expect(await orgs(ask(cache, counted()))).toEqual(['1']);
  });
});

describe('a failure', () => {
  it('is not kept', async () => {
    const [cache, read] = [cacheOf(), counted()];
    expect(await ask(cache, () => Promise.resolve(DOWN))).toEqual(DOWN);
    expect(await orgs(ask(cache, read))).toEqual(['1']);
  });

  it('that is thrown is not kept either', async () => {
    const [cache, read] = [cacheOf(), counted()];
    const broken = () => Promise.reject(new Error('broken'));
    await expect(ask(cache, broken)).rejects.toThrow('broken');
    expect(await orgs(ask(cache, read))).toEqual(['1']);
  });

  it('does not bring back what is too old', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    vi.advanceTimersByTime(TTL_MS);
    expect(await ask(cache, () => Promise.resolve(DOWN))).toEqual(DOWN);
  });

  it('takes nothing away that still counts', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    expect(await ask(cache, () => Promise.resolve(DOWN), { notBefore: ANEW })).toEqual(DOWN);
    expect(await orgs(ask(cache, read))).toEqual(['1']);
  });
});

describe('a fresh question', () => {
  it('is asked anew, and its answer serves the others', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    expect(await orgs(ask(cache, read, { notBefore: ANEW }))).toEqual(['2']);
    expect(await orgs(ask(cache, read))).toEqual(['2']);
    expect(read.reads).toBe(2);
  });

  it('does not join an earlier read, and later ones join it', async () => {
    const [cache, early, late] = [cacheOf(), gate<readonly Membership[]>(), gate<Membership[]>()];
    const first = ask(cache, () => early.passed);
    const fresh = ask(cache, () => late.passed, { notBefore: ANEW });
    const third = ask(cache, counted());
    late.open(rows('late'));
    expect(await orgs(fresh)).toEqual(['late']);
    expect(await orgs(third)).toEqual(['late']);
    early.open(rows('early'));
    expect(await orgs(first)).toEqual(['early']);
  });

  it('is not replaced by an older read that took longer', async () => {
    const [cache, early] = [cacheOf(), gate<readonly Membership[]>()];
    const slow = ask(cache, () => early.passed);
    await settle();
    vi.advanceTimersByTime(10);
    await ask(cache, () => Promise.resolve(rows('new')), { notBefore: ANEW });
    early.open(rows('old'));
    await slow;
    expect(await orgs(ask(cache, counted()))).toEqual(['new']);
  });

  it('is not replaced by an older read in the shared store either', async () => {
    const store = new MemoryStore();
    const [cache, early] = [cacheOf(TTL_MS, 2 ** 20, store), gate<readonly Membership[]>()];
    const slow = ask(cache, () => early.passed);
    await settle();
    vi.advanceTimersByTime(10);
    await ask(cache, () => Promise.resolve(rows('new')), { notBefore: ANEW });
    early.open(rows('old'));
    await slow;
    await settle();
    const elsewhere = cacheOf(TTL_MS, 2 ** 20, store);
    expect(await orgs(ask(elsewhere, counted()))).toEqual(['new']);
  });
});

describe('a clock on the wall', () => {
  const set = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it('that has gone on while the host was suspended ends an answer', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    set(TTL_MS - 1);
    expect(await orgs(ask(cache, read))).toEqual(['1']);
    expect(cache.kept('alice', 'alice', ANY_AGE)).toBeDefined();
    set(1);
    expect(cache.kept('alice', 'alice', ANY_AGE)).toBeUndefined();
    expect(await orgs(ask(cache, read))).toEqual(['2']);
  });

  it('that is set back keeps an answer for as long as ever', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    set(-3_600_000);
    vi.advanceTimersByTime(TTL_MS - 1);
    expect(await orgs(ask(cache, read))).toEqual(['1']);
    vi.advanceTimersByTime(1);
    expect(await orgs(ask(cache, read))).toEqual(['2']);
  });

  it('that is set back brings nothing back from the shared store when its time comes again', async () => {
    const store = new MemoryStore();
    const [here, read] = [cacheOf(TTL_MS, 2 ** 20, store), counted()];
    await ask(here, read);
    await settle();
    vi.advanceTimersByTime(1_000);
    set(-3_600_000);
    await ask(here, counted(), { key: 'other' });
    await settle();
    vi.advanceTimersByTime(3_600_000);
    expect(await orgs(ask(here, read))).toEqual(['2']);
    await settle();
    // And the store is in use again.
    expect(await orgs(ask(cacheOf(TTL_MS, 2 ** 20, store), read))).toEqual(['2']);
  });
});

describe('an eviction', () => {
  const kinds = [
    ['of the user', evictUser],
    ['of everybody', evictAll],
  ] as const;

  describe.each(kinds)('%s', (_kind, evict) => {
    it('takes away what is kept', async () => {
      const [cache, read] = [cacheOf(), counted()];
      await ask(cache, read);
      await evict(cache);
      expect(await orgs(ask(cache, read))).toEqual(['2']);
    });

    it('lets nothing be kept that was asked before it', async () => {
      const [cache, held, read] = [cacheOf(), gate<readonly Membership[]>(), counted()];
      const before = ask(cache, () => held.passed);
      await settle();
      await evict(cache);
      held.open(rows('before'));
      expect(await orgs(before)).toEqual(['before']);
      expect(await orgs(ask(cache, read))).toEqual(['1']);
    });

    it('lets nobody who asks after it wait for what was asked before it', async () => {
      const [cache, held, read] = [cacheOf(), gate<readonly Membership[]>(), counted()];
      const before = ask(cache, () => held.passed);
      await settle();
      await evict(cache);
      expect(await orgs(ask(cache, read))).toEqual(['1']);
      held.open(rows('before'));
      await before;
      expect(await orgs(ask(cache, read))).toEqual(['1']);
    });

    it('lets nothing be stored for others that was asked before it', async () => {
      const store = new MemoryStore();
      const cache = cacheOf(TTL_MS, 2 ** 20, store);
      const held = gate<readonly Membership[]>();
      const before = ask(cache, () => held.passed);
      await settle();
      await evict(cache);
      held.open(rows('before'));
      await before;
      await settle();
      expect(store.rowKeys()).toEqual([]);
    });

    it('reaches what another process stored', async () => {
      const store = new MemoryStore();
      const [here, there] = [cacheOf(TTL_MS, 2 ** 20, store), cacheOf(TTL_MS, 2 ** 20, store)];
      const read = counted();
      await ask(here, read);
      await settle();
      await evict(there);
      expect(await orgs(ask(cacheOf(TTL_MS, 2 ** 20, store), read))).toEqual(['2']);
    });

    it('lets nothing be kept that was read from the shared store before it', async () => {
      const store = new MemoryStore();
      await ask(cacheOf(TTL_MS, 2 ** 20, store), () => Promise.resolve(rows('before')));
      await settle();
      const [cache, held, read] = [cacheOf(TTL_MS, 2 ** 20, store), gate(), counted()];
      store.afterGet = () => held.passed;
      const before = ask(cache, read);
      await settle();
      await evict(cache);
      held.open();
      await before;
      expect(await orgs(ask(cache, read))).not.toEqual(['before']);
    });

    it('lets nothing be kept that is read from the shared store while that is being told', async () => {
      const store = new MemoryStore();
      await ask(cacheOf(TTL_MS, 2 ** 20, store), () => Promise.resolve(rows('before')));
      await settle();
      const [cache, told, read] = [cacheOf(TTL_MS, 2 ** 20, store), gate(), counted()];
      store.beforeSet = (key) => (key.includes(':epoch') ? told.passed : undefined);
      const evicted = evict(cache);
      await ask(cache, read);
      told.open();
      await evicted;
      // Acknowledged: nobody who asks from now on may get what was read before.
      expect(await orgs(ask(cache, read))).not.toEqual(['before']);
    });
  });

  it('lets a read be kept as usual where it was of somebody else', async () => {
    const [cache, held] = [cacheOf(), gate<readonly Membership[]>()];
    const read = vi.fn(() => held.passed);
    const before = ask(cache, read);
    await settle();
    cache.evict('bob');
    held.open(rows('1'));
    await before;
    expect(await orgs(ask(cache, read))).toEqual(['1']);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('takes away one answer alone where that is asked for', async () => {
    const [cache, read] = [cacheOf(), counted()];
    await ask(cache, read);
    await ask(cache, read, { key: 'other' });
    cache.forget('alice', 'alice');
    expect(await orgs(ask(cache, read))).toEqual(['3']);
    expect(await orgs(ask(cache, read, { key: 'other' }))).toEqual(['2']);
  });
});

describe('the memory of a cache', () => {
  it('is bounded by bytes: the answers that were not used for longest go', async () => {
    const cache = cacheOf(TTL_MS, 2 ** 20);
    const read = vi.fn((userId: string) =>
      Promise.resolve(Array.from({ length: 10 }, (_, at) => orgRow(userId, String(at)))),
    );
    const askFor = (userId: string) => ask(cache, () => read(userId), { key: userId, userId });
    for (let user = 0; user < 2_000; user += 1) await askFor(`user ${user}`);
    await askFor('user 1999');
    expect(read).toHaveBeenCalledTimes(2_000);
    await askFor('user 0');
    expect(read).toHaveBeenCalledTimes(2_001);
    // A row takes at least 100 bytes: not all of 20,000 can have been kept in a megabyte.
    read.mockClear();
    for (let user = 1_999; user >= 0; user -= 1) await askFor(`user ${user}`);
    expect(read.mock.calls.length).toBeGreaterThan(1_000);
  });

  it('is never filled by one answer that is larger than all of it', async () => {
    const [cache, read] = [cacheOf(TTL_MS, 2 ** 20), counted()];
    await ask(cache, read, { key: 'small' });
    const large = Array.from({ length: 10_000 }, (_, at) => orgRow('alice', String(at)));
    expect(await orgs(ask(cache, () => Promise.resolve(large)))).toHaveLength(10_000);
    expect(await orgs(ask(cache, read, { key: 'small' }))).toEqual(['1']);
    expect(await orgs(ask(cache, read))).toEqual(['2']);
  });

  it('counts what long ids and roles take, not only how many there are', async () => {
    const [cache, read] = [cacheOf(TTL_MS, 2 ** 20), counted()];
    const long = [
      orgRow(
        'alice',
        '1',
        ...Array.from({ length: 10_000 }, (_, at) => `ORG_ROLE_${at}_${'X'.repeat(200)}`),
      ),
    ];
    await ask(cache, () => Promise.resolve(long));
    expect(await orgs(ask(cache, read))).toEqual(['1']);
    expect(read.reads).toBe(1);
  });
});
