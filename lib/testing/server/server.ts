import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Core } from '../core.js';
import {
  type Answer,
  type Exchange,
  jsonAnswer,
  refusalAnswer,
  textAnswer,
  ZitadelError,
} from './answers.js';
import { connectRefusal } from './connect.js';
import type { ServedApis } from './endpoints.js';
import { aboutSomebodyElse, answerOf, type Fault, type Faults, truncated } from './faults.js';
import type { RequestLog } from './request-log.js';
import { type Match, match, type Route } from './routes.js';

const LARGEST_BODY = 1_048_576;
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** The HTTP side: reads a request, lets faults strike, answers. */
export class EmulatorServer {
  readonly #core: Core;
  readonly #faults: Faults;
  readonly #log: RequestLog;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed: Promise<void> | undefined;
  #apis: ServedApis;

  constructor(core: Core, faults: Faults, log: RequestLog, apis: ServedApis) {
    this.#apis = apis;
    this.#core = core;
    this.#faults = faults;
    this.#log = log;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    // Longer than clients keep a connection, so that none is closed under a request just sent.
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  serve(apis: ServedApis): void {
    this.#apis = apis;
  }

  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      for (const timer of this.#timers) clearTimeout(timer);
      for (const socket of this.#sockets) socket.destroy();
    });
    return this.#closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const [path = '/'] = url.split('?');
    const preflight = method === 'OPTIONS';
    const matched: Match = preflight ? { kind: 'unknown' } : match(method, path, this.#apis);
    const route = matched.kind === 'route' ? matched.route : undefined;
    const endpoint = route?.endpoint ?? 'other';
    this.#log.count(endpoint);
    const body = await readBody(request);
    this.#log.keep({ endpoint, method, path: url, headers: request.headers, body: body ?? '' });
    if (preflight) return send(request, response, preflightAnswer(request));
    if (body === undefined) return send(request, response, tooLarge());
    if (route === undefined || matched.kind !== 'route') {
      return send(request, response, withoutRoute(matched, method, path));
    }
    await this.#pause(this.#faults.delayOf(route.endpoint));
    const exchange = {
      method,
      path,
      query: new URLSearchParams(url.slice(path.length)),
      headers: request.headers,
      body,
      params: matched.params,
    };
    this.#answer(request, response, route, exchange);
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    exchange: Omit<Exchange, 'issuer'>,
  ): void {
    const fault = this.#faults.take(route.endpoint);
    if (fault === 'hang') return;
    if (fault === 'refuse') {
      request.socket.destroy();
      return;
    }
    if (fault === 'endless') {
      sendForever(response);
      return;
    }
    const answer = answerOf(fault, route) ?? this.#handle(route, exchange);
    if (fault === 'lose') {
      request.socket.destroy();
      return;
    }
    send(request, response, this.#bend(answer, fault));
  }

  #bend(answer: Answer, fault: Fault | undefined): Answer {
    if (fault === 'truncated') return truncated(answer);
    if (fault !== 'wrong-user') return answer;
    return aboutSomebodyElse(answer, this.#core.world.ids.next());
  }

  #handle(route: Route, exchange: Omit<Exchange, 'issuer'>): Answer {
    const origin = originOf(exchange.headers, this.#core.issuer());
    const language = exchange.headers['accept-language'];
    try {
      if (origin.known) return route.handle(this.#core, { ...exchange, issuer: origin.issuer });
      if (route.family === 'debug') return route.handle(this.#core, { ...exchange, issuer: '' });
    } catch (error) {
      return refusalAnswer(error, language);
    } finally {
      this.#core.world.events.caller = undefined;
    }
    if (route.family === 'connect') {
      return connectRefusal(new ZitadelError(5, undefined, origin.message), language);
    }
    return route.family === 'api'
      ? jsonAnswer(404, { code: 5, message: origin.message })
      : textAnswer(404, `${origin.message}\n`, { 'cache-control': 'no-store' });
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
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

function withoutRoute(matched: Match, method: string, path: string): Answer {
  if (matched.kind === 'wrongMethod') {
    return jsonAnswer(405, { code: 12, message: 'Method Not Allowed' }, {});
  }
  if (matched.kind === 'wrongConnectMethod') {
    return { status: 405, headers: { allow: 'POST' }, body: '' };
  }
  if (matched.kind === 'unknownMethod') return textAnswer(404, '404 page not found\n');
  if (matched.kind === 'notEmulated') {
    const message = `the ZITADEL emulator does not emulate ${method} ${path}`;
    return jsonAnswer(501, { code: 12, message }, {});
  }
  return jsonAnswer(404, { code: 5, message: 'Not Found' }, {});
}

function tooLarge(): Answer {
  return jsonAnswer(413, { code: 8, message: 'grpc: received message larger than max' }, {});
}

/** ZITADEL lets any origin in. */
function preflightAnswer(request: IncomingMessage): Answer {
  const asked = request.headers['access-control-request-headers'];
  const headers = {
    'access-control-allow-methods': ALLOWED_METHODS,
    'access-control-allow-headers':
      asked ?? 'authorization, content-type, x-zitadel-orgid, x-grpc-web',
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { origin } = request.headers;
  const cors =
    origin === undefined
      ? {}
      : {
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': 'location, content-length, www-authenticate',
          vary: 'origin',
        };
  const length = answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) };
  response.writeHead(answer.status, { ...answer.headers, ...cors, ...length });
  response.end(answer.body);
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
export type Origin =
  | { readonly known: true; readonly issuer: string }
  | { readonly known: false; readonly message: string };

export function originOf(headers: IncomingHttpHeaders, ownIssuer: string): Origin {
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
