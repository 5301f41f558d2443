import { setTimeout as sleep } from 'node:timers/promises';
import { Breakers, type Outcome } from './breakers.js';

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How ZITADEL is reached. */
export interface HttpOptions {
  /** The origin that tokens name as `iss`, without a trailing slash. */
  readonly issuer: string;
  /** Another origin at which the same instance is reached, inside a cluster. */
  readonly internalUrl: string | undefined;
  readonly fetch: Fetch;
  /** One attempt, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** All attempts of one call together. */
  readonly budgetMs: number;
}

/** One call to ZITADEL. */
export interface Call {
  /** Which breaker, and which share of the calls in flight, it belongs to. */
  readonly family: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly token?: string;
  /** Sent as `x-zitadel-orgid`. */
  readonly orgId?: string | undefined;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** For whom: 5xx for one and the same user do not open the breaker. */
  readonly who?: string;
  /** Bytes of the decompressed body. @default 1 MiB */
  readonly maxBytes?: number;
  /** May be sent again after no answer, 429, 502, 503 or 504: for everything that changes nothing. @default false */
  readonly repeatable?: boolean;
}

/** An answer of ZITADEL, whatever its status. `body` is parsed JSON, or undefined where an error came without. */
export interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterMs?: number;
}

/**
 * No usable answer: not sent at all, sent without an answer, answered with something that is none of ZITADEL's, or with too much. Unless it
 * was not sent, what the call was to do may be done.
 */
export interface Trouble {
  readonly trouble: string;
  readonly kind: 'notSent' | 'noAnswer' | 'unusable' | 'tooLarge';
  readonly retryAfterMs?: number;
}

/** How ZITADEL is called: deadlines, size caps, bounded repetition, no redirects, nothing secret in any error. */
export type Http = (call: Call) => Promise<Answered | Trouble>;

/** Tells trouble from an answer. */
export function isTrouble(reply: Answered | Trouble): reply is Trouble {
  return 'trouble' in reply;
}

/** Of one family: a family that hangs must not hold up the others. */
const MAX_IN_FLIGHT = 64;
const REPEATS = 2;
const REPEATABLE_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Builds the one way by which ZITADEL is called. */
export function createHttp(options: HttpOptions): Http {
  const breakers = new Breakers();
  const slotsOf = new Map<string, ReturnType<typeof createSlots>>();
  const base = options.internalUrl ?? options.issuer;
  const instance = instanceHeaders(options);

  const attempt = async (call: Call, deadline: number): Promise<Answered | Trouble> => {
    const slots = slotsOf.get(call.family) ?? createSlots(MAX_IN_FLIGHT);
    slotsOf.set(call.family, slots);
    const release = await slots(deadline - performance.now());
    if (!release) return { trouble: 'too many calls are waiting for ZITADEL', kind: 'notSent' };
    const pass = breakers.enter(call.family);
    if ('waitMs' in pass) {
      release();
      return {
        trouble: 'ZITADEL failed a moment ago and is left alone',
        kind: 'notSent',
        retryAfterMs: pass.waitMs,
      };
    }
    let reply: Answered | Trouble;
    try {
      reply = await send(options.fetch, base, instance, call, options.timeoutMs, deadline);
    } finally {
      release();
    }
    breakers.settle(call.family, pass.startedAt, outcomeOf(reply), call.who ?? '');
    return reply;
  };

  return async (call) => {
    const deadline = performance.now() + options.budgetMs;
    for (let tries = 0; ; tries += 1) {
      const reply = await attempt(call, deadline);
      const again =
        call.repeatable &&
        tries < REPEATS &&
        (isTrouble(reply) ? reply.kind === 'noAnswer' : REPEATABLE_STATUS.has(reply.status));
      if (!again) return reply;
      const pauseMs = reply.retryAfterMs ?? Math.random() * 100 * 2 ** tries;
      if (performance.now() + pauseMs >= deadline) return reply;
      await sleep(pauseMs);
    }
  };
}

/** A list that is too long is about one user, and must not stop the others. */
function outcomeOf(reply: Answered | Trouble): Outcome {
  if (!isTrouble(reply)) return reply.status >= 500 ? 'serverError' : 'answer';
  if (reply.kind === 'noAnswer') return 'noAnswer';
  return reply.kind === 'unusable' ? 'serverError' : 'answer';
}

function instanceHeaders({ issuer, internalUrl }: HttpOptions): Record<string, string> {
  if (internalUrl === undefined) return {};
  const { host, hostname } = new URL(issuer);
  // Measured: REST needs the first alone; without the second, discovery loses the issuer's port.
  return { 'x-zitadel-instance-host': hostname, 'x-zitadel-public-host': host };
}

async function send(
  fetch: Fetch,
  base: string,
  instance: Readonly<Record<string, string>>,
  call: Call,
  timeoutMs: number,
  deadline: number,
): Promise<Answered | Trouble> {
  const stop = new AbortController();
  const ms = Math.max(1, Math.min(timeoutMs, deadline - performance.now()));
  const timer = setTimeout(() => stop.abort(), ms);
  try {
    const response = await fetch(base + call.path, {
      method: call.method,
      headers: headersOf(call, instance),
      redirect: 'manual',
      signal: stop.signal,
      ...bodyOf(call),
    });
    if (response.status >= 300 && response.status < 400) {
      stop.abort();
      return trouble(
        'unusable',
        'ZITADEL answered with a redirect, which is not followed: correct issuer or internalUrl',
      );
    }
    const text = await readCapped(response, call.maxBytes ?? 2 ** 20);
    if (text === undefined) {
      stop.abort();
      return trouble('tooLarge', 'ZITADEL answered with more than the allowed size');
    }
    return answered(response, text);
  } catch (error) {
    return trouble(
      'noAnswer',
      stop.signal.aborted
        ? `ZITADEL did not answer within ${Math.round(ms)} ms`
        : `no answer from ZITADEL${codeOf(error)}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

function trouble(kind: Trouble['kind'], text: string): Trouble {
  return { trouble: text, kind };
}

function headersOf(call: Call, instance: Readonly<Record<string, string>>): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-language': 'en',
    ...instance,
    ...(call.json !== undefined && { 'content-type': 'application/json' }),
    ...(call.form && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(call.token !== undefined && { authorization: `Bearer ${call.token}` }),
    ...(call.orgId !== undefined && { 'x-zitadel-orgid': call.orgId }),
  };
}

function bodyOf(call: Call): { body?: string } {
  if (call.json !== undefined) return { body: JSON.stringify(call.json) };
  return call.form ? { body: new URLSearchParams(call.form).toString() } : {};
}

async function readCapped(response: Response, maxBytes: number): Promise<string | undefined> {
  if (!response.body) return '';
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function answered({ status, headers }: Response, text: string): Answered | Trouble {
  const retryAfterMs = retryAfter(headers.get('retry-after'));
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    if (status < 300)
      return { ...trouble('unusable', 'ZITADEL answered with something that is no JSON'), ...wait };
  }
  return { status, body, ...wait };
}

function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

// An error's text may hold what was sent; its code never does.
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : '';
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : '';
}

/** Lets `free` calls through at a time; the others wait their turn for as long as they can. */
function createSlots(free: number): (waitMs: number) => Promise<(() => void) | undefined> {
  const waiting = new Set<() => void>();
  let left = free;
  const release = () => {
    const [next] = waiting;
    if (next) {
      waiting.delete(next);
      next();
    } else left += 1;
  };
  return (waitMs) => {
    if (!(waitMs > 0)) return Promise.resolve(undefined);
    if (left > 0) {
      left -= 1;
      return Promise.resolve(release);
    }
    return new Promise((resolve) => {
      const turn = () => {
        clearTimeout(timer);
        resolve(release);
      };
      const timer = setTimeout(() => {
        waiting.delete(turn);
        resolve(undefined);
      }, waitMs);
      waiting.add(turn);
    });
  };
}
