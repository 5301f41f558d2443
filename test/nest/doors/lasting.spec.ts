import { describe, expect, it } from 'vitest';
import { Current } from '../../../lib/core/attached-decision.js';
import type { Denied } from '../../../lib/core/decision.js';
import { REVIEW } from '../../../lib/core/review.js';
import { StreamUnderReview } from '../../../lib/nest/doors/lasting.js';
import { callerOf } from '../../core/rows.js';

/** A decision that ends when the test says so. */
function reviewed() {
  const noted = { begun: 0, stopped: 0, end: (): void => undefined };
  const yes = {
    allowed: true,
    caller: callerOf('ann'),
    by: undefined,
    checked: [],
    read: { at: 0, from: 'zitadel' },
    [REVIEW](_request: object, ended: (denied: Denied) => void) {
      noted.begun += 1;
      noted.end = () => ended({ allowed: false, reason: 'role_missing' });
      return { stop: () => void (noted.stopped += 1) };
    },
  } as const;
  return { noted, decision: new Current(yes, {}, ({ reason }) => new Error(reason)) };
}

const streamOf = (next: () => Promise<IteratorResult<string>>, last?: () => unknown) =>
  new StreamUnderReview<string>({
    [Symbol.asyncIterator]: () => ({ next, ...(last && { return: last as never }) }),
  });

describe('a stream under review', () => {
  it('is asked about no more when what it is made of breaks', async () => {
    const { noted, decision } = reviewed();
    const stream = streamOf(() => Promise.reject(new Error('the source broke')));
    stream.endWith(decision);
    // Whoever reads a stream that breaks does not call return().
    await expect(stream.next()).rejects.toThrow('the source broke');
    expect(noted.stopped).toBe(1);
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is under one review, also if two guards let it through', async () => {
    const [one, other] = [reviewed(), reviewed()];
    const stream = streamOf(() => Promise.resolve({ done: true, value: undefined }));
    stream.endWith(one.decision);
    stream.endWith(other.decision);
    await stream.next();
    expect([one.noted.begun, one.noted.stopped, other.noted.begun]).toEqual([1, 1, 0]);
  });

  it('ends at once with a decision that has ended', async () => {
    const { noted, decision } = reviewed();
    expect(decision.signal.aborted).toBe(false);
    noted.end();
    const stream = streamOf(() => Promise.resolve({ done: false, value: 'late' }));
    stream.endWith(decision);
    await expect(stream.next()).rejects.toThrow('role_missing');
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it.each([
    ['returns no promise', () => undefined],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('ends with its decision, also if what it is made of %s when it is told', async (_, last) => {
    const { noted, decision } = reviewed();
    const stream = streamOf(() => new Promise(() => undefined), last);
    stream.endWith(decision);
    const next = stream.next();
    noted.end();
    await expect(next).rejects.toThrow('role_missing');
  });
});
