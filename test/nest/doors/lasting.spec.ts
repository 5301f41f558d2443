import { describe, expect, it } from 'vitest';
import { type StartReview, StreamUnderReview } from '../../../lib/nest/doors/lasting.js';

/** A review that ends when the test says so. */
function review() {
  const noted = { begun: 0, stopped: 0, end: (_exception: Error): void => undefined };
  const start: StartReview = (ended) => {
    noted.begun += 1;
    noted.end = ended;
    return { stop: () => void (noted.stopped += 1) };
  };
  return { noted, start };
}

const streamOf = (next: () => Promise<IteratorResult<string>>, last?: () => unknown) =>
  new StreamUnderReview<string>({
    [Symbol.asyncIterator]: () => ({ next, ...(last && { return: last as never }) }),
  });

describe('a stream under review', () => {
  it('is asked about no more when what it is made of breaks', async () => {
    const { noted, start } = review();
    const stream = streamOf(() => Promise.reject(new Error('the source broke')));
    stream.begin(start);
    // Whoever reads a stream that breaks does not call return().
    await expect(stream.next()).rejects.toThrow('the source broke');
    expect(noted.stopped).toBe(1);
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is under one review, also if two guards let it through', async () => {
    const [one, other] = [review(), review()];
    const stream = streamOf(() => Promise.resolve({ done: true, value: undefined }));
    stream.begin(one.start);
    stream.begin(other.start);
    await stream.next();
    expect([one.noted.begun, one.noted.stopped, other.noted.begun]).toEqual([1, 1, 0]);
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
    const { noted, start } = review();
    const stream = streamOf(() => new Promise(() => undefined), last);
    stream.begin(start);
    const next = stream.next();
    noted.end(new Error('ended'));
    await expect(next).rejects.toThrow('ended');
  });
});
