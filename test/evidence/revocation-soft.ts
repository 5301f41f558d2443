import type { Figures, RunOptions } from './proof.js';
import { revokeMany } from './revocation-fleet.js';

export const about =
  'deliveries and Redis end what is remembered in all processes, long before the TTL';

/** So long that only messages end anything. */
const TTL_MS = 600_000;
/** The last delivery is on its way for 1.1 s, and what it names is evicted again after 2 s. */
const WATCH_MS = 4_000;
/** Two cores carry this with room to spare: at 80 ZITADEL, the balancer and the processes wait for one another, and that is what is measured. */
const PER_SECOND = 40;
const MOST_P99_MS = 250;
const MOST_P99_FROM_CHANGE_MS = 1_500;

export async function run(options: RunOptions): Promise<Figures> {
  const course = { ttlMs: TTL_MS, perSecond: PER_SECOND, hears: true, watchMs: WATCH_MS };
  const revocations = await revokeMany(course, options);
  const undelivered = revocations.filter(({ arrivedAt }) => arrivedAt === undefined).length;
  const since = (from: 'arrivedAt' | 'revokedAt') =>
    revocations
      .map(({ lastAllowsAt, [from]: at = NaN }) => Math.max(0, Math.max(...lastAllowsAt) - at))
      .sort((one, other) => one - other);
  const [arrived, changed] = [since('arrivedAt'), since('revokedAt')];
  const p99Ms = share(arrived, 0.99);
  const p99FromChangeMs = share(changed, 0.99);
  const sum = (of: 'stillAllowed' | 'afterEviction') =>
    revocations.reduce((total, { [of]: count }) => total + count, 0);
  return {
    ok:
      undelivered === 0 &&
      // Others may use the machine while the short form runs.
      (options.short || (p99Ms <= MOST_P99_MS && p99FromChangeMs <= MOST_P99_FROM_CHANGE_MS)),
    revocations: revocations.length,
    undelivered,
    p50Ms: share(arrived, 0.5),
    p99Ms,
    maxMs: share(arrived, 1),
    p50FromChangeMs: share(changed, 0.5),
    p99FromChangeMs,
    maxFromChangeMs: share(changed, 1),
    stillAllowed: sum('stillAllowed'),
    afterEviction: sum('afterEviction'),
  };
}

/** The value that this share of the sorted times does not exceed. */
function share(times: readonly number[], of: number): number {
  return Number((times[Math.ceil(times.length * of) - 1] ?? NaN).toFixed(1));
}
