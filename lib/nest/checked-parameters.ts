import { checkedBy, type CheckedKind } from '../core/checked.js';
import type { Requirement } from '../core/requirement.js';

const KEY = 'nestjs-zitadel:checked-parameters';

/** One `@CheckedResource`. */
export interface CheckedParameter {
  readonly kind: CheckedKind;
  readonly name: string | undefined;
}

/** Notes that a method wants a checked id, so that boot can tell whether its route checks one. */
export function checkParameter(
  prototype: object,
  method: string | symbol,
  parameter: CheckedParameter,
): void {
  const all = [...ownOf(prototype, method), parameter];
  Reflect.defineMetadata(KEY, all, prototype, method);
}

function ownOf(prototype: object, method: string | symbol): readonly CheckedParameter[] {
  const own: unknown = Reflect.getOwnMetadata(KEY, prototype, method);
  return Array.isArray(own) ? (own as readonly CheckedParameter[]) : [];
}

/** What is wrong with the `@CheckedResource` parameters of a handler; undefined when nothing is. */
export function problemOfParameters(
  prototype: object,
  method: string,
  requirement: Requirement | undefined,
): string | undefined {
  const checked = requirement ? checkedBy(requirement) : [];
  // Nest reads a handler's parameters through the prototype chain, so an inherited handler keeps its own.
  const wanted: unknown = Reflect.getMetadata(KEY, prototype, method);
  for (const { kind, name } of (wanted ?? []) as readonly CheckedParameter[]) {
    const written = `@CheckedResource('${kind}'${name === undefined ? '' : `, '${name}'`})`;
    const names = new Set(
      checked
        .filter((each) => each.kind === kind && (name === undefined || each.name === name))
        .map((each) => each.name),
    );
    if (names.size === 0) {
      return `${written} stands on a route that checks no such ${kind}: name it in the requirement, e.g. with ${kind}.param('...'), or take the parameter away`;
    }
    if (names.size > 1) {
      return `${written} could mean ${[...names].join(' or ')}: name one of them as second argument`;
    }
  }
  return undefined;
}
