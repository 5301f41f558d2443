import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreQueue } from '../../../lib/core/store/store-queue.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Ten who ask, and never end. What each was told. */
function crowd(queue: StoreQueue): boolean[] {
  const told: boolean[] = [];
  for (let one = 0; one < 10; one += 1) {
    void queue.join((isThere) => {
      told.push(isThere);
      return new Promise(() => undefined);
    });
  }
  return told;
}

describe('the queue for the shared store', () => {
  it('lets six go at a time; one that has ended leaves its place', async () => {
    const queue = new StoreQueue();
    await queue.join(() => Promise.resolve());
    expect(crowd(queue)).toHaveLength(6);
  });

  it('makes room after 250 ms', async () => {
    const told = crowd(new StoreQueue());
    await vi.advanceTimersByTimeAsync(249);
    expect(told).toHaveLength(6);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual(Array(10).fill(true));
  });

  it('sends nobody away for one late reply', async () => {
    const queue = new StoreQueue();
    const told = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveLength(6);
  });

  it('sends all away from a store that has been silent for a second', async () => {
    const queue = new StoreQueue();
    queue.settle(true);
    vi.advanceTimersByTime(600);
    queue.settle(true);
    vi.advanceTimersByTime(600);
    const told = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(told.filter((isThere) => !isThere)).toHaveLength(4);
  });

  it('takes two late replies with nothing asked between them for no silence', async () => {
    const queue = new StoreQueue();
    queue.settle(true);
    vi.advanceTimersByTime(600_000);
    const told = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(Array(6).fill(true));
  });
});
