import { join } from 'node:path';
import type { RedisClient } from '../../public.js';
import { load, pathFrom } from '../application.js';

/** A client that the doctor opened. */
export interface Opened {
  readonly client: RedisClient;
  close(): void;
}

interface OfRedis {
  createClient(settings: { readonly url: string }): RedisClient & {
    on(event: 'error', listener: () => void): unknown;
    connect(): Promise<unknown>;
    destroy(): void;
  };
}

interface OfIoredis {
  readonly Redis: new (url: string) => RedisClient & {
    on(event: 'error', listener: () => void): unknown;
    disconnect(): void;
  };
}

/** Opens REDIS_URL with the application's own `redis` or `ioredis`. Undefined: there is neither. It connects by itself. */
export async function openRedisUrl(url: string): Promise<Opened | undefined> {
  const redis = await theirs<OfRedis>('redis');
  if (redis) {
    const client = redis.createClient({ url });
    // Without a listener, an error would end the process.
    client.on('error', () => undefined);
    client.connect().catch(() => undefined);
    return { client, close: () => client.destroy() };
  }
  const ioredis = await theirs<OfIoredis>('ioredis');
  if (!ioredis) return undefined;
  const client = new ioredis.Redis(url);
  client.on('error', () => undefined);
  return { client, close: () => client.disconnect() };
}

async function theirs<T>(name: string): Promise<T | undefined> {
  const path = pathFrom(join(process.cwd(), 'package.json'), name);
  return path === undefined ? undefined : ((await load(path).catch(() => undefined)) as T);
}
