const refusals = new WeakSet<object>();

/**
 * For `@Catch()`: what `asRefusal` returned is an instance. Where no filter takes such an error, Nest can log it as a fault, with its stack (in
 * GraphQL, and since Nest 12 for events), or tell the client nothing (before Nest 12, one of the package ws).
 */
export class RefusalError {
  static [Symbol.hasInstance](value: unknown): boolean {
    return refusals.has(Object(value) as object);
  }
}

export function asRefusal<T extends Error>(error: T): T {
  refusals.add(error);
  return error;
}
