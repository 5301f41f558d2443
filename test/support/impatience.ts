import { vi } from 'vitest';

/** What is waited for at least so long is waited for in vain. */
const LONG_MS = 10_000;
const TIMES = 200;

/**
 * Asks something that hangs, without waiting for it as long as the library does: long times go by so many times faster.
 * Before and after that everybody has all the time that a busy machine needs.
 */
export async function impatiently<T>(ask: () => Promise<T>): Promise<T> {
  const real = globalThis.setTimeout;
  const sooner = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
    real(run, ms >= LONG_MS ? ms / TIMES : ms, ...given);
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(sooner as typeof setTimeout);
  try {
    return await ask();
  } finally {
    spy.mockRestore();
  }
}
