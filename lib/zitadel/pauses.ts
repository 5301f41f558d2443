import { LRUCache } from 'lru-cache';
import { OURSELVES } from './exchange.js';

const FAILURES_BEFORE_PAUSE = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const USERS = 10_000;

interface Failing {
  readonly failures: number;
  readonly until: number;
  /** Calls that left before this failure came are part of it. */
  readonly at: number;
}

/** What a call may do, and what `settle` wants to know of it. */
export interface Pass {
  readonly leftAt: number;
  /** What is asked for this user failed the last time: repeating it at once would only make more of it. */
  readonly failing: boolean;
}

/**
 * Slows down what keeps failing for one user, where the breaker must not open since it may be about that user alone: after three failed
 * calls on end the next is made a second later, then twice as long each time, up to half a minute. An answer ends it.
 */
export class Pauses {
  readonly #failing = new LRUCache<string, Failing>({ maxSize: USERS, sizeCalculation: () => 1 });
  // No clock: two calls can leave in the same moment.
  #events = 0;

  /** Milliseconds to wait when the call must not be made yet. */
  enter(family: string, who: string): Pass | { readonly waitMs: number } {
    const known = this.#failing.get(keyOf(family, who));
    const waitMs = (known?.until ?? 0) - performance.now();
    if (waitMs > 0 && who !== '' && who !== OURSELVES) return { waitMs };
    return { leftAt: (this.#events += 1), failing: known !== undefined };
  }

  settle(family: string, who: string, { leftAt }: Pass, failed: boolean): void {
    const key = keyOf(family, who);
    if (!failed) {
      this.#failing.delete(key);
      return;
    }
    const known = this.#failing.get(key);
    if (known && leftAt < known.at) return;
    const failures = (known?.failures ?? 0) + 1;
    const doublings = failures - FAILURES_BEFORE_PAUSE;
    const pauseMs = doublings < 0 ? 0 : Math.min(FIRST_MS * 2 ** doublings, LONGEST_MS);
    const until = performance.now() + pauseMs;
    this.#failing.set(key, { failures, until, at: (this.#events += 1) });
  }
}

function keyOf(family: string, who: string): string {
  return `${family} ${who}`;
}
