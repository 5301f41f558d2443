import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';

/** What Nest keeps of a controller. */
export interface Wrapper {
  readonly metatype: unknown;
  readonly instance: unknown;
  isDependencyTreeStatic(): boolean;
}

/** A method of a controller, with each function that Nest looks at. */
export interface Handler {
  readonly type: Type;
  readonly method: string;
  /** The class that Nest names to guards. */
  readonly shown: object;
  /** The prototype's: Nest reads the route from it. */
  readonly written: object;
  /** The instance's: Nest calls it and reads guards from it. Of a controller that is made for each request, the prototype's. */
  readonly called: object;
  /** The instance is made for each request, so what its constructor does to the method is not known before. */
  readonly perRequest: boolean;
  /** The instance hands out another function each time. */
  readonly unstable: boolean;
}

const scanner = new MetadataScanner();

/** The methods of a controller as Nest will find them. */
export function handlersOf(type: Type, wrapper?: Wrapper): readonly Handler[] {
  const prototype = type.prototype as Readonly<Record<string, unknown>>;
  const perRequest = wrapper?.isDependencyTreeStatic() === false;
  const made = perRequest ? undefined : wrapper?.instance;
  const instance = (made ?? prototype) as Readonly<Record<string, unknown>>;
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const [written, called] = [prototype[method], instance[method]];
    if (typeof written !== 'function' || typeof called !== 'function') return [];
    const unstable = instance[method] !== called;
    return [{ type, method, shown: instance.constructor, written, called, perRequest, unstable }];
  });
}
