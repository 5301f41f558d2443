import { connect } from 'node:net';

/** A request, byte for byte: nothing is normalized, repeated headers stay repeated. */
export interface Spoken {
  readonly method?: string;
  /** The request target as it goes over the wire. */
  readonly path: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent as JSON; a string goes as it is. */
  readonly body?: unknown;
}

/** What came back. */
export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** Speaks HTTP/1.1 over a socket of its own, so that no client tidies up what a hostile one would send. */
export function speak(url: string, spoken: Spoken): Promise<Heard> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    // A server that hangs up on a request it finds too large may still have answered it.
    let trouble: Error | undefined;
    socket.on('connect', () => socket.write(bytesOf(spoken, `${hostname}:${port}`)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error) => (trouble = error));
    socket.on('close', () => {
      if (chunks.length > 0) resolve(heardFrom(Buffer.concat(chunks)));
      else reject(trouble ?? new Error('the server closed the connection without an answer'));
    });
  });
}

function bytesOf({ method = 'GET', path, headers = [], body }: Spoken, host: string): Buffer {
  const content =
    body === undefined
      ? undefined
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(content
      ? ['Content-Type: application/json', `Content-Length: ${String(content.length)}`]
      : []),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content ?? Buffer.alloc(0)]);
}

function heardFrom(bytes: Buffer): Heard {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${String(headers[name])}, ${value}` : value;
  }
  const rest = bytes.subarray(end + 4);
  const text = (headers['transfer-encoding'] === 'chunked' ? joined(rest) : rest).toString();
  return { status: Number(first.split(' ')[1]), headers, text, json: jsonOf(text) };
}

function joined(chunked: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let from = 0; from < chunked.length;) {
    const line = chunked.indexOf('\r\n', from);
    const size = Number.parseInt(chunked.subarray(from, line).toString(), 16);
    if (!(size > 0)) break;
    parts.push(chunked.subarray(line + 2, line + 2 + size));
    from = line + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
