import type { ArgumentsHost, ExecutionContext, HttpException } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { RequestLike } from '../../core/request.js';
import { noteNoToken } from '../../core/request-problems.js';
import { callWith, isObject } from './call.js';
import type { Connection, Door } from './door.js';
import { asRefusal, type Told, toldOf, toldOfHttp } from './refusal-error.js';

type ExceptionClass = new (error: object) => Error;
let exceptionClass: ExceptionClass | undefined;

/** The upgrade request of each client of the package ws, which shows it only when the client connects. */
const handshakes = new WeakMap<object, RequestLike>();
const servers = new WeakSet<object>();

interface Server {
  on(event: 'connection', listener: (client: object, request?: RequestLike) => void): unknown;
}

/** Keeps the upgrade requests of a server of the package ws. Clients of socket.io show them by themselves. */
export function keepHandshakes(server: Server): void {
  if (servers.has(server)) return;
  servers.add(server);
  server.on('connection', (client, request) => {
    if (request) handshakes.set(client, request);
  });
}

interface Handshake {
  readonly headers?: RequestLike['headers'];
  readonly rawHeaders?: readonly string[];
  readonly query?: unknown;
  readonly auth?: unknown;
}

/** A client of socket.io, or of the package ws, which has `readyState`. */
interface Client {
  readonly handshake?: Handshake;
  readonly readyState?: number;
  readonly connected?: boolean;
  emit(event: string, body: object): unknown;
  send(text: string): unknown;
  disconnect(close: boolean): unknown;
  close(code: number, reason: string): unknown;
  once(event: 'disconnect' | 'close', listener: () => void): unknown;
}

/** Of the package ws. */
const CLOSED = 3;

type Message = readonly [client: Client, payload: unknown];

const IN_AUTH = 'auth: { token: "<access token>" }';
const IN_SUBPROTOCOLS = 'the subprotocols ["bearer", "<access token>"]';

const noToken = (where: string) => ({
  detail: 'the handshake shows no token',
  remedy: `send ${where}, or the header Authorization: Bearer <access token>, when the client connects`,
});

/** A message of a gateway: the client and its handshake last, and the payload is of this message alone. */
export const ws = {
  requestOf(host: ArgumentsHost) {
    const [client, payload] = host.getArgs<[...Message]>();
    const handshake: Handshake | undefined = client.handshake ?? handshakes.get(client);
    if (!handshake) return undefined;
    const { rawHeaders, query } = handshake;
    const headers = headersOf(handshake.headers ?? {}, own(handshake.auth, 'token'));
    const request = {
      headers,
      ...(rawHeaders && { rawHeaders }),
      query,
      // Two messages at a time could be told apart by nothing else.
      body: isObject(payload) ? payload : undefined,
      context: client,
    };
    if (headers['authorization'] === undefined) {
      noteNoToken(request, noToken(isNative(client) ? IN_SUBPROTOCOLS : IN_AUTH));
    }
    return request;
  },

  remedy:
    'a client of the package ws shows its handshake only when it connects: give the gateway a property with @WebSocketServer(), so that it can be kept',

  callOf(context: ExecutionContext) {
    return callWith(context.getArgs<unknown[]>().slice(0, 2), context);
  },

  isShared: (context: ExecutionContext) => !isObject(context.getArgByIndex<unknown>(1)),

  connectionOf(host: ArgumentsHost): Connection {
    const client = host.getArgByIndex<Client>(0);
    const isOfWs = isNative(client);
    return {
      client,
      isClosed: isOfWs ? client.readyState === CLOSED : client.connected === false,
      tell: (refusal) => tellClient(client, toldOf(refusal)),
      close(refusal) {
        const { status, body } = denialAnswer(refusal);
        if (isOfWs) client.close(4_000 + status, body.errorCode);
        else client.disconnect(true);
      },
      onClose: (listener) => void client.once(isOfWs ? 'close' : 'disconnect', listener),
    };
  },

  exceptionFor: (refusal: Refusal) => exceptionOf(toldOf(refusal)),

  exceptionInstead: (exception: HttpException) => exceptionOf(toldOfHttp(exception)),

  async load() {
    exceptionClass = (await import('@nestjs/websockets')).WsException;
  },
} satisfies Door;

const exceptionOf = (told: Told): Error =>
  exceptionClass ? asRefusal(new exceptionClass(told)) : new Error(told.message);

/** Sends what Nest sends for an exception. */
export function tellClient(client: object, error: object): void {
  const to = client as Client;
  if (isNative(to)) to.send(JSON.stringify({ event: 'exception', data: error }));
  else to.emit('exception', error);
}

function isNative({ readyState }: Client): boolean {
  return typeof readyState === 'number';
}

/** Clients of socket.io send the token in `auth`; browsers that use ws send it as the second of two subprotocols, after `bearer`. */
function headersOf(headers: RequestLike['headers'], token: unknown): RequestLike['headers'] {
  const protocols = headers['sec-websocket-protocol'];
  const [scheme, second] = typeof protocols === 'string' ? protocols.split(/, */) : [];
  const given = token ?? (scheme === 'bearer' ? second : undefined);
  if (given === undefined || given === null) return headers;
  const isOne = typeof given === 'string' && headers['authorization'] === undefined;
  return { ...headers, authorization: isOne ? `Bearer ${given}` : '' };
}
