import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The signing key of the target in tests. */
export const SIGNING_KEY = 'IM1I0ch5b7XIV8Uv1pVN0qYl6e378GRMskJv';

/** What ZITADEL posts of an event. */
export interface Posted {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A member that was removed, unless `told` says something else. */
export const delivered = (told: object = {}) =>
  JSON.stringify({
    aggregateID: '400999949619170342',
    aggregateType: 'org',
    resourceOwner: '400999949619170342',
    instanceID: '400999942941838374',
    version: 'v1',
    sequence: 16,
    event_type: 'org.member.removed',
    created_at: '2026-11-24T08:56:55.287428Z',
    userID: '400999942942428198',
    event_payload: { userId: '400999950592248870' },
    ...told,
  });

/** The header of ZITADEL, `offset` seconds from now. */
export function signatureOf(body: string, key = SIGNING_KEY, offset = 0): string {
  const t = Math.floor(Date.now() / 1_000) + offset;
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`;
}

/** A delivery as ZITADEL sends it. */
export function signed(body: string, key?: string, offset?: number): Posted {
  return { body, headers: { 'zitadel-signature': signatureOf(body, key, offset) } };
}

/** The same as a JWT that the instance signed. Nobody asks for that signature. */
export function asJwt(body: string): string {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  return `${part('{"alg":"RS256","kid":"1"}')}.${part(body)}.${part('signature')}`;
}

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
