import type { IncomingMessage, ServerResponse } from 'node:http';
import { own } from '../../core/own-properties.js';
import { LONGEST_BODY } from './verify-event.js';
import type { ZitadelEvents } from './zitadel-events.js';

/** A request, with what parsers leave there. */
type Delivery = IncomingMessage & { readonly body?: unknown; readonly rawBody?: unknown };

/**
 * Takes a delivery over HTTP. It is answered without a body, which ZITADEL would read. Of several receivers, the one whose key signed it takes it.
 */
export async function takeDelivery(
  receivers: readonly [ZitadelEvents, ...ZitadelEvents[]],
  request: Delivery,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    end(response, 405);
    return;
  }
  try {
    end(response, await statusOf(receivers, request));
  } catch {
    // The sender is gone.
    response.destroy();
  }
}

async function statusOf(
  receivers: readonly [ZitadelEvents, ...ZitadelEvents[]],
  request: Delivery,
): Promise<number> {
  const [first] = receivers;
  const body = await rawBodyOf(request);
  if (body === 'too_long' || body === 'parsed') {
    first.refuse(body);
    return body === 'parsed' ? 500 : 413;
  }
  const { headers } = request;
  const receiver =
    receivers.length === 1 ? first : receivers.find((each) => each.verify(body, headers).valid);
  return (receiver ?? first).receive(body, headers).status;
}

/** What was received, from a parser that left it as it was, or from the stream. */
async function rawBodyOf(request: Delivery): Promise<Uint8Array | 'too_long' | 'parsed'> {
  for (const name of ['rawBody', 'body']) {
    const value = own(request, name);
    if (value instanceof Uint8Array) return value;
  }
  if (request.readableDidRead) return 'parsed';
  if (Number(request.headers['content-length']) > LONGEST_BODY) return 'too_long';
  const parts: Uint8Array[] = [];
  let length = 0;
  // Not destroyed on a break: then the answer could not be sent.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    length += (part as Uint8Array).length;
    if (length > LONGEST_BODY) return 'too_long';
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts);
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader('Content-Length', 0);
  // What is left of the body is not read.
  if (status === 413) response.setHeader('Connection', 'close');
  response.end();
}
