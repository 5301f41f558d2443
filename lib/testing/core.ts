import type { AuthRequests } from './oidc/auth-requests.js';
import type { Credentials } from './oidc/credentials.js';
import type { TokenMint } from './oidc/mint.js';
import { requireApiToken, type TokenCheck } from './oidc/token-check.js';
import { type Exchange, headerOf, ZitadelError } from './server/answers.js';
import type { PageLimits } from './server/pages.js';
import type { UserRecord } from './world/state.js';
import type { World } from './world/world.js';

/** Everything that a route works with. */
export interface Core {
  readonly world: World;
  readonly mint: TokenMint;
  readonly tokens: TokenCheck;
  readonly credentials: Credentials;
  readonly authRequests: AuthRequests;
  readonly limits: PageLimits;
  /** Whether ListAdministrators has the filters that came in January 2026. */
  readonly newFilters: boolean;
  readonly zitadelProjectId: string;
  /** The issuer by its own account; a request over an internal address may see another. */
  readonly issuer: () => string;
}

export interface ApiCaller {
  readonly user: UserRecord;
  /** The organization that the call acts in: `x-zitadel-orgid`, else the caller's own. */
  readonly orgId: string;
}

export function requireCaller(core: Core, exchange: Exchange): ApiCaller {
  const authorization = headerOf(exchange, 'authorization');
  if (authorization === undefined || authorization === '') {
    throw new ZitadelError(16, undefined, 'auth header missing');
  }
  if (!authorization.startsWith('Bearer ')) {
    throw new ZitadelError(16, 'AUTH-toLo1', 'invalid auth header');
  }
  const live = core.tokens.check(authorization.slice('Bearer '.length));
  const issuers = [core.issuer(), exchange.issuer];
  const user = requireApiToken(live, core.zitadelProjectId, issuers);
  const asked = headerOf(exchange, 'x-zitadel-orgid');
  const orgId = asked === undefined || asked === '' ? user.orgId : asked;
  const { now, removedOrgs } = core.world;
  if (!now.orgs.has(orgId) && !removedOrgs.has(orgId)) {
    throw new ZitadelError(7, 'AUTH-Bs7Ds', "Organisation doesn't exist");
  }
  core.world.events.caller = { id: user.id, displayName: user.displayName };
  return { user, orgId };
}
