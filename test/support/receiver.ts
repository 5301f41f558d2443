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

/** @param host by which the sender reaches this machine */
export async function openReceiver(host = '127.0.0.1'): Promise<Receiver> {
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
  const interfaces = host === '127.0.0.1' ? host : '0.0.0.0';
  await new Promise<void>((resolve) => server.listen(0, interfaces, resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://${host}:${String(port)}/zitadel/events`,
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
