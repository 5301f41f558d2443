import KeyvRedis from '@keyv/redis';
import { Logger } from '@nestjs/common';
import { Keyv } from 'keyv';

/**
 * The store behind the memory cache: Redis where one is named, else the memory of this process.
 *
 * A Redis that hangs must cost a request next to nothing. @keyv/redis waits for ever unless it is told otherwise: no queue for
 * commands while disconnected, a time limit for each command, and for a socket on which nothing comes back.
 */
export function openSharedStore(redisUrl: string | undefined): Keyv {
  if (redisUrl === undefined) return new Keyv();
  const adapter = new KeyvRedis<string>(
    {
      url: redisUrl,
      disableOfflineQueue: true,
      pingInterval: 1_000,
      commandOptions: { timeout: 100 },
      socket: {
        connectTimeout: 1_000,
        socketTimeout: 3_000,
        reconnectStrategy: (tries: number) => Math.min(100 * 2 ** tries, 2_000),
      },
    },
    { throwOnConnectError: false, connectionTimeout: 500 },
  );
  tellWhenItComesAndGoes(adapter);
  const keyv = new Keyv({ store: adapter, useKeyPrefix: false });
  // The adapter has said it already, and an error event without a listener would end the process.
  keyv.on('error', () => undefined);
  return keyv;
}

function tellWhenItComesAndGoes({ client }: KeyvRedis<string>): void {
  const logger = new Logger('shared cache');
  let reachable: boolean | undefined;
  client.on('ready', () => {
    if (reachable !== true) logger.log('Redis answers.');
    reachable = true;
  });
  client.on('error', () => {
    if (reachable !== false) logger.warn('Redis does not answer: going on without it.');
    reachable = false;
  });
}
