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
  /** The issuer under the address that this request came to. */
  readonly issuer: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const JSON_TYPE = 'application/json';
export const NO_STORE = { 'cache-control': 'no-store' } as const;

export function jsonReply(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = NO_STORE,
): Reply {
  const text = JSON.stringify(body);
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: text };
}

export function textReply(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

/** Refusals of the OAuth endpoints. RFC 6749 section 5.2. */
export function oauthError(status: number, error: string, description?: string): Reply {
  return jsonReply(status, { error, error_description: description });
}

/** The gRPC codes that ZITADEL uses: the HTTP status of each, and its name in the Connect protocol. */
const CODES: Readonly<Record<number, readonly [status: number, name: string]>> = {
  2: [500, 'unknown'],
  3: [400, 'invalid_argument'],
  4: [504, 'deadline_exceeded'],
  5: [404, 'not_found'],
  6: [409, 'already_exists'],
  7: [403, 'permission_denied'],
  8: [429, 'resource_exhausted'],
  9: [400, 'failed_precondition'],
  12: [501, 'unimplemented'],
  13: [500, 'internal'],
  14: [503, 'unavailable'],
  16: [401, 'unauthenticated'],
};

/**
 * What ZITADEL refuses with: a gRPC code, a text, and mostly an id such as `V3-DKcYh`. World verbs throw
 * it as it is. Over HTTP it becomes the status and the body of the API.
 */
export class ZitadelError extends Error {
  override readonly name = 'ZitadelError';
  readonly status: number;
  /** The name of the code in the Connect protocol. */
  readonly codeName: string;

  constructor(
    readonly code: number,
    readonly id: string | undefined,
    readonly text: string,
  ) {
    super(withId(text, id));
    [this.status, this.codeName] = CODES[code] ?? [500, 'unknown'];
  }

  /** ZITADEL translates texts and keeps ids. One text is enough to catch a client that reads texts. */
  textIn(acceptLanguage: string | undefined): string {
    const german = /^de\b/i.test(acceptLanguage ?? '');
    const translated = german && this.text === 'Project Grant already exists';
    return translated ? 'Projekt Grant existiert bereits' : this.text;
  }
}

/** What ZITADEL has and the emulator does not. */
export function notEmulated(what: string): ZitadelError {
  return new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${what}`);
}

/** A refusal of the layer in front of the API, which has seen neither the instance nor the token. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
}

export function withId(text: string, id: string | undefined): string {
  return id === undefined ? text : `${text} (${id})`;
}
