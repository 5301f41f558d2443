import type { Type } from '@nestjs/common';
import { asksTheSame, ruleOf, type Rule } from './declarations.js';
import type { Handler } from './handlers.js';

const PUBLIC: Rule = Object.freeze({ type: 'public', lifts: false });
const UNDECLARED: Rule = Object.freeze({ type: 'undeclared' });

interface Known {
  readonly handler: Handler;
  readonly rule: Rule;
}

/** Hands out the instance of a controller that serves a request. */
export type InstanceOf = (type: Type) => Promise<Readonly<Record<string, unknown>> | undefined>;

/**
 * The rule of each route, composed once. Nest's context names a class and a function, not the route: what Nest will call is learnt before
 * the application listens. What was not learnt is looked for on the instance, and denied where it is not found.
 */
export class RouteRules {
  readonly #known = new WeakMap<object, WeakMap<object, Known>>();
  readonly #routes = new WeakMap<object, Handler[]>();

  constructor(private readonly publicControllers: readonly Type[]) {}

  /** Takes note of a route. Returns the one that Nest's context cannot tell it from, where that asks for something else. */
  learn(handler: Handler): Handler | undefined {
    const { shown, written, called } = handler;
    this.#routes.set(shown, [...(this.#routes.get(shown) ?? []), handler]);
    const functions = this.#known.get(shown) ?? new WeakMap<object, Known>();
    this.#known.set(shown, functions);
    const rule = this.ruleOf(handler);
    let other: Handler | undefined;
    for (const each of new Set([called, written])) {
      const known = functions.get(each);
      const same = !known || asksTheSame(known.rule, rule);
      if (!same) other = known.handler;
      functions.set(each, { handler, rule: same ? rule : UNDECLARED });
    }
    return other;
  }

  /** The rule of what Nest calls; undefined when it was not learnt. */
  of(shown: object, called: object): Rule | undefined {
    return this.#known.get(shown)?.get(called)?.rule;
  }

  /** The rule of what Nest calls on an instance that did not exist when the application began to listen. */
  async find(shown: object, called: object, instanceOf: InstanceOf): Promise<Rule | undefined> {
    let found: Rule | undefined;
    for (const route of this.#routes.get(shown) ?? []) {
      const instance = await instanceOf(route.type);
      if (instance?.[route.method] !== called) continue;
      const rule = this.ruleOf({ ...route, called });
      if (found && !asksTheSame(found, rule)) return undefined;
      found = rule;
    }
    return found;
  }

  /** What a route asks for. */
  ruleOf(handler: Handler): Rule {
    const rule = ruleOf(handler);
    return rule.type === 'undeclared' && this.publicControllers.includes(handler.type)
      ? PUBLIC
      : rule;
  }
}
