import type { IncomingHttpHeaders } from 'node:http';

import { GatewayError, ZitadelError } from './errors.js';
import { germanOf } from './german-texts.js';

/** One request, read completely. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What stood at the places of the route's pattern. */
  readonly params: readonly string[];
  /** The issuer as this request reached it; see `origin.ts`. */
  readonly issuer: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';
export const NO_STORE = { 'cache-control': 'no-store' } as const;

export function jsonAnswer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = NO_STORE,
): Answer {
  const text = JSON.stringify(body);
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: text };
}

export function textAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers: { 'content-type': TEXT_TYPE, ...headers }, body };
}

/** Refusals of the OAuth endpoints. RFC 6749 section 5.2. */
export function oauthError(status: number, error: string, description?: string): Answer {
  return jsonAnswer(status, { error, error_description: description });
}

export function headerOf(exchange: Pick<Exchange, 'headers'>, name: string): string | undefined {
  const value = exchange.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** What the API answers when a handler threw. */
export function refusalAnswer(error: unknown, language: string | undefined): Answer {
  if (error instanceof GatewayError) {
    return jsonAnswer(error.status, { code: error.code, message: error.message }, {});
  }
  if (!(error instanceof ZitadelError)) {
    const message = error instanceof Error ? error.message : String(error);
    return jsonAnswer(500, { code: 13, message: `the emulator failed: ${message}` });
  }
  // Refusals of a token are never translated.
  const text = error.code === 16 ? error.text : (germanOf(error.text, language) ?? error.text);
  const message = error.id === undefined ? text : `${text} (${error.id})`;
  const detail = {
    '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail',
    id: error.id,
    message: text,
  };
  const body = {
    code: error.code,
    message,
    details: error.id === undefined ? undefined : [detail],
  };
  const challenge = error.status === 401 ? { 'www-authenticate': message } : undefined;
  return jsonAnswer(error.status, body, { ...challenge, ...NO_STORE });
}
