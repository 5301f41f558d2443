import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { ZitadelOptions } from 'nestjs-zitadel';
import { createClient } from 'redis';
import type { Environment } from './environment.js';

/** What the instances of the app have in common. */
export interface Fleet {
  /** What entries of the shared store and messages are signed with. */
  readonly secret: string;
  /** Over it an instance tells the others what is forgotten. */
  readonly openBus: () => { readonly bus: Bus; readonly close: () => void };
}

type Bus = NonNullable<ZitadelOptions['redis']>;

/** Over Redis where one is named, else in the memory of this process. */
export function fleetOf({ redisUrl, sharedCacheSecret }: Environment): Fleet {
  // In memory nobody else reads or hears anything, so nobody else needs to know the secret.
  const secret = sharedCacheSecret ?? randomBytes(32).toString('base64url');
  if (redisUrl !== undefined) return { secret, openBus: () => redisBus(redisUrl) };
  const bus = memoryBus();
  return { secret, openBus: () => ({ bus, close: () => undefined }) };
}

/** A bus is an object of two functions. This one reaches whoever has the object. */
function memoryBus(): Bus {
  const listeners = new Set<readonly [channel: string, listener: (message?: string) => void]>();
  return {
    publish(channel, message) {
      for (const [each, listener] of listeners) if (each === channel) listener(message);
    },
    subscribe(channel, listener) {
      const entry = [channel, listener] as const;
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}

/** A client that waits for nobody while Redis is away. */
function redisBus(url: string): { readonly bus: Bus; readonly close: () => void } {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 1_000,
      reconnectStrategy: (tries) => Math.min(100 * 2 ** tries, 2_000),
    },
  });
  const logger = new Logger('bus');
  client.on('ready', () => logger.log('Redis carries messages between the instances.'));
  // The shared cache says when Redis is away. Without a listener an error would end the process.
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);
  return { bus: client, close: () => client.destroy() };
}
