import { LRUCache } from 'lru-cache';

interface Spent {
  count: number;
  readonly until: number;
}

/**
 * How many things that turn out not to be there one user may name in a while. Each costs a call to ZITADEL, so whoever names more is left
 * alone; what was there is given back.
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

  /** Takes one, before anything is asked, so that a burst counts too. Milliseconds to wait where none is left. */
  take(userId: string): { readonly waitMs: number } | undefined {
    const now = performance.now();
    const known = this.#spentBy.get(userId);
    const spent = known && known.until > now ? known : { count: 0, until: now + this.windowMs };
    if (spent.count >= this.most) return { waitMs: spent.until - now };
    spent.count += 1;
    this.#spentBy.set(userId, spent);
    return undefined;
  }

  giveBack(userId: string): void {
    const spent = this.#spentBy.get(userId);
    if (spent && spent.count > 0) spent.count -= 1;
  }

  forget(userId: string): void {
    this.#spentBy.delete(userId);
  }

  forgetAll(): void {
    this.#spentBy.clear();
  }
}
