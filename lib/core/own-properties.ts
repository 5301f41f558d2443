// Other code in the same process may add to Object.prototype, by mistake or by an attack. Every object inherits that. It must not become
// a role, an option or a branch of a requirement.

/** Whether an object has a property of its own. Tells the members of a union apart. */
export function has<T extends object, K extends string>(
  value: T,
  name: K,
): value is Extract<T, Readonly<Record<K, unknown>>> {
  return Object.hasOwn(value, name);
}

/** Reads an object's own property. Undefined if there is none, or the value is not an object. */
export function own(value: unknown, name: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<PropertyKey, unknown>>)[name];
}

/**
 * Copies an object into one that inherits nothing: its own properties, and the accessors and methods of its class. `Object.keys` lists only
 * the own properties.
 */
export function withoutInheritance<T extends object>(given: T): T {
  const copy = Object.create(null) as Record<string, unknown>;
  const from = given as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) copy[name] = from[name];
  for (let each = classOf(given); each !== undefined; each = classOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) {
      if (name === 'constructor' || Object.hasOwn(copy, name)) continue;
      Object.defineProperty(copy, name, { value: from[name], enumerable: false });
    }
  }
  return copy as T;
}

function classOf(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isClass = typeof prototype === 'object' && prototype !== null;
  // Only the last prototype of a realm has no prototype.
  return isClass && Object.getPrototypeOf(prototype) !== null ? prototype : undefined;
}

/** Reads JSON into objects that inherit nothing. @throws SyntaxError */
export function jsonFrom(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const open: object[] = isObject(value) ? [value] : [];
  for (let next = open.pop(); next; next = open.pop()) {
    if (!Array.isArray(next)) Object.setPrototypeOf(next, null);
    for (const inner of Object.values(next) as unknown[]) if (isObject(inner)) open.push(inner);
  }
  return value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
