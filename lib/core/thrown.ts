// What code of the application threw, as the log may show it.
import type { Refusal } from './decision.js';

/** Its class, its code and its place. Its message may hold a token or a password. */
export function thrownText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return 'no Error';
    const { name, message, stack = '' } = error;
    const code: unknown = Object.hasOwn(error, 'code') ? (error as { code?: unknown }).code : '';
    // Many classes do not set it.
    const ofClass = name === 'Error' ? error.constructor.name : name;
    const shownName = /^\w{1,60}$/.test(ofClass) ? ofClass : 'an Error';
    const shownCode = typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? ` ${code}` : '';
    // The message stands before the frames, and may look like one.
    const end = stack.indexOf(message);
    const frames = end < 0 ? '' : stack.slice(end + message.length);
    const [, place] =
      /^\n {4}at (?:[^\n]* \()?([^\s()]{1,300}:\d+:\d+)\)?(?:\n|$)/.exec(frames) ?? [];
    return `${shownName}${shownCode}${place === undefined ? '' : ` at ${place}`}`;
  } catch {
    return 'an Error';
  }
}

/** The refusal where a function among the options threw. */
export const threwIn = (what: string, error: unknown): Refusal => ({
  reason: 'unavailable',
  detail: `${what} threw or rejected`,
  got: thrownText(error),
});

const thrownAt = new WeakMap<object, string>();

/** Notes what code of the application threw at a request, for the log. */
export function noteThrown(request: object, error: unknown): void {
  thrownAt.set(request, thrownText(error));
}

/** What was noted of a request last. */
export function thrownBy(request: object): string | undefined {
  return thrownAt.get(request);
}
