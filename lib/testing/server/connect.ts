import type { Core } from '../core.js';
import {
  type Answer,
  type Exchange,
  GatewayError,
  germanOf,
  headerOf,
  jsonAnswer,
  ZitadelError,
} from './answers.js';
import { type Message, parseMessage } from './protojson.js';

/** What answers one method of a service: the message is decoded, nothing else has happened. */
export type ConnectHandle = (core: Core, exchange: Exchange, message: Message) => Answer;

const CODE_NAMES: Readonly<Record<number, string>> = {
  2: 'unknown',
  3: 'invalid_argument',
  4: 'deadline_exceeded',
  5: 'not_found',
  6: 'already_exists',
  7: 'permission_denied',
  8: 'resource_exhausted',
  9: 'failed_precondition',
  12: 'unimplemented',
  13: 'internal',
  14: 'unavailable',
  16: 'unauthenticated',
};

const JSON_CONTENT = /^application\/json(\s*;\s*charset=utf-8)?$/i;
/** Served by ZITADEL under the same paths. */
const OTHER_CONTENT = /^application\/(proto|grpc|connect\+)/i;
/** How protobuf-go joins its prefix in the build that was recorded: with a no-break space. */
const PROTO = 'proto:\u00A0';

/**
 * The Connect protocol around a method (unary, JSON): content type, then message, then everything else.
 * `request` is the message as Go calls it.
 */
export function connectMethod(
  request: string,
  handle: ConnectHandle,
): (core: Core, exchange: Exchange) => Answer {
  return (core, exchange) => {
    const contentType = headerOf(exchange, 'content-type') ?? '';
    if (OTHER_CONTENT.test(contentType)) return notEmulated(contentType);
    if (!JSON_CONTENT.test(contentType)) return { status: 415, headers: {}, body: '' };
    try {
      if (exchange.body === '') throw new ZitadelError(3, undefined, NO_PAYLOAD);
      return handle(core, exchange, parseMessage(exchange.body));
    } catch (error) {
      const language = headerOf(exchange, 'accept-language');
      return connectRefusal(
        error instanceof GatewayError ? undecodable(error, request) : error,
        language,
      );
    }
  };
}

const NO_PAYLOAD = 'unmarshal message: zero-length payload is not a valid JSON object';

/** What a service answers when a handler threw. */
export function connectRefusal(error: unknown, language: string | undefined): Answer {
  if (!(error instanceof ZitadelError)) {
    const message = error instanceof Error ? error.message : String(error);
    return jsonAnswer(500, { code: 'internal', message: `the emulator failed: ${message}` }, {});
  }
  // Refusals of a token are never translated.
  const text = error.code === 16 ? error.text : (germanOf(error.text, language) ?? error.text);
  const code = CODE_NAMES[error.code] ?? 'unknown';
  if (error.id === undefined) return jsonAnswer(error.status, { code, message: text }, {});
  const detail = {
    type: 'zitadel.v1.ErrorDetail',
    value: errorDetail(error.id, text),
    debug: { id: error.id, message: text },
  };
  const body = { code, message: `${text} (${error.id})`, details: [detail] };
  return jsonAnswer(error.status, body, {});
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

function undecodable(error: GatewayError, request: string): ZitadelError {
  const complaint = error.message.replace(/^proto: /, '');
  const message = `unmarshal message: unmarshal into *${request}: ${PROTO}${complaint}`;
  return new ZitadelError(3, undefined, message);
}

function notEmulated(contentType: string): Answer {
  const message = `the ZITADEL emulator does not emulate ${contentType}`;
  return connectRefusal(new ZitadelError(12, undefined, message), undefined);
}
