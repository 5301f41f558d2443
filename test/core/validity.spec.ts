import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endsBefore, FOR_EVER, Lease } from '../../lib/core/validity.js';

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
    expect(lease.isOver).toBe(false);
  });

  it('ends before another end if it does on one of the clocks', () => {
    const lease = leaseOf('runs', 'runs');
    const { validUntil, wallUntil } = lease;
    expect(endsBefore(lease, FOR_EVER)).toBe(true);
    expect(endsBefore(lease, { validUntil: Infinity, wallUntil })).toBe(true);
    expect(endsBefore(lease, { validUntil, wallUntil: Infinity })).toBe(true);
    expect(endsBefore(lease, lease)).toBe(false);
    expect(endsBefore(FOR_EVER, lease)).toBe(false);
  });

  it('is over when it is ended, whatever the clocks say', () => {
    const lease = leaseOf('runs', 'runs');
    lease.end();
    expect(lease.runs()).toBe(false);
    expect(lease.isOver).toBe(true);
  });
});
