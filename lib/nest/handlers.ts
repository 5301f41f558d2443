import type { ExecutionContext, Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { CheckedKind } from '../core/decision.js';
import { checkedBy, type Requirement } from '../core/requirement/requirement.js';

/** What Nest keeps of a module. */
export interface Home {
  readonly metatype: unknown;
  /** Nest runs a guard that is named as a class only if it stands here. */
  readonly injectables: ReadonlyMap<unknown, unknown>;
}

/** What Nest keeps of a controller or a provider. */
export interface Wrapper {
  readonly metatype: unknown;
  readonly instance: unknown;
  readonly host?: Home | undefined;
  /** Made by a factory, given as a value, or another name of a provider. */
  readonly isNotMetatype: boolean;
  isDependencyTreeStatic(): boolean;
}

/** What an application has of them. */
export const wrappersIn = (modules: ModulesContainer) => ({
  controllers: [...modules.values()].flatMap((each) => [...each.controllers.values()]),
  providers: [...modules.values()].flatMap((each) => [...each.providers.values()]),
});

/** A method of a controller or a provider, with each function that Nest looks at. */
export interface Handler {
  readonly type: Type;
  readonly isController: boolean;
  /** Whether Nest makes the instance of the class itself. */
  readonly isOfClass: boolean;
  readonly home: Home | undefined;
  readonly method: string;
  /** The class that Nest names to guards. */
  readonly shown: object;
  /** The function of the prototype. Nest reads the route from it. */
  readonly written: object;
  /** The function of the instance. Nest calls it, and reads guards from it. If the controller is made for each request: as `written`. */
  readonly called: object;
  /** The instance is made for each request, so nobody knows at boot what its constructor does to the method. */
  readonly perRequest: boolean;
  /** The instance gives another function each time. */
  readonly unstable: boolean;
}

const scanner = new MetadataScanner();

/** The functions of a class's prototype, and of what it inherits. */
export function methodsOf({ prototype }: Type): readonly object[] {
  const all = prototype as Readonly<Record<string, unknown>>;
  return scanner
    .getAllMethodNames(all)
    .map((name) => all[name])
    .filter((each): each is object => typeof each === 'function');
}

/** The methods of a controller or a provider as Nest will find them. */
export function handlersOf(
  type: Type,
  wrapper: Wrapper,
  isController: boolean,
): readonly Handler[] {
  const prototype = type.prototype as Readonly<Record<string, unknown>>;
  const perRequest = !wrapper.isDependencyTreeStatic();
  const made = perRequest ? undefined : wrapper.instance;
  const instance = (made ?? prototype) as Readonly<Record<string, unknown>>;
  const of = { type, isController, isOfClass: !wrapper.isNotMetatype, home: wrapper.host };
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const [written, called] = [prototype[method], instance[method]];
    if (typeof written !== 'function' || typeof called !== 'function') return [];
    const unstable = instance[method] !== called;
    const shown = instance.constructor;
    return [{ ...of, method, shown, written, called, perRequest, unstable }];
  });
}

/** A handler as its author knows it. */
export const handlerName = ({ type, method }: Handler): string => `${type.name}.${method}`;

/** Of the handler that a context is of. */
export const calledName = (context: ExecutionContext): string =>
  `${context.getClass().name}.${context.getHandler().name}`;

/** Whether a constructor returned an instance of another class. */
export const isForeign = ({ metatype, instance }: Wrapper): boolean =>
  Object.getPrototypeOf(Object(instance)) !== (metatype as Type).prototype;

/** The classes of a provider. Those of factories and values are the classes of what they made. */
export function typesOf({ metatype, instance }: Wrapper): readonly Type[] {
  const made: unknown = Object(instance as unknown).constructor;
  return [...new Set([metatype, made])].filter(
    (type): type is Type => typeof type === 'function' && typeof type.prototype === 'object',
  );
}

const KEY = 'nestjs-zitadel:checked-parameters';

/** One `@CheckedResource`. */
export interface CheckedParameter {
  readonly kind: CheckedKind;
  readonly name: string | undefined;
}

/** Notes that a method takes a checked id, so that the boot check can tell whether its route checks one. */
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

const CALLER_KEY = 'nestjs-zitadel:caller-parameters';

/** Notes that a method takes the caller, so that the boot check can tell whether its route has one. */
export function takeCaller(prototype: object, method: string | symbol): void {
  Reflect.defineMetadata(CALLER_KEY, true, prototype, method);
}

/** Whether a method takes the caller. */
export function takesCaller(prototype: object, method: string): boolean {
  return Reflect.hasMetadata(CALLER_KEY, prototype, method);
}

/** What is wrong with the `@CheckedResource` parameters of a handler. Undefined if nothing is. */
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
