import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { type Caller, frozenCaller, type Membership } from './caller.js';
import type { Allowed, CheckedRef, Denied, MembershipRead } from './decision.js';
import { own } from './own-properties.js';
import type { RequestLike } from './request.js';
import { REVIEW, type Reviewable } from './review.js';
import { ZitadelNotAllowedError } from './zitadel-authorizer.js';

/** A request as Node makes it. */
interface Sent extends Partial<IncomingMessage> {
  readonly upgrade?: boolean | null;
  /** Set by Express. */
  readonly res?: ServerResponse;
  /** Of HTTP/2. */
  readonly stream?: ServerHttp2Stream;
}

/** Node keeps the response that it sends at this time with the connection. The package on-finished reads the same. */
interface Sending extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/**
 * Calls back when the response to a request is sent, or its client is gone. The event `close` of a request does not tell: it comes when the
 * body has been read. A request that has become a WebSocket lasts as long as its connection.
 */
function whenClosed(request: object, listener: () => void): void {
  const sent = sentOf(request);
  // It did not come by a connection: a test has made it.
  if (!sent.socket) return;
  const carrier = carrierOf(sent, sent.socket);
  // Not at once: whoever asks wants to listen first.
  if (!carrier || carrier.closed || carrier.destroyed) return void setImmediate(listener);
  const { req = sent } = carrier as { readonly req?: object };
  // If several requests came at once on a connection, each waits for its turn.
  carrier.once('close', req === sent ? listener : () => whenClosed(request, listener));
}

/** Fastify and GraphQL show it under `raw`. A middleware of Express can keep something else there. */
function sentOf(request: object): Sent {
  const { raw } = request as { readonly raw?: unknown };
  return (Object(raw) as Sent).socket ? (raw as Sent) : (request as Sent);
}

function carrierOf({ stream, httpVersionMajor, upgrade, res }: Sent, socket: Sending) {
  if (httpVersionMajor === 2) return stream;
  if (upgrade) return socket;
  const response = res ?? socket._httpMessage;
  return response?.writableFinished === false ? response : undefined;
}

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

function isCurrent(decision: Allowed): decision is Current {
  return typeof (decision as Partial<Current>)[END] === 'function';
}

/** What lasted with the decision is over. */
export function end(decision: Allowed | undefined): void {
  if (decision && isCurrent(decision)) decision[END]();
}

// Registered symbols, so that two copies of the package see the same decisions. Nothing that a client sends can look like one.
const DECISION: unique symbol = Symbol.for('nestjs-zitadel:decision') as never;
const DECISIONS: unique symbol = Symbol.for('nestjs-zitadel:decisions') as never;

/** Null: let in without a caller. */
const decisions = ((globalThis as { [DECISIONS]?: WeakMap<object, Allowed | null> })[DECISIONS] ??=
  new WeakMap<object, Allowed | null>());

/**
 * Keeps the decision with the request that it let through, and its caller under the option `requestProperty`. On Fastify's wrapper of a
 * request a field is cheaper than a WeakMap. On a request of Express it is dearer: Express changes the prototype, and then V8 makes a new
 * shape for each field.
 */
export function attachDecision(request: object, decision: Allowed, property?: string): void {
  const given = request as { readonly rawHeaders?: unknown; [DECISION]?: Allowed };
  // Only a request of Node's own has these. To look for what it lacks would cost as much as the map.
  if (given.rawHeaders === undefined) given[DECISION] = decision;
  else decisions.set(request, decision);
  if (property !== undefined) (request as Record<string, unknown>)[property] = decision.caller;
}

/**
 * Lets a request in that a guard or middleware of yours has decided about, for example by an API key. The handler then gets this caller and
 * these ids from `@CurrentCaller` and `@CheckedResource` (in Express from `callerOf` and `checkedResource`). Name only ids that you have
 * checked. Listeners are not told, and the option `requestProperty` does nothing here: it is not a decision of this library.
 *
 * @returns `true`, for `canActivate`
 * @example `return letIn(request, { userId: 'key 7', claims: {} }, [{ kind: 'org', id: orgId, name: 'orgId' }])`
 */
export function letIn(request: object, caller: Caller, checked: readonly CheckedRef[] = []): true {
  const read = { at: Date.now(), from: 'application' } as const;
  const decision = { allowed: true, by: undefined, checked, read } as const;
  attachDecision(request, Object.freeze({ ...decision, caller: frozenCaller(caller) }));
  return true;
}

/**
 * Keeps the decision with a call that is not an HTTP request. Null: let in without a caller. `request`: what was decided about. `reasonFor`: the
 * reason of its signal.
 */
export function attachToCall(
  call: object,
  decision: Allowed | null,
  request: object = call,
  reasonFor?: (denied: Denied) => Error,
): void {
  decisions.set(call, decision && new Current(decision, request, reasonFor));
}

/** Notes that a request without a token was let in, where the caller is optional. A caller whom another guard has let in stays. */
export function attachNoCaller(request: object): void {
  if (!attachedTo(request)) decisions.set(request, null);
}

/** Whether this request was let in without a caller. */
export function lacksCaller(request: object): boolean {
  return decisions.get(request) === null && !attachedTo(request);
}

/** The same as `decisionOf`, without a signal: the code of this library reads it on every request. */
export function attachedTo(request: object): Allowed | undefined {
  return (own(request, DECISION) as Allowed | undefined) ?? decisions.get(request) ?? undefined;
}

/**
 * The decision that let this request through. Its `signal` ends streams and whatever else lasts longer than a decision. In GraphQL pass the
 * `info` of the field.
 *
 * @example `const heldBy = decisionOf(request)?.by`
 * @example `decisionOf(request)?.signal.addEventListener('abort', () => response.end(), { once: true })`
 */
export function decisionOf(request: object): CurrentDecision | undefined {
  const decision = attachedTo(request);
  if (!decision || isCurrent(decision)) return decision as CurrentDecision | undefined;
  const current = new Current(decision, request);
  attachDecision(request, current);
  return current;
}
