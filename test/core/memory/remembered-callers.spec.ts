import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Caller, indexOf } from '../../../lib/core/caller.js';
import type { Allowed, Refusal } from '../../../lib/core/decision.js';
import { KnownCaller, RememberedCallers } from '../../../lib/core/memory/remembered-callers.js';
import type { Ids, RequestLike } from '../../../lib/core/request.js';
import type { Compiled } from '../../../lib/core/requirement/compile.js';
import { FOR_EVER, Lease, validFor, type Validity } from '../../../lib/core/validity.js';
import { callerOf, orgRow } from '../rows.js';

const REJECTED: Refusal = { reason: 'token_rejected' };

function known(
  credential: string,
  userId = 'alice',
  more: Partial<Validity> = {},
  claims: Caller['claims'] = { sub: userId },
): KnownCaller {
  const verified = {
    credential,
    token: credential,
    digest: credential,
    caller: callerOf(userId, { claims }),
    verifiedAt: performance.now(),
    accepted: FOR_EVER,
  };
  return new KnownCaller(verified, {
    index: indexOf([orgRow(userId, '1')]),
    read: { at: Date.now(), from: 'zitadel' },
    key: credential,
    organizations: [],
    askedAt: performance.now(),
    ...validFor(30_000),
    ...more,
  });
}

/** A credential of usual length, with a tail of its own. */
const bearer = (number: number, tail = '') =>
  `Bearer ${'x'.repeat(700)}.${String(number).padStart(20, '0')}${tail}`;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('what a credential leads to', () => {
  it('is found by exactly its bytes', () => {
    const callers = new RememberedCallers(2 ** 20);
    const kept = known(bearer(1));
    callers.keep(kept);
    expect(callers.get(bearer(1))).toBe(kept);
    for (const other of [
      bearer(2),
      ` ${bearer(1)}`,
      `${bearer(1)} `,
      bearer(1).replace('Bearer', 'bearer'),
      bearer(1).slice(1),
      bearer(1).slice(-12),
      '',
    ]) {
      expect(callers.get(other)).toBeUndefined();
    }
  });

  it('is not found by another credential that ends alike', () => {
    const callers = new RememberedCallers(2 ** 20);
    const tail = 'the-same-end';
    callers.keep(known(bearer(1, tail)));
    expect(callers.get(bearer(2, tail))).toBeUndefined();
    callers.keep(known(bearer(2, tail), 'bob'));
    expect(callers.get(bearer(2, tail))?.caller.userId).toBe('bob');
    expect(callers.get(bearer(1, tail))?.caller.userId).toBe('alice');
    callers.keep(known(bearer(3, tail), 'bob', validFor(10)));
    vi.advanceTimersByTime(10);
    expect(callers.get(bearer(3, tail))).toBeUndefined();
    expect(callers.get(bearer(2, tail))?.caller.userId).toBe('bob');
    callers.evict('bob');
    expect(callers.get(bearer(2, tail))).toBeUndefined();
    expect(callers.get(bearer(1, tail))?.caller.userId).toBe('alice');
    expect(callers.get(tail)).toBeUndefined();
    expect(callers.get(`whole ${bearer(2, tail)}`)).toBeUndefined();
  });

  it('goes with its user, wherever it stands beside others that end alike', () => {
    const tail = 'the-same-end';
    const credentials = [1, 2, 3].map((number) => bearer(number, tail));
    const users = ['alice', 'bob', 'carol'];
    for (const gone of users) {
      const callers = new RememberedCallers(2 ** 20);
      for (const [at, user] of users.entries()) {
        callers.keep(known(credentials[at] ?? '', user));
        callers.keep(known(credentials[at] ?? '', user));
      }
      callers.evict(gone);
      for (const [at, user] of users.entries()) {
        const found = callers.get(credentials[at] ?? '')?.caller.userId;
        expect(found).toBe(user === gone ? undefined : user);
      }
    }
  });

  it('ends at its time', () => {
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(known(bearer(1)));
    vi.advanceTimersByTime(29_999);
    expect(callers.get(bearer(1))).toBeDefined();
    vi.advanceTimersByTime(1);
    expect(callers.get(bearer(1))).toBeUndefined();
  });

  it.each([0, -1, Number.NaN])('is not kept when there is no time left (%d)', (left) => {
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(known(bearer(1), 'alice', { validUntil: performance.now() + left }));
    expect(callers.get(bearer(1))).toBeUndefined();
  });

  it('carries what requests read of it', () => {
    const { verified, rows, ...flat } = known(bearer(1));
    expect(flat).toMatchObject({
      credential: bearer(1),
      userId: 'alice',
      caller: verified.caller,
      index: rows.index,
      read: rows.read,
      validUntil: rows.validUntil,
      wallUntil: rows.wallUntil,
    });
  });

  // Of two with one credential: when the memberships of the second were asked for, when it was verified, and which stays.
  it.each<[number, number, 'first' | 'second' | 'neither']>([
    [0, 0, 'second'],
    [1, 1, 'second'],
    [1, 0, 'second'],
    [0, 1, 'second'],
    [-1, 0, 'first'],
    [-1, -1, 'first'],
    [-1, 1, 'neither'],
    [1, -1, 'neither'],
    [0, -1, 'neither'],
  ])('asked %d ms and verified %d ms after another, leaves %s', (asked, verified, left) => {
    vi.advanceTimersByTime(10);
    const callers = new RememberedCallers(2 ** 20);
    const first = known(bearer(1));
    const second = new KnownCaller(
      { ...first.verified, verifiedAt: first.verified.verifiedAt + verified },
      { ...first.rows, askedAt: first.rows.askedAt + asked },
    );
    callers.keep(first);
    callers.keep(second);
    expect(callers.get(bearer(1))).toBe({ first, second, neither: undefined }[left]);
  });

  it('stays where the next one has no time left', () => {
    const callers = new RememberedCallers(2 ** 20);
    const first = known(bearer(1));
    callers.keep(first);
    vi.advanceTimersByTime(1);
    callers.keep(known(bearer(1), 'alice', { validUntil: performance.now() }));
    expect(callers.get(bearer(1))).toBe(first);
  });

  it('is not replaced by what was read before it', () => {
    const callers = new RememberedCallers(2 ** 20);
    const old = known(bearer(1));
    vi.advanceTimersByTime(10);
    const recent = known(bearer(1));
    callers.keep(recent);
    callers.keep(old);
    expect(callers.get(bearer(1))).toBe(recent);
  });
});

describe('a "yes" that is remembered', () => {
  const sources = [{ from: 'param', name: 'orgId' }];
  const [asked, other] = [{ sources }, { sources }] as unknown as [Compiled, Compiled];
  const ids: Ids = ['1'];
  const about = (orgId: string): RequestLike => ({ headers: {}, params: { orgId } });
  const yes = { allowed: true } as Allowed;
  /** A lease beside a caller: it ends with the caller or earlier, and is over or not. */
  const leaseOf = ({ validUntil, wallUntil }: KnownCaller, kind: string): Lease => {
    const lease = new Lease({
      validUntil: validUntil - (kind === 'ends sooner' ? 10_000 : 0),
      wallUntil: wallUntil - (kind === 'ends sooner on the wall' ? 10_000 : 0),
    });
    if (kind === 'is over') lease.end();
    return lease;
  };

  it('is to exactly its requirement, about the same ids', () => {
    const caller = known(bearer(1));
    expect(caller.yesTo(asked, about('1'))).toBeUndefined();
    caller.remember(asked, ids, yes);
    expect(caller.yesTo(asked, about('1'))).toBe(yes);
    expect(caller.yesTo(asked, about('2'))).toBeUndefined();
    expect(caller.yesTo(other, about('1'))).toBeUndefined();
    caller.remember(other, ids, yes);
    expect(caller.yesTo(asked, about('1'))).toBeUndefined();
    expect(caller.yesTo(other, about('1'))).toBe(yes);
    expect(caller.yesAbout(other, ['1'])).toBe(yes);
    expect(caller.yesAbout(other, ['2'])).toBeUndefined();
    expect(caller.yesAbout(other, [undefined])).toBeUndefined();
    expect(caller.yesAbout(asked, ['1'])).toBeUndefined();
    caller.remember(other, ['1', '2'], yes);
    expect(caller.yesAbout(other, ['1', '2'])).toBe(yes);
    expect(caller.yesAbout(other, ['1', '3'])).toBeUndefined();
  });

  it.each<[leases: readonly string[], now: boolean, later: boolean]>([
    [[], true, true],
    [['runs'], true, true],
    [['runs', 'runs'], true, true],
    [['is over'], false, false],
    [['runs', 'is over'], false, false],
    [['is over', 'runs'], false, false],
    [['ends sooner'], true, false],
    [['ends sooner on the wall'], true, false],
    [['runs', 'ends sooner'], true, false],
    [['ends sooner on the wall', 'runs'], true, false],
  ])('that rests on leases of which one %j counts now: %j, and later: %j', (kinds, now, later) => {
    const caller = known(bearer(1));
    const leases = kinds.map((kind) => leaseOf(caller, kind));
    caller.remember(asked, ids, yes, leases);
    expect(caller.yesTo(asked, about('1'))).toBe(now ? yes : undefined);
    vi.advanceTimersByTime(25_000);
    expect(caller.yesTo(asked, about('1'))).toBe(later ? yes : undefined);
    caller.remember(asked, ids, yes);
    expect(caller.yesTo(asked, about('1'))).toBe(yes);
  });

  it.each<[leases: readonly string[], leftMs: number]>([
    [[], 30_000],
    [['runs'], 30_000],
    [['ends sooner'], 20_000],
    [['ends sooner on the wall'], 20_000],
    [['runs', 'ends sooner'], 20_000],
    [['ends sooner', 'runs'], 20_000],
  ])('tells for how long it counts with leases of which one %j: %i ms', (kinds, leftMs) => {
    const caller = known(bearer(1));
    const leases = kinds.map((kind) => leaseOf(caller, kind));
    caller.remember(asked, ids, yes, leases);
    expect(Math.round(caller.leftMs(asked))).toBe(leftMs);
    expect(Math.round(caller.leftMs(other))).toBe(30_000);
    vi.advanceTimersByTime(7_000);
    expect(Math.round(caller.leftMs(asked))).toBe(leftMs - 7_000);
  });

  it.each([0, 1])('ends with lease number %i', (ended) => {
    const caller = known(bearer(1));
    const leases = [leaseOf(caller, 'runs'), leaseOf(caller, 'runs')];
    caller.remember(asked, ids, yes, leases);
    leases[ended]?.end();
    expect(caller.yesTo(asked, about('1'))).toBeUndefined();
    expect(caller.yesAbout(asked, ['1'])).toBeUndefined();
  });
});

describe('a clock on the wall', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  const HOUR_MS = 3_600_000;

  it('that is set back keeps nothing longer, and switches the memory not off', () => {
    vi.setSystemTime(now);
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(known(bearer(1)));
    vi.setSystemTime(now - HOUR_MS);
    expect(callers.get(bearer(1))).toBeDefined();
    vi.advanceTimersByTime(30_000);
    expect(callers.get(bearer(1))).toBeUndefined();
    const recent = known(bearer(1));
    callers.keep(recent);
    expect(callers.get(bearer(1))).toBe(recent);
  });

  it('that is ahead after the host was suspended ends what is older than it may be', () => {
    vi.setSystemTime(now);
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(known(bearer(1)));
    vi.setSystemTime(now + 30_000);
    expect(callers.get(bearer(1))).toBeUndefined();
    const recent = known(bearer(1));
    callers.keep(recent);
    expect(callers.get(bearer(1))).toBe(recent);
  });
});

describe('a user', () => {
  it('has at most 8 tokens that are remembered, the oldest of which goes', () => {
    const callers = new RememberedCallers(2 ** 24);
    for (let number = 1; number <= 20; number += 1) callers.keep(known(bearer(number)));
    callers.keep(known(bearer(99), 'bob'));
    const left = Array.from({ length: 20 }, (_, at) => at + 1).filter((at) =>
      callers.get(bearer(at)),
    );
    expect(left).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
    expect(callers.get(bearer(99))).toBeDefined();
  });

  it('does not lose another token by using one of 8 again', () => {
    const callers = new RememberedCallers(2 ** 24);
    for (let number = 1; number <= 8; number += 1) callers.keep(known(bearer(number)));
    for (let again = 0; again < 20; again += 1) callers.keep(known(bearer(8)));
    for (let number = 1; number <= 8; number += 1) {
      expect(callers.get(bearer(number))).toBeDefined();
    }
  });

  it('loses every token by an eviction, and nobody else any', () => {
    const callers = new RememberedCallers(2 ** 24);
    for (let number = 1; number <= 8; number += 1) callers.keep(known(bearer(number)));
    callers.keep(known(bearer(9), 'bob'));
    callers.evict('alice');
    for (let number = 1; number <= 8; number += 1) {
      expect(callers.get(bearer(number))).toBeUndefined();
    }
    expect(callers.get(bearer(9))).toBeDefined();
    callers.evict();
    expect(callers.get(bearer(9))).toBeUndefined();
  });
});

describe('a token', () => {
  const withId = (number: number, jti?: string) =>
    known(bearer(number), 'alice', {}, { sub: 'alice', ...(jti !== undefined && { jti }) });
  const left = (callers: RememberedCallers) =>
    [1, 2, 3, 4].filter((number) => callers.get(bearer(number)) !== undefined);

  it.each<[string, string, readonly number[]]>([
    ['its id', 'V2_1-at_1', [2, 3, 4]],
    ['its session', 'V2_1', [3, 4]],
    ['the id of another one', 'V2_1-at_9', [1, 2, 3, 4]],
    ['another session', 'V2_9', [1, 2, 3, 4]],
    ['the beginning of its session', 'V2', [1, 2, 3, 4]],
  ])('is forgotten by %s, and no other token is', (_what, id, expected) => {
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(withId(1, 'V2_1-at_1'));
    callers.keep(withId(2, 'V2_1-at_2'));
    callers.keep(withId(3, 'V2_3-at_1'));
    callers.keep(withId(4));
    callers.evictToken(id);
    expect(left(callers)).toEqual(expected);
  });

  it('is forgotten where it fits, and is told', () => {
    const callers = new RememberedCallers(2 ** 20);
    for (let number = 1; number <= 4; number += 1) callers.keep(withId(number));
    const gone: string[] = [];
    callers.evictWhere(
      ({ credential }) => [bearer(2), bearer(3)].includes(credential),
      ({ credential }) => gone.push(credential),
    );
    expect(left(callers)).toEqual([1, 4]);
    expect(gone.toSorted()).toEqual([bearer(2), bearer(3)]);
  });
});

describe('the memory in front', () => {
  it('takes two bytes a letter, and what stands around them', () => {
    const caller = known(bearer(1));
    const bytes = 2 * caller.credential.length + 600 + caller.index.bytes;
    const kept = [bytes - 1, bytes].map((most) => {
      const callers = new RememberedCallers(most);
      callers.keep(caller);
      return callers.get(caller.credential) !== undefined;
    });
    expect(kept).toEqual([false, true]);
  });

  it('takes more where ZITADEL says more of the caller than the token can hold', () => {
    const callers = new RememberedCallers(2 ** 20);
    const names = Array.from({ length: 50 }, (_, number) => `user ${number}`);
    for (const name of names) {
      callers.keep(known(`Bearer ${name}`, name, {}, { metadata: { about: 'x'.repeat(2 ** 17) } }));
    }
    const kept = names.filter((name) => callers.get(`Bearer ${name}`));
    expect(kept).toEqual(names.slice(-3));
  });

  it('is kept with claims that are no JSON, which only a function of the application gives', () => {
    const callers = new RememberedCallers(2 ** 20);
    const kept = known('Bearer a', 'alice', {}, { number: 1n });
    callers.keep(kept);
    expect(callers.get('Bearer a')).toBe(kept);
  });

  it('makes room for later ones, also if it is asked for all the time: it ends before them', () => {
    const callers = new RememberedCallers(2 ** 20);
    for (let number = 0; number < 5_000; number += 1) {
      callers.keep(known(bearer(number), `user ${number}`));
      callers.get(bearer(0));
    }
    expect(callers.get(bearer(0))).toBeUndefined();
  });

  it('is bounded by bytes', () => {
    const callers = new RememberedCallers(2 ** 20);
    for (let number = 0; number < 5_000; number += 1) {
      callers.keep(known(bearer(number), `user ${number}`));
    }
    const left = Array.from({ length: 5_000 }, (_, at) => at).filter((at) =>
      callers.get(bearer(at)),
    );
    expect(left).toContain(4_999);
    expect(left).not.toContain(0);
    // A credential alone takes more than 700 bytes.
    expect(left.length).toBeLessThan(2 ** 20 / 700);
    expect(left.length).toBeGreaterThan(200);
  });
});

describe('a rejected credential', () => {
  it('is remembered for five seconds, by exactly its bytes', () => {
    const callers = new RememberedCallers(2 ** 20);
    callers.reject(bearer(1), REJECTED);
    expect(callers.rejection(bearer(1))).toEqual(REJECTED);
    expect(callers.rejection(`${bearer(1)}x`)).toBeUndefined();
    expect(callers.rejection(bearer(2, bearer(1).slice(-12)))).toBeUndefined();
    vi.advanceTimersByTime(4_999);
    expect(callers.rejection(bearer(1))).toEqual(REJECTED);
    vi.advanceTimersByTime(1);
    expect(callers.rejection(bearer(1))).toBeUndefined();
  });

  it('takes nothing from another one that ends alike', () => {
    const callers = new RememberedCallers(2 ** 20);
    const [good, junk, dead] = [1, 2, 3].map((number) => bearer(number, 'the-same-end'));
    callers.keep(known(good ?? ''));
    callers.reject(dead ?? '', REJECTED);
    callers.reject(junk ?? '', REJECTED);
    callers.forget(junk ?? '');
    expect(callers.get(good ?? '')?.caller.userId).toBe('alice');
    expect(callers.rejection(dead ?? '')).toEqual(REJECTED);
    expect(callers.rejection(good ?? '')).toBeUndefined();
  });

  it('is forgotten as an accepted one', () => {
    const callers = new RememberedCallers(2 ** 20);
    callers.keep(known(bearer(1)));
    callers.reject(bearer(1), REJECTED);
    expect(callers.get(bearer(1))).toBeUndefined();
  });

  it('takes two bytes a letter, and what stands around them', () => {
    const callers = new RememberedCallers(2 ** 20);
    const largest = 'x'.repeat((4 * 2 ** 20 - 200) / 2);
    callers.reject(`${largest}x`, REJECTED);
    expect(callers.rejection(`${largest}x`)).toBeUndefined();
    callers.reject(largest, REJECTED);
    expect(callers.rejection(largest)).toEqual(REJECTED);
  });

  it('is bounded by bytes, the oldest first', () => {
    const callers = new RememberedCallers(2 ** 20);
    const long = (number: number) =>
      `Bearer ${'x'.repeat(8_000)}${String(number).padStart(16, '0')}`;
    for (let number = 0; number < 300; number += 1) callers.reject(long(number), REJECTED);
    expect(callers.rejection(long(0))).toBeUndefined();
    expect(callers.rejection(long(299))).toEqual(REJECTED);
  });
});
