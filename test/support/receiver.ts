import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One POST of a server that told of an event, as it came in. */
export interface ReceivedDelivery {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw: string;
}

/** An endpoint that keeps what is delivered to it. */
export interface Receiver {
  readonly url: string;
  readonly deliveries: ReceivedDelivery[];
  /** What it answers to the next ones, after which it takes everything. 'nothing': it leaves the sender waiting. */
  readonly answers: (number | 'nothing')[];
  readonly close: () => Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    const at = Date.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      const headers = request.headers as Record<string, string>;
      receiver.deliveries.push({ at, method, url, headers, raw: Buffer.concat(chunks).toString() });
      const answer = receiver.answers.shift() ?? 200;
      if (answer !== 'nothing') response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${String(port)}/zitadel/events`,
    deliveries: [],
    answers: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
