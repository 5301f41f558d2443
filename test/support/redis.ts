import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real Redis of this test's own, on a free port, that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Ends it in good order and waits until it is gone; again is harmless. */
  stop(): Promise<void>;
  /** Freezes it: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it at once, as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Specs that need Redis run if this is set; the check says so where it is not. */
export const redisIsHere = (process.env['REDIS_SERVER'] ?? '') !== '';

/**
 * Starts a Redis and answers once it answers PING.
 * @param port where to listen; give it to bring a killed one back at the same address
 */
export async function startRedis(port?: number): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort());
    try {
      return await launch(chosen);
    } catch (error) {
      // Somebody else may take a free port between the look and the start.
      if (port !== undefined || attempt === 5) throw error;
    }
  }
}

async function launch(port: number): Promise<RedisServer> {
  const command = process.env['REDIS_SERVER'];
  if (command === undefined || command === '') throw new Error('REDIS_SERVER is not set');
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const child = spawn(
    command,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '']
      .concat('--appendonly', 'no', '--daemonize', 'no')
      .concat('--logfile', ''),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const endWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill(signal);
      await gone;
    }
    process.off('exit', endWithUs);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(child);
    const answer = await askRedis(port, 'PING');
    if (answer !== '+PONG\r\n') throw new Error(`redis-server answered ${answer}`);
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => end('SIGTERM'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
  };
}

/** Redis says on its output when its port is open, and ends when it cannot open it. */
async function listening(child: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  const said: string[] = [];
  let ready = false;
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`redis-server ended: ${said.join('\n')}`)));
    // The output is read to its end, or a chatty server would one day block on a full pipe.
    createInterface(child.stdout).on('line', (line) => {
      if (ready) return;
      said.push(line);
      ready = line.includes('Ready to accept connections');
      if (ready) resolve();
    });
  });
}

/** The first answer to one inline command, as it stands on the wire. */
export async function askRedis(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  } finally {
    socket.destroy();
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

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
