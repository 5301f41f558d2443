import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { certificateFor, type Certificate } from './certificates.js';
import { Conversation, handOn, headOf, JSON_TYPE } from './fault-server.js';

type Dispatcher = NonNullable<RequestInit['dispatcher']>;

/** Another address for an endpoint, and how it is reached. */
export interface Place {
  readonly origin: string;
  readonly dispatcher?: Dispatcher;
}

export type PlaceName =
  | 'refusing'
  | 'unknownName'
  | 'silentName'
  | 'blackHole'
  | 'resetting'
  | 'selfSigned'
  | 'expired'
  | 'wrongHost'
  | 'plainHttp'
  | 'trusted';

/** Addresses at which ZITADEL cannot be reached, or must not be believed; `trusted` is the one that proves that the others could. */
export interface Places {
  readonly at: Readonly<Record<PlaceName, Place>>;
  readonly trap: Trap;
  close(): Promise<void>;
}

/** Another origin, which must not get a byte. */
export interface Trap {
  readonly origin: string;
  bytes(): number;
  connections(): number;
}

type Lookup = (
  name: string,
  options: { readonly all?: boolean },
  done: (error: Error | null, address?: unknown, family?: number) => void,
) => void;

const HOST = 'zitadel.test';
const DAY_MS = 86_400_000;

export async function openPlaces(zitadelUrl: string): Promise<Places> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const open = async (server: Server): Promise<number> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    });
    return listening(server);
  };
  const Agent = await agentClass();
  const unknown: Lookup = (name, _options, done) =>
    done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }));
  const here: Lookup = (_name, { all }, done) =>
    all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

  const tls = async ({ cert, key }: Certificate, ca?: string): Promise<Place> => {
    const server = createTlsServer({ cert, key, noDelay: true }, (socket) => {
      socket.on('error', () => undefined);
      new Conversation(socket, async (asked) => {
        const { status, body } = await handOn(zitadelUrl, asked);
        socket.write(headOf(status, { ...JSON_TYPE, 'content-length': String(body.length) }));
        socket.write(body);
      });
    });
    server.on('tlsClientError', () => undefined);
    const port = await open(server);
    const connecting = { lookup: here, ...(ca !== undefined && { ca }) };
    return {
      origin: `https://${HOST}:${port}`,
      dispatcher: new Agent({ connect: connecting }),
    };
  };
  const certified = (name: string, from: number, until: number) =>
    certificateFor(
      name,
      new Date(Date.now() + from * DAY_MS),
      new Date(Date.now() + until * DAY_MS),
    );
  const right = certified(HOST, -1, 30);
  const old = certified(HOST, -30, -1);
  const foreign = certified('elsewhere.test', -1, 30);

  let bytes = 0;
  let connections = 0;
  const trapPort = await open(
    createServer((socket) => {
      connections += 1;
      socket.on('data', (data) => {
        bytes += data.length;
        socket.end(
          headOf(200, { ...JSON_TYPE, connection: 'close', 'content-length': '2' }) + '{}',
        );
      });
    }),
  );
  const gone = createServer();
  const refusingPort = await listening(gone);
  gone.close();
  const hole = await blackHole();
  const local = (port: number, scheme = 'http'): Place => ({
    origin: `${scheme}://127.0.0.1:${port}`,
  });
  return {
    at: {
      refusing: local(refusingPort),
      unknownName: {
        origin: `http://${HOST}`,
        dispatcher: new Agent({ connect: { lookup: unknown } }),
      },
      silentName: {
        origin: `http://${HOST}`,
        dispatcher: new Agent({ connect: { lookup: () => undefined } }),
      },
      blackHole: local(hole.port),
      resetting: local(await open(createServer((socket) => socket.resetAndDestroy()))),
      selfSigned: await tls(right),
      expired: await tls(old, old.cert),
      wrongHost: await tls(foreign, foreign.cert),
      plainHttp: local(
        await open(createServer((socket) => socket.end(headOf(400, { connection: 'close' })))),
        'https',
      ),
      trusted: await tls(right, right.cert),
    },
    trap: {
      origin: `http://127.0.0.1:${trapPort}`,
      bytes: () => bytes,
      connections: () => connections,
    },
    async close() {
      const closing = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all([...closing, hole.close()]);
    },
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Node's own fetch takes agents of its own kind only; the class is not exported, the one in use shows it. */
async function agentClass(): Promise<new (options: object) => Dispatcher> {
  await fetch('data:,');
  const inUse: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'));
  if (typeof inUse !== 'object' || inUse === null) throw new Error('fetch has no agent to copy');
  return inUse.constructor as new (options: object) => Dispatcher;
}

/** A port whose queue is full and whose owner never comes: the kernel drops what knocks. */
async function blackHole(): Promise<{ port: number; close: () => Promise<unknown> }> {
  const asleep = new Worker(
    `const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       require('node:worker_threads').parentPort.postMessage(server.address().port);
       setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10);
     });`,
    { eval: true },
  );
  const [port] = (await once(asleep, 'message')) as [number];
  const knocking: Socket[] = [];
  for (let full = false; !full;) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    knocking.push(socket);
    const timer = new Promise<boolean>((resolve) => setTimeout(resolve, 200, true));
    full = await Promise.race([once(socket, 'connect').then(() => false), timer]);
    if (!full && knocking.length > 100)
      throw new Error('a queue that never fills is no black hole');
  }
  return {
    port,
    close: () => {
      for (const socket of knocking) socket.destroy();
      return asleep.terminate();
    },
  };
}
