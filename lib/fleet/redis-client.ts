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
