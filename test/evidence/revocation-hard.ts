import type { Figures, RunOptions } from './proof.js';
import { revokeMany } from './revocation-fleet.js';

export const about = 'every message is lost: no process lets anybody in for longer than the TTL';

const TTL_MS = 1_000;
const SLACK_MS = 250;

/** A "yes" is as old as its list, on one clock. So a busy machine makes nothing late, and the short form judges the same. */
export async function run(options: RunOptions): Promise<Figures> {
  const course = { ttlMs: TTL_MS, perSecond: 80, hears: false, watchMs: 1.5 * TTL_MS };
  const revocations = await revokeMany(course, options);
  const after = revocations.flatMap(({ revokedAt, lastAllowsAt }) =>
    lastAllowsAt.map((at) => at - revokedAt),
  );
  const lateAllows = after.filter((ms) => !(ms <= TTL_MS + SLACK_MS)).length;
  const stillAllowed = revocations.reduce((sum, each) => sum + each.stillAllowed, 0);
  const heardOf = revocations.filter(({ arrivedAt }) => arrivedAt !== undefined).length;
  return {
    ok: lateAllows === 0 && stillAllowed === 0 && heardOf === 0,
    revocations: revocations.length,
    // Those who were let in by what was remembered: only they show anything.
    letInAfter: after.filter((ms) => ms > 0).length,
    lateAllows,
    latestMs: Math.round(Math.max(...after)),
    stillAllowed,
  };
}
