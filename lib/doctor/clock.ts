import { type Finding, fine, warning, amiss } from './finding.js';
import type { Scene } from './scene.js';

/** How far ahead our clock may be before ZITADEL refuses what a key of ours signs. */
const ASSERTIONS_MS = 90_000;
const NOTICEABLE_MS = 5_000;

/** How far this host's clock is from ZITADEL's, by the reply that came last. */
export function examineClock({ watch, resolved, credential }: Scene): readonly Finding[] {
  const { aheadMs, ms } = watch.last;
  if (aheadMs === undefined) return [];
  // The header has whole seconds, and was written at any time while we waited.
  const doubt = 500 + ms / 2;
  const apart = Math.abs(aheadMs);
  const seconds = `${Math.round(apart / 1_000)} s`;
  const why = 'a token says in seconds from when until when it counts';
  const remedy = 'let this host keep its time by NTP, and the host of ZITADEL too';
  if (aheadMs - doubt > resolved.clockToleranceMs) {
    return [
      amiss('clock.behind', {
        what: `the clock of this host is ${seconds} behind ZITADEL's`,
        why,
        effect: `a token that was just issued: 401 token_invalid, for ${seconds}`,
        remedy: `${remedy}; clockToleranceMs allows for a difference`,
      }),
    ];
  }
  if (-aheadMs - doubt > ASSERTIONS_MS && credential?.type === 'key') {
    return [
      amiss('clock.ahead', {
        what: `the clock of this host is ${seconds} ahead of ZITADEL's`,
        why: 'ZITADEL refuses what the key of the service user signs in its future',
        effect: 'requests that need the service user: 500 misconfigured',
        remedy,
      }),
    ];
  }
  if (apart - doubt > NOTICEABLE_MS) {
    return [
      warning('clock.apart', {
        what: `the clock of this host is ${seconds} ${aheadMs > 0 ? 'behind' : 'ahead of'} ZITADEL's`,
        why,
        effect: `tokens end up to ${seconds} too early or begin too late`,
        remedy,
      }),
    ];
  }
  return [fine('clock.same', 'the clock of this host agrees with that of ZITADEL')];
}
