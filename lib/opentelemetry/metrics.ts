import type {
  Attributes,
  BatchObservableResult,
  Histogram,
  Meter,
  MetricOptions,
} from '@opentelemetry/api';
import { type Decision, type DenyReason, isError } from '../core/decision.js';
import { type BreakerState, type FoundIn, type RememberedKind } from '../core/telemetry.js';
import type { HowDecided } from '../core/tell.js';

/** What is measured, and under which names. docs/telemetry.md has the table. */
export type Instruments = ReturnType<typeof instrumentsOf>;

/** Bounds in seconds, as the semantic conventions have them for http.client.request.duration. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const AGE_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];
const LAG_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300];

export function instrumentsOf(meter: Meter) {
  const seconds = (name: string, bounds: number[], description: string): Histogram =>
    meter.createHistogram(name, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: bounds },
    });
  const counted = (unit: string, description: string): MetricOptions => ({ unit, description });
  return {
    decisions: meter.createObservableCounter(
      'zitadel.authorization.decisions',
      counted('{decision}', 'Decisions, by outcome and reason.'),
    ),
    membershipAge: seconds(
      'zitadel.authorization.membership_age',
      AGE_SECONDS,
      'How old the memberships were by which was decided. Of a sample of all decisions.',
    ),
    lookups: meter.createObservableCounter(
      'zitadel.cache.lookups',
      counted('{lookup}', 'What was looked up about callers, by the layer that had it.'),
    ),
    evictions: meter.createCounter(
      'zitadel.cache.evictions',
      counted('{eviction}', 'What was forgotten early, by what it was about.'),
    ),
    evictionLag: seconds(
      'zitadel.cache.eviction.lag',
      LAG_SECONDS,
      'From a change at ZITADEL until it was evicted in this process.',
    ),
    requestDuration: seconds(
      'zitadel.client.request.duration',
      REQUEST_SECONDS,
      'Requests to ZITADEL, each attempt by itself.',
    ),
    unsentRequests: meter.createCounter(
      'zitadel.client.unsent_requests',
      counted('{request}', 'Requests that were not sent: a breaker was open, or too many waited.'),
    ),
    breakerState: meter.createObservableGauge(
      'zitadel.client.breaker.state',
      counted('{state}', '0: closed, 1: half open, 2: open.'),
    ),
  };
}

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
    const found = new Map(this.#found);
    add(found, 'memberships memory', this.#remembered);
    for (const [key, count] of found) {
      const [what, where] = key.split(' ') as [RememberedKind, FoundIn];
      const attributes = {
        ...this.server,
        'zitadel.cache.name': what === 'projectRoles' ? 'project_roles' : what,
        'zitadel.cache.layer': where === 'shared' ? 'shared_store' : where,
      };
      if (count > 0) result.observe(lookups, count, attributes);
    }
    for (const [endpoint, state] of this.breakers?.() ?? []) {
      const attributes = { ...this.server, 'zitadel.endpoint': endpoint };
      result.observe(breakerState, STATES[state], attributes);
    }
  }
}

function add<K>(counts: Map<K, number>, key: K, more = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

/** The outcome of a decision, in attributes. An outage and a mistake are no denials. */
export function outcomeOf(reason: DenyReason | undefined): Attributes {
  if (reason === undefined) return { 'zitadel.decision.outcome': 'allowed' };
  return {
    'zitadel.decision.outcome': isError(reason) ? 'failed' : 'denied',
    'zitadel.decision.reason': reason,
  };
}
