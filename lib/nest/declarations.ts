import type { Type } from '@nestjs/common';
import { ZitadelRequirementError } from '../core/errors.js';
import { allOf, authenticated, type Requirement } from '../core/requirement.js';

// A fixed string: two copies of the package must see each other's decorators.
const KEY = 'nestjs-zitadel:declarations';

/** What one decorator says. */
export type Declaration =
  | { readonly type: 'require'; readonly requirement: Requirement }
  | { readonly type: 'public' }
  | { readonly type: 'authenticated'; readonly replaces: boolean };

/** What a route asks for, all its decorators together. */
export type Rule =
  | { readonly type: 'required'; readonly requirement: Requirement; readonly lifts: boolean }
  | { readonly type: 'public'; readonly lifts: boolean }
  | { readonly type: 'undeclared' };

/**
 * Adds a declaration to a class, or to a method of a prototype. Stacked decorators add up. A method is known by its name and not by its
 * function: another decorator may put a function of its own in its place.
 */
export function declare(
  target: object,
  method: string | undefined,
  declaration: Declaration,
  decorator: string,
): void {
  const all = Object.freeze([...declarationsOf(target, method), declaration]);
  if (all.length > 1 && all.some(({ type }) => type === 'public')) {
    throw new ZitadelRequirementError(
      `${decorator}: @Public() stands beside another decorator of the same ${method === undefined ? 'class' : 'method'}; a public route asks for nothing, so take one of them away`,
    );
  }
  if (method === undefined) Reflect.defineMetadata(KEY, all, target);
  else Reflect.defineMetadata(KEY, all, target, method);
}

/** What is declared on exactly this class, or on this method of exactly this prototype; nothing is inherited here. */
export function declarationsOf(target: object, method?: string): readonly Declaration[] {
  const own: unknown =
    method === undefined
      ? Reflect.getOwnMetadata(KEY, target)
      : Reflect.getOwnMetadata(KEY, target, method);
  return Array.isArray(own) ? (own as readonly Declaration[]) : [];
}

/** A class and its base classes, the class first. */
function lineOf(type: Type): readonly Type[] {
  const line: Type[] = [];
  for (
    let each: unknown = type;
    typeof each === 'function' && each !== Function.prototype;
    each = Object.getPrototypeOf(each)
  ) {
    line.push(each as Type);
  }
  return line;
}

function ownMethod(type: Type, name: string): object | undefined {
  const prototype = type.prototype as object;
  const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
  return typeof method === 'function' ? method : undefined;
}

/** Under which names of the line's prototypes a function stands. */
function namesOf(line: readonly Type[], handler: object): readonly string[] {
  const names = new Set<string>();
  for (const type of line) {
    for (const name of Object.getOwnPropertyNames(type.prototype)) {
      if (ownMethod(type, name) === handler) names.add(name);
    }
  }
  return [...names];
}

const requirementsOf = (declared: readonly Declaration[]): readonly Requirement[] =>
  declared.flatMap((each) => (each.type === 'require' ? [each.requirement] : []));

/**
 * Composes the rule of a handler. Requirements add up: of the class and of the method, of base classes and of overridden methods.
 * `@Public` and `@Authenticated` count only where the controller itself carries them: a method's `@Public` lifts the requirements of
 * classes, never those of an overridden method; a class's lifts nothing.
 */
export function ruleOf(type: Type, handler: object): Rule {
  const line = lineOf(type);
  const [name, ...aliases] = namesOf(line, handler);
  // A function under two names, or under none, cannot be told apart by Nest's context: closed.
  if (name === undefined || aliases.length > 0) return { type: 'undeclared' };
  const onMethod = declarationsOf(type.prototype as object, name);
  const onClass = declarationsOf(type);

  const ofMethods = line.flatMap((each) =>
    requirementsOf(declarationsOf(each.prototype as object, name)),
  );
  const ofClasses = line.flatMap((each) => requirementsOf(declarationsOf(each)));
  const publicMethod = onMethod.some((each) => each.type === 'public');
  const replaces = onMethod.some((each) => each.type === 'authenticated' && each.replaces);
  const asksForCaller = [...onMethod, ...onClass].some((each) => each.type === 'authenticated');
  const lifts =
    (publicMethod || replaces) &&
    (ofClasses.length > 0 || onClass.some((each) => each.type === 'authenticated'));

  if (publicMethod && ofMethods.length === 0) return { type: 'public', lifts };
  const [first, ...others] = [...(publicMethod || replaces ? [] : ofClasses), ...ofMethods];
  if (first) {
    const requirement = others.length > 0 ? allOf(first, ...others) : first;
    return { type: 'required', requirement, lifts };
  }
  if (asksForCaller) return { type: 'required', requirement: authenticated(), lifts };
  const publicClass = onClass.some((each) => each.type === 'public');
  return publicClass ? { type: 'public', lifts: false } : { type: 'undeclared' };
}
