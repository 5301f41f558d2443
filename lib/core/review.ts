import type { Caller } from './caller.js';
import type { Allowed, Decision, Denied } from './decision.js';
import type { RequestLike } from './request.js';
import type { Compiled } from './requirement/compile.js';
import { type Reviews, reviewsOf, type TellsEvictions, type UnderReview } from './reviews.js';

/** The part of the data path that asks again. */
export interface AsksAgain extends TellsEvictions {
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
export class Review implements UnderReview {
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
