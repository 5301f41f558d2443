import { request as ask } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What the library needs of ZITADEL; each is put out of order on its own. */
export const ENDPOINTS = [
  'discovery',
  'keys',
  'introspection',
  'memberships',
  'token',
  'grants',
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const PATHS: readonly (readonly [RegExp, Endpoint])[] = [
  [/^\/\.well-known\/openid-configuration$/, 'discovery'],
  [/^\/oauth\/v2\/keys$/, 'keys'],
  [/^\/oauth\/v2\/introspect$/, 'introspection'],
  [/\/memberships\/(me\/)?_search$/, 'memberships'],
  [/\.InternalPermissionService\/ListAdministrators$/, 'memberships'],
  [/^\/oauth\/v2\/token$/, 'token'],
  [/^\/management\/v1\/(projects\/[^/]+\/)?(project)?grants\b/, 'grants'],
  [/\.ProjectService\/\w*ProjectGrants?$/, 'grants'],
];

/** Which endpoint a path belongs to; undefined: one that is left in order. */
export function endpointOf(path: string): Endpoint | undefined {
  return PATHS.find(([pattern]) => pattern.test(path.split('?')[0] ?? ''))?.[1];
}

/** A request as it arrived on the socket. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What ZITADEL answers. */
export interface RightAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Answers one request in a wrong way, straight on the socket. */
export type Strike = (socket: Socket, struck: Struck) => void | Promise<void>;

export interface Struck {
  readonly endpoint: Endpoint;
  readonly asked: Arrived;
  /** Lets ZITADEL do what it was asked, and answers what it said. */
  right(): Promise<RightAnswer>;
}

/** The request header that tells whose strike a request meets. */
export const LINE_HEADER = 'x-line';

/** A server between the library and ZITADEL, on a bare socket: it hands on what it is asked, but for the requests that are to be struck. */
export class FaultServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #strikes = new Map<string, (asked: Arrived) => Strike | undefined>();
  #port = 0;

  private constructor(private readonly zitadelUrl: string) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      new Conversation(socket, (asked) => this.#answer(socket, asked));
    });
  }

  static async start(zitadelUrl: string): Promise<FaultServer> {
    const server = new FaultServer(zitadelUrl);
    await new Promise<void>((resolve) => {
      server.#server.listen(0, '127.0.0.1', 1_024, resolve);
    });
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** From now on the requests of a line for which `choose` names a strike meet it. */
  strike(line: string, choose: (asked: Arrived) => Strike | undefined): void {
    this.#strikes.set(line, choose);
  }

  heal(line: string): void {
    this.#strikes.delete(line);
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async #answer(socket: Socket, asked: Arrived): Promise<void> {
    const strike = this.#strikes.get(asked.headers[LINE_HEADER] ?? '')?.(asked);
    if (!strike) {
      const { status, body } = await handOn(this.zitadelUrl, asked);
      socket.write(headOf(status, { ...JSON_TYPE, 'content-length': String(body.length) }));
      socket.write(body);
      return;
    }
    const endpoint = endpointOf(asked.path) ?? 'discovery';
    await strike(socket, { endpoint, asked, right: () => handOn(this.zitadelUrl, asked) });
  }
}

export const JSON_TYPE = { 'content-type': 'application/json' } as const;

/** The head of an answer. */
export function headOf(status: number, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Answer\r\n${lines.join('')}\r\n`;
}

/** Reads one request after the other from a socket. */
export class Conversation {
  #read = Buffer.alloc(0);
  #busy = false;

  constructor(
    socket: Socket,
    private readonly answer: (asked: Arrived) => Promise<void>,
  ) {
    socket.on('data', (chunk) => {
      this.#read = Buffer.concat([this.#read, chunk]);
      void this.#proceed(socket);
    });
  }

  async #proceed(socket: Socket): Promise<void> {
    if (this.#busy) return;
    const asked = this.#next();
    if (!asked) return;
    this.#busy = true;
    try {
      await this.answer(asked);
    } catch {
      socket.destroy();
    } finally {
      this.#busy = false;
    }
    await this.#proceed(socket);
  }

  #next(): Arrived | undefined {
    const end = this.#read.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first = '', ...lines] = this.#read.toString('latin1', 0, end).split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const length = Number(headers['content-length'] ?? 0);
    if (this.#read.length < end + 4 + length) return undefined;
    const body = this.#read.subarray(end + 4, end + 4 + length);
    this.#read = this.#read.subarray(end + 4 + length);
    const [method = '', path = ''] = first.split(' ');
    return { method, path, headers, body };
  }
}

/** Asks ZITADEL itself, under its own address. */
export function handOn(
  zitadelUrl: string,
  { method, path, headers, body }: Arrived,
): Promise<RightAnswer> {
  const { host: _host, connection: _connection, [LINE_HEADER]: _line, ...rest } = headers;
  return new Promise((resolve, reject) => {
    const request = ask(zitadelUrl + path, { method, headers: rest }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
