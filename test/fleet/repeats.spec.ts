import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Eviction } from '../../lib/core/eviction.js';
import { Repeats } from '../../lib/fleet/repeats.js';

const user = (userId: string): Eviction => ({ type: 'user', userId });

describe('evictions that follow from events', () => {
  const done: (readonly [atMs: number, eviction: Eviction])[] = [];
  let repeats: Repeats;
  let start: number;
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
    });
    done.length = 0;
    start = performance.now();
    repeats = new Repeats((eviction) => {
      done.push([performance.now() - start, eviction]);
      return Promise.reject(new Error('nobody handles it'));
    });
  });
  afterEach(() => {
    repeats.close();
    vi.useRealTimers();
  });

  /** When something was carried out, to a tenth of a second. */
  const times = () => done.map(([atMs]) => Math.floor(atMs / 100) * 100);

  it('are carried out at once, after 2 and after 10 seconds, and then forgotten', () => {
    repeats.apply([user('1')]);
    expect(times()).toEqual([0]);
    vi.advanceTimersByTime(60_000);
    expect(times()).toEqual([0, 2_000, 10_000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('count from the last event of their subject', () => {
    repeats.apply([user('1')]);
    vi.advanceTimersByTime(1_500);
    repeats.apply([user('1'), user('2')]);
    vi.advanceTimersByTime(60_000);
    expect(done.filter(([, each]) => each.type === 'user' && each.userId === '1').length).toBe(4);
    expect(times()).toEqual([0, 1_500, 1_500, 3_500, 3_500, 11_500, 11_500]);
  });

  it('of one subject that come close together become few, and the last one counts', () => {
    for (let at = 0; at < 5_000; at += 1) {
      repeats.apply([user('1')]);
      if (at % 10 === 9) vi.advanceTimersByTime(1);
    }
    expect(done.length).toBeLessThanOrEqual(6);
    vi.advanceTimersByTime(200);
    expect(done.at(-1)?.[0]).toBeGreaterThanOrEqual(500);
    vi.advanceTimersByTime(60_000);
    expect(done.length).toBeLessThanOrEqual(9);
  });

  it('of many subjects are all carried out, and others have their turn in between', () => {
    repeats.apply(Array.from({ length: 5_000 }, (_, at) => user(`${at}`)));
    const atOnce = done.length;
    expect(atOnce).toBeLessThanOrEqual(25);
    vi.advanceTimersByTime(1_000);
    expect(new Set(done.map(([, each]) => JSON.stringify(each))).size).toBe(5_000);
    expect(done.length).toBe(5_000);
    vi.advanceTimersByTime(60_000);
    expect(done.length).toBe(15_000);
  });

  it('of more subjects than are remembered are carried out, and everyone is evicted again', () => {
    for (let at = 0; at < 10_500; at += 1) repeats.apply([user(`${at}`)]);
    vi.advanceTimersByTime(1_000);
    expect(new Set(done.map(([, each]) => JSON.stringify(each))).size).toBe(10_501);
    const everyone = () => done.filter(([, { type }]) => type === 'everyone').length;
    const before = everyone();
    vi.advanceTimersByTime(60_000);
    expect(everyone() - before).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keep the latest time from which tokens count', () => {
    const until = (time: number): Eviction => ({ type: 'issuedBefore', userId: '1', time });
    repeats.apply([until(5), until(9), until(7)]);
    vi.advanceTimersByTime(60_000);
    expect(done.slice(1).map(([, each]) => each)).toEqual([until(9), until(9), until(9)]);
  });

  it('end when they are closed', () => {
    repeats.apply([user('1')]);
    repeats.close();
    repeats.apply([user('2')]);
    vi.advanceTimersByTime(60_000);
    expect(times()).toEqual([0]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
