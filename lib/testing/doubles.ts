import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Caller, frozenCaller } from '../core/caller.js';
import { attachDecision, attachToCall } from '../core/attached-decision.js';
import {
  type Allowed,
  type CheckedKind,
  type CheckedRef,
  DENIAL,
  denialAnswer,
  type Denied,
  type DenyReason,
} from '../core/decision.js';

/** The caller of a test. Claims are empty unless you give some. */
export type TestCaller = Pick<Caller, 'userId'> & Partial<Caller>;

/**
 * The ids that `@CheckedResource` and `checkedResource` give. An object instead of an id names them, for handlers that ask for one by its
 * name: `{ org: { sellerId: '1', buyerId: '2' } }`.
 */
export type CheckedIds = {
  readonly [Kind in CheckedKind]?: string | Readonly<Record<string, string>>;
};

/** What Nest hands a guard, as far as it is needed here. */
type Context = {
  getType(): string;
  getArgByIndex(index: number): unknown;
  switchToHttp(): { getResponse(): unknown };
};

/** Stands in for `ZitadelManagerGuard` in Nest, and for the middleware of a route in Express. */
export interface GuardDouble {
  canActivate(context: Context): true | Promise<true>;
  readonly middleware: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;
}

/** By this the boot check knows a guard of ours. */
const GUARD_BRAND = Symbol.for('nestjs-zitadel:guard');

/** By this `@CheckedResource` knows a decision of {@link guardAs}. */
const DOUBLE_BRAND = Symbol.for('nestjs-zitadel:double');

const KINDS: readonly string[] = ['org', 'project', 'projectGrant'] satisfies CheckedKind[];

/**
 * Lets every request, field of GraphQL and message through as this caller, without a token and without a ZITADEL. Handlers get the caller by `@CurrentCaller` and
 * `callerOf`, and the ids by `@CheckedResource` and `checkedResource`. It asks for nothing: what a route requires is not tested.
 *
 * @throws TypeError if the caller has no user id, or a kind of resource is unknown
 * @example `.overrideProvider(ZitadelManagerGuard).useValue(guardAs({ userId: 'alice' }, { org: '69629023906488334' }))`
 * @example `router.get('/orgs/:orgId/things', guardAs({ userId: 'alice' }, { org: '1' }).middleware, handler)`
 */
export function guardAs(caller: TestCaller, checked: CheckedIds = {}): GuardDouble {
  const given: Partial<TestCaller> | undefined = caller;
  if (typeof given?.userId !== 'string' || given.userId === '') {
    throw new TypeError("guardAs() takes a caller with a user id: { userId: 'alice' }");
  }
  const decision: Allowed = Object.freeze({
    allowed: true,
    caller: frozenCaller({ claims: {}, ...caller }),
    by: undefined,
    checked: Object.freeze(refsOf(checked)),
    read: Object.freeze({ at: Date.now(), from: 'zitadel' }),
    [DOUBLE_BRAND]: true,
  });
  return doubleOf({
    canActivate: (context) => {
      if (context.getType() !== 'http') return letIn(decision, context);
      attachDecision(context.getArgByIndex(0) as object, decision);
      return true;
    },
    middleware: (request, _response, next) => {
      attachDecision(request, decision);
      next();
    },
  });
}

/**
 * Refuses every request, field of GraphQL and message for this reason, with the answer of the real guard.
 *
 * @throws TypeError if there is no such reason
 * @example `.overrideProvider(ZitadelManagerGuard).useValue(denyAs('role_missing'))`
 */
export function denyAs(reason: DenyReason): GuardDouble {
  if (!Object.hasOwn(DENIAL, reason)) {
    throw new TypeError(`denyAs() takes one of ${Object.keys(DENIAL).join(', ')}`);
  }
  return doubleOf({
    canActivate: (context) => refuse(reason, context),
    middleware: (request, response, next) => {
      // Both doors are loaded only by those who go through them: an application has one of the two.
      import('../express/middleware.js').then(
        ({ answerDenial }) =>
          void answerDenial({ allowed: false, reason }, request, response, next),
        next,
      );
    },
  });
}

function doubleOf(double: GuardDouble): GuardDouble {
  return Object.freeze({ ...double, [GUARD_BRAND]: true });
}

/** Lets a call in that is not an HTTP request. What is not known is refused, as by the guard. */
async function letIn(decision: Allowed, context: Context): Promise<true> {
  const { doorOf } = await import('../nest/doors/doors.js');
  const call = doorOf(context as never)?.callOf(context as never);
  if (!call) return refuse('unsupported_context', context);
  attachToCall(call, decision);
  return true;
}

/** Throws what the guard throws, so that the application's own filters meet it too. */
async function refuse(reason: DenyReason, context: Context): Promise<never> {
  const denied: Denied = { allowed: false, reason };
  const { doorOf } = await import('../nest/doors/doors.js');
  const { http } = await import('../nest/doors/http.js');
  const door = doorOf(context as never) ?? http;
  // The boot check loads it where there is one.
  await door.load?.();
  if (context.getType() === 'http') {
    const response = context.switchToHttp().getResponse() as Partial<HeaderWriter> | undefined;
    const { headers } = denialAnswer(denied);
    for (const [name, value] of Object.entries(headers)) response?.header?.(name, value);
  }
  throw door.exceptionFor(denied, context as never);
}

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

function refsOf(checked: CheckedIds): CheckedRef[] {
  return Object.entries(checked).flatMap(([kind, ids]) => {
    if (!KINDS.includes(kind)) {
      throw new TypeError(`guardAs() knows checked ids of ${KINDS.join(', ')}, not of '${kind}'`);
    }
    const named = typeof ids === 'string' ? { [kind]: ids } : ids;
    return Object.entries(named).map(([name, id]) =>
      Object.freeze({ kind: kind as CheckedKind, id, name }),
    );
  });
}
