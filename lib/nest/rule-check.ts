import { Scope, type Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { IdSource } from '../core/request.js';
import { canHold, type Compiled } from '../core/requirement/compile.js';
import { requirementOf } from '../core/requirement/requirement.js';
import type { Zitadel } from '../create-zitadel.js';
import { allowsImpersonation, type Rule } from './declarations.js';
import { type Handler, problemOfParameters, takesCaller } from './handlers.js';
import { zitadelFor } from './zitadel-modules.js';
import type { Place } from './inventory.js';
import { routeText, takesParam } from './route-table.js';
import type { Way } from './ways.js';

/** What the calls of a door never bring along, and what to name instead. */
const NEVER: Readonly<
  Record<Way['door'], { readonly from: readonly IdSource['from'][]; readonly instead: string }>
> = {
  http: { from: ['arg'], instead: "param('...'), query, body or header" },
  graphql: { from: ['param', 'query', 'body'], instead: "arg('...') or header" },
  ws: { from: ['param', 'arg'], instead: "body('...'), query or header" },
  rpc: { from: ['param', 'query', 'arg'], instead: "body('...')" },
  other: { from: [], instead: '' },
};

const CALLS: Readonly<Record<Way['door'], string>> = {
  http: 'an HTTP request',
  graphql: 'a field of GraphQL',
  ws: 'a message of a gateway',
  rpc: 'a message of a microservice',
  other: 'a call',
};

/** Finds what a rule asks for and what could not be checked in any call. */
export class RuleCheck {
  constructor(
    private readonly zitadel: Zitadel,
    private readonly moduleRef: ModuleRef,
  ) {}

  problemsOf(handler: Handler, rule: Rule, places: readonly Place[]): readonly string[] {
    const prototype = handler.type.prototype as object;
    const requirement = rule.type === 'required' ? rule.requirement : undefined;
    const problems: string[] = [];
    if (rule.type === 'undeclared' && rule.problem !== undefined) problems.push(rule.problem);
    try {
      if (requirement) requirementOf(requirement, 'a decorator');
      const parameters = problemOfParameters(prototype, handler.method, requirement);
      if (parameters !== undefined) problems.push(parameters);
      if (rule.type === 'public' && takesCaller(prototype, handler.method)) {
        problems.push(
          '@CurrentCaller() stands on a public route, which has no caller: take it away, or write @Authenticated() in place of @Public()',
        );
      }
      const { allowImpersonation } = zitadelFor(rule, this.zitadel, this.moduleRef);
      if (allowsImpersonation(handler) && allowImpersonation !== 'perRoute') {
        problems.push(
          `@AllowImpersonation() stands here, and the option allowImpersonation is ${allowImpersonation}: set it to 'perRoute', or take the decorator away`,
        );
      }
      const sources = this.#prepared(rule)?.sources ?? [];
      for (const source of sources) {
        const problem = source.from === 'class' && this.#problemOfReader(source.type as Type);
        if (problem) problems.push(`${source.name} ${problem}`);
      }
      problems.push(...places.flatMap((place) => this.#problemsOfSources(rule, place)));
    } catch (error) {
      problems.push((error as Error).message);
    }
    return problems;
  }

  /** Handlers can share an `anyOf`. So an id that a call never has is a problem only if no other part can hold. */
  #problemsOfSources(rule: Rule, place: Place): readonly string[] {
    const compiled = this.#prepared(rule);
    if (!compiled) return [];
    const { root, sources } = compiled;
    const isLacking = (source: IdSource | undefined) =>
      source !== undefined && lacks(place, source);
    if (canHold(root, (slot) => isLacking(sources[slot]))) return [];
    const { way, path } = place;
    return sources.filter(isNamed).flatMap((source) => {
      if (!isLacking(source)) return [];
      const { from, name } = source;
      return path && from === 'param'
        ? `asks for the path parameter ${name}, which ${routeText(path)} does not have: correct the name, or write :${name} into the path`
        : `asks for ${from} ${name}, which ${CALLS[way.door]} does not have: name the id with ${NEVER[way.door].instead}`;
    });
  }

  /** What a rule asks for and this place does not have, in words. */
  lacking(rule: Rule, place: Place): readonly string[] {
    return (this.#prepared(rule)?.sources ?? [])
      .filter(isNamed)
      .filter((source) => lacks(place, source))
      .map(({ from, name }) =>
        from === 'param' && place.path ? `the path has no :${name}` : `it has no ${from} ${name}`,
      );
  }

  /** What a handler asks for, ready to be decided by the ZITADEL that it names. */
  #prepared(rule: Rule): Compiled | undefined {
    if (rule.type === 'undeclared' || rule.type === 'public') return undefined;
    return zitadelFor(rule, this.zitadel, this.moduleRef).decisions.prepare(rule.requirement);
  }

  #problemOfReader(type: Type): string | undefined {
    try {
      // It throws if the class is not provided.
      const { scope } = this.moduleRef.introspect(type);
      return scope === Scope.DEFAULT
        ? undefined
        : 'lives for one request, and ids are read outside of that scope: give it the default scope';
    } catch {
      return 'is not a provider: add it to a module';
    }
  }
}

type Named = Extract<IdSource, { readonly name: string }>;

function isNamed(source: IdSource): source is Named {
  return Object.hasOwn(source, 'name');
}

function lacks({ way, path, hasOwnRequest }: Place, source: IdSource): boolean {
  if (path && source.from === 'param') return !takesParam(path, source.name);
  const isNever = way.lacksHeaders === true && source.from === 'header';
  return !hasOwnRequest && (isNever || NEVER[way.door].from.includes(source.from));
}
