import { type BoundedLog, quietLogger } from '../core/tell.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { type Credential, openServiceUser } from '../zitadel/credentials.js';
import { createDiscovery, type Discover } from '../zitadel/discovery.js';
import { ApiGeneration } from '../zitadel/generation.js';
import { createHttp, type Http } from '../zitadel/http.js';
import { withPageLimit } from '../zitadel/page-limit.js';
import { ServiceToken } from '../zitadel/service-user.js';
import { Watch } from './watch.js';

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
