import type { Caller, Membership } from './caller.js';
import type { Allowed, Decision, Denied, CheckedRef, MembershipRead } from './decision.js';
import type { EvictionEvent, EvictionListener } from './eviction.js';
import { isRefusedBy, tokenIdOf } from './memory/refused-tokens.js';
import type { RequestLike, Ids } from './request.js';
import type { Compiled } from './requirement/compile.js';

/** Puts the decision about a request under review. `ended` is called with the first "no". Undefined: nobody can be asked. */
type StartReview = (
  request: RequestLike,
  ended: (denied: Denied) => void,
) => Pick<Review, 'stop'> | undefined;

/** By this a "yes" can be asked for again. It is registered, so that another copy of the package can do so. */
export const REVIEW: unique symbol = Symbol.for('nestjs-zitadel:review') as never;

/** A "yes" that can be asked for again. One that the application itself gave cannot. */
export interface Reviewable extends Allowed {
  readonly [REVIEW]?: StartReview;
}

const authorizers = new WeakMap<Compiled, AsksAgain>();

/** Notes who is asked again about what was decided by a requirement. */
export function askAgainBy(decisions: AsksAgain, compiled: Compiled): Compiled {
  authorizers.set(compiled, decisions);
  return compiled;
}

/**
 * A "yes" with what it was decided by. It is frozen, since a remembered one is shared between requests. What is asked again is about the ids
 * that were checked: on Express, `req.params` change from router to router.
 */
export class Yes implements Reviewable {
  readonly allowed = true;
  readonly #compiled: Compiled;
  readonly #ids: Ids;

  constructor(
    readonly caller: Caller,
    readonly by: Membership | undefined,
    readonly checked: readonly CheckedRef[],
    readonly read: MembershipRead,
    compiled: Compiled,
    ids: Ids,
  ) {
    this.#compiled = compiled;
    this.#ids = ids;
    Object.freeze(this);
  }

  [REVIEW](request: RequestLike, ended: (denied: Denied) => void): Review {
    const decisions = authorizers.get(this.#compiled) as AsksAgain;
    const compiled = about(this.#ids, this.#compiled);
    const review = new Review({ decisions, request: () => request, compiled, yes: this }, ended);
    // It may have been evicted since.
    void review.ask();
    return review;
  }
}

/** For a request that two decisions have let through, one after the other: the first that ends. */
export function reviewBoth(first: Reviewable, second: Reviewable): StartReview {
  return (request, ended) => {
    const reviews = [first, second].map((each) => each[REVIEW]?.(request, ended));
    return { stop: () => reviews.forEach((review) => review?.stop()) };
  };
}

/** The requirement, about ids that were read already. */
function about(ids: Ids, compiled: Compiled): Compiled {
  const sources = compiled.sources.map((source, slot) => {
    const id = ids[slot];
    return id === undefined ? source : ({ from: 'literal', id } as const);
  });
  return { ...compiled, sources };
}

/** The part of the data path that asks again. */
interface AsksAgain {
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
