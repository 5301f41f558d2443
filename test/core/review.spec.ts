import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Allowed, Decision, Denied, DenyReason } from '../../lib/core/decision.js';
import type { RequestLike } from '../../lib/core/request.js';
import type { Compiled } from '../../lib/core/requirement/compile.js';
import type { Eviction, EvictionListener } from '../../lib/core/eviction.js';
import { Review } from '../../lib/core/review.js';
import { gate } from './gate.js';
import { callerOf } from './rows.js';

const TTL = 30_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const yesUntil = (expiresAt?: number): Allowed => ({
  allowed: true,
  caller: callerOf('ann', expiresAt === undefined ? {} : { expiresAt }),
  by: undefined,
  checked: [],
  read: { at: Date.now(), from: 'zitadel' },
});

const no = (reason: DenyReason, more: Partial<Denied> = {}): Denied => ({
  allowed: false,
  reason,
  ...more,
});

type Ask = (request: RequestLike, compiled: Compiled) => Decision | Promise<Decision>;

/** What several decisions are made by, and what is evicted there. */
function evicting() {
  const listeners = new Set<EvictionListener>();
  const askedBy = new Map<Compiled, Ask>();
  return {
    listeners,
    askedBy,
    ttlMs: TTL,
    leftMs: () => TTL,
    authorize: (...given: Parameters<Ask>) => (askedBy.get(given[1]) as Ask)(...given),
    onEviction(listener: EvictionListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    evict(eviction: Eviction) {
      for (const each of listeners) each({ at: Date.now(), eviction, from: 'application' });
    },
  };
}

type Answer = Decision | Promise<Decision> | (() => never);

/** A decision under review: what is asked is noted, and what the test says last is the answer. */
function watched({
  ttlMs = TTL,
  leftMs = ttlMs,
  yes = yesUntil(),
  decisions = evicting(),
}: {
  readonly ttlMs?: number;
  readonly leftMs?: number;
  readonly yes?: Allowed;
  readonly decisions?: ReturnType<typeof evicting>;
} = {}) {
  const start = performance.now();
  const made = { answer: yes as Answer, leftMs, request: { headers: {} } as RequestLike };
  const askedAt: number[] = [];
  const asked: unknown[][] = [];
  const endings: Denied[] = [];
  const compiled = {} as Compiled;
  decisions.askedBy.set(compiled, (...given) => {
    askedAt.push(performance.now() - start);
    asked.push(given);
    return typeof made.answer === 'function' ? made.answer() : made.answer;
  });
  const review = new Review(
    {
      decisions: Object.assign(decisions, { ttlMs, leftMs: () => made.leftMs }),
      request: () => made.request,
      compiled,
      yes,
    },
    (denied) => endings.push(denied),
  );
  return { made, askedAt, asked, endings, compiled, review };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a decision under review', () => {
  it('is asked for again as soon as what it rests on has ended, each time', async () => {
    const { made, askedAt, endings } = watched({ leftMs: 12_000 });
    await pass(11_999);
    expect(askedAt).toEqual([]);
    await pass(1);
    expect(askedAt).toEqual([12_000]);
    made.leftMs = 30_000;
    await pass(12_000 + 30_000);
    expect(askedAt).toEqual([12_000, 24_000, 54_000]);
    expect(endings).toEqual([]);
  });

  it.each([
    ['nothing is remembered', { leftMs: 0 }, [30_000, 60_000]],
    ['what was remembered has ended', { leftMs: -5 }, [30_000, 60_000]],
    ['the memory ends at once', { leftMs: 3 }, [1_000, 2_000]],
    ['nothing is kept at all', { ttlMs: 0 }, [1_000, 2_000]],
    ['the clocks disagree', { leftMs: 400_000 }, [30_000, 60_000]],
  ])('is asked for at most once a second and at least once a TTL if %s', async (_, given, at) => {
    const { askedAt } = watched(given);
    await pass(at[1] as number);
    expect(askedAt).toEqual(at);
  });

  it('is asked for once more, and then at its own pace, where a token counts beyond its end', async () => {
    const { askedAt, endings } = watched({ yes: yesUntil(Date.now() + 5_000) });
    await pass(6_000 + 2 * TTL);
    expect(askedAt).toEqual([5_000, 6_000, 6_000 + TTL, 6_000 + 2 * TTL]);
    expect(endings).toEqual([]);
  });

  it('is asked for with what the request is at that time', async () => {
    const { made, asked, compiled } = watched();
    made.request = { headers: { authorization: 'Bearer new' } };
    await pass(TTL);
    expect(asked).toEqual([[made.request, compiled]]);
  });

  it.each([
    'token_invalid',
    'token_rejected',
    'role_missing',
    'mfa_required',
    'misconfigured',
  ] as const)('ends with the first no, once: %s', async (reason) => {
    const { made, askedAt, endings } = watched();
    await pass(TTL);
    made.answer = no(reason);
    await pass(10 * TTL);
    expect(endings).toEqual([no(reason)]);
    expect(askedAt).toEqual([30_000, 60_000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends when the token expires, to the millisecond', async () => {
    const { made, askedAt, endings } = watched({ yes: yesUntil(Date.now() + 10_500) });
    made.answer = no('token_invalid');
    await pass(10_500);
    expect(askedAt).toEqual([10_500]);
    expect(endings).toEqual([no('token_invalid')]);
  });

  it('goes on with a newer token', async () => {
    const { made, askedAt, endings } = watched({ yes: yesUntil(Date.now() + 10_000) });
    made.answer = yesUntil(Date.now() + 100_000);
    await pass(40_000);
    expect(askedAt).toEqual([10_000, 40_000]);
    expect(endings).toEqual([]);
  });

  it('ends closed if the question throws', async () => {
    const { made, endings } = watched();
    made.answer = () => {
      throw new TypeError('a bug');
    };
    await pass(TTL);
    expect(endings).toEqual([no('misconfigured')]);
  });
});

describe('an outage', () => {
  it('ends nothing before another TTL has passed without a yes', async () => {
    const { made, askedAt, endings } = watched();
    made.answer = no('unavailable', { retryAfterMs: 10_000 });
    await pass(2 * TTL - 1);
    expect(endings).toEqual([]);
    await pass(1);
    expect(askedAt).toEqual([30_000, 40_000, 50_000, 60_000]);
    expect(endings).toEqual([made.answer]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is asked about at most once a second', async () => {
    const { made, askedAt } = watched();
    made.answer = no('unavailable');
    await pass(TTL + 2_000);
    expect(askedAt).toEqual([30_000, 31_000, 32_000]);
  });

  it('is over with the next yes', async () => {
    const { made, endings } = watched();
    made.answer = no('unavailable');
    await pass(TTL + 500);
    made.answer = yesUntil();
    await pass(TTL);
    made.answer = no('unavailable');
    await pass(TTL);
    expect(endings).toEqual([]);
  });

  it('keeps no token that has expired', async () => {
    const { made, endings } = watched({ yes: yesUntil(Date.now() + 45_000) });
    made.answer = no('unavailable');
    await pass(44_999);
    expect(endings).toEqual([]);
    await pass(1);
    expect(endings).toMatchObject([{ reason: 'token_invalid' }]);
  });
});

describe('what is watched', () => {
  it('costs one timer, and none when it is watched no more', async () => {
    const { review, askedAt, endings } = watched();
    expect(vi.getTimerCount()).toBe(1);
    await pass(TTL);
    expect(vi.getTimerCount()).toBe(1);
    review.stop();
    review.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(10 * TTL);
    expect(askedAt).toEqual([TTL]);
    expect(endings).toEqual([]);
  });

  it.each([
    ['yes', yesUntil()],
    ['no', no('role_missing')],
    ['nothing is known', no('unavailable')],
  ] as const)(
    'is not ended by an answer that comes after it was stopped: %s',
    async (_, answer) => {
      const { made, review, endings } = watched();
      const late = gate<Decision>();
      made.answer = late.passed;
      await pass(TTL);
      review.stop();
      late.open(answer);
      await pass(10 * TTL);
      expect(endings).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('keeps no process alive', () => {
    vi.useRealTimers();
    // Node counts only timers that keep it alive.
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout');
    const before = timers();
    const { review } = watched();
    expect(timers()).toEqual(before);
    review.stop();
  });
});

describe('an eviction', () => {
  const claims = { jti: 'V2_session-at_token' };
  const USER: Eviction = { type: 'user', userId: 'ann' };

  it.each<[string, Eviction, boolean, boolean]>([
    ['of the user', USER, true, true],
    ['of another user', { type: 'user', userId: 'bob' }, false, false],
    ['of everyone', { type: 'everyone' }, true, true],
    ['of an organization', { type: 'organization', orgId: '1' }, true, true],
    ['of older tokens of the user', { type: 'issuedBefore', userId: 'ann', time: 0 }, true, true],
    ['of those of another', { type: 'issuedBefore', userId: 'bob', time: 0 }, false, false],
    ['of everyone’s', { type: 'issuedBefore', userId: undefined, time: 0 }, true, true],
    ['of the token', { type: 'token', id: 'V2_session-at_token' }, true, true],
    ['of the session', { type: 'token', id: 'V2_session' }, true, true],
    ['of another session', { type: 'token', id: 'V2_sess' }, false, true],
  ])('%s makes it ask at once, if it can concern it', async (_, eviction, asks, asksUnnamed) => {
    const decisions = evicting();
    const named = watched({
      decisions,
      yes: { ...yesUntil(), caller: callerOf('ann', { claims }) },
    });
    // What `userinfo()` says of a token does not name it.
    const unnamed = watched({ decisions });
    decisions.evict(eviction);
    await pass(0);
    expect([named, unnamed].map(({ askedAt }) => askedAt)).toEqual([
      asks ? [0] : [],
      asksUnnamed ? [0] : [],
    ]);
    // The timer begins anew.
    await pass(TTL);
    expect(named.askedAt.at(-1)).toBe(TTL);
  });

  it('ends it with the first no', async () => {
    const decisions = evicting();
    const { made, endings } = watched({ decisions });
    made.answer = no('role_missing');
    decisions.evict(USER);
    await pass(0);
    expect(endings).toEqual([no('role_missing')]);
    decisions.evict(USER);
    await pass(TTL);
    expect(endings).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('while it asks makes it ask once more, since that question may have left before', async () => {
    const decisions = evicting();
    const { made, asked, endings } = watched({ decisions });
    const late = gate<Decision>();
    made.answer = late.passed;
    decisions.evict(USER);
    await pass(10);
    decisions.evict(USER);
    decisions.evict(USER);
    await pass(10);
    expect(asked).toHaveLength(1);
    made.answer = no('role_missing');
    late.open(yesUntil());
    await pass(0);
    expect([asked.length, endings]).toEqual([2, [no('role_missing')]]);
  });

  it('follows the connection to another user', async () => {
    const decisions = evicting();
    const { made, asked } = watched({ decisions });
    made.answer = { ...yesUntil(), caller: callerOf('bob') };
    await pass(TTL);
    decisions.evict(USER);
    await pass(0);
    expect(asked).toHaveLength(1);
    decisions.evict({ type: 'user', userId: 'bob' });
    await pass(0);
    expect(asked).toHaveLength(2);
  });

  it('of many is asked about by a few at a time, once each, and by nobody who has stopped', async () => {
    const decisions = evicting();
    const all = Array.from({ length: 100 }, () => watched({ decisions }));
    const late = gate<Decision>();
    for (const { made } of all) made.answer = late.passed;
    expect(decisions.listeners.size).toBe(1);
    decisions.evict({ type: 'everyone' });
    decisions.evict({ type: 'organization', orgId: '1' });
    await pass(0);
    const asked = () => all.map(({ askedAt }) => askedAt.length);
    const sum = () => asked().reduce((one, other) => one + other, 0);
    expect(sum()).toBe(16);
    all[99]?.review.stop();
    late.open(yesUntil());
    await pass(1_000);
    expect(asked()).toEqual(all.map((_, i) => (i === 99 ? 0 : 1)));
    decisions.evict({ type: 'everyone' });
    await pass(1_000);
    expect(sum()).toBe(2 * 99);
  });
});
