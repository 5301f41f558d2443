import { type Bounded, bounded } from '../core/memory/bounded.js';
import type { BreakerState } from '../core/telemetry.js';
import type { Standing } from './limits.js';

const FIRST_MS = 1_000;
/** If only users of whom nothing is known show the failure. */
const FIRST_OF_NEW_MS = 100;
const LONGEST_MS = 30_000;
const WINDOW_MS = 5_000;
const USERS_IN_WINDOW = 1_000;
/** Users who were well, and now fail. */
const LOST_BEFORE_OPEN = 3;
/** How many users who were well are looked at. The latest come first, so that an outage shows soon. */
const KNOWN_TO_JUDGE = 64;
/** One sender can have many strange tokens, so those count for less. */
const FAILED_BEFORE_OPEN: Readonly<Record<Standing, number>> = {
  well: 16,
  new: 16,
  stranger: 128,
  failing: Infinity,
};
const REFUSED_BEFORE_OPEN = 3;
const PROBES: Readonly<Record<Standing, number>> = { well: 4, new: 4, stranger: 4, failing: 1 };

/** In the order of trust. A failure that shows for one standing counts for all that follow. */
const STANDINGS = ['well', 'new', 'stranger', 'failing'] as const satisfies readonly Standing[];

/**
 * How a call ended. `unreachable`: there was no connection. `tooMany`: ZITADEL says that the whole instance is asked too much. `failure`:
 * it may be about one user (5xx, a broken connection, no reply in time, a reply that is not ZITADEL's). `unknown` says nothing.
 */
export type Outcome = 'reply' | 'unreachable' | 'tooMany' | 'failure' | 'unknown';

/** For the users of one standing. */
interface Lane {
  openUntil: number;
  backoffMs: number;
  openedAt: number;
  /** Calls that may leave since it is half open, and those of them that failed. */
  probesLeft: number;
  probesFailed: number;
}

/** What came last for a user: a reply, or the first failure after it, with the standing of the user at that time. */
interface Seen {
  readonly at: number;
  readonly how: 'reply' | Standing;
}

interface Breaker {
  readonly lanes: Readonly<Record<Standing, Lane>>;
  readonly window: Bounded<string, Seen>;
  readonly refused: Set<string>;
  lastReplyAt: number;
  /** Calls of users who are not known to fail. */
  underWay: number;
}

/** A call that leaves. */
export interface Leave {
  readonly startedAt: number;
  readonly standing: Standing;
}

/**
 * One breaker per family of endpoints. While it is open, calls fail at once: for a second at first, then twice as long each time, up to
 * half a minute. Then a few probes leave. A reply closes it.
 *
 * It opens when ZITADEL cannot be reached, when ZITADEL tells three users that it is asked too much, and when half of the users of the
 * last seconds fail: three who were well, or sixteen of whom nothing is known. Users who are known to fail do not count and have probes
 * of their own: a few users whose calls always fail must not stop the others. Users of whom nothing is known never stop those who were
 * well.
 */
export class Breakers {
  readonly #families = new Map<string, Breaker>();

  /** How long to wait if the call must not be made. Otherwise what `settle` needs to know. */
  enter(family: string, standing: Standing): { readonly waitMs: number } | Leave {
    const breaker = this.#of(family);
    const lane = breaker.lanes[standing];
    const now = performance.now();
    if (lane.openUntil > now) return { waitMs: lane.openUntil - now };
    if (lane.backoffMs > 0) {
      if (lane.probesLeft === 0) return { waitMs: FIRST_MS };
      lane.probesLeft -= 1;
    }
    if (standing !== 'failing') breaker.underWay += 1;
    return { startedAt: now, standing };
  }

  settle(family: string, { standing, startedAt }: Leave, outcome: Outcome, who: string): void {
    const breaker = this.#of(family);
    if (standing !== 'failing') breaker.underWay -= 1;
    if (outcome === 'reply') {
      close(breaker);
      breaker.window.set(who, { at: performance.now(), how: 'reply' });
      return;
    }
    const lane = breaker.lanes[standing];
    // Calls that left before it opened belong to the failure that opened it.
    if (lane.openedAt >= startedAt) return;
    const isProbe = lane.backoffMs > 0;
    if (outcome === 'unknown') {
      if (isProbe) lane.probesLeft += 1;
      return;
    }
    const from = isProbe
      ? afterProbe(lane, standing, outcome)
      : afterFailure(breaker, standing, startedAt, outcome, who);
    if (from) open(breaker, from);
  }

  /** The state of each. */
  states(): ReadonlyMap<string, BreakerState> {
    return new Map([...this.#families].map(([family, { lanes }]) => [family, stateOf(lanes)]));
  }

  #of(family: string): Breaker {
    let breaker = this.#families.get(family);
    if (!breaker) {
      breaker = {
        lanes: {
          well: { ...CLOSED },
          new: { ...CLOSED },
          stranger: { ...CLOSED },
          failing: { ...CLOSED },
        },
        window: bounded(USERS_IN_WINDOW),
        refused: new Set(),
        lastReplyAt: -Infinity,
        underWay: 0,
      };
      this.#families.set(family, breaker);
    }
    return breaker;
  }
}

function stateOf({ well, failing }: Breaker['lanes']): BreakerState {
  if (well.openUntil > performance.now()) return 'open';
  // If it is open for anybody, it is open for users whose calls fail.
  return failing.backoffMs > 0 ? 'halfOpen' : 'closed';
}

const CLOSED: Lane = {
  openUntil: 0,
  backoffMs: 0,
  openedAt: -Infinity,
  probesLeft: 0,
  probesFailed: 0,
};

/** The standing from which on a failed probe opens it again. */
function afterProbe(lane: Lane, standing: Standing, outcome: Outcome): Standing | undefined {
  if (outcome === 'unreachable') return 'well';
  lane.probesFailed += 1;
  return outcome === 'tooMany' || lane.probesFailed >= PROBES[standing] ? standing : undefined;
}

/** The standing from which on a failure opens it, while it is closed. */
function afterFailure(
  { window, refused, lastReplyAt, underWay }: Breaker,
  standing: Standing,
  startedAt: number,
  outcome: Outcome,
  who: string,
): Standing | undefined {
  const now = performance.now();
  // One lost call among many replies is not an outage.
  if (outcome === 'unreachable') return lastReplyAt > startedAt ? undefined : 'well';
  if (standing === 'failing') return undefined;
  if (outcome === 'tooMany') {
    if (refused.size < REFUSED_BEFORE_OPEN) refused.add(who);
    return refused.size >= REFUSED_BEFORE_OPEN && lastReplyAt <= startedAt ? 'well' : undefined;
  }
  if ((window.peek(who)?.how ?? 'reply') === 'reply') window.set(who, { at: now, how: standing });
  // The latest come first.
  const seen = [...window.values()].filter((each) => each.at > now - WINDOW_MS);
  const isHalf = (users: readonly Seen[]): boolean => {
    const replied = users.filter(({ how }) => how === 'reply').length;
    // Calls that are under way may still get a reply.
    return users.length - replied >= replied + underWay;
  };
  const known = seen.filter(({ how }) => how === 'reply' || how === 'well');
  const latest = known.slice(0, KNOWN_TO_JUDGE);
  const lost = latest.filter(({ how }) => how === 'well').length;
  if (lost >= LOST_BEFORE_OPEN && isHalf(latest)) return 'well';
  const failed = seen.filter(({ how }) => how !== 'reply').length;
  return failed >= FAILED_BEFORE_OPEN[standing] && isHalf(seen) ? standing : undefined;
}

function open({ lanes }: Breaker, from: Standing): void {
  const now = performance.now();
  const firstMs = from === 'well' ? FIRST_MS : FIRST_OF_NEW_MS;
  for (const standing of STANDINGS.slice(STANDINGS.indexOf(from))) {
    const lane = lanes[standing];
    lane.openedAt = now;
    lane.backoffMs = Math.max(firstMs, Math.min(lane.backoffMs * 2, LONGEST_MS));
    lane.openUntil = now + lane.backoffMs;
    lane.probesLeft = PROBES[standing];
    lane.probesFailed = 0;
  }
}

function close(breaker: Breaker): void {
  const { lanes, window, refused } = breaker;
  breaker.lastReplyAt = performance.now();
  refused.clear();
  // If it is open for anybody, it is open for users whose calls fail.
  if (lanes.failing.backoffMs === 0) return;
  for (const standing of STANDINGS) Object.assign(lanes[standing], { backoffMs: 0, openUntil: 0 });
  // The failures that were seen are over.
  for (const [who, { how }] of window) if (how !== 'reply') window.delete(who);
}
