import type { IncomingHttpHeaders } from 'node:http';

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

/** The gRPC codes ZITADEL answers with, and the HTTP status each becomes. */
const STATUS_OF_CODE: Readonly<Record<number, number>> = {
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};

/**
 * What ZITADEL refuses with: a gRPC code, a text, and mostly an id such as `V3-DKcYh`. World verbs throw
 * it as it is; over HTTP it becomes the body and status of the API.
 */
export class ZitadelError extends Error {
  override readonly name = 'ZitadelError';

  constructor(
    readonly code: number,
    readonly id: string | undefined,
    readonly text: string,
  ) {
    super(id === undefined ? text : `${text} (${id})`);
  }

  get status(): number {
    return STATUS_OF_CODE[this.code] ?? 500;
  }
}

/** A refusal of the layer in front of the API: it has seen neither instance nor token. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';

  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** ZITADEL translates texts and keeps ids; one text is enough to catch a client that reads texts. */
const GERMAN: Readonly<Record<string, string>> = {
  'Project Grant already exists': 'Projekt Grant existiert bereits',
};

export function germanOf(text: string, acceptLanguage: string | undefined): string | undefined {
  return /^de\b/i.test(acceptLanguage ?? '') ? GERMAN[text] : undefined;
}
