import type { ApiHandle } from '../api/caller.js';
import type { Instance } from '../instance.js';
import { parseMessage } from './protojson.js';
import {
  type Exchange,
  GatewayError,
  jsonReply,
  NO_STORE,
  notEmulated,
  type Reply,
  withId,
  ZitadelError,
} from './replies.js';

export type Handle = (instance: Instance, exchange: Exchange) => Reply;

const WITHOUT_MESSAGE: readonly string[] = ['GET', 'DELETE'];

/** The REST gateway around a call of the API. */
export function restMethod(handle: ApiHandle): Handle {
  return (instance, exchange) => {
    const { method, body } = exchange;
    const message = WITHOUT_MESSAGE.includes(method) ? {} : parseMessage(body);
    return jsonReply(200, handle(instance, exchange, message));
  };
}

/** The same for API v2, which does not forbid anybody to keep its replies. */
export function restMethodV2(handle: ApiHandle): Handle {
  const method = restMethod(handle);
  return (instance, exchange) => {
    try {
      return storable(method(instance, exchange));
    } catch (error) {
      return storable(restRefusal(error, exchange.headers['accept-language']));
    }
  };
}

export function storable(reply: Reply): Reply {
  const { 'cache-control': _forbids, ...headers } = reply.headers;
  return { ...reply, headers };
}

/** The refusal of the REST API for what a handler threw. */
export function restRefusal(error: unknown, language?: string): Reply {
  if (error instanceof GatewayError) {
    return jsonReply(400, { code: 3, message: error.message }, {});
  }
  if (!(error instanceof ZitadelError)) {
    return jsonReply(500, { code: 13, message: ownFailure(error) });
  }
  const { code, id, status } = error;
  const text = error.textIn(language);
  const message = withId(text, id);
  const detail = { '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id, message: text };
  const challenge = status === 401 ? { 'www-authenticate': message } : undefined;
  const body = { code, message, details: id === undefined ? undefined : [detail] };
  return jsonReply(status, body, { ...challenge, ...NO_STORE });
}

const JSON_CONTENT = /^application\/json(\s*;\s*charset=utf-8)?$/i;
/** Served by ZITADEL under the same paths. */
const OTHER_CONTENT = /^application\/(proto|grpc|connect\+)/i;

/**
 * The Connect protocol (unary, JSON) around a call of the API: first the content type, then the message.
 * `request` is the message as Go calls it.
 */
export function connectMethod(request: string, handle: ApiHandle): Handle {
  return (instance, exchange) => {
    const contentType = exchange.headers['content-type'] ?? '';
    if (OTHER_CONTENT.test(contentType)) {
      return connectRefusal(notEmulated(contentType));
    }
    if (!JSON_CONTENT.test(contentType)) return { status: 415, headers: {}, body: '' };
    try {
      if (exchange.body === '') throw new ZitadelError(3, undefined, NO_PAYLOAD);
      const message = parseMessage(exchange.body);
      return jsonReply(200, handle(instance, exchange, message));
    } catch (error) {
      const refusal = error instanceof GatewayError ? undecodable(error, request) : error;
      return connectRefusal(refusal, exchange.headers['accept-language']);
    }
  };
}

const NO_PAYLOAD = 'unmarshal message: zero-length payload is not a valid JSON object';
/** protobuf-go joins its prefix with a no-break space in the build that was recorded. */
const PROTO = 'proto:\u00A0';

function undecodable(error: GatewayError, request: string): ZitadelError {
  const complaint = error.message.replace(/^proto: /, '');
  const message = `unmarshal message: unmarshal into *${request}: ${PROTO}${complaint}`;
  return new ZitadelError(3, undefined, message);
}

/** The refusal of a Connect service for what a handler threw. */
export function connectRefusal(error: unknown, language?: string): Reply {
  if (!(error instanceof ZitadelError)) {
    return jsonReply(500, { code: 'internal', message: ownFailure(error) }, {});
  }
  const { codeName: code, id, status } = error;
  const text = error.textIn(language);
  if (id === undefined) return jsonReply(status, { code, message: text }, {});
  const detail = {
    type: 'zitadel.v1.ErrorDetail',
    value: errorDetail(id, text),
    debug: { id, message: text },
  };
  return jsonReply(status, { code, message: withId(text, id), details: [detail] }, {});
}

/** The message `ErrorDetail { string id = 1; string message = 2; }`, in base64 without padding. */
function errorDetail(id: string, message: string): string {
  const encoded = Buffer.concat([stringMember(1, id), stringMember(2, message)]);
  return encoded.toString('base64').replace(/=+$/, '');
}

function stringMember(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function ownFailure(error: unknown): string {
  return `the emulator failed: ${error instanceof Error ? error.message : String(error)}`;
}
