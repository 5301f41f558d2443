import type { Core } from './core.js';
import { type Answer, type Exchange, headerOf, jsonAnswer, oauthError } from './exchange.js';
import type { RoleQuestion } from './role-claims.js';
import { audienceOfScopes, claimsOfScopes } from './scopes.js';
import type { UserRecord } from './state.js';

/** GET or POST /oidc/v1/userinfo: any live access token or PAT, whoever it is for. */
export function userinfo(core: Core, exchange: Exchange): Answer {
  const token = /^Bearer (.+)$/.exec(headerOf(exchange, 'authorization') ?? '')?.[1];
  if (token === undefined) return oauthError(401, 'invalid_request', 'access token missing');
  const live = core.tokens.check(token);
  const accepted =
    live !== undefined &&
    live.kind !== 'session' &&
    !live.orgRemoved &&
    (live.issuer === undefined || [core.issuer(), exchange.issuer].includes(live.issuer));
  if (!accepted) return oauthError(401, 'access_denied', 'access token invalid');
  const { user, scopes, claims } = live;
  const application = core.credentials.applications.get(String(claims['client_id']));
  const roles = {
    projectIds: audienceOfScopes(scopes, core.zitadelProjectId),
    ownProjectId: application?.projectId,
  };
  return jsonAnswer(200, userClaims(core, exchange.issuer, user, scopes, roles));
}

/** What userinfo and introspection say about a user alike. */
export function userClaims(
  core: Core,
  issuer: string,
  user: UserRecord,
  scopes: readonly string[],
  roles: Omit<RoleQuestion, 'scopes'>,
): object {
  return {
    sub: user.id,
    ...(scopes.includes('profile') ? profileOf(user) : undefined),
    ...claimsOfScopes(core.world.now, user, scopes, new URL(issuer).hostname, roles),
  };
}

function profileOf(user: UserRecord): object {
  const person = { given_name: user.givenName, family_name: user.familyName, locale: null };
  return {
    name: user.displayName,
    ...(user.kind === 'person' ? person : undefined),
    updated_at: Math.floor(user.updated / 1_000_000),
    preferred_username: user.userName,
  };
}
