import { once } from 'node:events';
import { io } from 'socket.io-client';
import WebSocket from 'ws';

/** What a client of a gateway shows when it connects. */
export interface Shows {
  readonly token?: string | undefined;
  /** Where the token stands. */
  readonly in?: 'auth' | 'header' | 'subprotocol';
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** A client of a gateway. Everything that it hears is kept in order. */
export interface Speaker {
  readonly heard: readonly (readonly [event: string, data: unknown])[];
  /** How the server has closed the connection. */
  readonly closed: readonly unknown[];
  say(event: string, data?: unknown): void;
  leave(): void;
}

/** Connects to a gateway. */
export type Connect = (url: string, shows?: Shows) => Promise<Speaker>;

const bearer = ({ token, in: place, headers }: Shows) => ({
  ...headers,
  ...(place === 'header' && token !== undefined && { authorization: `Bearer ${token}` }),
});

/** By socket.io, with the token in `auth`. */
export const bySocketIo: Connect = async (url, shows = {}) => {
  const heard: [string, unknown][] = [];
  const closed: unknown[] = [];
  const { token, in: place = 'auth', query } = shows;
  const client = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    extraHeaders: bearer({ ...shows, in: place }),
    ...(query && { query }),
    ...(place === 'auth' && token !== undefined && { auth: { token } }),
  });
  client.onAny((event: string, data: unknown) => heard.push([event, data]));
  client.on('disconnect', (reason) => closed.push(reason));
  await new Promise((resolve, reject) => {
    client.once('connect', () => resolve(undefined));
    client.once('connect_error', reject);
  });
  return {
    heard,
    closed,
    say: (event, data) => void client.emit(event, data),
    leave: () => void client.disconnect(),
  };
};

/** By the package ws, with the token as a subprotocol. */
export const byWs: Connect = async (url, shows = {}) => {
  const heard: [string, unknown][] = [];
  const closed: unknown[] = [];
  const { token, in: place = 'subprotocol' } = shows;
  const protocols = place === 'subprotocol' && token !== undefined ? ['bearer', token] : [];
  const client = new WebSocket(url.replace(/^http/, 'ws'), protocols, {
    headers: bearer({ ...shows, in: place }),
  });
  client.on('message', (text: Buffer) => {
    const { event, data } = JSON.parse(text.toString()) as { event: string; data: unknown };
    heard.push([event, data]);
  });
  client.on('close', (code: number, reason: Buffer) => closed.push([code, reason.toString()]));
  await once(client, 'open');
  return {
    heard,
    closed,
    say: (event, data) => client.send(JSON.stringify({ event, data })),
    leave: () => client.terminate(),
  };
};
