import type { Authorizer } from './core/authorizer.js';
import { type BoundedLog, quietly } from './core/tell.js';
import type { ResolvedOptions } from './resolved-options.js';
import { ZitadelEvents } from './zitadel/events/zitadel-events.js';

/** What the option `events` means. */
export function eventsOf(
  { events }: ResolvedOptions,
  decisions: Pick<Authorizer, 'evict'>,
  log: BoundedLog,
): ZitadelEvents {
  return new ZitadelEvents({
    signingKeys: [events?.signingKeys ?? []].flat(),
    path: events?.path ?? '/zitadel/events',
    apply: (evictions) => {
      for (const eviction of evictions) quietly(() => decisions.evict(eviction, 'zitadel'));
    },
    log,
  });
}
