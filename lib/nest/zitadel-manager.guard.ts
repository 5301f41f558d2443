import {
  type CanActivate,
  type ExecutionContext,
  type HttpException,
  Inject,
  Injectable,
  type Type,
} from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { attachDecision, attachNoCaller, attachToCall } from '../core/attached-decision.js';
import {
  type Allowed,
  type Decision,
  DENIAL,
  denialAnswer,
  type Denied,
  type Refusal,
} from '../core/decision.js';
import type { IdSource, ReadFromClass, RequestLike } from '../core/request.js';
import type { Compiled } from '../core/requirement/compile.js';
import { quietly } from '../core/tell.js';
import type { Zitadel } from '../create-zitadel.js';
import type { Rule } from './declarations.js';
import { doorOf } from './doors/doors.js';
import { http } from './doors/http.js';
import { calledName } from './handlers.js';
import { zitadelFor } from './zitadel-modules.js';
import { RouteRules } from './route-rules.js';
import { ZITADEL } from './zitadel.module-definition.js';

type Asking = Extract<Rule, { readonly requirement: unknown }>;

/** Marks the guard for the boot check, also a subclass, or the guard of another copy of the package. */
export const GUARD_BRAND: unique symbol = Symbol.for('nestjs-zitadel:guard') as never;

const UNCLEAR = {
  detail: 'code of the application reads it (.from(), requestOf), and the payload is no object',
  remedy: 'send an object, also an empty one: it tells messages of one connection apart',
};

const UNKNOWN = {
  detail: 'Nest calls a function here, and it is not known which route that serves',
  remedy:
    'leave the methods of a controller as they are written: do not replace them while it runs',
};

const NOT_ENDED = {
  detail:
    'this subscription would not end with its decision: its schema is not the one that GraphQLModule made',
  remedy: 'let GraphQLModule make the schema, and do not replace it while the application runs',
};

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/**
 * Lets a call through if the requirement of its handler holds for its caller: an HTTP request, a field of GraphQL, a message of a gateway or of
 * a microservice. Everything else is denied: also a handler that declares nothing, and a context of another kind.
 *
 * @example `{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }` guards every handler that Nest's global guards reach
 * @example `@UseGuards(ZitadelManagerGuard)` guards one controller, resolver or gateway
 * @example `class KeyOrTokenGuard extends ZitadelManagerGuard { ... }` also lets in by an API key: see `letIn`
 */
@Injectable()
export class ZitadelManagerGuard implements CanActivate {
  readonly #zitadel: Zitadel;
  readonly #rules: RouteRules;

  constructor(
    // What is internal does not show to those who extend the guard.
    @Inject(ZITADEL) zitadel: object,
    @Inject(RouteRules) rules: object,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.#zitadel = zitadel as Zitadel;
    this.#rules = rules as RouteRules;
  }

  get [GUARD_BRAND](): true {
    return true;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = this.requestOf(context);
    if (!request) return this.#refuse('unsupported_context', unknown(context), context);
    const rule = this.#rules.of(context.getClass(), context.getHandler());
    return rule
      ? this.#ask(rule, context, request)
      : this.#findRule(context, request).then((found) => this.#ask(found, context, request));
  }

  #ask(
    rule: Rule | undefined,
    context: ExecutionContext,
    request: RequestLike & object,
  ): boolean | Promise<boolean> {
    if (rule?.type !== 'required') {
      if (rule?.type === 'public') return true;
      if (rule?.type !== 'optional') {
        return this.#refuse('not_declared', rule ? undeclared(context) : UNKNOWN, context);
      }
    }
    const { zitadel, compiled } = (rule.prepared ??= this.#prepare(rule));
    const { decisions } = zitadel;
    if (rule.type === 'optional' && !decisions.bearsToken(request)) {
      attachNoCaller(request);
      if (context.getType() !== 'http') this.#keep(null, context, request);
      return true;
    }
    if (rule.isBrief !== true) return this.#askForLong(zitadel, compiled, context, request);
    const decision = decisions.authorize(request, compiled, this.#readId);
    return decision instanceof Promise
      ? decision.then((settled) => this.#conclude(settled, context, request, zitadel))
      : this.#conclude(decision, context, request, zitadel);
  }

  #prepare(rule: Asking): NonNullable<Asking['prepared']> {
    const zitadel = zitadelFor(rule, this.#zitadel, this.moduleRef);
    return { zitadel, compiled: zitadel.decisions.prepare(rule.requirement, rule.forActors) };
  }

  /** Asks for what is left of a decision when the guard is done: a message, a field of GraphQL. */
  async #askForLong(
    zitadel: Zitadel,
    compiled: Compiled,
    context: ExecutionContext,
    request: RequestLike & object,
  ): Promise<boolean> {
    const { decisions } = zitadel;
    const door = doorOf(context);
    const readsMore =
      compiled.sources.some(isRead) || this.requestOf !== ZitadelManagerGuard.prototype.requestOf;
    const isUnclear = door?.isShared?.(context) === true && readsMore;
    const decision = isUnclear
      ? decisions.refuse({ ...UNCLEAR, reason: 'resource_invalid' }, compiled.requirement)
      : await decisions.authorize(request, compiled, this.#readId);
    if (!decision.allowed) {
      // The exception comes first.
      if (DENIAL[decision.reason].status === 401) {
        setImmediate(() => quietly(() => door?.close?.(decision, context)));
      }
      return this.#deny(decision, context);
    }
    if (context.getType() !== 'http') this.#keep(decision, context, request);
    door?.watch?.(decision, request, decisions, context);
    const isEnded = door?.endsWithDecision?.(context) ?? true;
    if (!isEnded) return this.#refuse('unsupported_context', NOT_ENDED, context);
    return this.#conclude(decision, context, request, zitadel);
  }

  /** A controller that is made for each request can put another function in a method's place each time. */
  #findRule(context: ExecutionContext, request: object): Promise<Rule | undefined> {
    const id = ContextIdFactory.getByRequest(request);
    return this.#rules.find(context.getClass(), context.getHandler(), (type) =>
      this.moduleRef
        .resolve<Readonly<Record<string, unknown>>>(type, id, { strict: false })
        .catch(() => undefined),
    );
  }

  /**
   * What is read of a call: the HTTP request, or what stands for it in GraphQL, in a gateway and in a microservice. Override it for other
   * kinds of contexts. `undefined` means that the context is not supported, and it is denied.
   */
  protected requestOf(context: ExecutionContext): (RequestLike & object) | undefined {
    // HTTP needs no look-up.
    return context.getType() === 'http'
      ? context.getArgByIndex<RequestLike & object>(0)
      : doorOf(context)?.requestOf(context);
  }

  /**
   * The exception for a refusal: an `HttpException`, a `GraphQLError`, a `WsException` or an `RpcException`. Override it to change the answer,
   * for example to hide a missing role behind 404. Clients of gateways and microservices are told the message of an `HttpException`, and the
   * `errorCode` of its response.
   */
  protected exceptionFor(denied: Denied, context: ExecutionContext): HttpException | Error {
    return (doorOf(context) ?? http).exceptionFor(denied, context);
  }

  /** What ends a call that lasts: it ends also if the application's own `exceptionFor` throws. */
  #exceptionOf(denied: Denied, context: ExecutionContext): Error {
    try {
      return this.#fitting(denied, context);
    } catch (error) {
      return error as Error;
    }
  }

  #fitting(denied: Denied, context: ExecutionContext): HttpException | Error {
    const exception = this.exceptionFor(denied, context);
    const isOfHttp = typeof (exception as Partial<HttpException>).getStatus === 'function';
    if (!isOfHttp) return exception;
    return doorOf(context)?.exceptionInstead?.(exception as HttpException, context) ?? exception;
  }

  #refuse(
    reason: 'unsupported_context' | 'not_declared',
    why: Partial<Refusal>,
    context: ExecutionContext,
  ): never {
    return this.#deny(this.#zitadel.decisions.refuse({ ...why, reason }), context);
  }

  #conclude(
    decision: Decision,
    context: ExecutionContext,
    request: RequestLike & object,
    { requestProperty }: Zitadel,
  ): true {
    if (!decision.allowed) return this.#deny(decision, context);
    attachDecision(request, decision, requestProperty);
    return true;
  }

  #deny(denied: Denied, context: ExecutionContext): never {
    const exception = this.#fitting(denied, context);
    const { status, headers } = denialAnswer(denied);
    // If an exception of another status hides the reason, the challenge must not tell it.
    if (context.getType() === 'http' && statusOf(exception) === status) {
      const response = context.switchToHttp().getResponse<Partial<HeaderWriter> | undefined>();
      for (const [name, value] of Object.entries(headers)) response?.header?.(name, value);
    }
    throw exception;
  }

  /** What is read of a call is made anew each time, so the handler cannot find the decision there. */
  #keep(decision: Allowed | null, context: ExecutionContext, request: object): void {
    const call = doorOf(context)?.callOf(context);
    const errorFor = (denied: Denied) => this.#exceptionOf(denied, context);
    if (call) attachToCall(call, decision, request, errorFor);
  }

  readonly #readId: ReadFromClass = (type, request, caller) =>
    this.moduleRef.get(type as Type, { strict: false }).readId(request, caller);
}

/** Whether code of the application reads it. */
const isRead = ({ from }: IdSource): boolean => from === 'function' || from === 'class';

function unknown(context: ExecutionContext): Partial<Refusal> {
  return {
    detail: `${calledName(context)} is called in a context of the type ${context.getType()}, which shows no request`,
    remedy:
      doorOf(context)?.remedy ??
      'override requestOf() in a class that extends ZitadelManagerGuard, and return what stands for the request',
  };
}

function undeclared(context: ExecutionContext): Partial<Refusal> {
  return {
    detail: `${calledName(context)} declares nothing`,
    remedy: 'decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()',
  };
}

function statusOf(exception: HttpException | Error): number | undefined {
  const { getStatus } = exception as Partial<HttpException>;
  return getStatus?.call(exception as HttpException);
}
