/**
 * Until when something may be used, on both clocks. The earlier end counts. The monotonic clock stands still while the host is suspended,
 * and the wall clock can be set, so neither alone tells how much time has passed.
 */
export interface Validity {
  /** On the monotonic clock, in milliseconds. */
  readonly validUntil: number;
  /** Milliseconds since the epoch. */
  readonly wallUntil: number;
}

/** The time of one entry of a memory: it ends early when the entry leaves. Apart from what the entry holds, so that it keeps none of it. */
export class Lease implements Validity {
  readonly validUntil: number;
  readonly wallUntil: number;
  #isOver = false;

  constructor({ validUntil, wallUntil }: Validity) {
    this.validUntil = validUntil;
    this.wallUntil = wallUntil;
  }

  end(): void {
    this.#isOver = true;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  runs(): boolean {
    return !this.#isOver && isValid(this);
  }
}

/** Without end. */
export const FOR_EVER: Validity = Object.freeze({ validUntil: Infinity, wallUntil: Infinity });

/** From now on for so many milliseconds. */
export function validFor(ms: number): Validity {
  return { validUntil: performance.now() + ms, wallUntil: Date.now() + ms };
}

/** Whether it may still be used. */
export function isValid({ validUntil, wallUntil }: Validity): boolean {
  return validUntil > performance.now() && wallUntil > Date.now();
}

/** The earlier of two ends. */
export function earlier(one: Validity, other: Validity): Validity {
  return {
    validUntil: Math.min(one.validUntil, other.validUntil),
    wallUntil: Math.min(one.wallUntil, other.wallUntil),
  };
}

/** Whether one ends before the other, on either clock. */
export function endsBefore(one: Validity, other: Validity): boolean {
  return one.validUntil < other.validUntil || one.wallUntil < other.wallUntil;
}

/**
 * What was asked for before this time does not count (monotonic clock, milliseconds). With this one, knowledge of any age counts, as long
 * as it is valid.
 */
export const ANY_AGE = -Infinity;

/** With this one, nothing counts that is remembered, or already being asked for. */
export const ANEW = Infinity;
