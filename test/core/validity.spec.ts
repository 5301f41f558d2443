import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FOR_EVER, Lease } from '../../lib/core/validity.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A lease that has ended, or has an hour left, on each clock. */
const leaseOf = (monotonic: 'ended' | 'runs', wall: 'ended' | 'runs') =>
  new Lease({
    validUntil: performance.now() + (monotonic === 'runs' ? 3_600_000 : 0),
    wallUntil: Date.now() + (wall === 'runs' ? 3_600_000 : 0),
  });

describe('a lease', () => {
  it.each([
    ['runs', 'runs', true],
    ['ended', 'runs', false],
    ['runs', 'ended', false],
    ['ended', 'ended', false],
  ] as const)('that %s on the monotonic clock and %s on the wall', (monotonic, wall, runs) => {
    const lease = leaseOf(monotonic, wall);
    expect(lease.runs()).toBe(runs);
    expect(lease.runsBeside(FOR_EVER)).toBe(runs);
    // What is valid beside it ends later on one clock alone.
    const { validUntil, wallUntil } = lease;
    expect(lease.runsBeside({ validUntil: Infinity, wallUntil })).toBe(runs);
    expect(lease.runsBeside({ validUntil, wallUntil: Infinity })).toBe(runs);
  });

  it('is over when it is ended, whatever the clocks say', () => {
    const lease = leaseOf('runs', 'runs');
    lease.end();
    expect(lease.runs()).toBe(false);
    expect(lease.runsBeside(lease)).toBe(false);
  });
});
