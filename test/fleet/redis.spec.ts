import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { quietLogger } from '../../lib/core/tell.js';
import { openRedis } from '../../lib/fleet/open-redis.js';
import { redisIsHere, type RedisServer, startRedis } from '../support/redis.js';
import { recorder } from '../zitadel/parts.js';
import { CLIENTS, type Opened } from './redis-clients.js';

const CHANNEL = 'nestjs-zitadel:test';

describe.runIf(redisIsHere).each(Object.entries(CLIENTS))('over %s,', (_, open) => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  function opened(): Opened {
    const made = open(redis.url);
    onTestFinished(() => {
      try {
        made.end();
      } catch {
        // It was never connected.
      }
    });
    return made;
  }

  function subscribed({ client }: Opened, log = recorder()) {
    const { bus } = openRedis(client, quietLogger(log));
    const heard: (string | undefined)[] = [];
    const end = bus.subscribe(CHANNEL, (message) => void heard.push(message)) as () => void;
    onTestFinished(end);
    return { bus, heard, end };
  }

  it('messages are heard, and that some may be lost: when it begins, and after each reconnect', async () => {
    const mine = opened();
    await mine.ready();
    const log = recorder();
    const { bus, heard } = subscribed(mine, log);
    await expect.poll(() => heard).toEqual([undefined]);
    await bus.publish(CHANNEL, 'one');
    await expect.poll(() => heard).toEqual([undefined, 'one']);
    await redis.kill();
    await expect.poll(() => log.lines.join()).toContain('not connected');
    redis = await startRedis(redis.port);
    await expect.poll(() => heard).toEqual([undefined, 'one', undefined]);
    // The application's own client may come back later.
    const tell = () => Promise.resolve(bus.publish(CHANNEL, 'two')).catch(() => undefined);
    await expect.poll(async () => ((await tell(), heard.includes('two')))).toBe(true);
    expect(heard.slice(3).every((each) => each === 'two')).toBe(true);
  });
});
