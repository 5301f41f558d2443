import { vi } from 'vitest';
import type { Decision } from '../../lib/core/decision.js';
import type { Requirement } from '../../lib/core/requirement/requirement.js';
import type { Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelEmulator } from '../../lib/testing/index.js';
import { ZitadelError } from '../../lib/core/errors.js';
import { createDiscovery, type Discover } from '../../lib/zitadel/discovery.js';
import type { Fetch } from '../../lib/zitadel/call.js';
import { createHttp, type Http } from '../../lib/zitadel/http.js';

/** How a call to ZITADEL can fail without a word about what was asked. */
export const OUTAGES = [
  500,
  503,
  429,
  'hang',
  'refuse',
  'garbage',
  'html',
  'truncated',
  'endless',
  'redirect',
] as const;

/** The global fetch, looked up late. */
export const realFetch: Fetch = (url, init) => globalThis.fetch(url, init);

/** Fetches from an emulator whose clock is right, while ours, which is faked, is so many seconds ahead. */
export function withClock(ahead: number): Fetch {
  return async (url, init) => {
    const ours = Date.now();
    vi.setSystemTime(ours - ahead * 1_000);
    try {
      return await realFetch(url, init);
    } finally {
      vi.setSystemTime(ours);
    }
  };
}

/** The way to an emulator, and its endpoints. */
export function wayTo(
  { issuer, url }: Pick<ZitadelEmulator, 'issuer' | 'url'>,
  timeoutMs = 60_000,
): { readonly http: Http; readonly discover: Discover } {
  const internalUrl = issuer === url ? undefined : url;
  const budgetMs = timeoutMs * 2;
  const http = createHttp({ issuer, internalUrl, fetch: realFetch, timeoutMs, budgetMs });
  return { http, discover: createDiscovery(http, issuer) };
}

/** Decides one request that carries this token, and these path parameters. */
export async function decide(
  { decisions }: Pick<Zitadel, 'decisions'>,
  token: string,
  requirement: Requirement,
  params: Readonly<Record<string, string>> = {},
): Promise<Decision> {
  return decisions.authorize(
    { headers: { authorization: `Bearer ${token}` }, params },
    decisions.prepare(requirement),
  );
}

/** A yes, or the reason of the no. */
export async function verdict(...question: Parameters<typeof decide>): Promise<string> {
  const decision = await decide(...question);
  return decision.allowed ? 'yes' : decision.reason;
}

/** The error of ours with which something is refused. */
export async function errorOf(promise: Promise<unknown>): Promise<ZitadelError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ZitadelError) return error;
  throw new Error(`no error of ours: ${String(error)}`);
}

/** A logger that keeps its lines. */
export function recorder() {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    debug: () => undefined,
    log: write('log'),
    warn: write('warn'),
    error: write('error'),
  };
}
