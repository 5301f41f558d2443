import type { Type } from '@nestjs/common';
import { ruleOf, type Rule } from './declarations.js';

const PUBLIC: Rule = Object.freeze({ type: 'public', lifts: false });

/** The rule of each route, composed once. Inherited handlers share one function, so the controller is part of the question. */
export class RouteRules {
  readonly #rules = new WeakMap<Type, WeakMap<object, Rule>>();

  constructor(private readonly publicControllers: readonly Type[]) {}

  of(type: Type, handler: object): Rule {
    let ofType = this.#rules.get(type);
    if (!ofType) this.#rules.set(type, (ofType = new WeakMap()));
    let rule = ofType.get(handler);
    if (!rule) {
      rule = ruleOf(type, handler);
      if (rule.type === 'undeclared' && this.publicControllers.includes(type)) rule = PUBLIC;
      ofType.set(handler, rule);
    }
    return rule;
  }
}
