import type { Caller } from './caller.js';
import type { Allowed, Decision, Denied } from './decision.js';
import type { EvictionEvent, EvictionListener } from './eviction.js';
import { isRefusedBy, tokenIdOf } from './memory/refused-tokens.js';
import type { RequestLike } from './request.js';
import type { Compiled } from './requirement/compile.js';

/** The part of the data path that asks again. */
export interface AsksAgain {
  onEviction(listener: EvictionListener): () => void;
  readonly ttlMs: number;
  authorize(request: RequestLike, compiled: Compiled): Decision | Promise<Decision>;
  /** For how many more milliseconds the memory says the same. At most 0: it holds nothing. */
  leftMs(request: RequestLike, compiled: Compiled): number;
}

/** A "yes" that something rests on for longer than a request: a stream, a subscription, a connection. */
interface LastingYes {
  readonly decisions: AsksAgain;
  /** What is decided about. It may change between two questions. */
  readonly request: () => RequestLike;
  readonly compiled: Compiled;
  readonly yes: Allowed;
}

/** Unless an eviction says that something has changed, nothing is asked about more often, whatever the settings say. */
const LEAST_MS = 1_000;

/**
 * Keeps a "yes" under review. It asks again as soon as what the "yes" rests on has ended, when it is evicted, and when the token expires.
 * `ended` is called once, with the first "no". An outage is no "no": it asks on, and ends as `unavailable` only when another TTL has passed
 * without a "yes".
 */
export class Review {
  readonly #reviews: Reviews;
  #yes: Allowed;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isAsking = false;
  /** Something may have changed since the question left. */
  #asksTwice = false;
  #expiresAt = Infinity;
  /** When an outage has lasted too long, on the monotonic clock. */
  #givesUpAt = 0;

  constructor(
    private readonly lasting: LastingYes,
    private readonly ended: (denied: Denied) => void,
  ) {
    this.#reviews = reviewsOf(lasting.decisions);
    this.#yes = lasting.yes;
    this.#reviews.add(this);
    this.#stands(lasting.yes);
  }

  get caller(): Caller {
    return this.#yes.caller;
  }

  /** Asks no more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#reviews.remove(this);
  }

  /** Asks now, and not when what is remembered ends. Never rejects. */
  async ask(): Promise<void> {
    if (this.#isOver) return;
    if (this.#isAsking) {
      this.#asksTwice = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#isAsking = true;
    let decision: Decision;
    do {
      this.#asksTwice = false;
      decision = await this.#decide();
    } while (this.#asksTwice && decision.allowed);
    this.#isAsking = false;
    // `stop()` can be called meanwhile.
    if (!(this.#isOver as boolean)) this.#conclude(decision);
  }

  #conclude(decision: Decision): void {
    if (decision.allowed) return this.#stands(decision);
    const leftMs = this.#givesUpAt - performance.now();
    const isExpired = this.#expiresAt <= Date.now();
    if (decision.reason === 'unavailable' && leftMs > 0 && !isExpired) {
      return this.#askIn(Math.min(Math.max(decision.retryAfterMs ?? 0, LEAST_MS), leftMs));
    }
    this.stop();
    this.ended(decision.reason === 'unavailable' && isExpired ? EXPIRED : decision);
  }

  #stands(yes: Allowed): void {
    if (yes.caller.userId !== this.#yes.caller.userId) {
      this.#reviews.remove(this);
      this.#yes = yes;
      this.#reviews.add(this);
    } else this.#yes = yes;
    const { decisions, request, compiled } = this.lasting;
    const mostMs = Math.max(decisions.ttlMs, LEAST_MS);
    const leftMs = decisions.leftMs(request(), compiled);
    const inMs = Math.min(Math.max(leftMs > 0 ? leftMs : mostMs, LEAST_MS), mostMs);
    this.#expiresAt = yes.caller.expiresAt ?? Infinity;
    this.#givesUpAt = performance.now() + inMs + mostMs;
    this.#askIn(inMs);
  }

  #askIn(ms: number): void {
    // A token that has expired ends at once, not in a second. The memory can count a fraction of a millisecond longer, so it is asked about once
    // more. A function in the option `callers` may accept it for longer.
    const beforeExpiryMs = this.#expiresAt - Date.now();
    const atLatestMs = beforeExpiryMs > -LEAST_MS ? LEAST_MS : Infinity;
    const inMs = Math.min(ms, beforeExpiryMs > 0 ? beforeExpiryMs : atLatestMs);
    this.#timer = setTimeout(() => void this.ask(), inMs);
    this.#timer.unref();
  }

  async #decide(): Promise<Decision> {
    const { decisions, request, compiled } = this.lasting;
    try {
      return await decisions.authorize(request(), compiled);
    } catch {
      // It gives a decision in every foreseeable case. Nobody waits for this one, so an exception would end the process.
      return { allowed: false, reason: 'misconfigured' };
    }
  }
}

const EXPIRED: Denied = {
  allowed: false,
  reason: 'token_invalid',
  detail: 'access token: expired while ZITADEL could not be asked',
  description: 'the token is expired',
};

/** How many ask at a time if an eviction concerns all of them. */
const AT_A_TIME = 16;

const known = new WeakMap<AsksAgain, Reviews>();

/** All reviews of what an authorizer has decided. */
function reviewsOf(decisions: AsksAgain): Reviews {
  const reviews = known.get(decisions) ?? new Reviews(decisions);
  known.set(decisions, reviews);
  return reviews;
}

/** Lets those ask at once whom an eviction concerns. A user's are found without a walk over all. */
class Reviews {
  readonly #ofUser = new Map<string, Set<Review>>();
  /** Those that an eviction of many concerns, and that have not asked yet. */
  readonly #due = new Set<Review>();
  #asking = 0;

  constructor(decisions: AsksAgain) {
    decisions.onEviction((event) => this.#hear(event));
  }

  add(review: Review): void {
    const { userId } = review.caller;
    this.#ofUser.set(userId, (this.#ofUser.get(userId) ?? new Set()).add(review));
  }

  remove(review: Review): void {
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

  *#all(): Iterable<Review> {
    for (const ofUser of this.#ofUser.values()) yield* ofUser;
  }
}

/** After the code that evicts has done what it does at once. */
function askSoon(review: Review): void {
  setImmediate(() => void review.ask());
}

/** Whether somebody calls by this token, or by one of this session. Where the claims do not tell, it is possible. */
function mayBe(caller: Caller, id: string): boolean {
  const jti = tokenIdOf(caller);
  return jti === undefined || isRefusedBy(jti, id);
}
