import type { ExecutionContext } from '@nestjs/common';

const calls = new WeakMap<object, WeakMap<object, WeakMap<object, object>>>();

/**
 * What stands for the call of one handler with an object. Two handlers can be called with the same object: two that wait for one event, for
 * example. Each has a decision of its own.
 */
export function callWith(object: object, context: ExecutionContext): object {
  const ofClasses = madeIn(calls, object, () => new WeakMap<object, WeakMap<object, object>>());
  const ofHandlers = madeIn(ofClasses, context.getClass(), () => new WeakMap<object, object>());
  return madeIn(ofHandlers, context.getHandler(), () => ({}));
}

function madeIn<T extends object>(map: WeakMap<object, T>, key: object, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
