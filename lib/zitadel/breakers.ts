const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const USERS_BEFORE_OPEN = 3;

interface Breaker {
  openUntil: number;
  backoffMs: number;
  /** When the probe that is under way began; 0: none is. */
  probeStartedAt: number;
  openedAt: number;
  lastAnswerAt: number;
  readonly failingFor: Set<string>;
}

/**
 * How a call ended, as far as the breaker cares: an answer; no connection at all; a failure that may be about one user (5xx, 429, nothing
 * in time, nothing of ZITADEL's); or nothing that says anything.
 */
export type Outcome = 'answer' | 'noAnswer' | 'failure' | 'unknown';

/**
 * One breaker per family of endpoints. Open: calls fail at once, first for a second, then doubling to half a minute; then one probe at
 * a time. It is moved by a connection that does not come about, or by failures for at least three different users: one user's token
 * that gets a 500 every time, or one list that takes too long, must not stop the others. An answer closes it.
 */
export class Breakers {
  readonly #families = new Map<string, Breaker>();

  /** Milliseconds to wait when the call must not be made, else what `settle` wants to know. */
  enter(family: string): { readonly waitMs: number } | { readonly startedAt: number } {
    const breaker = this.#of(family);
    const now = performance.now();
    if (breaker.openUntil > now) return { waitMs: breaker.openUntil - now };
    if (breaker.backoffMs > 0) {
      if (breaker.probeStartedAt > 0) return { waitMs: FIRST_MS };
      breaker.probeStartedAt = now;
    }
    return { startedAt: now };
  }

  settle(family: string, startedAt: number, outcome: Outcome, who: string): void {
    const breaker = this.#of(family);
    const now = performance.now();
    if (startedAt === breaker.probeStartedAt) breaker.probeStartedAt = 0;
    if (outcome === 'unknown') return;
    if (outcome === 'answer') {
      breaker.lastAnswerAt = now;
      breaker.openUntil = 0;
      breaker.backoffMs = 0;
      breaker.failingFor.clear();
      return;
    }
    if (outcome === 'failure') {
      if (breaker.failingFor.size < USERS_BEFORE_OPEN) breaker.failingFor.add(who);
      if (breaker.failingFor.size < USERS_BEFORE_OPEN) return;
    }
    // One lost call among answered ones is no outage, and a hundred that were under way together are one.
    if (breaker.lastAnswerAt > startedAt || breaker.openedAt >= startedAt) return;
    breaker.openedAt = now;
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
        probeStartedAt: 0,
        openedAt: -1,
        lastAnswerAt: 0,
        failingFor: new Set(),
      };
      this.#families.set(family, breaker);
    }
    return breaker;
  }
}
