import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest';
import type { Membership } from '../../../lib/core/caller.js';
import { CLOCK_SKEW_MS, Floors, type StoreTarget } from '../../../lib/core/store/epochs.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import type { Turns } from '../../../lib/core/store/turns.js';
import { MEMBERSHIPS } from '../../../lib/core/memory/caller-kinds.js';
import { gate, settle } from '../gate.js';
import { orgRow } from '../rows.js';
import { MemoryStore } from './memory-store.js';

const SECRET = 'a secret of more than thirty-two characters';
const NEW_SECRET = 'another secret of more than thirty-two characters';
const TTL_MS = 30_000;
const HOUR_MS = 3_600_000;

let cache: MemoryStore;
let learned: [string | undefined, number][];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  cache = new MemoryStore();
  learned = [];
});
afterEach(() => {
  for (const process of processes.splice(0)) process.close();
  vi.useRealTimers();
});

const processes: SharedStore[] = [];

/** One of several processes. */
function processOf(
  secret: string | readonly string[] | false = SECRET,
  turns?: Turns,
): SharedStore {
  const onIssuedBefore = (userId: string | undefined, time: number) => {
    learned.push([userId, time]);
  };
  const process = new SharedStore(cache, secret, ['scope'], TTL_MS, { onIssuedBefore, turns });
  processes.push(process);
  return process;
}

const project = (id: string, ownerOrgId?: string): Membership => ({
  userId: 'alice',
  kind: 'project',
  id,
  roles: ['PROJECT_OWNER'],
  ownerOrgId,
});
const grant = (ownerOrgId?: string, grantedOrgId?: string): Membership => ({
  ...project('7', ownerOrgId),
  kind: 'projectGrant',
  grantedOrgId,
});

/** The epochs in which what is asked for now can be stored. */
async function begun(process: SharedStore, userId: string) {
  const { epochs, until } = await process.read(MEMBERSHIPS, userId, userId);
  return epochs && process.begin(userId, epochs, until);
}

/** Stores what was asked for now. */
async function store(
  process = processOf(),
  userId = 'alice',
  rows: readonly Membership[] = [orgRow(userId, '1')],
): Promise<void> {
  const epochs = await begun(process, userId);
  if (!epochs) throw new Error('the store did not take the epochs');
  const fetchedAt = Date.now();
  const what = { value: rows, fetchedAt, expiresAt: fetchedAt + TTL_MS };
  await process.write(MEMBERSHIPS, userId, userId, epochs, what);
}

async function finds(process = processOf(), userId = 'alice'): Promise<boolean> {
  return (await process.read(MEMBERSHIPS, userId, userId)).stored !== undefined;
}

const evict = (target: StoreTarget, process = processOf()) =>
  process.evict(target, process.stamp());

/** The keys of one kind, such as 'epoch' or 'epoch of all'. */
const keysOf = (kind: string) =>
  [...cache.entries.keys()].filter((key) => key.startsWith(`nestjs-zitadel:1:${kind}:`));

const EPOCHS = ['epoch', 'epoch of all', 'epoch of organizations', 'epoch of organization'];
const targets: readonly [StoreTarget, string][] = [
  [{ userId: 'alice' }, 'the user'],
  [{ orgId: '1' }, 'the organization'],
  ['everyone', 'everyone'],
];

describe.each(targets)('after an eviction of %o', (target) => {
  it('nothing comes back by a store that was put back to what it was', async () => {
    const here = processOf();
    await store(here);
    const before = new Map(cache.entries);
    await evict(target, here);
    for (const [key, value] of before) cache.entries.set(key, value);
    expect(await finds(here)).toBe(false);
    // What is asked for next begins a later epoch, for the others as well.
    await store(here);
    const rows = before.get(keysOf('rows')[0] ?? '');
    if (rows) cache.entries.set(keysOf('rows')[0] ?? '', rows);
    expect(await finds()).toBe(false);
  });

  it('nothing comes back by epochs that are gone', async () => {
    await store();
    const [rows = ''] = keysOf('rows');
    const before = cache.entries.get(rows);
    await evict(target);
    for (const kind of EPOCHS) for (const key of keysOf(kind)) cache.entries.delete(key);
    expect(await finds()).toBe(false);
    await store();
    expect(await finds()).toBe(true);
    if (before) cache.entries.set(rows, before);
    expect(await finds()).toBe(false);
  });

  it('that was heard of, nothing of the store is used that is older', async () => {
    const there = processOf();
    await store(there);
    // In the same millisecond, by a process that has read nothing.
    there.heard(target, Date.now());
    expect(await finds(there)).toBe(false);
    await store(there);
    expect(await finds(there)).toBe(true);
    expect(await finds()).toBe(true);
  });

  it('of two in one millisecond, what was stored between them is not used', async () => {
    const there = processOf();
    await evict(target, there);
    await store(there);
    // By a process that has not heard of the first one.
    there.heard(target, Date.now());
    expect(await finds(there)).toBe(false);
    await store(there);
    expect(await finds(there)).toBe(true);
  });

  it('an epoch that another process begins again is older than the next eviction', async () => {
    const [here, there] = [processOf(), processOf()];
    await store(here);
    const first = here.stamp();
    there.heard(target, first);
    await store(there);
    // Before it knows what the other one has begun.
    here.heard(target, first);
    there.heard(target, here.stamp());
    expect(await finds(there)).toBe(false);
  });

  it('the times of later ones stay near the clock, however often the store has failed', async () => {
    const here = processOf();
    cache.beforeGet = () => Promise.reject(new Error('down'));
    for (let count = 0; count < 100; count += 1) await evict(target, here);
    expect(here.stamp()).toBeLessThan(Date.now() + CLOCK_SKEW_MS + 1_000);
  });

  it('by a process whose clock is behind, the next one is later all the same', async () => {
    await store();
    vi.setSystemTime(Date.now() - 3_000);
    const late = processOf();
    await evict(target, late);
    expect(await finds()).toBe(false);
    await store(late);
    vi.setSystemTime(Date.now() + 3_000);
    expect(await finds()).toBe(true);
  });
});

describe('epochs that are missing before any eviction', () => {
  it.each(EPOCHS)('never mean that nothing was evicted: %s', async (kind) => {
    await store();
    // So that the epoch of the organization is looked at.
    await evict({ orgId: 'another' });
    expect(await finds()).toBe(true);
    for (const key of keysOf(kind)) cache.entries.delete(key);
    expect(await finds()).toBe(kind === 'epoch of organizations');
  });

  it('are begun once for all requests of a process', async () => {
    const here = processOf();
    await Promise.all(Array.from({ length: 50 }, (_, at) => store(here, `user ${at}`)));
    const found = Array.from({ length: 50 }, (_, at) => finds(processOf(), `user ${at}`));
    expect(new Set(await Promise.all(found))).toEqual(new Set([true]));
  });

  it('are begun by the process that has the turn, and the others use them', async () => {
    let isTaken = false;
    const turns: Turns = {
      take: () => {
        if (isTaken) return Promise.resolve('taken');
        isTaken = true;
        const end = () => {
          isTaken = false;
          return Promise.resolve();
        };
        return Promise.resolve({ keep: () => Promise.resolve(true), end });
      },
    };
    const slow = gate();
    cache.beforeSet = (key) => (key.includes('epoch of all') ? slow.passed : undefined);
    const all = Array.from({ length: 8 }, (_, at) => store(processOf(SECRET, turns), `user ${at}`));
    const sets = vi.spyOn(cache, 'set');
    slow.open();
    await Promise.all(all);
    const ofAll = sets.mock.calls.filter(([key]) => key.includes('epoch of all'));
    expect(ofAll.length).toBeLessThanOrEqual(1);
    const found = Array.from({ length: 8 }, (_, at) => finds(processOf(), `user ${at}`));
    expect(new Set(await Promise.all(found))).toEqual(new Set([true]));
  });
});

describe('an epoch that is odd is none', () => {
  const sign = (text: string, secret = SECRET) =>
    `${createHmac('sha256', secret).update(text).digest('base64url')}.${text}`;
  const changed = (text: string, more: object) =>
    sign(JSON.stringify({ ...(JSON.parse(text) as object), ...more }));

  it.each<[string, (text: string) => unknown]>([
    ['nothing', () => null],
    ['no text', (text) => ({ text })],
    ['a text without a signature', (text) => text],
    ['signed with another secret', (text) => sign(text, NEW_SECRET)],
    ['of another version', (text) => changed(text, { v: 1 })],
    [
      'of another name',
      (text) => changed(text, { key: `nestjs-zitadel:1:epoch:${'A'.repeat(43)}` }),
    ],
    ['without an id', (text) => changed(text, { id: '' })],
    ['an id that is a number', (text) => changed(text, { id: 1 })],
    ['a time that is a text', (text) => changed(text, { at: String(Date.now()) })],
    ['a time of tomorrow', (text) => changed(text, { at: Date.now() + 24 * HOUR_MS })],
    ['an endless time', (text) => sign(text.replace(/"at":\d+/, '"at":1e999'))],
    ['time 0', (text) => changed(text, { at: 0 })],
    ['a limit that is a text', (text) => changed(text, { issuedBefore: 'x' })],
    [
      'an endless limit',
      (text) => sign(text.replace(/"issuedBefore":\d+/, '"issuedBefore":1e999')),
    ],
    ['no JSON', () => sign('{')],
  ])('%s', async (_what, bend) => {
    await store();
    for (const kind of ['epoch', 'epoch of all']) {
      const [key = ''] = keysOf(kind);
      const entry = cache.entries.get(key);
      const sealed = String(entry?.value);
      const text = sealed.slice(sealed.indexOf('.') + 1);
      cache.entries.set(key, { value: bend(text), until: Infinity });
      expect(await finds()).toBe(false);
      cache.entries.set(key, { value: sealed, until: Infinity });
      expect(await finds()).toBe(true);
    }
  });
});

describe('a time up to which tokens are refused', () => {
  const told = async (at: number, time: number) => {
    await store();
    const [key = ''] = keysOf('epoch');
    const sealed = String(cache.entries.get(key)?.value);
    const fields = JSON.parse(sealed.slice(sealed.indexOf('.') + 1)) as object;
    const text = JSON.stringify({ ...fields, at, issuedBefore: time });
    const mac = createHmac('sha256', SECRET).update(text).digest('base64url');
    cache.entries.set(key, { value: `${mac}.${text}`, until: Infinity });
    learned.length = 0;
    const process = processOf();
    for (let read = 0; read < 3; read += 1) await finds(process);
    return learned;
  };

  it('is told once, also where the clock that made it is ahead', async () => {
    const now = Date.now();
    expect(await told(now, now + 600_000)).toEqual([['alice', now + 600_000]]);
  });

  it('is not told of an epoch that no process can have made', async () => {
    const now = Date.now();
    expect(await told(now + 2 * HOUR_MS, now)).toEqual([]);
  });
});

describe('an eviction of an organization', () => {
  it('ends both of its epochs where each call of the store takes a while', async () => {
    await store();
    const slowly = () => new Promise<void>((resolve) => void setTimeout(resolve, 15));
    Object.assign(cache, { beforeGet: slowly, beforeSet: slowly });
    await evict({ orgId: '1' });
    const atOnce = () => undefined;
    Object.assign(cache, { beforeGet: atOnce, beforeSet: atOnce });
    expect(await finds()).toBe(false);
  });

  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => orgRow('alice', `${at}`));

  it.each<[string, readonly Membership[], string, boolean]>([
    ['the organization itself', [orgRow('alice', '1')], '1', true],
    ['another one', [orgRow('alice', '1')], '2', false],
    ['one of two', [orgRow('alice', '1'), orgRow('alice', '2')], '2', true],
    ['the owner of a project', [project('5', '1')], '1', true],
    ['another one than the owner', [project('5', '1')], '2', false],
    ['any, of a project whose owner is not known', [project('5')], '2', true],
    ['the owner of a grant', [grant('1', '2')], '1', true],
    ['the one that a grant is for', [grant('1', '2')], '2', true],
    ['another one than both', [grant('1', '2')], '3', false],
    ['any, of a grant whose owner is not known', [grant(undefined, '2')], '3', true],
    ['any, of a grant that is for one that is not known', [grant('1')], '3', true],
    ['one, of a manager of the instance', [{ ...project(''), kind: 'instance' }], '1', false],
    ['one, of a user without memberships', [], '1', false],
    ['another one than a hundred', many(100), '404', false],
    ['any, of a user with more than a hundred', many(101), '404', true],
  ])('%s', async (_what, rows, orgId, ends) => {
    await store(processOf(), 'alice', rows);
    expect(await finds()).toBe(true);
    await evict({ orgId });
    expect(await finds()).toBe(!ends);
    // Of one after it as well.
    await store(processOf(), 'alice', rows);
    await evict({ orgId });
    expect(await finds()).toBe(!ends);
  });

  it('lets nothing be used that was asked for before it and stored after it', async () => {
    for (const known of [false, true]) {
      const here = processOf();
      if (known) await store(here, 'bob');
      const epochs = await begun(here, 'alice');
      await evict({ orgId: '1' });
      const fetchedAt = Date.now();
      const what = { value: [orgRow('alice', '1')], fetchedAt, expiresAt: fetchedAt + TTL_MS };
      if (epochs) await here.write(MEMBERSHIPS, 'alice', 'alice', epochs, what);
      expect(await finds()).toBe(false);
    }
  });

  it('takes at most two rounds to the store', async () => {
    await store();
    await evict({ orgId: '2' });
    let [rounds, underWay] = [0, 0];
    cache.beforeGet = () => {
      if (underWay === 0) rounds += 1;
      underWay += 1;
      return undefined;
    };
    cache.afterGet = async () => {
      await Promise.resolve();
      underWay -= 1;
    };
    expect(await finds()).toBe(true);
    expect(rounds).toBe(2);
  });
});

describe('a secret that is rotated', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['the old one is still accepted', [SECRET], [NEW_SECRET, SECRET]],
    ['the new one is already accepted', [NEW_SECRET, SECRET], [SECRET, NEW_SECRET]],
    ['the new one is left', [NEW_SECRET, SECRET], [NEW_SECRET]],
  ])('%s, in epochs as in values', async (_what, before, after) => {
    await store(processOf(before));
    expect(await finds(processOf(after))).toBe(true);
    await evict({ userId: 'alice' }, processOf(before));
    expect(await finds(processOf(after))).toBe(false);
  });

  it('counts nothing any more when it is gone, and the store is used again', async () => {
    await store(processOf([SECRET]));
    expect(await finds(processOf([NEW_SECRET]))).toBe(false);
    await store(processOf([NEW_SECRET]));
    expect(await finds(processOf([NEW_SECRET]))).toBe(true);
  });
});

describe.each([SECRET, false] as const)('with the secret %s, tokens that are refused', (secret) => {
  it('are learned by whoever reads, and stay refused after another eviction', async () => {
    const time = Date.now();
    await processOf(secret).rejectIssuedBefore('alice', time);
    await processOf(secret).rejectIssuedBefore(undefined, time - 5);
    learned = [];
    await finds(processOf(secret), 'bob');
    expect(learned).toEqual([[undefined, time - 5]]);
    await evict({ userId: 'alice' }, processOf(secret));
    await evict('everyone', processOf(secret));
    learned = [];
    await finds(processOf(secret));
    expect(learned).toEqual([
      [undefined, time - 5],
      ['alice', time],
    ]);
  });

  it('end what was stored', async () => {
    await store(processOf(secret));
    await processOf(secret).rejectIssuedBefore('alice', Date.now());
    expect(await finds(processOf(secret))).toBe(false);
  });

  it('only grow', async () => {
    const time = Date.now();
    await processOf(secret).rejectIssuedBefore('alice', time);
    await processOf(secret).rejectIssuedBefore('alice', time - 1);
    learned = [];
    await finds(processOf(secret));
    expect(learned).toEqual([['alice', time]]);
  });

  it('are told again by a process that knew them, where the store lost them', async () => {
    const here = processOf(secret);
    await here.rejectIssuedBefore('alice', 1_000);
    cache.entries.clear();
    await store(here);
    learned = [];
    await finds(processOf(secret));
    expect(learned).toEqual([['alice', 1_000]]);
  });

  it('are told for a day at least', async () => {
    await processOf(secret).rejectIssuedBefore('alice', 1_000);
    vi.advanceTimersByTime(24 * HOUR_MS);
    learned = [];
    await finds(processOf(secret));
    expect(learned).toEqual([['alice', 1_000]]);
  });
});

// A store knows no compare-and-set: of two processes that write one epoch at once, the later one has not read the other's.
describe.each([
  ['alice', { userId: 'alice' }, 'epoch:'],
  [undefined, 'everyone', 'epoch of all:'],
] as const)('that the tokens of %s are refused', (userId, target, kind) => {
  const TIME = 1_000;
  const told = async () => {
    learned = [];
    await finds(processOf());
    return learned;
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  });

  /** Another process has read the epoch, and writes one of its own after `between`. */
  async function overtake(other: () => Promise<unknown>, between: () => Promise<unknown>) {
    const [reached, slow] = [gate(), gate()];
    cache.beforeSet = (key) => {
      if (!key.includes(`:${kind}`)) return undefined;
      cache.beforeSet = () => undefined;
      reached.open();
      return slow.passed;
    };
    const overtaken = other();
    await reached.passed;
    await between();
    slow.open();
    await overtaken;
  }
  const others: readonly [string, () => Promise<unknown>][] = [
    ['evicts', () => evict(target, processOf())],
    ['begins an epoch', () => store(processOf())],
  ];

  it.each(others)('is told in the end, while another process %s', async (_, other) => {
    const here = processOf();
    await overtake(other, () => here.rejectIssuedBefore(userId, TIME));
    expect(await told()).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    await settle();
    expect(await told()).toEqual([[userId, TIME]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(others)('is told again by who has heard of it, after another %s', async (_, other) => {
    const [here, there] = [processOf(), processOf()];
    there.learn(userId, TIME);
    await overtake(other, () => here.rejectIssuedBefore(userId, TIME));
    here.close();
    await store(there);
    expect(await told()).toEqual([[userId, TIME]]);
    // Nobody begins another epoch, now that all know of it.
    expect(await finds()).toBe(true);
  });

  it.each(others)(
    'is told by who has heard of it and is asked nothing, after another %s',
    async (_, other) => {
      const [here, there] = [processOf(), processOf()];
      there.learn(userId, TIME);
      await overtake(other, () => here.rejectIssuedBefore(userId, TIME));
      here.close();
      expect(await told()).toEqual([]);
      await vi.advanceTimersByTimeAsync(2_000);
      await settle();
      expect(await told()).toEqual([[userId, TIME]]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('is looked for in the store once by who hears of it again and again', async () => {
    const there = processOf();
    there.learn(userId, TIME);
    await vi.advanceTimersByTimeAsync(2_000);
    await settle();
    const { gets } = cache;
    expect(gets).toBeGreaterThan(0);
    there.learn(userId, TIME);
    there.learn(userId, TIME - 1);
    expect(vi.getTimerCount()).toBe(0);
    await settle();
    expect(cache.gets).toBe(gets);
  });

  it('is told as soon as a store that was down is back', async () => {
    const here = processOf();
    cache.beforeSet = () => Promise.reject(new Error('down'));
    await here.rejectIssuedBefore(userId, TIME);
    await vi.advanceTimersByTimeAsync(60_000);
    cache.beforeSet = () => undefined;
    await vi.advanceTimersByTimeAsync(120_000);
    await settle();
    expect(await told()).toEqual([[userId, TIME]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is looked after by one timer, and by none once the process has closed', async () => {
    const here = processOf();
    for (const time of [TIME, TIME + 1]) await here.rejectIssuedBefore(userId, time);
    expect(vi.getTimerCount()).toBe(1);
    here.close();
    await here.rejectIssuedBefore(userId, TIME + 2);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an eviction that the store does not take', () => {
  const DOWN = () => Promise.reject(new Error('down'));
  let onTaken: Mock<() => void>;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
    onTaken = vi.fn();
  });

  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    await settle();
  };
  /** Evicts while the store is down. */
  const fail = async (target: StoreTarget, process: SharedStore) => {
    cache.beforeSet = DOWN;
    await process.evict(target, process.stamp(), onTaken);
  };

  it.each(targets)(
    'of %o is taken a second after the store is back, for whoever starts then',
    async (target) => {
      await store();
      await fail(target, processOf());
      await pass(60_000);
      cache.beforeSet = () => undefined;
      // In the epoch that should have ended.
      await store();
      expect(await finds()).toBe(true);
      expect(onTaken).not.toHaveBeenCalled();
      await pass(1_000);
      expect(onTaken).toHaveBeenCalledTimes(1);
      expect(await finds()).toBe(false);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('because the second of two epochs was not written is taken then', async () => {
    await store();
    let writes = 0;
    cache.beforeSet = (key) => (key.includes(':epoch') && (writes += 1) > 1 ? DOWN() : undefined);
    const here = processOf();
    await here.evict({ orgId: '1' }, here.stamp(), onTaken);
    cache.beforeSet = () => undefined;
    expect(await finds()).toBe(true);
    await pass(1_000);
    expect(onTaken).toHaveBeenCalledTimes(1);
    expect(await finds()).toBe(false);
  });

  it('asks a store that is down about a few of many, and tells it all of them when it is back', async () => {
    const here = processOf();
    for (let user = 0; user < 100; user += 1) await fail({ userId: `${user}` }, here);
    await pass(1_000);
    const { gets } = cache;
    await pass(10_000);
    expect(cache.gets - gets).toBeLessThanOrEqual(10 * 16);
    cache.beforeSet = () => undefined;
    await pass(1_000);
    expect(onTaken).toHaveBeenCalledTimes(100);
    expect(keysOf('epoch')).toHaveLength(100);
  });

  it('and is one of more than can be remembered ends what is stored about everyone', async () => {
    await store();
    const here = processOf();
    await fail({ userId: 'first' }, here);
    cache.get = () => Promise.reject(new Error('down'));
    for (let user = 0; user < 10_000; user += 1) await fail({ userId: `${user}` }, here);
    cache.get = MemoryStore.prototype.get;
    cache.beforeSet = () => undefined;
    await pass(1_000);
    await expect.poll(() => onTaken.mock.calls.length).toBe(10_000);
    expect(await finds()).toBe(false);
  });

  it('is told once it is taken, also where it is looked at for another reason meanwhile', async () => {
    const here = processOf();
    await fail({ userId: 'alice' }, here);
    await here.rejectIssuedBefore('alice', 1);
    cache.beforeSet = () => undefined;
    await pass(2_000);
    expect(onTaken).toHaveBeenCalledTimes(1);
  });

  it('is left alone once the process has closed', async () => {
    const here = processOf();
    await fail({ userId: 'alice' }, here);
    here.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('floors', () => {
  it('that cannot be remembered hold for everyone, as long as anything can be used from before', () => {
    const floors = new Floors(TTL_MS);
    const at = Date.now();
    floors.raise({ userId: 'alice' }, at);
    for (let user = 0; user < 100_000; user += 1) floors.raise({ userId: `${user}` }, at - 1);
    expect(floors.of({ userId: 'alice' })).toBe(0);
    expect(floors.of('everyone')).toBe(at);
    vi.advanceTimersByTime(TTL_MS + CLOCK_SKEW_MS);
    floors.raise({ userId: 'bob' }, at + 1);
    expect(floors.of('everyone')).toBe(at);
  });

  it('only grow, and so do stamps, whatever the clock says', () => {
    const floors = new Floors(TTL_MS);
    const at = Date.now() + 5_000;
    for (const target of [{ userId: 'alice' }, { orgId: '1' }, 'everyone'] as const) {
      floors.raise(target, at);
      floors.raise(target, at - 1);
      expect(floors.of(target)).toBe(at);
    }
    vi.setSystemTime(at - 60_000);
    expect(floors.stamp()).toBe(at + 1);
    expect(floors.stamp()).toBe(at + 2);
  });

  it.each([Infinity, Number.NaN, -1, 0, 1e300])(
    'of a time that nobody can have made (%d) are of now',
    (at) => {
      const floors = new Floors(TTL_MS);
      floors.raise({ userId: 'alice' }, at);
      expect(floors.of({ userId: 'alice' })).toBe(Date.now());
    },
  );
});

describe('a clock on the wall that was a day ahead', () => {
  it('and is set right does not end the use of the store', async () => {
    const right = Date.now();
    vi.setSystemTime(right + 24 * HOUR_MS);
    const here = processOf();
    await store(here);
    await evict({ userId: 'alice' }, here);
    vi.setSystemTime(right);
    expect(await finds(here)).toBe(false);
    await store(here);
    expect(await finds(here)).toBe(true);
    expect(await finds()).toBe(true);
  });
});
