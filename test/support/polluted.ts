/** Acts while every object inherits this. */
export function polluted<T>(name: string, value: unknown, act: () => T): T {
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  try {
    return act();
  } finally {
    if (before) Object.defineProperty(prototype, name, before);
    else delete prototype[name];
  }
}
