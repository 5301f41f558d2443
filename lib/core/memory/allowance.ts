import type { Refusal } from '../decision.js';
import { bounded } from './bounded.js';

interface Spent {
  count: number;
  readonly until: number;
}

/** Is called before ZITADEL is asked. Returns a refusal if nothing is left. */
export type Pay = () => Refusal | undefined;

/** What one decision costs: its first call to ZITADEL takes one from the user's allowance. Its further calls take nothing. */
export interface Toll {
  readonly pay: Pay;
  /** Takes the cost back: the user did not name something that is not there. */
  readonly giveBack: () => void;
  /** Keeps the cost in any case: what the user named may not be there. */
  readonly keep: () => void;
  /** Whether nothing was left to pay with. */
  readonly isSpent: () => boolean;
}

/**
 * How many decisions that ask ZITADEL and end in a "no" one user may cause in a while. A user can cause ever more of them by naming things
 * that do not exist. Beyond this number, ZITADEL is not asked for that user for a while.
 */
export class Allowance {
  readonly #spentBy = bounded<string, Spent>(50_000);

  constructor(
    private readonly most = 200,
    private readonly windowMs = 30_000,
  ) {}

  /** The cost of one decision. It is taken before anything is asked, so that a burst counts too. */
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

  /** Undefined: of everyone. */
  forget(userId: string | undefined): void {
    if (userId === undefined) this.#spentBy.clear();
    else this.#spentBy.delete(userId);
  }
}

function tooMany(retryAfterMs: number): Refusal {
  return {
    reason: 'unavailable',
    detail: 'one user named too many resources that do not exist, or on which there is nothing',
    retryAfterMs,
  };
}
