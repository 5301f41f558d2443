import type { Type } from '@nestjs/common';
import { own } from '../core/own-properties.js';
import {
  allowsImpersonation,
  ANY_CALLER,
  asksTheSame,
  classesOf,
  declarationsByFunction,
  type OfFunction,
  type Rule,
  ruleOf,
} from './declarations.js';
import type { Handler } from './handlers.js';
import { waysOf } from './ways.js';

const PUBLIC: Rule = Object.freeze({ type: 'public', lifts: false });
const UNDECLARED: Rule = Object.freeze({ type: 'undeclared' });

/** What was learned about a function, for one class. Inherited methods share one function between classes. */
interface Known {
  readonly handler: Handler;
  rule: Rule;
  readonly next: Known | undefined;
}

/** Hands out the instance of a controller that serves a request. */
type InstanceOf = (type: Type) => Promise<Readonly<Record<string, unknown>> | undefined>;

/**
 * The rule of each route, composed once. Nest's context names a class and a function, not the route. So the boot check learns what Nest will
 * call before the application listens. A function that was not learned is looked for on the instance. If it is not there, it is denied.
 */
export class RouteRules {
  readonly #known = new WeakMap<object, Known>();
  readonly #routes = new WeakMap<object, Handler[]>();

  constructor(private readonly publicControllers: readonly Type[]) {}

  /** Notes a route. Returns another route that Nest's context cannot tell from it, if that asks for something else. */
  learn(handler: Handler, rule: Rule): Handler | undefined {
    const { shown, written, called } = handler;
    this.#routes.set(shown, [...(this.#routes.get(shown) ?? []), handler]);
    let other: Handler | undefined;
    for (const each of new Set([called, written])) {
      const known = this.#knownOf(shown, each);
      if (!known) {
        this.#known.set(each, { handler, rule, next: this.#known.get(each) });
      } else if (!asksTheSame(known.rule, rule)) {
        other = known.handler;
        known.rule = UNDECLARED;
      }
    }
    return other;
  }

  /** The rule of what Nest calls. Undefined if it was not learned. */
  of(shown: object, called: object): Rule | undefined {
    return this.#knownOf(shown, called)?.rule;
  }

  #knownOf(shown: object, called: object): Known | undefined {
    let known = this.#known.get(called);
    while (known && known.handler.shown !== shown) known = known.next;
    return known;
  }

  /** The rule of what Nest calls on an instance that was made after the application began to listen. */
  async find(shown: object, called: object, instanceOf: InstanceOf): Promise<Rule | undefined> {
    let found: Rule | undefined;
    for (const route of this.#routes.get(shown) ?? []) {
      const instance = await instanceOf(route.type);
      if (instance?.[route.method] !== called) continue;
      const rule = this.ruleOf({ ...route, called }, declarationsByFunction());
      if (found && !asksTheSame(found, rule)) return undefined;
      found = rule;
    }
    return found;
  }

  /** What a route asks for. */
  ruleOf(handler: Handler, ofFunction: OfFunction): Rule {
    const rule = withNestjsAuthentication(ruleOf(handler, ofFunction), handler);
    if (rule.type === 'required' || rule.type === 'optional') {
      const isRoute = waysOf(handler).every(({ door }) => door === 'http');
      return { ...rule, isBrief: isRoute };
    }
    const isOpen = rule.type === 'undeclared' && rule.problem === undefined;
    return isOpen && this.publicControllers.includes(handler.type) ? PUBLIC : rule;
  }
}

/** What `@Public()` and `@Authenticate()` of @nestjs/authentication write on a function, by lib/authentication.constants.ts there. */
const ROUTE = 'authentication:route';
/** What newer ones write beside it: whether the route is public. */
const IS_PUBLIC = Symbol.for('@nestjs/authentication:public');
const OPTIONS = ['public', 'optional', 'mfa', 'verifiedEmail', 'providers'];

const BESIDE =
  'a decorator of @nestjs/authentication opens this route, and nestjs-zitadel asks for something here: take one of them away; to lift what the class asks for, write @Public() or @Authenticated({ replaces: true }) of nestjs-zitadel on the method';

/**
 * Understands `@Public()` and `@Authenticate({ optional: true })` of @nestjs/authentication on a method, as ours. On a class, on a method
 * that is inherited and with further options they say nothing here. They never lift what ours ask for: beside that they are a problem.
 */
function withNestjsAuthentication(rule: Rule, handler: Handler): Rule {
  const opens = openedBy(handler);
  if (opens === undefined) return rule;
  if (rule.type === 'required') return { type: 'undeclared', problem: BESIDE };
  if (rule.type !== 'undeclared' || rule.problem !== undefined) return rule;
  const forActors = allowsImpersonation(handler);
  return opens === 'public'
    ? { type: 'public', lifts: false }
    : { type: 'optional', requirement: ANY_CALLER, zitadel: undefined, forActors, lifts: false };
}

function openedBy({ type, method, called }: Handler): 'public' | 'optional' | undefined {
  const isOfClass = classesOf(type).some(
    ({ prototype }) =>
      own(Object.getOwnPropertyDescriptor(prototype as object, method), 'value') === called,
  );
  const route: unknown = isOfClass ? Reflect.getOwnMetadata(ROUTE, called) : undefined;
  if (typeof route !== 'object' || route === null) return undefined;
  const isPublic: unknown = Reflect.getOwnMetadata(IS_PUBLIC, called);
  if (!Object.keys(route).every((name) => OPTIONS.includes(name))) return undefined;
  if (own(route, 'public') === true) return isPublic === false ? undefined : 'public';
  const asksMore = ['mfa', 'verifiedEmail', 'providers'].some((name) => own(route, name));
  return own(route, 'optional') === true && isPublic !== true && !asksMore ? 'optional' : undefined;
}
