import type { Caller, Membership } from './caller.js';
import { whenClosed } from './closing.js';
import type { Allowed, CheckedRef, Denied, MembershipRead } from './decision.js';
import type { RequestLike } from './request.js';
import { REVIEW, type Reviewable } from './yes.js';
import { ZitadelNotAllowedError } from './zitadel-authorizer.js';

/** The decision that let a request through, while the request lasts. */
export interface CurrentDecision extends Allowed {
  /**
   * Is aborted when the decision ends, and when the request does: for streams, and whatever else lasts. Reading it puts the decision under
   * review. It ends when the right is lost, when the token expires or is revoked, when what it rests on is evicted and ZITADEL then says no,
   * and when ZITADEL cannot be asked for longer than `cache.ttlMs`.
   *
   * The reason is a `ZitadelNotAllowedError` whose `decision` says why; in a field of GraphQL it is the `GraphQLError` of the guard. When the
   * response is sent, or the client is gone, it is an `AbortError`. What `letIn` let in is not under review: there only the end of the request
   * aborts it.
   *
   * @example `await pipeline(rows, response, { signal: decisionOf(request).signal })`
   */
  readonly signal: AbortSignal;
}

/** Ends what lasts with a decision. It is registered, so that another copy of the package can do so. */
const END: unique symbol = Symbol.for('nestjs-zitadel:end') as never;

/** A decision with the one request that it let through. */
export class Current implements CurrentDecision, Reviewable {
  readonly allowed = true;
  readonly caller: Caller;
  readonly by: Membership | undefined;
  readonly checked: readonly CheckedRef[];
  readonly read: MembershipRead;
  readonly #decision: Reviewable;
  readonly #request: RequestLike;
  readonly #reasonFor: (denied: Denied) => Error;
  #ending: AbortController | undefined;
  #review: ReturnType<Current[typeof REVIEW]>;
  #isOver = false;

  constructor(
    decision: Allowed,
    request: object,
    reasonFor: (denied: Denied) => Error = (denied) => new ZitadelNotAllowedError(denied),
  ) {
    this.caller = decision.caller;
    this.by = decision.by;
    this.checked = decision.checked;
    this.read = decision.read;
    this.#decision = decision;
    this.#request = request as RequestLike;
    this.#reasonFor = reasonFor;
    Object.freeze(this);
  }

  get signal(): AbortSignal {
    return (this.#ending ?? this.#begin()).signal;
  }

  [REVIEW](...given: Parameters<NonNullable<Reviewable[typeof REVIEW]>>) {
    return this.#decision[REVIEW]?.(...given);
  }

  [END](): void {
    this.#isOver = true;
    this.#review?.stop();
    this.#ending?.abort();
  }

  #begin(): AbortController {
    const ending = new AbortController();
    this.#ending = ending;
    if (this.#isOver) {
      ending.abort();
      return ending;
    }
    whenClosed(this.#request, () => this[END]());
    this.#review = this[REVIEW](this.#request, (denied) => {
      ending.abort(this.#reasonFor(denied));
      this[END]();
    });
    return ending;
  }
}

export function isCurrent(decision: Allowed): decision is Current {
  return typeof (decision as Partial<Current>)[END] === 'function';
}

/** What lasted with the decision is over. */
export function end(decision: Allowed | undefined): void {
  if (decision && isCurrent(decision)) decision[END]();
}
