const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const CALLERS_BEFORE_OPEN = 3;

interface Breaker {
  openUntil: number;
  backoffMs: number;
  probing: boolean;
  lastAnswerAt: number;
  readonly failingFor: Set<string>;
}

/** How a call ended, as far as the breaker cares. */
export type Outcome = 'answer' | 'serverError' | 'noAnswer';

/**
 * One breaker per family of endpoints. Open: calls fail at once, first for a second, then doubling to half a minute; then one probe at
 * a time. Only calls without any answer move it, or 5xx for at least three different callers: a removed user's token gets a 500 every
 * time and must not stop the others. An answer below 500 closes it.
 */
export class Breakers {
  readonly #families = new Map<string, Breaker>();

  /** Milliseconds to wait when the call must not be made, else what `settle` wants to know. */
  enter(family: string): { readonly waitMs: number } | { readonly startedAt: number } {
    const breaker = this.#of(family);
    const now = performance.now();
    if (breaker.openUntil > now) return { waitMs: breaker.openUntil - now };
    if (breaker.backoffMs > 0) {
      if (breaker.probing) return { waitMs: FIRST_MS };
      breaker.probing = true;
    }
    return { startedAt: now };
  }

  settle(family: string, startedAt: number, outcome: Outcome, who: string): void {
    const breaker = this.#of(family);
    const now = performance.now();
    breaker.probing = false;
    if (outcome === 'answer') {
      breaker.lastAnswerAt = now;
      breaker.openUntil = 0;
      breaker.backoffMs = 0;
      breaker.failingFor.clear();
      return;
    }
    if (outcome === 'serverError') {
      if (breaker.failingFor.size < CALLERS_BEFORE_OPEN) breaker.failingFor.add(who);
      if (breaker.failingFor.size < CALLERS_BEFORE_OPEN) return;
    }
    // One lost call among answered ones is no outage, and a hundred that fail together are one.
    if (breaker.lastAnswerAt > startedAt || breaker.openUntil > now) return;
    breaker.backoffMs =
      breaker.backoffMs === 0 ? FIRST_MS : Math.min(breaker.backoffMs * 2, LONGEST_MS);
    breaker.openUntil = now + breaker.backoffMs;
  }

  #of(family: string): Breaker {
    let breaker = this.#families.get(family);
    if (!breaker) {
      breaker = {
        openUntil: 0,
        backoffMs: 0,
        probing: false,
        lastAnswerAt: 0,
        failingFor: new Set(),
      };
      this.#families.set(family, breaker);
    }
    return breaker;
  }
}
