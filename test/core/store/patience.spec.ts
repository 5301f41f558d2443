import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inTime, patienceNow, patienceUntil } from '../../../lib/core/store/patience.js';
import { gate } from '../gate.js';

/** For how long this process was too busy to run its timers. */
let busyMs = 0;

beforeEach(() => {
  vi.useFakeTimers();
  busyMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now() + busyMs);
});
afterEach(() => {
  const left = vi.getTimerCount();
  vi.restoreAllMocks();
  vi.useRealTimers();
  // The clock would run on for the next test.
  if (left > 0) throw new Error(`${left} timers are left`);
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** The bell waits until replies were read, for which the fake timers need a moment. */
const bell = () => pass(1);
const never = new Promise<never>(() => undefined);

/** What was waited for, as soon as it is known. */
function heard<T>(promise: Promise<T>): { value: T | 'nothing yet' } {
  const result: { value: T | 'nothing yet' } = { value: 'nothing yet' };
  void promise.then((value) => (result.value = value));
  return result;
}

describe('the clock of patience', () => {
  it('runs as other clocks do while somebody waits', async () => {
    const start = patienceNow();
    const waiting = heard(patienceUntil(start + 100));
    await pass(60);
    expect(patienceNow()).toBe(start + 60);
    await pass(40);
    expect([patienceNow(), waiting.value]).toEqual([start + 100, 'nothing yet']);
    await bell();
    expect(waiting.value).toBeUndefined();
  });

  it('stands still while nobody waits', async () => {
    const end = patienceNow() + 10;
    void patienceUntil(end);
    await pass(10);
    await bell();
    await pass(1_000);
    expect(patienceNow()).toBe(end);
  });

  it('does not count what passed before somebody waits again', async () => {
    await pass(1_000);
    const start = patienceNow();
    const waiting = heard(inTime(never, start + 10, 'late'));
    await pass(8);
    expect(waiting.value).toBe('nothing yet');
    await pass(2);
    await bell();
    expect(waiting.value).toBe('late');
  });

  it('runs on for those who still wait', async () => {
    const start = patienceNow();
    const long = heard(inTime(never, start + 50, 'late'));
    await inTime(Promise.resolve('here'), start + 10, 'late');
    await pass(48);
    expect([patienceNow(), long.value]).toEqual([start + 48, 'nothing yet']);
    await pass(2);
    await bell();
    expect(long.value).toBe('late');
  });

  it('leaves nothing behind where a reply was read between two bells', async () => {
    const reply = gate<string>();
    const waiting = heard(inTime(reply.passed, patienceNow() + 49, 'late'));
    await pass(49);
    reply.open('here');
    await pass(1);
    expect(waiting.value).toBe('here');
  });

  it('hardly moves while this process is busy', async () => {
    const start = patienceNow();
    const waiting = heard(inTime(never, start + 50, 'late'));
    busyMs += 10_000;
    await pass(2);
    expect(patienceNow()).toBe(start + 4);
    await pass(44);
    expect([patienceNow(), waiting.value]).toEqual([start + 48, 'nothing yet']);
    await pass(4);
    await bell();
    expect(waiting.value).toBe('late');
  });

  it('keeps up with timers that come a little late', async () => {
    const start = patienceNow();
    const waiting = heard(inTime(never, start + 50, 'late'));
    for (const lateMs of [1, 2, 0]) {
      busyMs += lateMs;
      await pass(2);
    }
    expect([patienceNow(), waiting.value]).toEqual([start + 9, 'nothing yet']);
    await pass(50);
    expect(waiting.value).toBe('late');
  });
});

describe('who waits', () => {
  it('hears what comes in time, and waits no longer than that', async () => {
    const reply = gate<string>();
    const waiting = heard(inTime(reply.passed, patienceNow() + 50, 'late'));
    await pass(10);
    reply.open('here');
    await pass(0);
    expect(waiting.value).toBe('here');
  });

  it('hears what came at the last moment, while this process was busy', async () => {
    const reply = gate<string>();
    const waiting = heard(inTime(reply.passed, patienceNow() + 10, 'late'));
    // Timers run before replies are read.
    setTimeout(() => {
      reply.open('here');
    }, 10);
    await pass(10);
    await bell();
    expect(waiting.value).toBe('here');
  });

  it('does not wait for a time that is over', async () => {
    const waiting = heard(inTime(never, patienceNow(), 'late'));
    await pass(1);
    await bell();
    expect(waiting.value).toBe('late');
  });

  it('hears of a failure', async () => {
    const failing = inTime(Promise.reject(new Error('no')), patienceNow() + 50, 'late');
    await expect(failing).rejects.toThrow('no');
  });
});
