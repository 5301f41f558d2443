import type { DeliveryFaults } from '../model.js';

/** What becomes of each delivery. The same faults and the same seed give the same luck. */
export class DeliveryLuck {
  readonly reorder: boolean;
  readonly #delay: readonly [number, number];
  readonly #lose: number;
  readonly #duplicate: number;
  #state: number;

  /** @throws TypeError if a delay is negative, or a share is not from 0 to 1 */
  constructor(faults: DeliveryFaults) {
    const { delayMs = 0, lose = 0, duplicate = 0, reorder = false, seed = 1 } = faults;
    this.#delay = typeof delayMs === 'number' ? [delayMs, delayMs] : delayMs;
    const [least, most] = this.#delay;
    if (!(least >= 0 && most >= least && Number.isFinite(most))) {
      throw new TypeError(
        'delayMs is a number of milliseconds from 0, or two: the least, the most',
      );
    }
    for (const [name, share] of Object.entries({ lose, duplicate })) {
      if (share >= 0 && share <= 1) continue;
      throw new TypeError(`${name} is a share from 0 to 1, not ${String(share)}`);
    }
    this.#lose = lose;
    this.#duplicate = duplicate;
    this.reorder = reorder;
    this.#state = seed;
  }

  /** After how many milliseconds it is delivered: not at all, once or twice. */
  delays(): readonly number[] {
    // Always as many draws, so that one fault does not change another one's luck.
    const [lost, twice, first, second] = [this.#draw(), this.#draw(), this.#draw(), this.#draw()];
    if (lost < this.#lose) return [];
    const delays = [this.#between(first)];
    return twice < this.#duplicate ? [...delays, this.#between(second)] : delays;
  }

  #between(luck: number): number {
    const [least, most] = this.#delay;
    return least + luck * (most - least);
  }

  /** From 0 to below 1. The generator is mulberry32. */
  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
