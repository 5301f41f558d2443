import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A way to a Redis that can be blocked, and made longer. */
export interface RedisProxy {
  readonly url: string;
  /** From now on nothing gets through, in no direction. Connections stay open, and new ones are accepted. */
  block(): void;
  /** New connections get through again. Those of before are broken off. */
  unblock(): void;
  /** Nothing gets through the connections of now any more. They stay open, and new ones work. */
  silence(): void;
  /** What comes from Redis comes so much later. */
  delay(ms: number): void;
  stop(): Promise<void>;
}

export async function startRedisProxy(port: number): Promise<RedisProxy> {
  const open = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let isBlocked = false;
  let delayMs = 0;
  const forward = (from: Socket, to: Socket, delayOf: () => number) => {
    let last = Promise.resolve();
    from.on('data', (bytes) => {
      if (isBlocked || silent.has(from)) return;
      const later = sleep(delayOf());
      // In the order in which it came.
      last = last.then(() => later).then(() => void (isBlocked || to.write(bytes)));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      open.delete(from);
      to.destroy();
    });
    open.add(from);
  };
  // As clients of Redis do: else a small packet waits up to 40 ms for the acknowledgement of the one before.
  const noDelay = true;
  const server = createServer({ noDelay }, (client) => {
    const redis = connect({ port, host: '127.0.0.1', noDelay });
    forward(client, redis, () => 0);
    forward(redis, client, () => delayMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakOff = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    block: () => void (isBlocked = true),
    unblock: () => {
      breakOff();
      isBlocked = false;
    },
    silence: () => {
      for (const socket of open) silent.add(socket);
    },
    delay: (ms) => void (delayMs = ms),
    stop: async () => {
      server.close();
      breakOff();
      await once(server, 'close');
    },
  };
}
