import type { Histogram, Meter, MetricOptions } from '@opentelemetry/api';

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
