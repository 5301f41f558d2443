import { waysByForm } from './callers.js';
import type { Eviction } from './core/eviction.js';
import type { SharedStore } from './core/store/shared-store.js';
import type { Turns } from './core/store/turns.js';
import type { QuietTelemetry } from './core/telemetry.js';
import type { BoundedLog } from './core/tell.js';
import { Repeats } from './fleet/repeats.js';
import type { ResolvedOptions } from './resolved-options.js';
import { openServiceUser } from './zitadel/credentials.js';
import type { Discover } from './zitadel/discovery.js';
import { EventTail } from './zitadel/events/tail.js';
import { ZitadelEvents } from './zitadel/events/zitadel-events.js';
import type { Http } from './zitadel/http.js';
import { ServiceToken } from './zitadel/service-user.js';

interface EventParts {
  readonly http: Http;
  readonly discover: Discover;
  readonly shared: SharedStore | undefined;
  readonly turns: Turns | undefined;
  readonly evict: (eviction: Eviction) => unknown;
  readonly telemetry: QuietTelemetry | undefined;
  readonly log: BoundedLog;
}

/** What the option `events` means: what receives, and what runs on its own from `begin` to `close`. */
export function eventsOf(
  { events, callers, issuer, ttlMs }: ResolvedOptions,
  { http, discover, shared, turns, evict, telemetry, log }: EventParts,
): {
  readonly events: ZitadelEvents;
  readonly begin: () => void;
  readonly close: () => Promise<void>;
} {
  const repeats = new Repeats(evict);
  const startedAt = Date.now();
  // Userinfo does not say when a token was issued, so later ones would be refused as well. ZITADEL refuses the older ones each time it is asked.
  // Beside `jwt()` that is no reason: most tokens say it.
  const { jwt, other } = waysByForm(callers);
  const byUserinfo = !jwt && other?.type === 'userinfo';
  const apply = (evictions: readonly Eviction[], changedAt: readonly number[]) => {
    repeats.apply(byUserinfo ? evictions.filter(({ type }) => type !== 'issuedBefore') : evictions);
    if (!telemetry) return;
    // Of what changed before, nothing was remembered here.
    for (const at of changedAt) if (at >= startedAt) telemetry.followed(Date.now() - at);
  };
  const { signingKeys = [], path = '/zitadel/events', tail: asked } = events ?? {};
  const tail =
    asked &&
    new EventTail({
      asker: new ServiceToken(http, discover, issuer, openServiceUser(asked.serviceUser)),
      everyMs: asked.everyMs ?? 3_000,
      ttlMs,
      apply,
      notes: shared,
      turns,
      log,
    });
  return {
    events: new ZitadelEvents({
      signingKeys: [signingKeys].flat(),
      path,
      apply,
      tail: () => tail?.status(),
      log,
    }),
    begin: () => tail?.start(),
    close: async () => {
      repeats.close();
      await tail?.close();
    },
  };
}
