import { thrownText } from '../core/thrown.js';
import { own } from '../core/own-properties.js';

/**
 * The functions of a client of `redis` (5) or `ioredis` that are used. A client of a cluster is refused: it does not tell when messages may
 * have been lost.
 */
export interface RedisClient {
  readonly duplicate: () => unknown;
  readonly publish: (channel: string, message: string) => Promise<unknown>;
  readonly sendCommand: (...args: never[]) => unknown;
}

/** What only `ioredis` has. */
interface OfIoredis {
  readonly call: (...command: string[]) => Promise<unknown>;
}

/** The same by `redis`. */
interface OfNodeRedis {
  readonly options?: { readonly socket?: object };
  readonly sendCommand: (command: string[]) => Promise<unknown>;
}

/** A connection that only listens. */
export interface RedisLink {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  subscribe(...args: unknown[]): Promise<unknown>;
  /** Of `redis`. */
  destroy?(): void;
  /** Of `ioredis`. */
  disconnect?(): void;
}

/** What to give in place of a value that is neither a client of Redis nor a bus. */
export function redisProblem(value: unknown): string | undefined {
  const given = Object(value) as Readonly<Record<string, unknown>>;
  const has = (...names: string[]) => names.every((name) => typeof given[name] === 'function');
  // Only a cluster of ioredis says so, and only one of redis has nodes.
  if (has('duplicate') && (given['isCluster'] === true || has('nodeClient'))) {
    return 'a client of one server, or a bus { publish, subscribe } over the cluster: a client of a cluster does not tell when messages may have been lost';
  }
  return has('publish', 'duplicate', 'sendCommand') || has('publish', 'subscribe')
    ? undefined
    : 'a client of redis or ioredis, or an object with the functions publish and subscribe';
}

export const isRedisClient = (value: object): value is RedisClient =>
  typeof (value as Partial<RedisClient>).duplicate === 'function';

const ofIoredis = (client: object): client is OfIoredis =>
  typeof (client as Partial<OfIoredis>).call === 'function';

/** Sends one command. */
export function commandOver(client: object, ...command: string[]): Promise<unknown> {
  return ofIoredis(client) ? client.call(...command) : (client as OfNodeRedis).sendCommand(command);
}

/** Opens a connection like that of the client, which tries again after `retryMs` for as long as there is none. */
export function openLink(
  client: object,
  retryMs: number,
  hear: (channel: string, message: string) => void,
): { readonly link: RedisLink; readonly subscribe: (channels: string[]) => Promise<unknown> } {
  const duplicate = (settings: object) =>
    (client as { duplicate(settings: object): RedisLink }).duplicate(settings);
  if (ofIoredis(client)) {
    const link = duplicate({ retryStrategy: () => retryMs, lazyConnect: true });
    link.on('message', hear as (...args: string[]) => void);
    return { link, subscribe: (channels) => link.subscribe(...channels) };
  }
  const { socket } = (client as OfNodeRedis).options ?? {};
  const link = duplicate({ socket: { ...socket, reconnectStrategy: retryMs } });
  const listener = (message: string, channel: string) => hear(channel, message);
  // The same listener each time, so that a channel that is subscribed again has one.
  return { link, subscribe: (channels) => link.subscribe(channels, listener) };
}

/** Ends a connection at once. */
export function endLink(link: RedisLink): void {
  try {
    if (link.destroy) link.destroy();
    else link.disconnect?.();
  } catch {
    // It has ended already.
  }
}

const UNREACHABLE = 'look whether Redis runs, and at the host and port of the client';
const UNKNOWN_USER = 'give the client the user and the password of Redis';

/** What to do, by the word with which Redis begins an error, or by the code of Node. */
const REMEDIES: ReadonlyMap<unknown, string> = new Map([
  ['NOAUTH', UNKNOWN_USER],
  ['WRONGPASS', UNKNOWN_USER],
  [
    'NOPERM',
    'allow its user SET, EVAL, PUBLISH and SUBSCRIBE, on keys and channels nestjs-zitadel:*',
  ],
  ['READONLY', 'give the client the address of the primary: it is connected to a replica'],
  ['ECONNREFUSED', UNREACHABLE],
  ['ETIMEDOUT', UNREACHABLE],
  ['ENOTFOUND', UNREACHABLE],
  ['EAI_AGAIN', UNREACHABLE],
]);

/** What is wrong and what to do. The message of an error is not shown: it may name an address with a password in it. */
export function troubleText(error: unknown): string {
  const [word] = /^[A-Z]{3,20}(?= )/.exec(String(own(error, 'message'))) ?? [];
  const remedy = REMEDIES.get(word ?? own(error, 'code'));
  return `${word ?? thrownText(error)}${remedy === undefined ? '' : `: ${remedy}`}`;
}

/** The same for the client that the application has, which knows by itself whether it is connected. */
export function troubleOf(client: object, error: unknown): string {
  const { isOpen, isReady, status } = client as Readonly<Record<string, unknown>>;
  if (isOpen === false || status === 'wait' || status === 'end') {
    return 'the client is not connected: await its connect() before the application starts, and close it only after the application';
  }
  if (isReady === false || (typeof status === 'string' && status !== 'ready')) {
    return `the client has lost its connection, or is still connecting: ${UNREACHABLE}`;
  }
  return troubleText(error);
}
