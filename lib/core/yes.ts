import type { Caller, Membership } from './caller.js';
import type { Allowed, CheckedRef, Denied, MembershipRead } from './decision.js';
import type { Ids, RequestLike } from './request.js';
import type { Compiled } from './requirement/compile.js';
import { type AsksAgain, Review } from './review.js';

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
