import { LRUCache } from 'lru-cache';
import { OURSELVES } from './exchange.js';

const FAILURES_BEFORE_PAUSE = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const USERS = 20_000;

/**
 * How the last call for a user went: well; not known; about a token that ZITADEL has not accepted lately; failing. Calls about nobody in
 * particular are `well`.
 */
export type Standing = 'well' | 'new' | 'stranger' | 'failing';

interface Known {
  /** On end; 0: the last call was answered. */
  readonly failures: number;
  readonly until: number;
  /** Calls that left before this failure came are part of it. */
  readonly at: number;
}

/** What a call may do, and what `settle` wants to know of it. */
export interface Pass {
  readonly leftAt: number;
  readonly standing: Standing;
  /** The last call failed: repeating this one at once would only make more of it. */
  readonly failing: boolean;
}

/**
 * Slows down what keeps failing for one user, where the breaker must not open since it may be about that user alone: after three failed
 * calls on end the next is made a second later, then twice as long each time, up to half a minute. An answer ends it.
 */
export class Pauses {
  readonly #users = new LRUCache<string, Known>({ maxSize: USERS, sizeCalculation: () => 1 });
  // No clock: two calls can leave in the same moment.
  #events = 0;

  /** What is known of a call that is to be made. */
  enter(family: string, who: string, isStranger: boolean): Pass {
    const failures = this.#users.get(keyOf(family, who))?.failures;
    const failing = failures !== undefined && failures > 0;
    const known = failures === undefined ? 'new' : failing ? 'failing' : 'well';
    const standing = isNobody(who) ? 'well' : isStranger && !failing ? 'stranger' : known;
    return { leftAt: (this.#events += 1), standing, failing };
  }

  /** Milliseconds to wait; 0: the call may be made. */
  waitMs(family: string, who: string): number {
    if (isNobody(who)) return 0;
    const until = this.#users.get(keyOf(family, who))?.until ?? 0;
    return Math.max(0, until - performance.now());
  }

  settle(family: string, who: string, { leftAt }: Pass, failed: boolean): void {
    const key = keyOf(family, who);
    const known = this.#users.get(key);
    if (!failed) {
      this.#users.set(key, { failures: 0, until: 0, at: 0 });
      return;
    }
    if (known && leftAt < known.at) return;
    const failures = (known?.failures ?? 0) + 1;
    const doublings = failures - FAILURES_BEFORE_PAUSE;
    const pauseMs = doublings < 0 ? 0 : Math.min(FIRST_MS * 2 ** doublings, LONGEST_MS);
    const until = performance.now() + pauseMs;
    this.#users.set(key, { failures, until, at: (this.#events += 1) });
  }
}

/** Whether a call is about no user, or about many: what fails for one of them must not stop the others. */
export function isNobody(who: string): boolean {
  return who === '' || who === OURSELVES;
}

function keyOf(family: string, who: string): string {
  return `${family} ${who}`;
}
