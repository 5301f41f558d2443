import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { quietLogger } from '../../lib/core/tell.js';
import type { Turn, Turns } from '../../lib/core/store/turns.js';
import { openRedis } from '../../lib/redis-option.js';
import type { RedisClient } from '../../lib/fleet/redis-client.js';
import {
  askRedis,
  redisIsHere,
  type RedisServer,
  startRedis,
  startRedisProxy,
} from '../support/redis.js';
import { recorder } from '../zitadel/parts.js';
import { CLIENTS, type Opened } from './redis-clients.js';

const CHANNEL = 'nestjs-zitadel:test';

describe.runIf(redisIsHere).each(Object.entries(CLIENTS))('over %s,', (name, open) => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  function opened(url = redis.url): Opened {
    const made = open(url);
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
    await expect.poll(() => log.lines.join()).toMatch(/not connected \(\w+/);
    redis = await startRedis(redis.port);
    await expect.poll(() => heard).toEqual([undefined, 'one', undefined]);
    // The application's own client may come back later.
    const tell = () => Promise.resolve(bus.publish(CHANNEL, 'two')).catch(() => undefined);
    await expect.poll(async () => (await tell(), heard.includes('two'))).toBe(true);
    expect(heard.slice(3).every((each) => each === 'two')).toBe(true);
  });

  // It takes two seconds. How they reconnect is the same in both forms of a client.
  it.runIf(['redis', 'ioredis'].includes(name))(
    'a connection that says nothing any more is replaced',
    async () => {
      const proxy = await startRedisProxy(redis.port);
      onTestFinished(() => proxy.stop());
      const { heard } = subscribed(opened(proxy.url));
      await expect.poll(() => heard).toEqual([undefined]);
      proxy.silence();
      await expect.poll(() => heard).toEqual([undefined, undefined]);
      const other = opened();
      await other.ready();
      await openRedis(other.client, quietLogger(recorder())).bus.publish(CHANNEL, 'one');
      await expect.poll(() => heard).toEqual([undefined, undefined, 'one']);
    },
  );

  it('who may not listen is told why', async () => {
    await askRedis(redis.port, 'ACL SETUSER default resetchannels');
    const log = recorder();
    subscribed(opened(), log);
    await expect
      .poll(() => log.lines.join(), { timeout: 5_000 })
      .toContain('(NOPERM: allow its user');
  });

  it('one process at a time has a turn, which ends by itself and which nobody else ends', async () => {
    const [one, two] = [opened(), opened()];
    await Promise.all([one.ready(), two.ready()]);
    const log = quietLogger(recorder());
    const [mine, others] = [one, two].map(({ client }) => openRedis(client, log).turns);
    if (!mine || !others) throw new Error('no turns');
    const turn = await takenBy(mine, 60_000);
    expect(await others.take('a', 60_000)).toBe('taken');
    expect(await others.take('b', 60_000)).toMatchObject({ keep: expect.any(Function) });
    expect(await turn.keep(1)).toBe(true);
    await expect.poll(() => others.take('a', 60_000)).toMatchObject({ keep: expect.any(Function) });
    expect(await turn.keep(60_000)).toBe(false);
    await turn.end();
    expect(await mine.take('a', 60_000)).toBe('taken');
    const third = await takenBy(mine, 60_000, 'c');
    await third.end();
    await takenBy(others, 60_000, 'c');
    const keys = await askRedis(redis.port, 'KEYS *');
    expect(keys.match(/(app:)?nestjs-zitadel:turn:[\w-]{43}\r/g)).toHaveLength(3);
  });

  it('who has the turn is unknown while Redis does not reply, and then Redis is asked once in a while', async () => {
    const mine = opened();
    await mine.ready();
    let asked = 0;
    const client = counting(mine.client, () => (asked += 1));
    const { turns } = openRedis(client, quietLogger(recorder()));
    if (!turns) throw new Error('no turns');
    redis.pause();
    expect(await turns.take('a', 60_000)).toBe('unknown');
    const many = await Promise.all(Array.from({ length: 100 }, () => turns.take('a', 1_000)));
    expect(new Set(many)).toEqual(new Set(['unknown']));
    expect(asked).toBe(1);
    redis.resume();
    await expect.poll(() => turns.take('b', 1_000)).not.toBe('unknown');
    // The turn that came too late has ended.
    await expect.poll(() => turns.take('a', 1_000)).toMatchObject({ keep: expect.any(Function) });
  });

  it('nothing waits for a client that is not connected, or has ended', async () => {
    const mine = opened();
    const { turns } = openRedis(mine.client, quietLogger(recorder()));
    await turns?.take('a', 1_000);
    await mine.ready();
    mine.end();
    expect(await turns?.take('a', 1_000)).toBe('unknown');
  });

  it('the log says what is wrong with a client that is not connected, and what to do', async () => {
    const mine = opened();
    await mine.ready();
    mine.end();
    // ioredis ends a moment later, and says so.
    const { client }: { client: { readonly status?: string } } = mine as never;
    await expect.poll(() => client.status ?? 'end').toBe('end');
    const log = recorder();
    const { bus, turns } = openRedis(mine.client, quietLogger(log));
    await turns?.take('a', 1_000);
    await expect(bus.publish(CHANNEL, 'one')).rejects.toThrow(/close|writeable/);
    const why = 'the client is not connected: await its connect()';
    expect(log.lines).toEqual([
      expect.stringContaining(`Redis: processes ask ZITADEL without taking turns (${why}`),
      expect.stringContaining(`Redis: nothing can be published (${why}`),
    ]);
  });
});

async function takenBy(turns: Turns, ms: number, name = 'a'): Promise<Turn> {
  const turn = await turns.take(name, ms);
  if (typeof turn === 'string') throw new Error(turn);
  return turn;
}

/** The client, with a count of the commands that it sends. */
function counting(client: RedisClient, count: () => void): RedisClient {
  return new Proxy(client, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (...args: unknown[]): unknown => {
        if (name === 'call' || name === 'sendCommand') count();
        return Reflect.apply(found, target, args);
      };
    },
  });
}
