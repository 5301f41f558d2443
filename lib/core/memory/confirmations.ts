import { LRUCache } from 'lru-cache';
import type { Caller } from '../caller.js';
import type { Refusal } from '../decision.js';
import { digestOf } from '../token-digest.js';
import { FOR_EVER, isValid, validFor, type Validity } from '../validity.js';

/** Asks ZITADEL whether it still accepts the token, where reading the memberships does not show it. */
export interface Confirming {
  readonly ask: (caller: Caller, token: string) => Promise<Refusal | undefined>;
  /** How long an acceptance counts, in milliseconds. */
  readonly everyMs: number;
}

/** Which tokens ZITADEL has accepted, by their digest. */
export class Confirmations {
  readonly #known = new LRUCache<string, Validity & { readonly userId: string }>({
    // Not `max`, which takes all of its memory at once.
    maxSize: 50_000,
    sizeCalculation: () => 1,
  });

  constructor(private readonly confirming: Confirming | undefined) {}

  /** How long ZITADEL's acceptance of a token counts. `anew`: what is remembered does not. */
  async ask(caller: Caller, token: string, anew: boolean): Promise<Validity | Refusal> {
    if (!this.confirming) return FOR_EVER;
    const known = anew ? undefined : this.#known.get(digestOf(token));
    if (known && isValid(known)) return known;
    const fromNow = validFor(this.confirming.everyMs);
    return (await this.confirming.ask(caller, token)) ?? fromNow;
  }

  keep(userId: string, token: string, accepted: Validity): void {
    if (this.confirming) this.#known.set(digestOf(token), { ...accepted, userId });
  }

  /** ZITADEL has refused the token. */
  forget(token: string): void {
    this.#known.delete(digestOf(token));
  }

  evict(userId: string): void {
    for (const [key, known] of this.#known) if (known.userId === userId) this.#known.delete(key);
  }

  evictAll(): void {
    this.#known.clear();
  }
}
