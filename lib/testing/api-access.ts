import type { Core } from './core.js';
import { ZitadelError } from './errors.js';
import { type Exchange, headerOf } from './exchange.js';
import type { UserRecord } from './state.js';
import { requireApiToken } from './token-check.js';

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
