import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Instance } from '../instance.js';
import { faultReply, Faults, spoilt } from './faults.js';
import { connectRefusal, restRefusal } from './protocols.js';
import {
  type Exchange,
  jsonReply,
  NO_STORE,
  type Reply,
  textReply,
  ZitadelError,
} from './replies.js';
import { RequestLog } from './request-log.js';
import { match, type Route } from './routes.js';

const LARGEST_BODY = 1_048_576;
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** What is served under `/emulator`, beside ZITADEL's own paths. Pages of other origins cannot read it. */
export type Beside = (
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  body: string,
) => Reply;

/** The HTTP side: reads a request, lets faults strike, replies. */
export class EmulatorServer {
  readonly #instance: Instance;
  readonly faults = new Faults();
  readonly log = new RequestLog();
  readonly #server: Server;
  readonly #beside: Beside | undefined;
  readonly #stopped = new AbortController();

  constructor(instance: Instance, beside?: Beside) {
    this.#beside = beside;
    this.#instance = instance;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    // Longer than clients keep a connection, so that none is closed under a request just sent.
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Returns where it is reached. */
  async listen(port: number, host: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address() as AddressInfo;
    return `http://${reachable(host)}:${String(bound.port)}`;
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const [path = '/'] = url.split('?');
    const query = new URLSearchParams(url.slice(path.length));
    if (this.#beside !== undefined && isBeside(path)) {
      const body = await readBody(request);
      await this.#instance.mint.keys.ready;
      const reply = body === undefined ? tooLarge() : this.#beside(request, path, query, body);
      return write(response, reply);
    }
    const matched =
      method === 'OPTIONS'
        ? { refusal: preflightReply(request) }
        : match(method, path, this.#instance.apis);
    const { route } = matched;
    const endpoint = route?.endpoint ?? 'other';
    this.log.count(endpoint);
    const body = await readBody(request);
    this.log.keep({ endpoint, method, path: url, headers, body: body ?? '' });
    if (body === undefined) return send(request, response, tooLarge());
    if (route === undefined) return send(request, response, matched.refusal);
    const delay = this.faults.delayOf(route.endpoint);
    if (delay > 0) await setTimeout(delay, undefined, { signal: this.#stopped.signal });
    await this.#instance.mint.keys.ready;
    const { params } = matched;
    this.#reply(request, response, route, { method, path, query, headers, body, params });
  }

  #reply(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    exchange: Omit<Exchange, 'issuer'>,
  ): void {
    const fault = this.faults.take(route.endpoint);
    if (fault === 'hang') return;
    if (fault === 'endless') return sendForever(response);
    if (fault === 'refuse') return void request.socket.destroy();
    const reply = faultReply(fault, route) ?? this.#handle(route, exchange);
    if (fault === 'lose') return void request.socket.destroy();
    send(
      request,
      response,
      spoilt(reply, fault, () => this.#instance.world.ids.next()),
    );
  }

  #handle(route: Route, exchange: Omit<Exchange, 'issuer'>): Reply {
    const origin = originOf(exchange.headers, this.#instance.issuer);
    const language = exchange.headers['accept-language'];
    try {
      if (origin.known || route.family === 'debug') {
        const issuer = origin.known ? origin.issuer : '';
        return route.handle(this.#instance, { ...exchange, issuer });
      }
    } catch (error) {
      return restRefusal(error, language);
    } finally {
      this.#instance.world.events.caller = undefined;
    }
    const { message } = origin;
    switch (route.family) {
      case 'connect':
        return connectRefusal(new ZitadelError(5, undefined, message));
      case 'api':
        return jsonReply(404, { code: 5, message });
      case 'oidc':
        return textReply(404, `${message}\n`, NO_STORE);
    }
  }
}

/** The address that reaches a server listening on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** The body as text, or nothing when it is larger than anything that ZITADEL is sent. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_BODY) chunks.push(chunk);
  }
  return size > LARGEST_BODY ? undefined : Buffer.concat(chunks).toString();
}

function tooLarge(): Reply {
  return jsonReply(413, { code: 8, message: 'grpc: received message larger than max' }, {});
}

/** ZITADEL lets any origin in. */
function preflightReply(request: IncomingMessage): Reply {
  const asked = request.headers['access-control-request-headers'];
  const headers = {
    'access-control-allow-methods': ALLOWED_METHODS,
    'access-control-allow-headers':
      asked ?? 'authorization, content-type, x-zitadel-orgid, x-grpc-web',
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

function isBeside(path: string): boolean {
  return path === '/emulator' || path.startsWith('/emulator/');
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const { origin } = request.headers;
  if (origin === undefined) return write(response, reply);
  write(response, reply, {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'location, content-length, www-authenticate',
    vary: 'origin',
  });
}

function write(response: ServerResponse, reply: Reply, cors: Reply['headers'] = {}): void {
  const length = reply.status === 204 ? {} : { 'content-length': Buffer.byteLength(reply.body) };
  response.writeHead(reply.status, { ...reply.headers, ...cors, ...length });
  response.end(reply.body);
}

function sendForever(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"result":[');
  const row = `${JSON.stringify({ displayName: 'x'.repeat(1000) })},`.repeat(16);
  const more = (): void => {
    if (response.destroyed) return;
    if (response.write(row)) setImmediate(more);
    else response.once('drain', more);
  };
  more();
}

/**
 * Which instance a request means and under which address it reached it. ZITADEL looks at
 * `x-zitadel-instance-host`, `x-forwarded-host`, `forwarded` and `host`, in this order, without the port,
 * and takes the address it shows itself under from `x-zitadel-public-host` where that is given.
 */
type Origin =
  | { readonly known: true; readonly issuer: string }
  | { readonly known: false; readonly message: string };

function originOf(headers: IncomingHttpHeaders, ownIssuer: string): Origin {
  const own = new URL(ownIssuer);
  const instanceHost =
    first(headers['x-zitadel-instance-host']) ??
    first(headers['x-forwarded-host']) ??
    /host="?([^";,\s]+)/i.exec(first(headers['forwarded']) ?? '')?.[1] ??
    first(headers.host) ??
    '';
  const publicHost = first(headers['x-zitadel-public-host']);
  const protocol = own.protocol.replace(':', '');
  const known =
    hostnameOf(instanceHost) === own.hostname &&
    (publicHost === undefined || hostnameOf(publicHost) === own.hostname);
  if (known) return { known, issuer: `${protocol}://${publicHost ?? instanceHost}` };
  const seen = `&{${instanceHost} ${publicHost ?? ''} ${protocol}}`;
  const message =
    `unable to set instance using origin ${seen} (ExternalDomain is ${own.hostname}): ` +
    'ID=QUERY-1kIjX Message=Instance not found. Make sure you got the domain right. ' +
    'Check out https://zitadel.com/docs/apis/introduction#domains';
  return { known, message };
}

function first(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value?.split(',')[0];
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

/** Nothing for what is more than a host and a port: it would end up in the issuer. */
function hostnameOf(host: string): string | undefined {
  return /^([\w.-]+|\[[\da-f:]+\])(:\d+)?$/i.exec(host)?.[1]?.toLowerCase();
}
