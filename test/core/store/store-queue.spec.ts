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

  it('sends all away from a store that fails, and has nobody wait for it', async () => {
    const queue = new StoreQueue();
    const told = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(told.filter((isThere) => !isThere)).toHaveLength(4);
    expect(crowd(queue)).toHaveLength(10);
  });

  it('has them wait again for one that replies', () => {
    const queue = new StoreQueue();
    queue.settle(true);
    queue.settle(false);
    expect(crowd(queue)).toHaveLength(6);
  });
});
