import type { Caller } from '../caller.js';
import type { Refusal } from '../decision.js';
import { FOR_EVER, isValid, validFor, type Validity } from '../validity.js';
import { UserMemory } from './user-memory.js';

/** Asks ZITADEL whether it still accepts the token, if reading the memberships does not show it. */
export interface Confirming {
  readonly ask: (caller: Caller, token: string) => Promise<Refusal | undefined>;
  /** How long an acceptance counts, in milliseconds. */
  readonly everyMs: number;
}

/** Which tokens ZITADEL has accepted, by their digest. */
export class Confirmations {
  readonly #known = new UserMemory<Validity & { readonly userId: string }>(50_000);

  constructor(private readonly confirming: Confirming | undefined) {}

  /** How long ZITADEL's acceptance of a token counts. With `anew`, a remembered acceptance does not count. */
  async ask(
    caller: Caller,
    token: string,
    digest: string,
    anew: boolean,
  ): Promise<Validity | Refusal> {
    if (!this.confirming) return FOR_EVER;
    const known = anew ? undefined : this.#known.get(digest);
    if (known && isValid(known)) return known;
    const fromNow = validFor(this.confirming.everyMs);
    return (await this.confirming.ask(caller, token)) ?? fromNow;
  }

  keep(userId: string, digest: string, accepted: Validity): void {
    if (this.confirming) this.#known.set(digest, { ...accepted, userId });
  }

  /** Forgets a token that ZITADEL has refused. */
  forget(digest: string): void {
    this.#known.delete(digest);
  }

  evict(userId: string): void {
    this.#known.evict(userId);
  }

  evictAll(): void {
    this.#known.evictAll();
  }
}
