import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Allowed, Decision, Denied, DenyReason } from '../../lib/core/decision.js';
import type { RequestLike } from '../../lib/core/request.js';
import type { Compiled } from '../../lib/core/requirement/compile.js';
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

type Answer = Decision | Promise<Decision> | (() => never);

/** A decision under review: what is asked is noted, and what the test says last is the answer. */
function watched({
  ttlMs = TTL,
  leftMs = ttlMs,
  yes = yesUntil(),
}: { readonly ttlMs?: number; readonly leftMs?: number; readonly yes?: Allowed } = {}) {
  const start = performance.now();
  const made = { answer: yes as Answer, leftMs, request: { headers: {} } as RequestLike };
  const askedAt: number[] = [];
  const asked: unknown[][] = [];
  const endings: Denied[] = [];
  const compiled = {} as Compiled;
  const review = new Review(
    {
      decisions: {
        ttlMs,
        leftMs: () => made.leftMs,
        authorize(...given) {
          askedAt.push(performance.now() - start);
          asked.push(given);
          return typeof made.answer === 'function' ? made.answer() : made.answer;
        },
      },
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

  it('is asked for at its own pace where a token counts beyond its end', async () => {
    const { askedAt, endings } = watched({ yes: yesUntil(Date.now() + 5_000) });
    await pass(5_000 + 2 * TTL);
    expect(askedAt).toEqual([5_000, 5_000 + TTL, 5_000 + 2 * TTL]);
    expect(endings).toEqual([]);
  });

  it('is asked for with what the request is at that time', async () => {
    const { made, asked, compiled } = watched();
    made.request = { headers: { authorization: 'Bearer new' } };
    await pass(TTL);
    expect(asked).toEqual([[made.request, compiled, undefined]]);
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
