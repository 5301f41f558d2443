import { LRUCache } from 'lru-cache';
import type { Refusal } from '../decision.js';

interface Spent {
  count: number;
  readonly until: number;
}

/** To be called before a call to ZITADEL. A refusal where nothing is left. */
export type Pay = () => Refusal | undefined;

/** What one decision may cost: the first call to ZITADEL takes one of the user's allowance, further ones nothing. */
export interface Toll {
  readonly pay: Pay;
  /** The decision was no answer to a user who names what is not there. */
  readonly giveBack: () => void;
  /** Nothing is given back: the user names what may not be there. */
  readonly keep: () => void;
  /** Whether nothing was left when it was to be paid. */
  readonly isSpent: () => boolean;
}

/**
 * How many decisions that ask ZITADEL and end in a "no" one user may cause in a while. Whoever causes more, by naming ever more things that
 * are not there, is left alone.
 */
export class Allowance {
  readonly #spentBy = new LRUCache<string, Spent>({
    // Not `max`, which takes all of its memory at once.
    maxSize: 50_000,
    sizeCalculation: () => 1,
  });

  constructor(
    private readonly most = 200,
    private readonly windowMs = 30_000,
  ) {}

  /** For one decision. Taken before anything is asked, so that a burst counts too. */
  toll(userId: string): Toll {
    let paid: Spent | undefined;
    let isKept = false;
    let isSpent = false;
    return {
      pay: () => {
        if (paid) return undefined;
        const now = performance.now();
        const known = this.#spentBy.get(userId);
        const spent = known && known.until > now ? known : { count: 0, until: now + this.windowMs };
        isSpent = spent.count >= this.most;
        if (isSpent) return tooMany(spent.until - now);
        spent.count += 1;
        this.#spentBy.set(userId, spent);
        paid = spent;
        return undefined;
      },
      giveBack: () => {
        if (isKept) return;
        if (paid) paid.count -= 1;
        paid = undefined;
      },
      keep: () => {
        isKept = true;
      },
      isSpent: () => isSpent,
    };
  }

  forget(userId: string): void {
    this.#spentBy.delete(userId);
  }

  forgetAll(): void {
    this.#spentBy.clear();
  }
}

function tooMany(retryAfterMs: number): Refusal {
  return {
    reason: 'unavailable',
    detail: 'one user named too many resources that do not exist, or on which there is nothing',
    retryAfterMs,
  };
}
