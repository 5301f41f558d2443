import type { ArgumentsHost } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { RequestLike } from '../../core/request.js';
import type { Door } from './door.js';

type ExceptionClass = new (error: object) => Error;
let exceptionClass: ExceptionClass | undefined;

/** The upgrade request of each client of the package ws, which shows it only when the client connects. */
const handshakes = new WeakMap<object, RequestLike>();

/** Keeps the upgrade requests of a server of the package ws. */
export function keepHandshakes(server: {
  on(event: 'connection', listener: (client: object, request: RequestLike) => void): unknown;
}): void {
  server.on('connection', (client, request) => handshakes.set(client, request));
}

interface Handshake {
  readonly headers?: RequestLike['headers'];
  readonly rawHeaders?: readonly string[];
  readonly query?: unknown;
  readonly auth?: unknown;
}

/** A message of a gateway: the client and its handshake last, and the payload is of this message alone. */
export const ws = {
  requestOf(host: ArgumentsHost) {
    const [client, payload] = host.getArgs<[client: object, payload: unknown]>();
    const ofSocketIo = (client as { readonly handshake?: Handshake }).handshake;
    const handshake: Handshake | undefined = ofSocketIo ?? handshakes.get(client);
    if (!handshake) return undefined;
    const { headers = {}, rawHeaders, query } = handshake;
    return {
      headers: headersOf(headers, own(handshake.auth, 'token')),
      ...(rawHeaders && { rawHeaders }),
      query,
      body: payload,
      context: client,
    };
  },

  callOf(host: ArgumentsHost) {
    const [client, payload] = host.getArgs<[client: object, payload: unknown]>();
    return typeof payload === 'object' && payload !== null ? payload : client;
  },

  exceptionFor(refusal: Refusal): Error {
    const { message, errorCode } = denialAnswer(refusal).body;
    return exceptionClass
      ? new exceptionClass({ status: 'error', message, errorCode })
      : new Error(message);
  },

  async load() {
    exceptionClass = (await import('@nestjs/websockets')).WsException;
  },
} satisfies Door;

/** Clients of socket.io send the token in `auth`; browsers that use ws send it as the second of two subprotocols, after `bearer`. */
function headersOf(headers: RequestLike['headers'], token: unknown): RequestLike['headers'] {
  const protocols = headers['sec-websocket-protocol'];
  const [scheme, second] = typeof protocols === 'string' ? protocols.split(/, */) : [];
  const given = token ?? (scheme === 'bearer' ? second : undefined);
  if (given === undefined || given === null) return headers;
  const isOne = typeof given === 'string' && headers['authorization'] === undefined;
  return { ...headers, authorization: isOne ? `Bearer ${given}` : '' };
}
