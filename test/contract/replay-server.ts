import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { ReplayModel } from './replay-model.js';

/** A request as the recording has it: secrets are labels, other headers than these were not recorded. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>>;
}

/** One recorded exchange. */
export interface Recorded {
  readonly name: string;
  readonly request: Request;
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly text?: string;
  };
}

const HEADERS = ['authorization', 'content-type', 'x-zitadel-orgid'];

/**
 * Answers recorded requests with their recorded answers. Reads that were not recorded are answered from what
 * the changes so far have made, one look late, so that only who waits goes on.
 */
export class ReplayServer {
  /** Changes that no recording has, as `METHOD path`. */
  readonly unrecorded: string[] = [];
  /** Reads that no recording has. */
  readonly looks: string[] = [];
  /** Requests that nothing here knows an answer to. */
  readonly unknown: string[] = [];
  /** All requests, in order. */
  readonly asked: Request[] = [];
  /** What it calls itself in discovery. */
  issuer = '';
  /** A header that something before the server takes away. */
  drops: string | undefined;
  readonly #open: Recorded[];
  readonly #reads: Recorded[] = [];
  readonly #model: ReplayModel;
  readonly #server: Server;
  readonly #held: { readonly matches: RegExp; readonly until: Promise<void> }[] = [];
  #scripted: { readonly matches: RegExp; readonly answer: Scripted; times: number }[] = [];

  private constructor(recorded: readonly Recorded[], ids: Readonly<Record<string, string>>) {
    this.#open = [...recorded];
    this.#model = new ReplayModel(ids);
    this.#server = createServer((incoming, outgoing) => {
      void read(incoming, this.drops).then(async (request) => {
        this.asked.push(request);
        await this.#held.find(({ matches }) => matches.test(lineOf(request)))?.until;
        const { status, headers, text } = this.#answer(request);
        outgoing.writeHead(status, headers).end(text);
      });
    });
  }

  static async start(
    recorded: readonly Recorded[],
    ids: Readonly<Record<string, string>>,
  ): Promise<ReplayServer> {
    const replay = new ReplayServer(recorded, ids);
    await new Promise<void>((resolve) => replay.#server.listen(0, '127.0.0.1', resolve));
    replay.issuer = replay.url;
    return replay;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Recorded exchanges that nobody has asked for, by name. */
  get neverAsked(): readonly string[] {
    return this.#open.map(({ name }) => name);
  }

  /** The next `times` requests that match are refused. */
  refuse(matches: RegExp, status: number, times = Infinity): void {
    this.script(matches, { status, body: { code: 14, message: 'not now' } }, times);
  }

  /** The next `times` requests that match are answered this, and nothing else happens. */
  script(matches: RegExp, answer: Scripted, times = Infinity): void {
    this.#scripted.push({ matches, answer, times });
  }

  /** Requests that match are answered only after the function that this answers is called. */
  hold(matches: RegExp): () => void {
    let release = () => undefined as void;
    const until = new Promise<void>((resolve) => (release = resolve));
    this.#held.push({ matches, until });
    return release;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: Request): { status: number; headers: Record<string, string>; text: string } {
    const line = lineOf(request);
    const scripted = this.#scripted.find(({ matches, times }) => times > 0 && matches.test(line));
    if (scripted) {
      scripted.times -= 1;
      const { status, body } = scripted.answer;
      return { status, headers: {}, text: JSON.stringify(body) };
    }
    if (request.path === DISCOVERY) {
      return { status: 200, headers: JSON_TYPE, text: JSON.stringify({ issuer: this.issuer }) };
    }
    const found = this.#recorded(request);
    if (found) {
      const { status, headers, body, text } = found.response;
      this.#model.change(request, body);
      return { status, headers: { ...headers }, text: text ?? JSON.stringify(body) };
    }
    const answer = this.#model.answer(request);
    if (answer === undefined) {
      this.unknown.push(`${line} ${JSON.stringify(request)}`);
      return { status: 501, headers: {}, text: '' };
    }
    (answer.changes ? this.unrecorded : this.looks).push(line);
    return { status: answer.status, headers: JSON_TYPE, text: JSON.stringify(answer.body) };
  }

  /** A change is answered once, a read as often as somebody asks. */
  #recorded(request: Request): Recorded | undefined {
    const isSame = ({ request: each }: Recorded) =>
      each.path === request.path && isDeepStrictEqual(each, request);
    const at = this.#open.findIndex(isSame);
    const [found] = at === -1 ? [] : this.#open.splice(at, 1);
    if (found && request.method === 'GET') this.#reads.push(found);
    return found ?? this.#reads.find(isSame);
  }
}

function lineOf({ method, path }: Request): string {
  return `${method} ${path}`;
}

interface Scripted {
  readonly status: number;
  readonly body: unknown;
}

const DISCOVERY = '/.well-known/openid-configuration';
const JSON_TYPE = { 'content-type': 'application/json' };

async function read(incoming: IncomingMessage, drops: string | undefined): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const type = incoming.headers['content-type'] ?? '';
  const headers: Record<string, string> = {};
  for (const name of HEADERS) {
    const value = incoming.headers[name];
    if (typeof value === 'string' && name !== drops) headers[name] = labelled(value);
  }
  return {
    method: incoming.method ?? '',
    path: labelled(incoming.url ?? ''),
    headers,
    ...contentOf(text, type),
  };
}

function contentOf(text: string, type: string): Pick<Request, 'body' | 'form'> {
  if (text === '') return {};
  if (!type.includes('urlencoded')) return { body: JSON.parse(text, labelPassword) as unknown };
  const form = Object.fromEntries(new URLSearchParams(text));
  if ('code_verifier' in form) form['code_verifier'] = VERIFIER;
  return { form };
}

/** What is made anew in each run, as the recording has it. */
const VERIFIER = '5JnaK1H92cZ7fwCzglQ0oFmn7HaAp56FCQ0FjzI_xtg';
const CHALLENGE = 'skChFm5O_vUrliMYH8dF1NYn2NwynQfewIuxJ2GyeGs';

function labelled(text: string): string {
  const basic = /^Basic (.+)$/.exec(text)?.[1];
  if (basic !== undefined) {
    const pair = Buffer.from(basic, 'base64').toString();
    const client = /<client secret of (\w+)>$/.exec(pair)?.[1];
    return client === undefined ? text : `Basic <base64 of ${client} client id:client secret>`;
  }
  return text.replace(/code_challenge=[\w-]{43}/, `code_challenge=${CHALLENGE}`);
}

function labelPassword(name: string, value: unknown): unknown {
  return name === 'password' && typeof value === 'string' ? '<password of hank>' : value;
}
