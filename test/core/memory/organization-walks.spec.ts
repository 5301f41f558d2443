import { describe, expect, it, vi } from 'vitest';
import { OrganizationWalks } from '../../../lib/core/memory/organization-walks.js';

/** Walks of which each takes so many milliseconds. */
function walksOf(ms: number) {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  const walked: string[][] = [];
  const walks = new OrganizationWalks((orgIds) => {
    walked.push([...orgIds]);
    vi.advanceTimersByTime(ms);
  });
  return { walked, walks };
}

describe('organizations that are evicted in a burst', () => {
  it('are forgotten at once while a walk is short', () => {
    const { walked, walks } = walksOf(0);
    for (const id of ['1', '2', '2']) expect(walks.over(id)).toBeUndefined();
    expect(walked).toEqual([['1'], ['2'], ['2']]);
    vi.useRealTimers();
  });

  it.each([
    [1, 9],
    [50, 100],
  ])('share one walk, where a walk takes %d ms and they come within %d ms', async (ms, waits) => {
    const { walked, walks } = walksOf(ms);
    expect(walks.over('0')).toBeUndefined();
    const waiting = Array.from({ length: 5_000 }, (_, i) => walks.over(String(i % 1_000)));
    await vi.advanceTimersByTimeAsync(waits - 1);
    expect(walked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(waiting);
    expect(walked).toHaveLength(2);
    expect(walked[1]).toHaveLength(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(walks.over('0')).toBeUndefined();
    vi.useRealTimers();
  });
});
