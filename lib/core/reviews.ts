import type { Caller } from './caller.js';
import type { EvictionEvent, EvictionListener } from './eviction.js';
import { isRefusedBy, tokenIdOf } from './memory/refused-tokens.js';

/** A decision under review, as evictions see it. */
export interface UnderReview {
  readonly caller: Caller;
  /** Asks now, and not when what is remembered ends. Never rejects. */
  ask(): Promise<void>;
}

/** What forgets. */
export interface TellsEvictions {
  onEviction(listener: EvictionListener): () => void;
}

/** How many ask at a time if an eviction concerns all of them. */
const AT_A_TIME = 16;

const known = new WeakMap<TellsEvictions, Reviews>();

/** All reviews of what an authorizer has decided. */
export function reviewsOf(decisions: TellsEvictions): Reviews {
  const reviews = known.get(decisions) ?? new Reviews(decisions);
  known.set(decisions, reviews);
  return reviews;
}

/** Lets those ask at once whom an eviction concerns. A user's are found without a walk over all. */
export class Reviews {
  readonly #ofUser = new Map<string, Set<UnderReview>>();
  /** Those that an eviction of many concerns, and that have not asked yet. */
  readonly #due = new Set<UnderReview>();
  #asking = 0;

  constructor(decisions: TellsEvictions) {
    decisions.onEviction((event) => this.#hear(event));
  }

  add(review: UnderReview): void {
    const { userId } = review.caller;
    this.#ofUser.set(userId, (this.#ofUser.get(userId) ?? new Set()).add(review));
  }

  remove(review: UnderReview): void {
    const { userId } = review.caller;
    const ofUser = this.#ofUser.get(userId);
    ofUser?.delete(review);
    if (ofUser?.size === 0) this.#ofUser.delete(userId);
    this.#due.delete(review);
  }

  #hear({ eviction }: EvictionEvent): void {
    if (eviction.type === 'token') {
      for (const review of this.#all()) if (mayBe(review.caller, eviction.id)) askSoon(review);
      return;
    }
    const { userId } = eviction as { readonly userId?: string | undefined };
    if (userId !== undefined) {
      for (const review of this.#ofUser.get(userId) ?? []) askSoon(review);
      return;
    }
    // Nobody knows here who is in an organization. For the others the memory answers, since it has forgotten nothing about them.
    for (const review of this.#all()) this.#due.add(review);
    for (; this.#asking < AT_A_TIME; this.#asking += 1) setImmediate(() => void this.#askDue());
  }

  async #askDue(): Promise<void> {
    for (const review of this.#due) {
      this.#due.delete(review);
      await review.ask();
      // What the memory answers takes no turn of the event loop, and there may be thousands.
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    this.#asking -= 1;
  }

  *#all(): Iterable<UnderReview> {
    for (const ofUser of this.#ofUser.values()) yield* ofUser;
  }
}

/** After the code that evicts has done what it does at once. */
function askSoon(review: UnderReview): void {
  setImmediate(() => void review.ask());
}

/** Whether somebody calls by this token, or by one of this session. Where the claims do not tell, it is possible. */
function mayBe(caller: Caller, id: string): boolean {
  const jti = tokenIdOf(caller);
  return jti === undefined || isRefusedBy(jti, id);
}
