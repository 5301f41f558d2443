import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Caller, Membership } from '../../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import type { Eviction } from '../../../lib/core/eviction.js';
import { CallerSource, type CallerSourceParts } from '../../../lib/core/memory/caller-source.js';
import type { KnownCaller } from '../../../lib/core/memory/remembered-callers.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import { role } from '../../../lib/core/requirement/builders.js';
import { compile } from '../../../lib/core/requirement/compile.js';
import { ANEW, ANY_AGE } from '../../../lib/core/validity.js';
import { evictFrom } from '../evicting.js';
import { gate, settle } from '../gate.js';
import { callerOf, orgRow, orgsOf, wholeOf } from '../rows.js';
import { MemoryStore } from '../store/memory-store.js';

const TTL_MS = 30_000;
const REJECTED: Refusal = { reason: 'token_rejected' };
const DOWN: Refusal = { reason: 'unavailable' };

type Read = (
  userId: string,
  token: string,
  organizations: readonly string[],
) => Promise<readonly Membership[] | Refusal>;

interface Setup {
  as?: 'caller' | 'serviceUser';
  read?: Read;
  confirm?: (caller: Caller, token: string) => Promise<Refusal | undefined>;
  everyMs?: number;
  verify?: CallerSourceParts['verify'];
  organizations?: () => Promise<readonly string[] | Refusal>;
  verifiedForMs?: number;
  budgetMs?: number;
  bareTokens?: boolean;
  store?: MemoryStore;
  ttlMs?: number;
}

/** A token names its user in front of a dash: `alice-1`. */
const userOf = (token: string) => token.split('-')[0] ?? '';

const sharedOf = new WeakMap<CallerSource, SharedStore>();
const evict = (source: CallerSource, eviction: Eviction) =>
  evictFrom(source, eviction, sharedOf.get(source));

function sourceOf(setup: Setup = {}): CallerSource {
  const { confirm, everyMs = TTL_MS, store, ttlMs = TTL_MS, read = counted() } = setup;
  const shared = store && new SharedStore(store, 'k'.repeat(32), ['scope'], ttlMs);
  const source = new CallerSource({
    issuer: 'https://acme.example',
    verify: setup.verify ?? ((token) => callerOf(userOf(token))),
    verifiedForMs: setup.verifiedForMs ?? Infinity,
    permissions: () => Promise.resolve([]),
    confirm: confirm && { ask: confirm, everyMs },
    memberships: {
      as: setup.as ?? 'caller',
      organizations: setup.organizations ?? (() => Promise.resolve([])),
      read: async ({ userId, token, organizations }) =>
        wholeOf(await read(userId, token, organizations)),
    },
    bareTokens: setup.bareTokens ?? false,
    ttlMs,
    maxBytes: 2 ** 22,
    budgetMs: setup.budgetMs ?? 5_000,
    shared,
  });
  if (shared) sharedOf.set(source, shared);
  return source;
}

function counted(): Read & { reads: number; tokens: string[] } {
  const read = (userId: string, token: string): Promise<readonly Membership[]> => {
    read.reads += 1;
    read.tokens.push(token);
    return Promise.resolve([orgRow(userId, String(read.reads))]);
  };
  read.reads = 0;
  read.tokens = [] as string[];
  return read;
}

async function answered(asked: Promise<KnownCaller | Refusal>): Promise<KnownCaller> {
  const answer = await asked;
  if (isRefusal(answer)) throw new Error(`refused: ${answer.reason} ${answer.detail ?? ''}`);
  return answer;
}

const READS_ROWS = compile(role('IAM_OWNER'), {
  hierarchy: {},
  idPattern: /^.+$/,
  projectId: undefined,
  permissions: true,
});

const orgs = async (asked: Promise<KnownCaller | Refusal>) => orgsOf(await answered(asked));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-11-24T12:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a credential', () => {
  it('is verified, confirmed and read once for everybody who comes with it', async () => {
    const [verify, confirm, read] = [
      vi.fn((token: string) => callerOf(userOf(token))),
      vi.fn(() => Promise.resolve(undefined)),
      counted(),
    ];
    const source = sourceOf({ as: 'serviceUser', verify, confirm, read });
    const asked = Array.from({ length: 100 }, () => source.resolve('Bearer alice-1', ANY_AGE));
    const [first, ...others] = await Promise.all(asked.map(answered));
    for (const other of others) expect(other.caller).toBe(first?.caller);
    expect([verify.mock.calls.length, confirm.mock.calls.length, read.reads]).toEqual([1, 1, 1]);
  });

  it('is warm afterwards, without a promise', async () => {
    const source = sourceOf();
    const answer = await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect(source.warm('Bearer alice-1')).toBe(answer);
    expect(source.warm('Bearer alice-2')).toBeUndefined();
  });

  it('is one however a client spells the scheme, and a bare token is only its own bytes', async () => {
    const read = counted();
    const source = sourceOf({ read });
    const answer = await answered(source.resolve('bearer  alice-1', ANY_AGE));
    for (const sent of ['Bearer alice-1', 'BEARER alice-1', 'bearer   alice-1']) {
      expect(source.warm(sent)).toBe(answer);
    }
    const [first, second] = await Promise.all(
      ['bearer alice-2', 'BEARER  alice-2'].map((sent) => answered(source.resolve(sent, ANY_AGE))),
    );
    expect(first?.caller).toBe(second?.caller);
    expect(read.reads).toBe(2);
    const bare = sourceOf({ bareTokens: true });
    await answered(bare.resolve('alice-1', ANY_AGE));
    expect(bare.warm('alice-1')).toBeDefined();
    for (const sent of ['Bearer alice-1', 'bearer alice-1'])
      expect(bare.warm(sent)).toBeUndefined();
  });

  it('leads to a caller that is frozen all the way down and never shows the token', async () => {
    const claims = { sub: 'alice', nested: { list: [{ deep: true }] } };
    const source = sourceOf({ verify: () => ({ userId: 'alice', claims }) });
    const { caller } = await answered(source.resolve('Bearer alice-1', ANY_AGE));
    const nested = caller.claims['nested'] as { list: { deep: boolean }[] };
    expect(() => Object.assign(caller, { userId: 'bob' })).toThrow(TypeError);
    expect(() => Object.assign(caller.claims, { sub: 'bob' })).toThrow(TypeError);
    expect(() => nested.list.push({ deep: false })).toThrow(TypeError);
    expect(() => Object.assign(nested.list[0] ?? {}, { deep: false })).toThrow(TypeError);
    expect(JSON.stringify(caller)).not.toContain('alice-1');
  });

  it('that is no bearer token is refused before anything is asked', async () => {
    const verify = vi.fn((token: string) => callerOf(userOf(token)));
    const source = sourceOf({ verify });
    expect(await source.resolve('Basic YWxpY2U6', ANY_AGE)).toMatchObject({
      reason: 'token_missing',
    });
    expect(await source.resolve('Bearer', ANY_AGE)).toMatchObject({ reason: 'token_invalid' });
    expect(await source.resolve('Bearer a b', ANY_AGE)).toMatchObject({ reason: 'token_invalid' });
    expect(await source.resolve('', ANY_AGE)).toMatchObject({ reason: 'token_invalid' });
    expect(verify).not.toHaveBeenCalled();
  });

  it('is the token itself where the application says where it stands', async () => {
    const source = sourceOf({ bareTokens: true });
    expect((await answered(source.resolve('alice-1', ANY_AGE))).caller.userId).toBe('alice');
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toMatchObject({
      reason: 'token_invalid',
    });
  });

  it('counts no longer than its token', async () => {
    const expiresAt = Date.now() + 5_000;
    const source = sourceOf({
      as: 'serviceUser',
      verify: () => callerOf('alice', { expiresAt }),
    });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    vi.advanceTimersByTime(4_999);
    expect(source.warm('Bearer alice-1')).toBeDefined();
    vi.advanceTimersByTime(1);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
  });
});

describe('a host that was suspended, or whose clock was set', () => {
  /** The monotonic clock stands still meanwhile. */
  const suspend = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it('accepts no token beyond its end, however young the answer is', async () => {
    const expiresAt = Date.now() + 10_000;
    const verify = () =>
      expiresAt > Date.now()
        ? callerOf('alice', { expiresAt })
        : ({ reason: 'token_invalid' } as const);
    const source = sourceOf({ verify });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    suspend(9_999);
    expect(source.warm('Bearer alice-1')).toBeDefined();
    suspend(1);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toMatchObject({
      reason: 'token_invalid',
    });
  });

  it('accepts no token that ended while its memberships were read', async () => {
    const held = gate<readonly Membership[]>();
    const expiresAt = Date.now() + 10_000;
    const source = sourceOf({
      read: () => held.passed,
      verify: () => callerOf('alice', { expiresAt }),
    });
    const asked = source.resolve('Bearer alice-1', ANY_AGE);
    await settle();
    suspend(10_000);
    held.open([orgRow('alice', '1')]);
    expect(await asked).toMatchObject({ reason: 'token_invalid' });
  });

  it('asks anew whether the token is accepted, and what its user may do', async () => {
    const [verify, confirm, read] = [
      vi.fn(() => callerOf('alice')),
      vi.fn(() => Promise.resolve(undefined)),
      counted(),
    ];
    const source = sourceOf({ as: 'serviceUser', verify, confirm, read, everyMs: 2 * TTL_MS });
    const asks = async () => {
      if (!source.warm('Bearer alice-1')) await answered(source.resolve('Bearer alice-1', ANY_AGE));
      return [confirm.mock.calls.length, read.reads];
    };
    expect(await asks()).toEqual([1, 1]);
    suspend(TTL_MS - 1);
    expect(await asks()).toEqual([1, 1]);
    suspend(1);
    expect(await asks()).toEqual([1, 2]);
    suspend(TTL_MS);
    expect(await asks()).toEqual([2, 3]);
  });

  it('asks anew about a token for which ZITADEL’s word counts for less than its memberships', async () => {
    const verify = vi.fn(() => callerOf('alice'));
    const source = sourceOf({ verify, verifiedForMs: TTL_MS / 2 });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    suspend(TTL_MS / 2);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
  });

  it('goes on remembering, for as long as ever, when its clock was set back', async () => {
    const read = counted();
    const source = sourceOf({ read });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    suspend(-3_600_000);
    vi.advanceTimersByTime(TTL_MS);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect(read.reads).toBe(2);
    expect(source.warm('Bearer alice-1')).toBeDefined();
  });
});

describe('memberships', () => {
  it('read as the caller are asked for with each token on its own', async () => {
    const read = counted();
    const source = sourceOf({ read });
    await Promise.all(
      ['alice-1', 'alice-2', 'bob-1'].map((token) =>
        answered(source.resolve(`Bearer ${token}`, ANY_AGE)),
      ),
    );
    expect(read.tokens.toSorted()).toEqual(['alice-1', 'alice-2', 'bob-1']);
  });

  it('read as the service user serve every token of a user', async () => {
    const read = counted();
    const source = sourceOf({ as: 'serviceUser', read });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    await answered(source.resolve('Bearer alice-2', ANY_AGE));
    await answered(source.ofUser('alice', ANY_AGE));
    expect(read.reads).toBe(1);
    await answered(source.ofUser('bob', ANY_AGE));
    expect(read.reads).toBe(2);
  });

  it('read in other organizations are another answer', async () => {
    const [read, lists] = [counted(), [['1'], ['1', '2'], ['2', '1'], ['1']]];
    const organizations = () => Promise.resolve(lists.shift() ?? []);
    const source = sourceOf({ as: 'serviceUser', read, organizations });
    for (let turn = 1; turn <= 4; turn += 1) await source.ofUser('alice', ANY_AGE);
    expect(read.reads).toBe(3);
  });

  it('are refused as the function that names the organizations is', async () => {
    const source = sourceOf({ as: 'serviceUser', organizations: () => Promise.resolve(DOWN) });
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(DOWN);
  });
});

describe('one who waits', () => {
  it('waits no longer than the budget, while the read goes on for the next', async () => {
    const held = gate<readonly Membership[]>();
    const read = vi.fn(() => held.passed);
    const source = sourceOf({ read, budgetMs: 20 });
    const early = source.resolve('Bearer alice-1', ANY_AGE);
    expect(await early).toMatchObject({ reason: 'unavailable' });
    const late = source.resolve('Bearer alice-1', ANY_AGE);
    held.open([orgRow('alice', '1')]);
    expect(await orgs(late)).toEqual(['1']);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('is told of an outage, and the next one asks again', async () => {
    const answers: (readonly Membership[] | Refusal)[] = [DOWN, [orgRow('alice', '1')]];
    const source = sourceOf({ read: () => Promise.resolve(answers.shift() ?? []) });
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(DOWN);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
    expect(await orgs(source.resolve('Bearer alice-1', ANY_AGE))).toEqual(['1']);
  });

  it.each<[string, Setup]>([
    ['verifying', { verify: () => Promise.reject(new Error('broken')) }],
    ['reading', { read: () => Promise.reject(new Error('broken')) }],
    ['confirming', { as: 'serviceUser', confirm: () => Promise.reject(new Error('broken')) }],
  ])('is not left hanging when %s throws, and nothing of it is kept', async (_what, setup) => {
    const source = sourceOf(setup);
    await expect(source.resolve('Bearer alice-1', ANY_AGE)).rejects.toThrow('broken');
    await expect(source.resolve('Bearer alice-1', ANY_AGE)).rejects.toThrow('broken');
    expect(source.warm('Bearer alice-1')).toBeUndefined();
  });
});

describe('a fresh question', () => {
  it('asks anew for the token and the memberships, and serves the others', async () => {
    const confirm = vi.fn(() => Promise.resolve(undefined));
    const read = counted();
    const source = sourceOf({ as: 'serviceUser', confirm, read });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect(await orgs(source.resolve('Bearer alice-1', ANEW))).toEqual(['2']);
    expect(confirm).toHaveBeenCalledTimes(2);
    const warm = source.warm('Bearer alice-1');
    expect(warm && orgsOf(warm)).toEqual(['2']);
  });

  it('never joins an earlier one', async () => {
    const [early, late] = [gate<readonly Membership[]>(), gate<readonly Membership[]>()];
    const reads = [early, late];
    const source = sourceOf({ read: () => reads.shift()?.passed ?? Promise.resolve([]) });
    const first = source.resolve('Bearer alice-1', ANY_AGE);
    const fresh = source.resolve('Bearer alice-1', ANEW);
    await settle();
    late.open([orgRow('alice', 'late')]);
    expect(await orgs(fresh)).toEqual(['late']);
    early.open([orgRow('alice', 'early')]);
    expect(await orgs(first)).toEqual(['early']);
  });

  it('is not undone by an earlier one that took longer', async () => {
    const early = gate<readonly Membership[]>();
    const reads = [early.passed, Promise.resolve([orgRow('alice', 'late')])];
    const source = sourceOf({ read: () => reads.shift() ?? Promise.resolve([]) });
    const first = source.resolve('Bearer alice-1', ANY_AGE);
    await settle();
    vi.advanceTimersByTime(10);
    await answered(source.resolve('Bearer alice-1', ANEW));
    early.open([orgRow('alice', 'early')]);
    await answered(first);
    const warm = source.warm('Bearer alice-1');
    expect(warm && orgsOf(warm)).toEqual(['late']);
  });
});

describe('a renewal of the memberships', () => {
  it('does not bring back what was said about the token before it was asked about anew', async () => {
    const claims = [{ said: 'before' }, { said: 'anew' }];
    const held = gate<readonly Membership[]>();
    const reads = [Promise.resolve([]), held.passed, Promise.resolve([])];
    const source = sourceOf({
      verify: () => ({ userId: 'alice', claims: claims.shift() ?? { said: 'anew' } }),
      verifiedForMs: TTL_MS,
      read: () => reads.shift() ?? Promise.resolve([]),
    });
    const before = await answered(source.resolve('Bearer alice-1', ANY_AGE));
    vi.advanceTimersByTime(1);
    const anew = source.resolve('Bearer alice-1', ANEW);
    await settle();
    vi.advanceTimersByTime(1);
    const renewed = source.renew(before, READS_ROWS, performance.now(), () => undefined);
    held.open([]);
    await Promise.all([anew, renewed]);
    const after = source.warm('Bearer alice-1') ?? source.resolve('Bearer alice-1', ANY_AGE);
    expect((await answered(Promise.resolve(after))).caller.claims).toEqual({ said: 'anew' });
  });
});

describe('a token that ZITADEL rejects', () => {
  it('is not asked about again for five seconds, by exactly its bytes', async () => {
    const read = vi.fn(() => Promise.resolve(REJECTED));
    const source = sourceOf({ read });
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
    vi.advanceTimersByTime(4_999);
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
    expect(await source.resolve('Bearer alice-1', ANEW)).toEqual(REJECTED);
    expect(read).toHaveBeenCalledTimes(1);
    await source.resolve('Bearer alice-2', ANY_AGE);
    expect(read).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(1);
    await source.resolve('Bearer alice-1', ANY_AGE);
    expect(read).toHaveBeenCalledTimes(3);
  });

  it('says nothing about the user’s other tokens', async () => {
    const read = (userId: string, token: string) =>
      Promise.resolve(token === 'alice-1' ? REJECTED : [orgRow(userId, '1')]);
    const source = sourceOf({ read });
    const both = ['alice-1', 'alice-2'].map((token) => source.resolve(`Bearer ${token}`, ANY_AGE));
    expect(await both[0]).toEqual(REJECTED);
    expect(await orgs(both[1] as Promise<KnownCaller>)).toEqual(['1']);
  });

  it('is rejected by its confirmation, whatever its user may do', async () => {
    const source = sourceOf({ as: 'serviceUser', confirm: () => Promise.resolve(REJECTED) });
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
  });

  it('is not accepted again for an acceptance that came before', async () => {
    const answers: (Refusal | undefined)[] = [undefined, REJECTED];
    const confirm = () => Promise.resolve(answers.length > 0 ? answers.shift() : REJECTED);
    const source = sourceOf({ as: 'serviceUser', confirm, everyMs: 10 * TTL_MS });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect(await source.resolve('Bearer alice-1', ANEW)).toEqual(REJECTED);
    vi.advanceTimersByTime(5_000);
    expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
  });

  it('takes what was remembered of it along', async () => {
    const answers: (readonly Membership[] | Refusal)[] = [[orgRow('alice', '1')], REJECTED];
    const store = new MemoryStore();
    const source = sourceOf({ store, read: () => Promise.resolve(answers.shift() ?? []) });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    await settle();
    expect(await source.resolve('Bearer alice-1', ANEW)).toEqual(REJECTED);
    await settle();
    vi.advanceTimersByTime(5_000);
    const read = counted();
    const elsewhere = sourceOf({ store, read });
    await answered(elsewhere.resolve('Bearer alice-1', ANY_AGE));
    expect(read.reads).toBe(1);
  });

  it('is not remembered where the reason is another', async () => {
    const read = vi.fn(() => Promise.resolve<Refusal>({ reason: 'mfa_required' }));
    const source = sourceOf({ read });
    await source.resolve('Bearer alice-1', ANY_AGE);
    await source.resolve('Bearer alice-1', ANY_AGE);
    expect(read).toHaveBeenCalledTimes(2);
  });
});

describe('a confirmation', () => {
  it('counts as long as it is said to, also where memberships are asked again sooner', async () => {
    const [confirm, read] = [vi.fn(() => Promise.resolve(undefined)), counted()];
    const source = sourceOf({ as: 'serviceUser', confirm, read, everyMs: 2 * TTL_MS });
    for (let ms = 0; ms < 4 * TTL_MS; ms += 10_000) {
      if (!source.warm('Bearer alice-1')) {
        await answered(source.resolve('Bearer alice-1', ANY_AGE));
      }
      vi.advanceTimersByTime(10_000);
    }
    expect([confirm.mock.calls.length, read.reads]).toEqual([2, 4]);
  });

  it('that counts for less than the memberships is asked for again in time', async () => {
    const [confirm, read] = [vi.fn(() => Promise.resolve(undefined)), counted()];
    const source = sourceOf({ as: 'serviceUser', confirm, read, everyMs: TTL_MS / 3 });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    vi.advanceTimersByTime(TTL_MS / 3 - 1);
    expect(source.warm('Bearer alice-1')).toBeDefined();
    vi.advanceTimersByTime(1);
    expect(source.warm('Bearer alice-1')).toBeUndefined();
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect([confirm.mock.calls.length, read.reads]).toEqual([2, 1]);
  });

  it('is asked for with each token', async () => {
    const confirm = vi.fn((_caller: Caller, _token: string) => Promise.resolve(undefined));
    const source = sourceOf({ as: 'serviceUser', confirm });
    await answered(source.resolve('Bearer alice-1', ANY_AGE));
    await answered(source.resolve('Bearer alice-2', ANY_AGE));
    expect(confirm.mock.calls.map(([, token]) => token)).toEqual(['alice-1', 'alice-2']);
  });
});

describe('an eviction', () => {
  const kinds = [
    ['of the user', [{ type: 'user', userId: 'alice' }]],
    ['of everybody', [{ type: 'everyone' }]],
    [
      'of the organizations of the user',
      [
        { type: 'organization', orgId: 'before' },
        { type: 'organization', orgId: '1' },
      ],
    ],
  ] as const satisfies readonly (readonly [string, readonly Eviction[]])[];

  describe.each(kinds)('%s', (_kind, evictions) => {
    const evictAll = async (source: CallerSource) => {
      await Promise.all(evictions.map((each) => evict(source, each)));
    };

    it('takes away all tokens of the user, their confirmations and memberships', async () => {
      const [confirm, read] = [vi.fn(() => Promise.resolve(undefined)), counted()];
      const source = sourceOf({ as: 'serviceUser', confirm, read });
      for (const token of ['alice-1', 'alice-2']) {
        await answered(source.resolve(`Bearer ${token}`, ANY_AGE));
      }
      await evictAll(source);
      expect(source.warm('Bearer alice-1')).toBeUndefined();
      expect(source.warm('Bearer alice-2')).toBeUndefined();
      await answered(source.resolve('Bearer alice-1', ANY_AGE));
      expect([confirm.mock.calls.length, read.reads]).toEqual([3, 2]);
    });

    it('lets nothing be kept while the memberships are read', async () => {
      const held = gate<readonly Membership[]>();
      const reads = [held.passed, Promise.resolve([orgRow('alice', 'after')])];
      const source = sourceOf({ read: () => reads.shift() ?? Promise.resolve([]) });
      const before = source.resolve('Bearer alice-1', ANY_AGE);
      await settle();
      await evictAll(source);
      const after = source.resolve('Bearer alice-1', ANY_AGE);
      expect(await orgs(after)).toEqual(['after']);
      held.open([orgRow('alice', 'before')]);
      expect(await orgs(before)).toEqual(['before']);
      const warm = source.warm('Bearer alice-1');
      expect(warm && orgsOf(warm)).toEqual(['after']);
    });

    it('lets nothing be kept while the token is confirmed', async () => {
      const held = gate<Refusal | undefined>();
      const confirms = [held.passed];
      const confirm = vi.fn(() => confirms.shift() ?? Promise.resolve(REJECTED));
      const source = sourceOf({ as: 'serviceUser', confirm });
      const before = source.resolve('Bearer alice-1', ANY_AGE);
      await settle();
      await evictAll(source);
      held.open(undefined);
      await answered(before);
      expect(source.warm('Bearer alice-1')).toBeUndefined();
      expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
      expect(confirm).toHaveBeenCalledTimes(2);
    });

    it('lets nothing be kept of an answer from before that is renewed after it', async () => {
      const answers = [undefined, REJECTED];
      const source = sourceOf({
        as: 'serviceUser',
        confirm: () => Promise.resolve(answers.shift()),
      });
      const before = await answered(source.resolve('Bearer alice-1', ANY_AGE));
      await evictAll(source);
      vi.advanceTimersByTime(1);
      await answered(source.renew(before, READS_ROWS, performance.now(), () => undefined));
      expect(source.warm('Bearer alice-1')).toBeUndefined();
      expect(await source.resolve('Bearer alice-1', ANY_AGE)).toEqual(REJECTED);
    });

    it('lets nothing be kept while it is told to the others', async () => {
      const store = new MemoryStore();
      const there = sourceOf({ store, read: () => Promise.resolve([orgRow('alice', 'before')]) });
      await answered(there.resolve('Bearer alice-1', ANY_AGE));
      await settle();
      const told = gate();
      const source = sourceOf({
        store,
        read: () => Promise.resolve([orgRow('alice', 'after')]),
      });
      store.beforeSet = (key) => (key.includes(':epoch') ? told.passed : undefined);
      const evicted = evictAll(source);
      await answered(source.resolve('Bearer alice-1', ANY_AGE));
      told.open();
      await evicted;
      const warm = source.warm('Bearer alice-1');
      expect(warm ? orgsOf(warm) : []).not.toEqual(['before']);
      expect(await orgs(source.resolve('Bearer alice-1', ANY_AGE))).toEqual(['after']);
    });
  });

  it.each(['alice', undefined])(
    'that the shared store tells while the memberships are read refuses the token, of %s',
    async (userId) => {
      const source = sourceOf({
        verify: () => callerOf('alice', { claims: { iat: Date.now() / 1_000 } }),
        read: () => {
          source.learnIssuedBefore(userId, Date.now());
          return Promise.resolve([orgRow('alice', '1')]);
        },
      });
      for (let i = 0; i < 2; i += 1) {
        const answer = await source.resolve('Bearer alice-1', ANY_AGE);
        expect(answer).toMatchObject({ reason: 'token_invalid' });
        expect(source.warm('Bearer alice-1')).toBeUndefined();
      }
    },
  );

  it('leaves everything as it was where it is of somebody else', async () => {
    const held = gate<readonly Membership[]>();
    const source = sourceOf({ read: () => held.passed });
    const before = source.resolve('Bearer alice-1', ANY_AGE);
    await settle();
    await evict(source, { type: 'user', userId: 'bob' });
    await evict(source, { type: 'organization', orgId: '2' });
    await evict(source, { type: 'token', id: 'alice-1' });
    await evict(source, { type: 'issuedBefore', userId: 'bob', time: Date.now() });
    held.open([orgRow('alice', '1')]);
    await answered(before);
    const warm = source.warm('Bearer alice-1');
    expect(warm && orgsOf(warm)).toEqual(['1']);
  });
});

describe('a caller of an earlier request', () => {
  it('is known by being the very one', async () => {
    const read = counted();
    const source = sourceOf({ read });
    const { caller } = await answered(source.resolve('Bearer alice-1', ANY_AGE));
    expect(await source.ofCaller(caller, ANY_AGE)).toBe(source.warm('Bearer alice-1'));
    expect(source.tokenOf(caller)).toBe('alice-1');
    vi.advanceTimersByTime(TTL_MS);
    await source.ofCaller(caller, ANY_AGE);
    expect(read.reads).toBe(2);
    expect(source.ofCaller({ ...caller }, ANY_AGE)).toBeUndefined();
    expect(source.tokenOf({ ...caller })).toBeUndefined();
  });
});
