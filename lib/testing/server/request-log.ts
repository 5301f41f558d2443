import type { IncomingHttpHeaders } from 'node:http';
import { type EndpointName, requireEndpoint } from './endpoints.js';

/** One request that came in. */
export interface LoggedRequest {
  /** `'other'` for everything that is not an endpoint: unknown paths and preflights. */
  readonly endpoint: EndpointName | 'other';
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Of `authorization` only the scheme and the token's last 8 characters are kept. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text. Secrets in forms are cut like tokens. */
  readonly body: string;
}

const KEPT = 1000;
const LONGEST_BODY = 10_000;
const SECRET_FIELDS = [
  'assertion',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
];

/** Counts every request and keeps the last 1000. */
export class RequestLog {
  #counts = new Map<string, number>();
  #last: LoggedRequest[] = [];

  count(endpoint: EndpointName | 'other'): void {
    this.#counts.set(endpoint, (this.#counts.get(endpoint) ?? 0) + 1);
  }

  keep(request: Omit<LoggedRequest, 'headers'> & { readonly headers: IncomingHttpHeaders }): void {
    this.#last.push({
      ...request,
      headers: withoutTokens(request.headers),
      body: withoutSecrets(request.body, request.headers['content-type']).slice(0, LONGEST_BODY),
    });
    // Cut in blocks, so that a full log does not move a thousand entries a request.
    if (this.#last.length >= KEPT * 2) this.#last = this.#last.slice(-KEPT);
  }

  requests(endpoint?: EndpointName | 'other'): number {
    if (endpoint !== undefined) {
      if (endpoint !== 'other') requireEndpoint(endpoint);
      return this.#counts.get(endpoint) ?? 0;
    }
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  entries(endpoint?: EndpointName | 'other'): LoggedRequest[] {
    const last = this.#last.slice(-KEPT);
    return endpoint === undefined ? last : last.filter((entry) => entry.endpoint === endpoint);
  }

  reset(): void {
    this.#counts = new Map();
    this.#last = [];
  }
}

function withoutTokens(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    const text = String(value);
    const [, scheme = '', secret = ''] = /^([^ ]* )?(.*)$/.exec(text) ?? [];
    return [name, name === 'authorization' ? `${scheme}${tailOf(secret)}` : text];
  });
  return Object.fromEntries(entries);
}

function withoutSecrets(body: string, contentType: string | undefined): string {
  if (contentType?.startsWith('application/x-www-form-urlencoded') !== true) return body;
  const form = new URLSearchParams(body);
  for (const name of SECRET_FIELDS) {
    const value = form.get(name);
    if (value !== null) form.set(name, tailOf(value));
  }
  return form.toString();
}

function tailOf(secret: string): string {
  return `…${secret.slice(-8)}`;
}
