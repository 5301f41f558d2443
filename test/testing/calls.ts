import type { ZitadelEmulator } from '../../lib/testing/index.js';

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; `undefined` where it is none. */
  readonly json: Json;
}

export type Json = Readonly<Record<string, unknown>>;

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One call of the API with a token: GET without a body, POST with one. */
export async function call(
  zitadel: ZitadelEmulator,
  path: string,
  token?: string,
  options: Call = {},
): Promise<Called> {
  const { body, headers, method = body === undefined ? 'GET' : 'POST', signal } = options;
  const response = await fetch(`${zitadel.url}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body: isRaw(body) ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

/** List My ZITADEL Manager Roles. */
export function myMemberships(
  zitadel: ZitadelEmulator,
  token: string,
  options: Call = {},
): Promise<Called> {
  return call(zitadel, '/auth/v1/memberships/me/_search', token, { body: {}, ...options });
}

/** Error id of the API. */
export function errorIdOf(called: Called): string | undefined {
  const details = called.json['details'] as readonly { readonly id: string }[] | undefined;
  return details?.[0]?.id;
}

export function rowsOf(called: Called): readonly Readonly<Record<string, unknown>>[] {
  return (called.json['result'] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
}

export function decode(part: string | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
}

function isRaw(body: unknown): body is string | URLSearchParams {
  return typeof body === 'string' || body instanceof URLSearchParams;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {} as Json;
  }
}
