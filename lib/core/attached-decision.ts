import { type Caller, frozenCaller } from './caller.js';
import { Current, type CurrentDecision, isCurrent } from './current-decision.js';
import type { Allowed, CheckedRef, Denied } from './decision.js';
import { own } from './own-properties.js';

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
