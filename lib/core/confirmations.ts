import { LRUCache } from 'lru-cache';
import type { Caller } from './caller.js';
import type { Refusal } from './decision.js';
import { digestOf } from './token-digest.js';

/** Asks ZITADEL whether it still accepts the token, where reading the memberships does not show it. */
export interface Confirming {
  readonly ask: (caller: Caller, token: string) => Promise<Refusal | undefined>;
  /** How long an acceptance counts, in milliseconds. */
  readonly everyMs: number;
}

/** Until when ZITADEL's acceptance of a token counts, on the monotonic clock. */
export interface Confirmed {
  readonly until: number;
}

const FOR_GOOD: Confirmed = Object.freeze({ until: Infinity });

/** Which tokens ZITADEL has accepted, by their digest. */
export class Confirmations {
  readonly #known = new LRUCache<string, Confirmed & { readonly userId: string }>({
    // Not `max`, which takes all of its memory at once.
    maxSize: 50_000,
    sizeCalculation: () => 1,
  });

  constructor(private readonly confirming: Confirming | undefined) {}

  /** `anew`: what is remembered does not count. */
  async ask(caller: Caller, token: string, anew: boolean): Promise<Confirmed | Refusal> {
    if (!this.confirming) return FOR_GOOD;
    const known = anew ? undefined : this.#known.get(digestOf(token));
    if (known && known.until > performance.now()) return known;
    const until = performance.now() + this.confirming.everyMs;
    return (await this.confirming.ask(caller, token)) ?? { until };
  }

  keep(userId: string, token: string, { until }: Confirmed): void {
    if (this.confirming) this.#known.set(digestOf(token), { userId, until });
  }

  evict(userId: string): void {
    for (const [key, known] of this.#known) if (known.userId === userId) this.#known.delete(key);
  }

  evictAll(): void {
    this.#known.clear();
  }
}
