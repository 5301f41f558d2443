import type { Attributes, BatchObservableResult } from '@opentelemetry/api';
import type { Decision, DenyReason } from '../core/decision.js';
import type { BreakerState, FoundIn, RememberedKind } from '../core/telemetry.js';
import type { HowDecided } from '../core/tell.js';
import { outcomeOf } from './outcome.js';
import type { Instruments } from './instruments.js';

const NAMES: Readonly<Record<RememberedKind, string>> = {
  memberships: 'memberships',
  permissions: 'permissions',
  projectRoles: 'project_roles',
};
const LAYERS: Readonly<Record<FoundIn, string>> = {
  memory: 'memory',
  shared: 'shared_store',
  zitadel: 'zitadel',
};
const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, halfOpen: 1, open: 2 };

class Decisions {
  allowed = 0;
  readonly refused = new Map<DenyReason, number>();
}

/**
 * Counts what happens at one instance of ZITADEL. They are plain numbers that are read when metrics are collected: to add to a counter of
 * OpenTelemetry takes several times as long as a whole decision.
 */
export class Tally {
  readonly #requests = new Decisions();
  readonly #questions = new Decisions();
  readonly #found = new Map<string, number>();
  #remembered = 0;

  /** Told for each breaker, by its endpoints. */
  breakers: (() => ReadonlyMap<string, BreakerState>) | undefined;

  constructor(private readonly server: Attributes) {}

  decided(decision: Decision, how: HowDecided): void {
    const decisions = how === 'question' ? this.#questions : this.#requests;
    if (decision.allowed) decisions.allowed += 1;
    else add(decisions.refused, decision.reason);
    if (how === 'remembered') this.#remembered += 1;
  }

  found(what: RememberedKind, where: FoundIn): void {
    add(this.#found, `${what} ${where}`);
  }

  observe(result: BatchObservableResult, instruments: Instruments): void {
    const { decisions, lookups, breakerState } = instruments;
    for (const [of, { allowed, refused }] of [
      ['request', this.#requests],
      ['application', this.#questions],
    ] as const) {
      const attributes = { ...this.server, 'zitadel.decision.for': of };
      if (allowed > 0) {
        result.observe(decisions, allowed, { ...attributes, ...outcomeOf(undefined) });
      }
      for (const [reason, count] of refused) {
        result.observe(decisions, count, { ...attributes, ...outcomeOf(reason) });
      }
    }
    for (const what of Object.keys(NAMES) as RememberedKind[]) {
      for (const where of Object.keys(LAYERS) as FoundIn[]) {
        const remembered = what === 'memberships' && where === 'memory' ? this.#remembered : 0;
        const count = (this.#found.get(`${what} ${where}`) ?? 0) + remembered;
        const attributes = {
          ...this.server,
          'zitadel.cache.name': NAMES[what],
          'zitadel.cache.layer': LAYERS[where],
        };
        if (count > 0) result.observe(lookups, count, attributes);
      }
    }
    for (const [endpoint, state] of this.breakers?.() ?? []) {
      const attributes = { ...this.server, 'zitadel.endpoint': endpoint };
      result.observe(breakerState, STATES[state], attributes);
    }
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
