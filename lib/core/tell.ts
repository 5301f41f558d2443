import type { Decision, Denied } from './decision.js';
import { bounded } from './memory/bounded.js';
import { type Requirement, requirementText } from './requirement/requirement.js';

/** What listeners hear of each decision. */
export interface DecisionEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly requirement: Requirement | undefined;
  readonly decision: Decision;
}

/** Is called with every decision. If it throws or rejects, nothing changes. */
export type DecisionListener = (event: DecisionEvent) => unknown;

/** Tells decisions to the log and to listeners, and never changes them. */
export class DecisionNews {
  readonly #listeners = new Set<DecisionListener>();

  constructor(private readonly log: ZitadelLogger) {}

  /** Returns the function that removes the listener. */
  onDecision(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(decision: Decision, requirement: Requirement | undefined): Decision {
    if (!decision.allowed) this.#write(decision, requirement);
    if (this.#listeners.size > 0) this.#tellListeners(decision, requirement);
    return decision;
  }

  // Apart from `tell`: its closure would cost every decision, even if nobody listens.
  #tellListeners(decision: Decision, requirement: Requirement | undefined): void {
    const event: DecisionEvent = Object.freeze({ at: Date.now(), requirement, decision });
    for (const listener of this.#listeners) quietly(() => listener(event));
  }

  #write({ reason, detail, remedy, caller }: Denied, requirement: Requirement | undefined): void {
    const why = [detail, remedy].filter(Boolean).join(': ');
    if (reason === 'misconfigured') this.log.error(`${reason}: ${why}`);
    else if (why || reason === 'unavailable') this.log.warn(`${reason}: ${why}`);
    else if (caller && requirement) {
      this.log.debug(`${reason}: user ${caller.userId} on ${requirementText(requirement)}`);
    }
  }
}

/** Where the library writes. Nest's `Logger` and `console` both fit. It never gets a token, a key or the name of another tenant. */
export interface ZitadelLogger {
  debug(message: string): void;
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const ONCE_PER_MS = 10_000;

/**
 * Wraps a logger. The same message on every request becomes one line in ten seconds, with a count. If the logger throws, nothing changes.
 */
export function quietLogger(logger: ZitadelLogger): ZitadelLogger {
  const recent = bounded<string, { until: number; held: number }>(200);
  const write = (level: keyof ZitadelLogger) => (message: string) => {
    const key = `${level} ${message}`;
    const known = recent.get(key);
    if (known && known.until > performance.now()) {
      known.held += 1;
      return;
    }
    recent.set(key, { until: performance.now() + ONCE_PER_MS, held: 0 });
    const more = known && known.held > 0 ? ` (repeated ${known.held} times)` : '';
    // A logger that fails must not become a decision.
    quietly(() => logger[level](`${message}${more}`));
  };
  return { debug: write('debug'), log: write('log'), warn: write('warn'), error: write('error') };
}

/** Calls code of the application. If it throws or rejects, nothing changes here. */
export function quietly(call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // On purpose.
  }
}
