import type { Turns } from '../core/store/turns.js';
import type { BoundedLog } from '../core/tell.js';
import type { MessageBus } from './message-bus.js';
import { RedisBus } from './redis-bus.js';
import { isRedisClient, type RedisClient } from './redis-client.js';
import { RedisTurns } from './redis-turns.js';

/** What the processes of a fleet share. */
export interface SharedByFleet {
  readonly bus: MessageBus;
  /** Undefined: nothing but messages can be shared. */
  readonly turns: Turns | undefined;
}

/** Makes a bus and turns of a client of Redis. A bus stays what it is. */
export function openRedis(given: RedisClient | MessageBus, log: BoundedLog): SharedByFleet {
  return isRedisClient(given)
    ? { bus: new RedisBus(given, log), turns: new RedisTurns(given, log) }
    : { bus: given, turns: undefined };
}
