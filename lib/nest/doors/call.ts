import type { ExecutionContext } from '@nestjs/common';

interface Calls extends WeakMap<object, Calls> {}

const calls: Calls = new WeakMap();

/**
 * What stands for the call of one handler with these objects. Two handlers can be called with the same ones: two that wait for one event, for
 * example. And a server can hand out one payload for two senders. Each has a decision of its own.
 */
export function callWith(given: readonly unknown[], context: ExecutionContext): object {
  const objects = given.filter(isObject);
  if (objects.length === 0) return {};
  return [...objects, context.getClass(), context.getHandler()].reduce(within, calls);
}

function within(all: Calls, key: object): Calls {
  const known = all.get(key) ?? (new WeakMap() as Calls);
  all.set(key, known);
  return known;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
