import type { Decision, Denied } from './decision.js';
import type { ZitadelLogger } from './log.js';
import { quietly } from './quietly.js';
import type { Requirement } from './requirement.js';
import { requirementText } from './requirement-text.js';

/** What listeners hear of each decision. */
export interface DecisionEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly requirement: Requirement | undefined;
  readonly decision: Decision;
}

/** Whoever wants to hear decisions. What it throws or rejects with changes nothing. */
export type DecisionListener = (event: DecisionEvent) => unknown;

/** Tells decisions to the log and to those who listen; never changes them. */
export class DecisionNews {
  readonly #listeners = new Set<DecisionListener>();

  constructor(private readonly log: ZitadelLogger) {}

  /** Returns the function that ends it. */
  onDecision(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(decision: Decision, requirement: Requirement | undefined): Decision {
    if (!decision.allowed) this.#write(decision, requirement);
    if (this.#listeners.size > 0) this.#tellListeners(decision, requirement);
    return decision;
  }

  // Apart from `tell`: its closure would cost every decision, also while nobody listens.
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
