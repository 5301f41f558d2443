import { isRefusal, type Refusal } from '../core/decision.js';
import { SingleFlight } from '../core/memory/flight.js';
import type { Http } from './http.js';
import { outage, unfit } from './refusals.js';
import { isDone, isTrouble } from './reply.js';
import { shownIssuer } from './shown.js';

/** The endpoints that are used, as paths on the origin that is called. */
interface Endpoints {
  readonly keys: string;
  readonly token: string;
  readonly userinfo: string;
  /** Only `introspection()` needs it. */
  readonly introspection: string | undefined;
}

/** Asks for the endpoints and remembers them. After a failure nobody asks again for a moment. */
export type Discover = () => Promise<Endpoints | Refusal>;

const REFUSED_FOR_MS = 900;
const LOOK = 'look whether this host reaches that address, and check issuer and internalUrl';
const PATH = '/.well-known/openid-configuration';

/**
 * OpenID Connect discovery (`/.well-known/openid-configuration`). The document must name our issuer exactly, and endpoints on the
 * issuer's own origin: somebody who could point `jwks_uri` elsewhere could sign tokens.
 */
export function createDiscovery(
  http: Http,
  issuer: string,
  internalUrl: string | undefined = issuer,
): Discover {
  const what = `discovery (${internalUrl}${PATH})`;
  let known: Endpoints | undefined;
  const flight = new SingleFlight<Endpoints | Refusal>();
  let failure: { readonly refusal: Refusal; readonly until: number } | undefined;

  const load = async (): Promise<Endpoints | Refusal> => {
    const reply = await http({
      family: 'discovery',
      method: 'GET',
      path: PATH,
    });
    if (!isDone(reply)) {
      if (isTrouble(reply) || reply.says !== 'noInstance') {
        return { remedy: LOOK, ...outage(what, reply) };
      }
      return {
        reason: 'misconfigured',
        detail: `${what}: ZITADEL serves no instance under this host`,
        remedy: 'issuer must be the external origin of the instance; internalUrl reaches the same',
      };
    }
    const { body } = reply;
    if (typeof body['issuer'] !== 'string') {
      return unfit(what, 'the reply names no issuer');
    }
    if (body['issuer'] !== issuer) {
      return {
        reason: 'misconfigured',
        detail: `${what}: the server names another issuer than the option issuer`,
        got: `${shownIssuer(body['issuer'])}, expected ${issuer}`,
        remedy: 'write issuer exactly as the discovery document has it',
      };
    }
    const keys = pathOn(issuer, body['jwks_uri']);
    const token = pathOn(issuer, body['token_endpoint']);
    const userinfo = pathOn(issuer, body['userinfo_endpoint']);
    if (keys === undefined || token === undefined || userinfo === undefined) {
      return {
        reason: 'misconfigured',
        detail: `${what}: an endpoint is missing or is not on the issuer’s origin`,
        remedy: 'look at what replies under the issuer’s address',
      };
    }
    known = {
      keys,
      token,
      userinfo,
      introspection: pathOn(issuer, body['introspection_endpoint']),
    };
    return known;
  };

  return () => {
    if (known) return Promise.resolve(known);
    if (failure && failure.until > performance.now()) return Promise.resolve(failure.refusal);
    return flight.ask(async () => {
      const loaded = await load();
      failure = isRefusal(loaded)
        ? { refusal: loaded, until: performance.now() + REFUSED_FOR_MS }
        : undefined;
      return loaded;
    });
  };
}

function pathOn(issuer: string, endpoint: unknown): string | undefined {
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return undefined;
  const { origin, pathname, search } = new URL(endpoint);
  return origin === new URL(issuer).origin ? pathname + search : undefined;
}
