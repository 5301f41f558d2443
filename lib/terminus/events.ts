import type { ZitadelEvents } from '../zitadel/events/zitadel-events.js';

/** How ZITADEL's events come. */
export interface EventsHealth {
  readonly state: 'in time' | 'late' | 'received';
  /** Milliseconds: how far the tail is behind, where this process reads it. */
  readonly lagMs?: number;
  /** Deliveries that were refused, since the application started. */
  readonly refused?: number;
}

/** Undefined: no events are set up. Nobody can tell whether a delivery is missing, so of those only the refused ones are shown. */
export function healthOfEvents(
  all: readonly ZitadelEvents[],
  maxLagMs: number,
): EventsHealth | undefined {
  const statuses = all.map((events) => events.status());
  const tails = statuses.flatMap(({ tail }) => tail ?? []);
  if (tails.length > 0) {
    const lags = tails.flatMap(({ lagMs }) => lagMs ?? []);
    const isLate = tails.some(
      ({ state, lagMs = 0 }) => state === 'failing' || state === 'notServed' || lagMs > maxLagMs,
    );
    return {
      state: isLate ? 'late' : 'in time',
      ...(lags.length > 0 && { lagMs: Math.max(...lags) }),
    };
  }
  if (all.every(({ path }) => path === undefined)) return undefined;
  const refused = statuses.flatMap((each) => Object.values(each.refused));
  return { state: 'received', refused: refused.reduce((sum, each) => sum + each, 0) };
}
