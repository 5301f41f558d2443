import type { Allowed, Decision, Denied } from './decision.js';
import type { ReadFromClass, RequestLike } from './request.js';
import type { Compiled } from './requirement/compile.js';

/** The part of the data path that asks again. */
interface AsksAgain {
  readonly ttlMs: number;
  authorize(
    request: RequestLike,
    compiled: Compiled,
    fromClass?: ReadFromClass,
  ): Decision | Promise<Decision>;
  /** For how many more milliseconds the memory says the same. At most 0: it holds nothing. */
  leftMs(request: RequestLike, compiled: Compiled): number;
}

/** A "yes" that something rests on for longer than a request: a stream, a subscription, a connection. */
export interface LastingYes {
  readonly decisions: AsksAgain;
  /** What is decided about. It may change between two questions. */
  readonly request: () => RequestLike;
  readonly compiled: Compiled;
  readonly fromClass?: ReadFromClass | undefined;
  readonly yes: Allowed;
}

/** Nothing is asked about more often, whatever the settings say. */
const LEAST_MS = 1_000;

/**
 * Keeps a "yes" under review. It asks again as soon as what the "yes" rests on has ended, and when the token expires. `ended` is called once,
 * with the first "no". An outage is no "no": it asks on, and ends as `unavailable` only when another TTL has passed without a "yes".
 */
export class Review {
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #expiresAt = Infinity;
  /** When an outage has lasted too long, on the monotonic clock. */
  #givesUpAt = 0;

  constructor(
    private readonly lasting: LastingYes,
    private readonly ended: (denied: Denied) => void,
  ) {
    this.#stands(lasting.yes);
  }

  /** Asks no more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #stands({ caller: { expiresAt = Infinity } }: Allowed): void {
    const { decisions, request, compiled } = this.lasting;
    const mostMs = Math.max(decisions.ttlMs, LEAST_MS);
    const leftMs = decisions.leftMs(request(), compiled);
    const inMs = Math.min(Math.max(leftMs > 0 ? leftMs : mostMs, LEAST_MS), mostMs);
    this.#expiresAt = expiresAt;
    this.#givesUpAt = performance.now() + inMs + mostMs;
    this.#askIn(inMs);
  }

  #askIn(ms: number): void {
    // A token that has expired ends at once, not in a second. A function in the option `callers` may accept it for longer.
    const beforeExpiryMs = this.#expiresAt - Date.now();
    const inMs = beforeExpiryMs > 0 ? Math.min(ms, beforeExpiryMs) : ms;
    this.#timer = setTimeout(() => void this.#ask(), inMs);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    const decision = await this.#decide();
    if (this.#isOver) return;
    if (decision.allowed) return this.#stands(decision);
    const leftMs = this.#givesUpAt - performance.now();
    const isExpired = this.#expiresAt <= Date.now();
    if (decision.reason === 'unavailable' && leftMs > 0 && !isExpired) {
      return this.#askIn(Math.min(Math.max(decision.retryAfterMs ?? 0, LEAST_MS), leftMs));
    }
    this.stop();
    this.ended(decision.reason === 'unavailable' && isExpired ? EXPIRED : decision);
  }

  async #decide(): Promise<Decision> {
    const { decisions, request, compiled, fromClass } = this.lasting;
    try {
      return await decisions.authorize(request(), compiled, fromClass);
    } catch {
      // It gives a decision in every foreseeable case. Nobody waits for this one, so an exception would end the process.
      return { allowed: false, reason: 'misconfigured' };
    }
  }
}

const EXPIRED: Denied = {
  allowed: false,
  reason: 'token_invalid',
  detail: 'access token: expired while ZITADEL could not be asked',
  description: 'the token is expired',
};
