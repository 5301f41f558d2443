import crypto, { createHmac } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Seal } from '../../lib/core/seal.js';
import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';

const [ONE, TWO, THREE] = ['one', 'two', 'three'].map((name) => `${name} secret, long enough`) as [
  string,
  string,
  string,
];
const TEXT = '{"v":1,"text":"a.b"}';

describe('a seal', () => {
  it.each<readonly [string, Seal, Seal, boolean]>([
    ['opened with its secret', new Seal([ONE]), new Seal([ONE]), true],
    ['opened with another secret', new Seal([ONE]), new Seal([TWO]), false],
    ['opened in its scope', new Seal([ONE], 'a'), new Seal([ONE], 'a'), true],
    ['opened in another scope', new Seal([ONE], 'a'), new Seal([ONE], 'b'), false],
    ['opened with any of several secrets', new Seal([ONE]), new Seal([TWO, ONE]), true],
    ['made with the first of several', new Seal([TWO, ONE]), new Seal([TWO]), true],
    ['not made with the second of several', new Seal([TWO, ONE]), new Seal([ONE]), false],
    ['nothing without secrets', new Seal([]), new Seal([]), true],
    ['missing where there is a secret', new Seal([]), new Seal([ONE]), false],
  ])('is %s', (_, made, opened, isOpened) => {
    expect(opened.open(made.close(TEXT))).toBe(isOpened ? TEXT : undefined);
  });

  it.each([false, true])('says whether it signs: %s', (signs) => {
    expect(new Seal(signs ? [ONE] : []).signs).toBe(signs);
  });

  it('is not opened after any change of the text or the signature', () => {
    const seal = new Seal([ONE]);
    const sealed = seal.close(TEXT);
    for (let at = 0; at < sealed.length; at += 1) {
      const other = sealed[at] === 'x' ? 'y' : 'x';
      expect(seal.open(sealed.slice(0, at) + other + sealed.slice(at + 1))).toBeUndefined();
      expect(seal.open(sealed.slice(0, at) + sealed.slice(at + 1))).toBeUndefined();
    }
  });
});

/** The lengths of what is compared in constant time. */
function comparisons(): readonly (readonly [number, number])[] {
  const compared: [number, number][] = [];
  const real = crypto.timingSafeEqual;
  vi.spyOn(crypto, 'timingSafeEqual').mockImplementation((one, other) => {
    compared.push([one.byteLength, other.byteLength]);
    return real(one, other);
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  return compared;
}

// A comparison that ends with the first byte that differs would tell, by its time, how much of a forged signature is right.
describe('a forged signature is compared in constant time with that of every secret', () => {
  const SECRETS = [ONE, TWO, THREE];

  it.each<readonly [string, (right: string) => string]>([
    ['of zeros', (right) => 'A'.repeat(right.length)],
    [
      'that is wrong at its start',
      (right) => `${right.startsWith('x') ? 'y' : 'x'}${right.slice(1)}`,
    ],
    ['that is wrong at its end', (right) => `${right.slice(0, -1)}-`],
  ])('in the store and on the bus: %s', (_, forge) => {
    const [mac = ''] = new Seal([ONE]).close(TEXT).split('.');
    const compared = comparisons();
    expect(new Seal(SECRETS).open(`${forge(mac)}.${TEXT}`)).toBeUndefined();
    expect(compared).toEqual(SECRETS.map(() => [43, 43]));
  });

  it('of a delivery', () => {
    const now = Date.UTC(2026);
    const macs = [...SECRETS, 'a key of somebody else'].map((key) =>
      createHmac('sha256', key)
        .update(`${now / 1_000}.${TEXT}`)
        .digest('hex'),
    );
    const header = (...signatures: string[]) =>
      [`t=${now / 1_000}`, ...signatures.map((each) => `v1=${each}`)].join();
    const [first = '', , , forged = ''] = macs;
    const compared = comparisons();
    const verdicts = [header(forged), header(forged, forged), header(first, forged)].map((each) =>
      verifyEventSignature(TEXT, each, SECRETS, now),
    );
    expect(verdicts).toEqual(['mismatch', 'mismatch', 'valid']);
    // A valid one ends nothing early either.
    expect(compared).toEqual(Array.from({ length: 3 * (1 + 2 + 2) }, () => [32, 32]));
  });
});
