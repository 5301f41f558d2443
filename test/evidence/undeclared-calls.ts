// How clients reach handlers of every kind: each call comes back when the server has answered.
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Client, credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { INestApplication } from '@nestjs/common';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { createClient } from 'graphql-ws';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

export type Token = string | undefined;

const bearer = (token: Token): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

export function portOf(app: INestApplication): number {
  return ((app.getHttpServer() as { address(): unknown }).address() as AddressInfo).port;
}

/** Any answer will do: what counts is whether the handler ran. */
export function overHttp(
  port: number,
  method: string,
  path: string,
  token: Token,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  // Fastify takes no question without words.
  const body = method === 'QUERY' ? '{}' : undefined;
  const sent = {
    ...headers,
    ...bearer(token),
    ...(body && { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers: sent }, (response) =>
      response.resume().on('close', () => resolve()),
    );
    call.on('error', reject).end(body);
  });
}

export async function overGraphQL(
  port: number,
  query: string,
  token: Token,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(token) },
    body: JSON.stringify({ query, variables }),
  });
  await response.text();
}

export async function overSubscription(port: number, query: string, token: Token): Promise<void> {
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: bearer(token),
    retryAttempts: 0,
  });
  await new Promise<void>((resolve) => {
    const done = () => resolve();
    client.subscribe({ query }, { next: () => undefined, error: done, complete: done });
  });
  await client.dispose();
}

export async function overSocketIo(port: number, event: string, token: Token): Promise<void> {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    extraHeaders: { ...bearer(token) },
    auth: { ...(token !== undefined && { token }) },
    forceNew: true,
  });
  await new Promise<void>((resolve) => {
    const done = () => resolve();
    socket.onAny(done);
    socket.on('disconnect', done);
    socket.on('connect', () => socket.emit(event, {}, done));
  });
  socket.close();
}

export async function overWs(port: number, event: string, token: Token): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: bearer(token) });
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => socket.send(JSON.stringify({ event, data: {} })));
    socket.on('message', () => resolve());
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });
  socket.terminate();
}

/** An event has no answer. The message that follows it on the same connection has one. */
export async function overTcp(port: number, pattern: string, token: Token): Promise<void> {
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
  });
  const payload = { token };
  try {
    await client.connect();
    await lastValueFrom(client.emit(`${pattern}.event`, payload), { defaultValue: undefined });
    await firstValueFrom(client.send(pattern, payload)).catch(() => undefined);
  } finally {
    await client.close();
  }
}

const method = (streams: object) => ({
  requestType: 'Any',
  responseType: 'Any',
  comment: '',
  ...streams,
});

/** A service with a call of each kind. */
export const SERVICE = fromJSON({
  nested: {
    orgs: {
      nested: {
        Any: { fields: {} },
        Orgs: {
          methods: {
            Read: method({}),
            Watch: method({ responseStream: true }),
            Talk: method({ requestStream: true, responseStream: true }),
          },
        },
      },
    },
  },
});

type Call = (...given: object[]) => {
  on(event: 'data' | 'end' | 'error', done: () => void): unknown;
  end(): void;
};

/** Every call of that service. */
export async function overGrpc(port: number, token: Token): Promise<void> {
  const { Orgs } = loadPackageDefinition(SERVICE)['orgs'] as unknown as {
    readonly Orgs: new (
      url: string,
      given: object,
    ) => Client & Record<'Read' | 'Watch' | 'Talk', Call>;
  };
  const client = new Orgs(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(bearer(token))) metadata.set(name, value);
  try {
    await new Promise<void>((resolve) => void client.Read({}, metadata, () => resolve()));
    for (const name of ['Watch', 'Talk'] as const) {
      await new Promise<void>((resolve) => {
        const call = name === 'Watch' ? client.Watch({}, metadata) : client.Talk(metadata);
        call.on('data', () => undefined);
        call.on('end', resolve);
        call.on('error', resolve);
        if (name === 'Talk') call.end();
      });
    }
  } finally {
    client.close();
  }
}
