import { own } from '../core/own-properties.js';
import { type BoundedLog, quietLogger } from '../core/tell.js';
import type { ResolvedOptions } from '../resolved-options.js';
import type { Fetch } from '../zitadel/call.js';
import { type Credential, openServiceUser } from '../zitadel/credentials.js';
import { createDiscovery, type Discover } from '../zitadel/discovery.js';
import { ApiGeneration } from '../zitadel/generation.js';
import { createHttp, type Http, withPageLimit } from '../zitadel/http.js';
import { ServiceToken } from '../zitadel/service-user.js';

/** What a call brought besides its body. */
interface Seen {
  /** From sending to the first byte of the reply, or to its failure. */
  ms: number;
  status?: number;
  /** Where a redirect leads to. */
  location?: string;
  /** Milliseconds that ZITADEL's clock is ahead of ours, by the header `Date`, which has whole seconds. */
  aheadMs?: number;
  /** Node's code of what went wrong. */
  code?: string;
}

/** The application's fetch, which ends with `stop`. The last call is seen. */
class Watch {
  last: Seen = { ms: 0 };

  constructor(
    private readonly given: Fetch,
    private readonly stop: AbortSignal,
  ) {}

  readonly fetch: Fetch = async (url, init) => {
    const [sentAt, started] = [Date.now(), performance.now()];
    const seen: Seen = { ms: 0 };
    this.last = seen;
    const { signal } = init;
    try {
      const response = await this.given(url, {
        ...init,
        signal: signal ? AbortSignal.any([signal, this.stop]) : this.stop,
      });
      const { headers, status } = response;
      const location = headers.get('location');
      Object.assign(seen, { status, ...(location !== null && { location }) });
      const date = Date.parse(headers.get('date') ?? '');
      // A stored reply has the date of when it was made.
      const isFresh = Number(headers.get('age') ?? 0) === 0;
      if (isFresh && Number.isFinite(date)) {
        seen.aheadMs = date + HALF_A_SECOND - (sentAt + Date.now()) / 2;
      }
      return response;
    } catch (error) {
      const code = own(own(error, 'cause') ?? error, 'code');
      if (typeof code === 'string' && /^[A-Z_]{3,60}$/.test(code)) seen.code = code;
      throw error;
    } finally {
      seen.ms = performance.now() - started;
    }
  };
}

const HALF_A_SECOND = 500;

/** One instance under examination: ZITADEL is asked as the application asks it, with the doctor's own patience. */
export interface Scene {
  readonly resolved: ResolvedOptions;
  readonly watch: Watch;
  readonly http: Http;
  /** The same, and a list that the server refuses is not asked for again in shorter pages. */
  readonly plainHttp: Http;
  readonly discover: Discover;
  readonly generation: ApiGeneration;
  readonly credential: Credential | undefined;
  readonly serviceToken: ServiceToken | undefined;
  readonly deadlineMs: number;
  /** Of the parts of the library: silent. */
  readonly log: BoundedLog;
}

const silent = () => undefined;
/** What the parts of the library would log is what the doctor tells. */
const NO_LOG = quietLogger({ debug: silent, log: silent, warn: silent, error: silent });

export function sceneOf(
  resolved: ResolvedOptions,
  { deadlineMs, stop }: { readonly deadlineMs: number; readonly stop: AbortSignal },
): Scene {
  const watch = new Watch(resolved.fetch, stop);
  const { issuer, internalUrl, serviceUser } = resolved;
  const { fetch } = watch;
  const bounds = { timeoutMs: deadlineMs, budgetMs: deadlineMs };
  const plainHttp = createHttp({ issuer, internalUrl, fetch, ...bounds });
  const http = withPageLimit(plainHttp, NO_LOG);
  const discover = createDiscovery(http, issuer, internalUrl);
  const credential = serviceUser && openServiceUser(serviceUser);
  return {
    resolved,
    watch,
    http,
    plainHttp,
    discover,
    generation: new ApiGeneration('memberships', resolved.api, NO_LOG),
    credential,
    serviceToken: credential && new ServiceToken(http, discover, issuer, credential),
    deadlineMs,
    log: NO_LOG,
  };
}
