import type { Decision, Denied } from './decision.js';
import { bounded } from './memory/bounded.js';
import { wordsOf } from './refusal-words.js';
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

/**
 * How a decision came about. `remembered`: at once, by what memory held of the caller. `asked`: something had to be read first. `refused`: before the
 * caller was known, or by a door. `question`: the application asked, and nobody was let in or refused.
 */
export type HowDecided = 'remembered' | 'asked' | 'refused' | 'question';

/** The part of telemetry that hears of decisions. It throws nothing. */
interface HearsDecisions {
  decided(decision: Decision, how: HowDecided): void;
  found(what: 'memberships', where: 'memory'): void;
}

/** Tells decisions to the log, to telemetry and to listeners, and never changes them. */
export class DecisionNews {
  readonly #listeners = new Set<DecisionListener>();
  /** Whether anybody but the log hears of decisions. It is all that a "yes" reads here. */
  #isHeard: boolean;

  constructor(
    private readonly log: BoundedLog,
    private readonly telemetry?: HearsDecisions,
  ) {
    this.#isHeard = telemetry !== undefined;
  }

  /** Returns the function that removes the listener. */
  onDecision(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    this.#isHeard = true;
    return () => {
      this.#listeners.delete(listener);
      this.#isHeard = this.telemetry !== undefined || this.#listeners.size > 0;
    };
  }

  tell(
    decision: Decision,
    requirement: Requirement | undefined,
    how: HowDecided = 'remembered',
  ): Decision {
    if (!decision.allowed) this.#write(decision, requirement, how === 'question');
    if (this.#isHeard) this.#tellAll(decision, requirement, how);
    return decision;
  }

  /** The caller is remembered, and something else is being read. */
  async tellLater(decision: Promise<Decision>, requirement: Requirement): Promise<Decision> {
    this.telemetry?.found('memberships', 'memory');
    return this.tell(await decision, requirement, 'asked');
  }

  #tellAll(decision: Decision, requirement: Requirement | undefined, how: HowDecided): void {
    this.telemetry?.decided(decision, how);
    if (this.#listeners.size > 0) this.#tellListeners(decision, requirement);
  }

  // Apart from what calls it: its closure would cost every decision, even if nobody listens.
  #tellListeners(decision: Decision, requirement: Requirement | undefined): void {
    const event: DecisionEvent = Object.freeze({ at: Date.now(), requirement, decision });
    // A copy: a listener can end, and begin again.
    for (const listener of [...this.#listeners]) quietly(() => listener(event));
  }

  #write(denied: Denied, requirement: Requirement | undefined, isQuestion: boolean): void {
    const { reason, detail, caller } = denied;
    const { text, cause } = wordsOf(denied, requirement);
    if (reason === 'misconfigured') this.log.error(text, cause);
    // An application asks about any number of resources, and "no" is an answer.
    else if (!isQuestion || detail !== undefined) this.log.warn(text, cause);
    if (caller && requirement && detail === undefined) {
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

const ONCE_PER_MS = 60_000;
const AT_MOST = 1_000;

type Write = (message: string, cause?: string) => void;

/** A log in which the same cause is one line a minute. What is not told apart by a cause is told apart by its text. */
export type BoundedLog = Readonly<Record<keyof ZitadelLogger, Write>>;

/**
 * Wraps a logger. The same on every request becomes one line a minute, with a count. If the logger throws, nothing changes.
 * `prefix`: before each line.
 */
export function quietLogger(logger: ZitadelLogger, prefix = ''): BoundedLog {
  const write = (level: keyof ZitadelLogger): Write => {
    // A memory for each level, so that lines for debugging push no others out.
    const recent = bounded<string, { until: number; held: number }>(AT_MOST);
    return (message, cause = message) => {
      const known = recent.get(cause);
      if (known && known.until > performance.now()) {
        known.held += 1;
        return;
      }
      recent.set(cause, { until: performance.now() + ONCE_PER_MS, held: 0 });
      const more = known && known.held > 0 ? ` (repeated ${known.held} times)` : '';
      // A logger that fails must not become a decision.
      quietly(() => logger[level](`${prefix}${message}${more}`));
    };
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
