import { within } from '../core/memory/flight.js';
import { own } from '../core/own-properties.js';
import { type Reply, replyFrom, type Trouble } from './reply.js';

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The user for calls in our own name. They are about many things: if one of them fails, that must not hold up the others. */
export const OURSELVES = 'service user';

/** One call to ZITADEL. */
export interface Call {
  /** The breaker, and the share of the calls in flight, to which it belongs. */
  readonly family: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly token?: string;
  /** Sent as HTTP Basic, instead of a token. */
  readonly basic?: { readonly clientId: string; readonly clientSecret: string };
  /** Sent as `x-zitadel-orgid`. */
  readonly orgId?: string | undefined;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** The user for whom it is made. Neither failures nor a crowd of calls for one user may hold up the others. */
  readonly who?: string;
  /** Bytes of the decompressed body. @default 1 MiB */
  readonly maxBytes?: number;
  /** Whether it is about a token that ZITADEL has not accepted lately. Such calls wait behind all others. @default false */
  readonly stranger?: boolean;
  /** Whether it may be sent again after no reply, 429, 502, 503 or 504. Only for calls that change nothing. @default false */
  readonly repeatable?: boolean;
}

/** Node's codes for a connection that did not come about. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Longer waits are not passed on. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** Sends a call once and reads the reply, within `ms`. It follows no redirects, reads at most the allowed size, and tells no secret. */
export async function exchange(
  fetch: Fetch,
  base: string,
  instance: Readonly<Record<string, string>>,
  call: Call,
  ms: number,
): Promise<Reply> {
  const stop = new AbortController();
  const give = (kind: Trouble['kind'], trouble: string): Trouble => {
    stop.abort();
    return { trouble, kind };
  };
  const send = async (): Promise<Reply> => {
    const response = await fetch(base + call.path, {
      method: call.method,
      headers: headersOf(call, instance),
      redirect: 'manual',
      signal: stop.signal,
      ...bodyOf(call),
    });
    const { status, headers } = response;
    if (status >= 300 && status < 400) {
      return give('unusable', 'ZITADEL replied with a redirect, which is not followed');
    }
    if (!isReadable(headers.get('content-encoding'))) {
      return give('unusable', 'ZITADEL’s reply is packed in a way that was not asked for');
    }
    const text = await readCapped(response, call.maxBytes ?? 2 ** 20);
    if (text === undefined) {
      return give('tooLarge', 'ZITADEL replied with more than the allowed size');
    }
    const waitMs = retryAfter(headers.get('retry-after'));
    const reply = replyFrom(call, status, text);
    return waitMs === undefined ? reply : { ...reply, retryAfterMs: waitMs };
  };
  // The signal alone is not enough: the application's own fetch may ignore it.
  const reply = await within(send().catch(notReached), ms, undefined);
  return reply ?? give('late', `ZITADEL did not reply within ${Math.round(ms)} ms`);
}

function notReached(error: unknown): Trouble {
  const code = codeOf(error);
  const trouble = `no reply from ZITADEL${code && ` (${code})`}`;
  return { trouble, kind: 'noReply', ...(UNREACHABLE.has(code) && { unreachable: true }) };
}

function headersOf(call: Call, instance: Readonly<Record<string, string>>): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-language': 'en',
    'accept-encoding': 'gzip',
    ...instance,
    ...(call.json !== undefined && { 'content-type': 'application/json' }),
    ...(call.form && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(call.token !== undefined && { authorization: `Bearer ${call.token}` }),
    ...(call.basic && { authorization: `Basic ${basicOf(call.basic)}` }),
    ...(call.orgId !== undefined && { 'x-zitadel-orgid': call.orgId }),
  };
}

/** RFC 6749, section 2.3.1: each half is form-encoded first. */
function basicOf({ clientId, clientSecret }: NonNullable<Call['basic']>): string {
  const [id = '', secret = ''] = [clientId, clientSecret].map((half) =>
    new URLSearchParams({ _: half }).toString().slice('_='.length),
  );
  return Buffer.from(`${id}:${secret}`).toString('base64');
}

function bodyOf(call: Call): { body?: string } {
  if (call.json !== undefined) return { body: JSON.stringify(call.json) };
  return call.form ? { body: new URLSearchParams(call.form).toString() } : {};
}

/** Node's fetch unpacks deflate and br as fast as they come, even if nobody reads. A cap on what is read would not help. */
function isReadable(encoding: string | null): boolean {
  return ['', 'gzip', 'identity'].includes((encoding ?? '').trim().toLowerCase());
}

async function readCapped(response: Response, maxBytes: number): Promise<string | undefined> {
  if (!response.body) return '';
  // Kept as bytes: as text, a reply that is too long would need twice the memory.
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks, bytes));
}

function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
}

// The text of an error may contain what was sent. Its code never does.
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  const code = own(cause, 'code');
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code : '';
}
