import { isRefusal, type Refusal } from '../core/decision.js';
import { SingleFlight, within } from '../core/memory/flight.js';
import { type BoundedLog, quietLogger } from '../core/tell.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { openServiceUser } from '../zitadel/credentials.js';
import { createDiscovery } from '../zitadel/discovery.js';
import { createHttp, type Http } from '../zitadel/http.js';
import { refusalOfOurs } from '../zitadel/refusals.js';
import { isDone } from '../zitadel/reply.js';
import { ServiceToken } from '../zitadel/service-user.js';

/** How one instance of ZITADEL was found. */
export interface Probed {
  readonly reachable: boolean;
  /** Undefined: there is no service user, or nobody could tell. */
  readonly signedIn: boolean | undefined;
  /** What is wrong, for the log. */
  readonly refusal: Refusal | undefined;
}

const WELL: Probed = { reachable: true, signedIn: undefined, refusal: undefined };

/**
 * Asks one instance how it is: with the service user's token where there is one, by its userinfo, otherwise by discovery. Both take one request.
 * What was found is remembered, and several probes at a time share it.
 */
export class Probe {
  readonly #ask: () => Promise<Probed>;
  readonly #flight = new SingleFlight<Probed>();
  readonly #log: BoundedLog;
  #last: { readonly found: Probed; readonly until: number } | undefined;

  constructor(
    resolved: ResolvedOptions,
    private readonly everyMs: number,
    private readonly timeoutMs: number,
  ) {
    this.#log = quietLogger(resolved.logger);
    this.#ask = asking(resolved, timeoutMs);
  }

  found(): Promise<Probed> {
    if (this.#last && this.#last.until > performance.now()) {
      return Promise.resolve(this.#last.found);
    }
    return this.#flight.ask(async () => {
      // Signing in takes several requests, each with a deadline of its own. What comes late serves the next probe.
      const found = await within(this.#ask(), this.timeoutMs, lateAfter(this.timeoutMs));
      const { detail = '', remedy = '' } = found.refusal ?? {};
      if (found.refusal) this.#log.warn(`health: ${detail}: ${remedy}`);
      this.#last = { found, until: performance.now() + this.everyMs };
      return found;
    });
  }
}

function asking(resolved: ResolvedOptions, timeoutMs: number): () => Promise<Probed> {
  const { issuer, internalUrl } = resolved;
  const bounds = { ...resolved, timeoutMs, budgetMs: timeoutMs };
  // A breaker would keep a probe from seeing that ZITADEL is back.
  const http: Http = (call) => createHttp(bounds)(call);
  const credential = resolved.serviceUser && openServiceUser(resolved.serviceUser);
  const discover = createDiscovery(http, issuer, internalUrl);
  const serviceToken = credential && new ServiceToken(http, discover, issuer, credential);
  return async () => {
    // What discovery remembers does not say how ZITADEL is now.
    const ask = serviceToken ? discover : createDiscovery(http, issuer, internalUrl);
    const endpoints = await ask();
    if (isRefusal(endpoints)) return foundBy(endpoints, undefined);
    if (!serviceToken) return WELL;
    const reply = await serviceToken.call({
      family: 'userinfo',
      method: 'GET',
      path: endpoints.userinfo,
    });
    if (isRefusal(reply)) return foundBy(reply, false);
    if (isDone(reply)) return { ...WELL, signedIn: true };
    return foundBy(refusalOfOurs(reply, 'userinfo', 'look at the service user'), false);
  };
}

function lateAfter(ms: number): Probed {
  const detail = `ZITADEL took longer than ${ms} ms`;
  const remedy = 'look what is slow, or give it more time with timeoutMs';
  return foundBy({ reason: 'unavailable', detail, remedy }, undefined);
}

/** A refusal came from ZITADEL, an outage did not. */
function foundBy(refusal: Refusal, signedIn: false | undefined): Probed {
  const reachable = refusal.reason !== 'unavailable';
  return { reachable, signedIn: reachable ? signedIn : undefined, refusal };
}
