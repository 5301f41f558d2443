import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breakers, type Outcome } from '../../lib/zitadel/breakers.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  // Nothing has happened at time 0.
  vi.advanceTimersByTime(1_000_000);
});
afterEach(() => {
  vi.useRealTimers();
});

const FAMILY = 'memberships';

/** Makes one call that ends at once; false where it must not be made. */
function call(breakers: Breakers, outcome: Outcome, who = 'alice', family = FAMILY): boolean {
  const pass = breakers.enter(family);
  if ('waitMs' in pass) return false;
  breakers.settle(family, pass.startedAt, outcome, who);
  return true;
}

/** Calls on and on for a while; answers at which milliseconds a call was made. */
function hammer(breakers: Breakers, outcome: Outcome, forMs: number): number[] {
  const made: number[] = [];
  for (let ms = 0; ms < forMs; ms += 10) {
    if (call(breakers, outcome)) made.push(ms);
    vi.advanceTimersByTime(10);
  }
  return made;
}

function enter(breakers: Breakers): number {
  const pass = breakers.enter(FAMILY);
  if ('waitMs' in pass) throw new Error('the breaker is open');
  return pass.startedAt;
}

describe('connections that do not come about', () => {
  it('are left alone for a second, then twice as long each time, up to half a minute', () => {
    const made = hammer(new Breakers(), 'noAnswer', 130_000);
    const gaps = made.slice(1).map((ms, at) => ms - (made[at] ?? 0));
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('are over with the first answer', () => {
    const breakers = new Breakers();
    hammer(breakers, 'noAnswer', 20_000);
    vi.advanceTimersByTime(30_000);
    expect(call(breakers, 'answer')).toBe(true);
    expect(hammer(breakers, 'answer', 100)).toHaveLength(10);
    expect(hammer(breakers, 'noAnswer', 3_500)).toEqual([0, 1_000, 3_000]);
  });

  it('that fail together count once', () => {
    const breakers = new Breakers();
    const started = Array.from({ length: 100 }, () => enter(breakers));
    for (const at of started) breakers.settle(FAMILY, at, 'noAnswer', 'alice');
    const pass = breakers.enter(FAMILY);
    expect(pass).toEqual({ waitMs: 1_000 });
  });

  it('that were under way together count once, however long the last of them takes', () => {
    const breakers = new Breakers();
    const started = Array.from({ length: 3 }, () => enter(breakers));
    for (const at of started) {
      vi.advanceTimersByTime(1_500);
      breakers.settle(FAMILY, at, 'noAnswer', 'alice');
    }
    // The second of them ended half a second after the first one's second was over: that is no new failure.
    expect(breakers.enter(FAMILY)).toHaveProperty('startedAt');
  });

  it('are no outage where another call was answered meanwhile', () => {
    const breakers = new Breakers();
    const lost = enter(breakers);
    vi.advanceTimersByTime(5);
    call(breakers, 'answer');
    breakers.settle(FAMILY, lost, 'noAnswer', 'alice');
    expect(call(breakers, 'answer')).toBe(true);
  });

  it('of one family say nothing about another', () => {
    const breakers = new Breakers();
    call(breakers, 'noAnswer');
    expect(call(breakers, 'answer')).toBe(false);
    expect(call(breakers, 'answer', 'alice', 'grants')).toBe(true);
  });
});

describe('one probe', () => {
  it('at a time is let through when the time is over', () => {
    const breakers = new Breakers();
    call(breakers, 'noAnswer');
    vi.advanceTimersByTime(1_000);
    const probe = enter(breakers);
    for (let others = 0; others < 10; others += 1) {
      expect(breakers.enter(FAMILY)).toHaveProperty('waitMs');
    }
    breakers.settle(FAMILY, probe, 'answer', 'alice');
    enter(breakers);
  });

  it('stays the only one when a call from before comes to its end', () => {
    const breakers = new Breakers();
    const early = enter(breakers);
    call(breakers, 'noAnswer');
    vi.advanceTimersByTime(1_000);
    enter(breakers);
    breakers.settle(FAMILY, early, 'failure', 'alice');
    expect(breakers.enter(FAMILY)).toHaveProperty('waitMs');
  });
});

describe('failures that may be about one user', () => {
  it('for one and the same user stop nobody, however many', () => {
    expect(hammer(new Breakers(), 'failure', 1_000)).toHaveLength(100);
  });

  it('for two users stop nobody either', () => {
    const breakers = new Breakers();
    for (let turn = 0; turn < 100; turn += 1) {
      expect(call(breakers, 'failure', turn % 2 === 0 ? 'alice' : 'bob')).toBe(true);
    }
  });

  it('for three users are an outage', () => {
    const breakers = new Breakers();
    for (const who of ['alice', 'bob', 'carol']) call(breakers, 'failure', who);
    expect(call(breakers, 'answer')).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(call(breakers, 'answer')).toBe(true);
    expect(call(breakers, 'answer')).toBe(true);
  });

  it('of long ago do not count together: an answer in between begins anew', () => {
    const breakers = new Breakers();
    call(breakers, 'failure', 'alice');
    call(breakers, 'failure', 'bob');
    call(breakers, 'answer', 'dave');
    expect(call(breakers, 'failure', 'carol')).toBe(true);
    expect(call(breakers, 'answer')).toBe(true);
  });

  it('that say nothing change nothing', () => {
    const breakers = new Breakers();
    for (const who of ['alice', 'bob']) call(breakers, 'failure', who);
    for (const who of ['carol', 'dave']) expect(call(breakers, 'unknown', who)).toBe(true);
    call(breakers, 'failure', 'erin');
    expect(call(breakers, 'answer')).toBe(false);
  });

  it('are not remembered for every user there is', () => {
    const breakers = new Breakers();
    for (let user = 0; user < 100; user += 1) call(breakers, 'failure', `user ${user}`);
    vi.advanceTimersByTime(1_000);
    expect(call(breakers, 'answer')).toBe(true);
  });
});
