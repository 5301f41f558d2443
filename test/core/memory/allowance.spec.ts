import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Allowance } from '../../../lib/core/memory/allowance.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an allowance', () => {
  it('is spent by decisions, whatever each of them asks', () => {
    const allowance = new Allowance(2, 30_000);
    for (let decision = 0; decision < 2; decision += 1) {
      const toll = allowance.toll('alice');
      expect([toll.pay(), toll.pay(), toll.pay()]).toEqual([undefined, undefined, undefined]);
    }
    expect(allowance.toll('alice').pay()).toMatchObject({
      reason: 'unavailable',
      retryAfterMs: 30_000,
    });
  });

  it('is one for each user', () => {
    const allowance = new Allowance(1, 30_000);
    expect(allowance.toll('alice').pay()).toBeUndefined();
    expect(allowance.toll('bob').pay()).toBeUndefined();
    expect(allowance.toll('alice').pay()).toMatchObject({ reason: 'unavailable' });
  });

  it('comes back when the while is over, not later the more is asked', () => {
    const allowance = new Allowance(1, 30_000);
    allowance.toll('alice').pay();
    vi.advanceTimersByTime(29_999);
    expect(allowance.toll('alice').pay()).toMatchObject({ retryAfterMs: 1 });
    vi.advanceTimersByTime(1);
    expect(allowance.toll('alice').pay()).toBeUndefined();
  });

  it('is given back once, by a decision that took it', () => {
    const allowance = new Allowance(1, 30_000);
    const toll = allowance.toll('alice');
    toll.pay();
    allowance.toll('alice').giveBack();
    expect(allowance.toll('alice').pay()).toMatchObject({ reason: 'unavailable' });
    toll.giveBack();
    toll.giveBack();
    expect(allowance.toll('alice').pay()).toBeUndefined();
    expect(allowance.toll('alice').pay()).toMatchObject({ reason: 'unavailable' });
  });

  it('is new for a user who was forgotten', () => {
    const allowance = new Allowance(1, 30_000);
    allowance.toll('alice').pay();
    allowance.toll('bob').pay();
    allowance.forget('alice');
    expect(allowance.toll('alice').pay()).toBeUndefined();
    expect(allowance.toll('bob').pay()).toMatchObject({ reason: 'unavailable' });
    allowance.forget(undefined);
    expect(allowance.toll('bob').pay()).toBeUndefined();
  });
});
