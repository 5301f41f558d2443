import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreQueue } from '../../../lib/core/store/store-queue.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Ten who ask, and never end. Those who went. */
function crowd(queue: StoreQueue): number[] {
  const gone: number[] = [];
  for (let one = 0; one < 10; one += 1) {
    void queue.join(() => {
      gone.push(one);
      return new Promise(() => undefined);
    });
  }
  return gone;
}

describe('the queue for the shared store', () => {
  it('lets six go at a time; one that has ended leaves its place', async () => {
    const queue = new StoreQueue();
    await queue.join(() => Promise.resolve());
    expect(crowd(queue)).toHaveLength(6);
  });

  it('makes room after 250 ms', async () => {
    const gone = crowd(new StoreQueue());
    await vi.advanceTimersByTimeAsync(249);
    expect(gone).toHaveLength(6);
    await vi.advanceTimersByTimeAsync(1);
    expect(gone).toHaveLength(10);
  });

  it('lets all go to a store that fails, and has nobody wait for it', async () => {
    const queue = new StoreQueue();
    const gone = crowd(queue);
    queue.settle(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(gone).toHaveLength(10);
    expect(crowd(queue)).toHaveLength(10);
  });

  it('has them wait again for one that replies', () => {
    const queue = new StoreQueue();
    queue.settle(true);
    queue.settle(false);
    expect(crowd(queue)).toHaveLength(6);
  });
});
