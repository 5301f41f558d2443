import { createHash } from 'node:crypto';
import type { Authorizer } from './core/authorizer.js';
import type { EvictionEvent } from './core/eviction.js';
import type { Turns } from './core/store/turns.js';
import type { BoundedLog } from './core/tell.js';
import { Fleet } from './fleet/fleet.js';
import { openRedis, type SharedByFleet } from './fleet/open-redis.js';
import type { ResolvedOptions } from './resolved-options.js';

/** Opens what the option `redis` names. */
export type OpenOnce = (
  given: NonNullable<ResolvedOptions['redis']>,
  log: BoundedLog,
) => SharedByFleet;

/** Several instances with the same client share one connection. */
export function openingOnce(): OpenOnce {
  const opened = new Map<object, SharedByFleet>();
  return (given, log) => {
    const shared = opened.get(given) ?? openRedis(given, log);
    opened.set(given, shared);
    return shared;
  };
}

/** One instance in the fleet: its evictions, and its turns. Without the option `redis` it is alone. */
export class InFleet {
  readonly turns: Turns | undefined;
  #fleet: Fleet | undefined;
  readonly #begin: ((decisions: Authorizer) => Fleet) | undefined;

  constructor({ redis, shared, issuer }: ResolvedOptions, open: OpenOnce, log: BoundedLog) {
    if (!redis) return;
    const { bus, turns } = open(redis, log);
    this.turns = turns && {
      take: (name, ms) => turns.take(JSON.stringify([issuer, name]), ms),
    };
    const secret = shared?.secret;
    this.#begin = (decisions) =>
      new Fleet({
        bus,
        issuer,
        channel: `nestjs-zitadel:evictions:${createHash('sha256').update(issuer).digest('base64url')}`,
        secrets: secret ? [secret].flat() : [],
        log,
        hear: (event) => decisions.hear(event),
        forgetHere: () => decisions.forgetHere(),
      });
  }

  /** Tells the other processes. */
  readonly spread = (event: EvictionEvent): void => this.#fleet?.spread(event);

  /** From now on the other processes are heard. */
  begin(decisions: Authorizer): void {
    this.#fleet = this.#begin?.(decisions);
  }

  async close(): Promise<void> {
    await this.#fleet?.close();
  }
}
