/** Calls code of the application whose failure, thrown or by a promise, must change nothing here. */
export function quietly(call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // By intent.
  }
}
