// How the HTTP doors are asked.
import { Agent, request as send } from 'node:http';
import { authorizationOf, heardOf, type Heard, type Question } from '../door.js';

export interface HttpClient {
  /** Sends a POST, byte for byte: no path is normalized, and doubled headers stay doubled. */
  post(
    path: string,
    headers: readonly string[],
    body: unknown,
  ): Promise<{ status: number; json: unknown }>;
  ask(question: Question): Promise<Heard>;
  close(): void;
}

/** A client with connections of its own. */
export function httpClient(url: string): HttpClient {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const post: HttpClient['post'] = (path, headers, body) =>
    new Promise((resolve, reject) => {
      const content = Buffer.from(JSON.stringify(body));
      const all = ['Host', `${hostname}:${port}`, 'Content-Type', 'application/json'];
      all.push('Content-Length', String(content.length), ...headers);
      send({ hostname, port, path, method: 'POST', agent, headers: all }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, json: jsonOf(text) });
        });
      })
        .once('error', reject)
        .end(content);
    });
  return {
    post,
    async ask(question) {
      const { status, json } = await post(
        targetOf(question),
        headersOf(question),
        question.values.body,
      );
      return heardOf(status, json);
    },
    close: () => agent.destroy(),
  };
}

/** Name and value in turns, as Node takes headers that may be doubled. */
export function headersOf({ credential, values }: Question): readonly string[] {
  return [
    ...Object.entries(values.header).flatMap(([name, value]) => [name, bytesOf(value)]),
    ...authorizationOf(credential).flatMap((value) => ['Authorization', value]),
  ];
}

/** A header as it goes over the wire: Node takes a character for each byte. */
export const bytesOf = (value: unknown) => Buffer.from(String(value)).toString('latin1');

/** The path of a route with parameters of these names. */
export function pathOf(route: number, names: readonly string[]): string {
  return [`/r${String(route)}`, ...names.map((name) => `${name}/:${name}`)].join('/');
}

function targetOf({ route, values }: Question): string {
  const names = Object.keys(values.param).sort();
  const steps = names.map((name) => `${name}/${encodeURIComponent(String(values.param[name]))}`);
  const query = Object.entries(values.query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (each) => `${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`,
    ),
  );
  const path = [`/r${String(route)}`, ...steps].join('/');
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
