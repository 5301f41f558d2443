import { once } from 'node:events';
import { Redis as Ioredis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from '../../lib/fleet/redis-client.js';

/** A client that an application has, and what ends it. */
export interface Opened {
  readonly client: RedisClient;
  /** Resolves when it is connected. */
  readonly ready: () => Promise<unknown>;
  readonly end: () => void;
}

/** The clients that are supported, as applications make them. */
export const CLIENTS: Readonly<Record<string, (url: string) => Opened>> = {
  redis: (url) => ofNodeRedis({ url }),
  'redis by RESP3': (url) => ofNodeRedis({ url, RESP: 3 }),
  ioredis: (url) => ofIoredis(new Ioredis(url)),
  'ioredis that connects late, with a prefix of its own': (url) =>
    ofIoredis(
      new Ioredis(url, { lazyConnect: true, keyPrefix: 'app:', enableOfflineQueue: false }),
    ),
};

function ofNodeRedis(options: NonNullable<Parameters<typeof createClient>[0]>): Opened {
  const client = createClient({ ...options, socket: { reconnectStrategy: 50 } });
  client.on('error', () => undefined);
  return { client, ready: () => client.connect(), end: () => client.destroy() };
}

function ofIoredis(client: Ioredis): Opened {
  client.on('error', () => undefined);
  const ready = async () => {
    if (client.status === 'wait') await client.connect();
    if (client.status !== 'ready') await once(client, 'ready');
  };
  return { client, ready, end: () => client.disconnect() };
}
