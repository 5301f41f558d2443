import { randomUUID } from 'node:crypto';
import { within } from '../core/memory/flight.js';
import type { MessageBus } from '../fleet/fleet.js';
import {
  commandOver,
  endLink,
  isRedisClient,
  openLink,
  type RedisClient,
} from '../fleet/redis-client.js';
import { EFFECT, type Finding, fine, warning } from './finding.js';

const WHY = 'over it the processes of the application tell one another what is forgotten';
const LATE = Symbol('late');
const RETRY_MS = 250;

const START =
  'start Redis, or correct its address (REDIS_URL); the client of the option redis must be connected';

const trouble = (id: string, what: string, remedy: string): Finding =>
  warning(id, { what, why: WHY, effect: EFFECT.late, remedy });

/** Whether what the option `redis` names carries turns and messages. */
export async function examineRedis(
  given: RedisClient | MessageBus,
  deadlineMs: number,
): Promise<Finding> {
  if (!isRedisClient(given)) return messages((...heard) => overBus(given, ...heard), deadlineMs);
  const key = `nestjs-zitadel:doctor:${randomUUID()}`;
  const set = () => commandOver(given, 'SET', key, '1', 'NX', 'PX', '5000');
  const said = await attempt(async () => [String(await set()), await set()], deadlineMs);
  if (said === LATE) {
    return trouble('redis.unreachable', `Redis did not reply within ${deadlineMs} ms`, START);
  }
  if (!Array.isArray(said)) return failed(said);
  await attempt(() => commandOver(given, 'DEL', key), deadlineMs);
  if (said[0] !== 'OK' || said[1] !== null) {
    return trouble(
      'redis.no-turns',
      'Redis does not do SET NX as it should',
      'use a Redis 6 or newer, or what is compatible with it',
    );
  }
  return messages((...heard) => overRedis(given, ...heard), deadlineMs);
}

/** Redis begins each error with a word such as NOPERM. Its text may show what was sent. */
function failed(error: Failed): Finding {
  const { word } = error;
  const isRight = /^(?:NOAUTH|NOPERM|WRONGPASS)$/.test(word);
  const isReadOnly = word === 'READONLY';
  return trouble(
    isRight ? 'redis.refused' : isReadOnly ? 'redis.read-only' : 'redis.unreachable',
    `Redis: ${word}`,
    isRight
      ? 'give the user of Redis the rights to SET, GET, DEL, EVAL, PUBLISH and SUBSCRIBE on nestjs-zitadel:*, or correct its password'
      : isReadOnly
        ? 'connect to the primary, not to a replica'
        : START,
  );
}

interface Failed {
  readonly word: string;
}

async function attempt<T>(run: () => Promise<T>, ms: number): Promise<T | Failed | typeof LATE> {
  try {
    return await within(run(), ms, LATE);
  } catch (error) {
    const { message, code, name } = Object(error) as Readonly<Record<string, unknown>>;
    const [word] = /^[A-Z]{3,20}(?= )/.exec(String(message)) ?? [];
    const known = typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code : undefined;
    return { word: word ?? known ?? (typeof name === 'string' ? name.slice(0, 40) : 'Error') };
  }
}

/** A channel that is listened to. */
interface Carried {
  readonly ready: () => Promise<unknown>;
  readonly publish: (message: string) => unknown;
  readonly end: () => unknown;
}

type Hear = (message?: string) => void;

function overRedis(client: RedisClient, channel: string, hear: Hear): Carried {
  const { link, subscribe } = openLink(client, RETRY_MS, (_channel, message) => hear(message));
  // Without a listener, an error would end the process.
  link.on('error', () => undefined);
  return {
    ready: async () => {
      await link.connect();
      await subscribe([channel]);
    },
    publish: (message) => client.publish(channel, message),
    end: () => endLink(link),
  };
}

function overBus(bus: MessageBus, channel: string, hear: Hear): Carried {
  let end: unknown;
  return {
    ready: async () => {
      end = await bus.subscribe(channel, hear);
    },
    publish: (message) => bus.publish(channel, message),
    end: () => (typeof end === 'function' ? (end as () => unknown)() : undefined),
  };
}

/** Sends a message round. */
async function messages(
  carry: (channel: string, hear: Hear) => Carried,
  deadlineMs: number,
): Promise<Finding> {
  const sent = randomUUID();
  let heard = (): void => undefined;
  const arrives = new Promise<void>((resolve) => (heard = resolve));
  let end: (() => unknown) | undefined;
  const came = await attempt(async () => {
    const carried = carry(`nestjs-zitadel:doctor:${randomUUID()}`, (message) => {
      if (message === sent) heard();
    });
    ({ end } = carried);
    await carried.ready();
    await carried.publish(sent);
    await arrives;
  }, deadlineMs);
  await attempt(async () => end?.(), deadlineMs);
  if (came === undefined) return fine('redis.works', 'Redis carries turns and messages');
  if (came !== LATE) return failed(came);
  return trouble(
    'redis.silent',
    `a message that was published did not arrive within ${deadlineMs} ms`,
    'let the processes of this application publish and subscribe on channels nestjs-zitadel:*; look at proxies and rights of Redis',
  );
}
