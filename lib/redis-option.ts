import type { Authorizer } from './core/authorizer.js';
import type { EvictionEvent } from './core/eviction.js';
import { digestOf } from './core/seal.js';
import type { Turns } from './core/store/turns.js';
import type { BoundedLog } from './core/tell.js';
import { Fleet, type MessageBus } from './fleet/fleet.js';
import { RedisBus } from './fleet/redis-bus.js';
import { isRedisClient, type RedisClient } from './fleet/redis-client.js';
import { RedisTurns } from './fleet/redis-turns.js';
import type { ResolvedOptions } from './resolved-options.js';

/** What the processes of a fleet share. */
interface SharedByFleet {
  readonly bus: MessageBus;
  /** Undefined: nothing but messages can be shared. */
  readonly turns: Turns | undefined;
}

/** Opens what the option `redis` names. */
export type OpenRedis = typeof openRedis;

/** Makes a bus and turns of a client of Redis. A bus stays what it is. */
export function openRedis(given: RedisClient | MessageBus, log: BoundedLog): SharedByFleet {
  return isRedisClient(given)
    ? { bus: new RedisBus(given, log), turns: new RedisTurns(given, log) }
    : { bus: given, turns: undefined };
}

/** Several instances with the same client share one connection. */
export function openingOnce(): OpenRedis {
  const opened = new Map<object, SharedByFleet>();
  return (given, log) => {
    const shared = opened.get(given) ?? openRedis(given, log);
    opened.set(given, shared);
    return shared;
  };
}

/** One instance in the fleet: its evictions, and its turns. Undefined without the option `redis`: it is alone. */
export function inFleet(
  { redis, shared, issuer }: ResolvedOptions,
  open: OpenRedis,
  log: BoundedLog,
) {
  if (!redis) return undefined;
  const { bus, turns } = open(redis, log);
  const secret = shared?.secret;
  let fleet: Fleet | undefined;
  return {
    turns: turns && {
      take: (name: string, ms: number) => turns.take(JSON.stringify([issuer, name]), ms),
    },
    /** Tells the other processes. */
    spread: (event: EvictionEvent) => fleet?.spread(event),
    /** From now on the other processes are heard. */
    begin: (decisions: Authorizer) => {
      fleet = new Fleet({
        bus,
        issuer,
        channel: `nestjs-zitadel:evictions:${digestOf(issuer)}`,
        secrets: secret ? [secret].flat() : [],
        log,
        hear: (event) => decisions.hear(event),
        forgetHere: () => decisions.forgetHere(),
      });
    },
    close: () => fleet?.close(),
  };
}
