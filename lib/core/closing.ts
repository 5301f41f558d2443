import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

/** A request as Node makes it. */
interface Sent extends Partial<IncomingMessage> {
  readonly upgrade?: boolean | null;
  /** Set by Express. */
  readonly res?: ServerResponse;
  /** Of HTTP/2. */
  readonly stream?: ServerHttp2Stream;
}

/** Node keeps the response that it sends at this time with the connection. The package on-finished reads the same. */
interface Sending extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/**
 * Calls back when the response to a request is sent, or its client is gone. The event `close` of a request does not tell: it comes when the
 * body has been read. A request that has become a WebSocket lasts as long as its connection.
 */
export function whenClosed(request: object, listener: () => void): void {
  const sent = sentOf(request);
  // It did not come by a connection: a test has made it.
  if (!sent.socket) return;
  const carrier = carrierOf(sent, sent.socket);
  // Not at once: whoever asks wants to listen first.
  if (!carrier || carrier.closed || carrier.destroyed) return void setImmediate(listener);
  const { req = sent } = carrier as { readonly req?: object };
  // If several requests came at once on a connection, each waits for its turn.
  carrier.once('close', req === sent ? listener : () => whenClosed(request, listener));
}

/** Fastify and GraphQL show it under `raw`. A middleware of Express can keep something else there. */
function sentOf(request: object): Sent {
  const { raw } = request as { readonly raw?: unknown };
  return (Object(raw) as Sent).socket ? (raw as Sent) : (request as Sent);
}

function carrierOf({ stream, httpVersionMajor, upgrade, res }: Sent, socket: Sending) {
  if (httpVersionMajor === 2) return stream;
  if (upgrade) return socket;
  const response = res ?? socket._httpMessage;
  return response?.writableFinished === false ? response : undefined;
}
