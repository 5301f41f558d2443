import type { ArgumentsHost, ExecutionContext, HttpException } from '@nestjs/common';
import type { Decisions } from '../../core/authorizer.js';
import { type Allowed, denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { RequestLike } from '../../core/request.js';
import { noteNoToken } from '../../core/request-problems.js';
import { authenticated } from '../../core/requirement/builders.js';
import { Review } from '../../core/review.js';
import { quietly } from '../../core/tell.js';
import type { Door } from './door.js';
import {
  callOf,
  type ExceptionClass,
  exceptionOf,
  isObject,
  toldOf,
  toldOfHttp,
} from './message.js';

let exceptionClass: ExceptionClass | undefined;

/** The upgrade request of each client of the package ws, which shows it only when the client connects. */
const handshakes = new WeakMap<object, RequestLike>();
const servers = new WeakSet<object>();

/** The newest request of each connection that is watched, for each instance of ZITADEL. */
const watched = new WeakMap<Decisions, WeakMap<object, { request: RequestLike }>>();
const ANY_CALLER = authenticated();

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

  callOf,

  isShared: (context: ExecutionContext) => !isObject(context.getArgByIndex<unknown>(1)),

  close: (refusal: Refusal, host: ArgumentsHost) => close(host.getArgByIndex<Client>(0), refusal),

  /** What a message asks for beside the caller is asked for with each message. */
  watch(yes: Allowed, request: RequestLike, decisions: Decisions, host: ArgumentsHost) {
    const client = host.getArgByIndex<Client>(0);
    // It can close while a message is decided about.
    if (isNative(client) ? client.readyState === CLOSED : client.connected === false) return;
    const clients = watched.get(decisions) ?? new WeakMap<object, { request: RequestLike }>();
    watched.set(decisions, clients);
    const known = clients.get(client);
    if (known) {
      known.request = request;
      return;
    }
    const newest = { request };
    clients.set(client, newest);
    // The message has decided whether somebody may act as another user.
    const compiled = decisions.prepare(ANY_CALLER, true);
    const review = new Review(
      { decisions, request: () => newest.request, compiled, yes },
      (denied) => {
        // Nobody waits for this, so an exception would end the process: other adapters have clients of their own.
        quietly(() => tellClient(client, toldOf(denied)));
        quietly(() => close(client, denied));
      },
    );
    client.once(isNative(client) ? 'close' : 'disconnect', () => review.stop());
  },

  exceptionFor: (refusal: Refusal) => exceptionOf(toldOf(refusal), exceptionClass),

  exceptionInstead: (exception: HttpException) =>
    exceptionOf(toldOfHttp(exception), exceptionClass),

  async load() {
    exceptionClass = (await import('@nestjs/websockets')).WsException;
  },
} satisfies Door;

function close(client: Client, refusal: Refusal): void {
  const { status, body } = denialAnswer(refusal);
  if (isNative(client)) client.close(4_000 + status, body.errorCode);
  else client.disconnect(true);
}

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
