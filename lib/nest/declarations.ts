import type { Type } from '@nestjs/common';
import { ZitadelRequirementError } from '../core/errors.js';
import { own } from '../core/own-properties.js';
import { allOf, authenticated } from '../core/requirement/builders.js';
import type { Compiled } from '../core/requirement/compile.js';
import type { Requirement } from '../core/requirement/requirement.js';
import type { Zitadel } from '../create-zitadel.js';
import type { Handler } from './handlers.js';

// A fixed string, so that two copies of the package see each other's decorators.
const KEY = 'nestjs-zitadel:declarations';

/** What one decorator says. */
export type Declaration =
  | { readonly type: 'require'; readonly requirement: Requirement; readonly zitadel: Name }
  | { readonly type: 'public' }
  | { readonly type: 'impersonation' }
  | {
      readonly type: 'authenticated';
      readonly replaces: boolean;
      readonly optional: boolean;
      readonly zitadel: Name;
    };

/** Of a ZitadelModule. Undefined: the one without a name. */
type Name = string | undefined;

/** What a route asks for, by all its decorators together. */
export type Rule =
  | {
      /** `optional`: only of requests that carry a token. */
      readonly type: 'required' | 'optional';
      readonly requirement: Requirement;
      readonly zitadel: Name;
      /** Whether callers who act as another user are let in, with the option `allowImpersonation: 'perRoute'`. */
      readonly forActors: boolean;
      /** By the guard, when it is first asked for: ready to be decided, and by which ZITADEL. */
      prepared?: { readonly zitadel: Zitadel; readonly compiled: Compiled };
      /** A route that answers each request by itself: nothing is left of its decision afterwards. */
      readonly isBrief?: boolean;
      readonly lifts: boolean;
    }
  | { readonly type: 'public'; readonly lifts: boolean }
  | {
      readonly type: 'undeclared';
      /** What contradicts itself, so that nobody is let in. */
      readonly problem?: string;
    };

/**
 * Adds a declaration to a class, or to a method of a prototype. Stacked decorators add up. A method is known by its name, because another
 * decorator may put a function of its own in its place. It is also known by its function, because a mixin may copy that to another class.
 */
export function declare(
  target: object,
  method: { readonly name: string; readonly function: object } | undefined,
  declaration: Declaration,
  decorator: string,
): void {
  add(target, method?.name, declaration, decorator);
  if (method) add(method.function, undefined, declaration, decorator);
  placesOf().push({ target: new WeakRef(target), name: method?.name });
}

function add(
  target: object,
  method: string | undefined,
  declaration: Declaration,
  decorator: string,
): void {
  const all = Object.freeze([...declarationsOf(target, method), declaration]);
  if (all.length > 1 && all.some(({ type }) => type === 'public')) {
    throw new ZitadelRequirementError(
      `${decorator}: @Public() stands beside another decorator of the same class or method; a public route asks for nothing, so take one of them away`,
    );
  }
  Reflect.defineMetadata(KEY, all, target, method as string);
}

/** What is declared on exactly this class or function, or on this method of exactly this prototype. Nothing is inherited here. */
function declarationsOf(target: object, method?: string): readonly Declaration[] {
  const all: unknown = Reflect.getOwnMetadata(KEY, target, method as string);
  return Array.isArray(all) ? (all as readonly Declaration[]) : [];
}

interface Place {
  /** A class, or the prototype of a method. */
  readonly target: WeakRef<object>;
  readonly name: string | undefined;
}

const PLACES: unique symbol = Symbol.for('nestjs-zitadel:places') as never;

/** Every class and every method that was decorated, by any copy of the package. */
function placesOf(): Place[] {
  const all = globalThis as { [PLACES]?: Place[] };
  return (all[PLACES] ??= []);
}

/** What a function brings along, because it was decorated, or wraps a function that was. */
export type OfFunction = (method: object | undefined) => Iterable<Declaration>;

/** Looks once at every decorated method. Another function may take the place of a method later: then the result is out of date. */
export function declarationsByFunction(): OfFunction {
  const found = new Map<object, Set<Declaration>>();
  for (const { target, name } of placesOf()) {
    const at = target.deref();
    if (!at || name === undefined) continue;
    const method = ownMethod(at, name);
    if (!method) continue;
    const all = found.get(method) ?? new Set(declarationsOf(method));
    for (const each of declarationsOf(at, name)) all.add(each);
    found.set(method, all);
  }
  return (method) => (method ? (found.get(method) ?? declarationsOf(method)) : []);
}

/** What was decorated, and its decorators cannot be read any more: another copy of reflect-metadata has taken the place of the one they use. */
export function forgotten(): readonly string[] {
  return placesOf().flatMap(({ target, name }) => {
    const at = target.deref();
    if (!at || declarationsOf(at, name).length > 0) return [];
    const type = (name === undefined ? at : at.constructor) as Type;
    return [name === undefined ? type.name : `${type.name}.${name}`];
  });
}

/** A class, and the one that a proxy around it hides. */
export function classesOf(type: Type): readonly Type[] {
  const constructor: unknown = Object(type.prototype).constructor;
  const hides =
    typeof constructor === 'function' &&
    constructor !== type &&
    constructor.prototype === type.prototype;
  return hides ? [type, constructor as Type] : [type];
}

/** A class and its base classes, the class first. */
export function lineOf(type: Type): readonly Type[] {
  const line: Type[] = [];
  for (
    let each: unknown = type;
    typeof each === 'function' && each !== Function.prototype;
    each = Object.getPrototypeOf(each)
  ) {
    line.push(...classesOf(each as Type));
  }
  return line;
}

function ownMethod(prototype: object, name: string): object | undefined {
  const method = own(Object.getOwnPropertyDescriptor(prototype, name), 'value');
  return typeof method === 'function' ? method : undefined;
}

const prototypeOf = (type: Type): object => type.prototype as object;

type Asking = Extract<Declaration, { readonly type: 'require' }>;

const isAsking = (each: Declaration): each is Asking => each.type === 'require';

/** What a method carries, in its class and the base classes, and what the functions there and the one that is called bring along. */
function onMethods(
  { type, method, called }: Handler,
  ofFunction: OfFunction,
): readonly Declaration[] {
  const written = lineOf(type).flatMap((each) => [
    ...declarationsOf(prototypeOf(each), method),
    ...ofFunction(ownMethod(prototypeOf(each), method)),
  ]);
  return [...written, ...ofFunction(called)];
}

/** What a controller itself carries. */
const ownOf = ({ type, method }: Handler) => ({
  onMethod: declarationsOf(prototypeOf(type), method),
  onClass: classesOf(type).flatMap((each) => declarationsOf(each)),
});

export const ANY_CALLER = authenticated();

const NOT_ALONE =
  '@Authenticated({ optional: true }) stands beside another requirement of the class or method, which needs a caller: take one of them away, or write @Authenticated({ optional: true, replaces: true }) on the method to lift what the class asks for';

const ofSeveral = (names: readonly Name[]): string => {
  const texts = names.map((name) => (name === undefined ? 'the one without a name' : `'${name}'`));
  return `its decorators ask several ZITADELs, ${texts.join(' and ')}, and a caller is of one: write the same { zitadel: ... } into all of them, on the class and on the method`;
};

/**
 * Composes the rule of a method for which Nest calls this function. Requirements add up: those of the class and of the method, of base
 * classes and of overridden methods, and of the function, wherever it was written. `@Public`, `@Authenticated` and `@AllowImpersonation` count
 * only if the controller itself carries them. `@Public` on a method lifts the requirements of classes, but never those of an overridden
 * method or of the function. `@Public` on a class lifts nothing.
 */
export function ruleOf(handler: Handler, ofFunction: OfFunction): Rule {
  const { type } = handler;
  const { onMethod, onClass } = ownOf(handler);

  const ofMethods = onMethods(handler, ofFunction).filter(isAsking);
  const ofClasses = lineOf(type).flatMap((each) => declarationsOf(each).filter(isAsking));
  const publicMethod = onMethod.some((each) => each.type === 'public');
  const replaces = onMethod.some((each) => each.type === 'authenticated' && each.replaces);
  const callers = [...onMethod, ...(replaces ? [] : onClass)].flatMap((each) =>
    each.type === 'authenticated' ? [each] : [],
  );
  const optional = callers.some((each) => each.optional);
  const certain = callers.some((each) => !each.optional);
  const forActors = allowsImpersonation(handler);
  const lifts =
    (publicMethod || replaces) &&
    (ofClasses.length > 0 || onClass.some((each) => each.type === 'authenticated'));

  if (publicMethod && ofMethods.length === 0) return { type: 'public', lifts };
  const asking = [...(publicMethod || replaces ? [] : ofClasses), ...ofMethods];
  const [first, ...others] = new Set(asking.map(({ requirement }) => requirement));
  const [zitadel, ...more] = new Set([...asking, ...callers].map((each) => each.zitadel));
  if (more.length > 0) return { type: 'undeclared', problem: ofSeveral([zitadel, ...more]) };
  if (optional && (first || certain)) return { type: 'undeclared', problem: NOT_ALONE };
  if (first) {
    const requirement = others.length > 0 ? allOf(first, ...others) : first;
    return { type: 'required', requirement, zitadel, forActors, lifts };
  }
  if (optional || certain) {
    const kind = optional ? 'optional' : 'required';
    return { type: kind, requirement: ANY_CALLER, zitadel, forActors, lifts };
  }
  const publicClass = onClass.some((each) => each.type === 'public');
  return publicClass ? { type: 'public', lifts: false } : { type: 'undeclared' };
}

/** Whether two rules ask for the same. */
export function asksTheSame(one: Rule, other: Rule): boolean {
  const [ones, others] = [partsOf(one), partsOf(other)];
  return (
    one.type === other.type &&
    zitadelOf(one) === zitadelOf(other) &&
    own(one, 'forActors') === own(other, 'forActors') &&
    ones.size === others.size &&
    [...ones].every((each) => others.has(each))
  );
}

/** The ZITADEL that a route asks. */
export function zitadelOf(rule: Rule): Name {
  return rule.type === 'required' || rule.type === 'optional' ? rule.zitadel : undefined;
}

function partsOf(rule: Rule): ReadonlySet<Requirement> {
  if (rule.type !== 'required') return new Set();
  const { requirement } = rule;
  return new Set(requirement.type === 'allOf' ? requirement.of : [requirement]);
}

/** Whether `@AllowImpersonation` stands on a method or its class. */
export function allowsImpersonation(handler: Handler): boolean {
  const { onMethod, onClass } = ownOf(handler);
  return [...onMethod, ...onClass].some((each) => each.type === 'impersonation');
}

/** Whether a method carries any decorator of ours, or inherits one that asks for something. */
export function isDeclared(handler: Handler, ofFunction: OfFunction): boolean {
  const { onMethod, onClass } = ownOf(handler);
  const others = [
    ...lineOf(handler.type).flatMap((each) => declarationsOf(each)),
    ...onMethods(handler, ofFunction),
  ];
  return [...onMethod, ...onClass].length > 0 || others.some((each) => each.type !== 'public');
}

/** Whether a method itself carries a decorator of ours, or what it overrides does, or the function that is called. */
export function isDecorated(handler: Handler, ofFunction: OfFunction): boolean {
  return onMethods(handler, ofFunction).length > 0;
}

/** Whether a method was decorated, and then a function took its place that was decorated differently. */
export function isAmbiguous(
  { type, method: name, called }: Handler,
  ofFunction: OfFunction,
): boolean {
  const home = lineOf(type).find((each) => Object.hasOwn(prototypeOf(each), name));
  if (!home) return false;
  const said = declarationsOf(prototypeOf(home), name);
  const stands = [...ofFunction(ownMethod(prototypeOf(home), name)), ...ofFunction(called)];
  return said.length > 0 && stands.some((each) => !said.includes(each));
}
