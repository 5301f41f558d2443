import { randomBytes, randomInt } from 'node:crypto';

const LOWEST = 400_000_000_000_000_000n;
const STEP = 65_536n;

/**
 * Ids as ZITADEL makes them: 18 digits, never twice, and growing with time, so that the order of two ids
 * is the order in which they were made.
 */
export class IdSource {
  #last = LOWEST + (BigInt(`0x${randomBytes(7).toString('hex')}`) % LOWEST);

  next(): string {
    this.#last += STEP * BigInt(randomInt(1, 900));
    return this.#last.toString();
  }
}
