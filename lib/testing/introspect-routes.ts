import { authenticatedClient, clientClaimOf, formOf } from './application-clients.js';
import type { Core } from './core.js';
import type { Application } from './credentials.js';
import { type Answer, type Exchange, jsonAnswer, oauthError } from './exchange.js';
import { roleScopesOf } from './role-claims.js';
import { userClaims } from './userinfo-routes.js';
import type { LiveToken } from './token-check.js';

/** What the PATs of this emulator expire at: 2099-01-01. */
const PAT_EXPIRY = 4_070_908_800;

/**
 * POST /oauth/v2/introspect: for an application, about a token that is for it or its project. RFC 7662.
 * Every token that does not count is inactive and nothing more.
 */
export function introspect(core: Core, exchange: Exchange): Answer {
  const form = formOf(exchange);
  const claim = clientClaimOf(exchange, form);
  if ('status' in claim) return claim;
  if (claim.secret === '' && claim.assertion === '') {
    return oauthError(400, 'invalid_client', 'client must be authenticated');
  }
  const token = form.get('token') ?? '';
  if (token === '') return oauthError(400, 'invalid_request', 'token missing');
  const client = authenticatedClient(core, claim, exchange.issuer);
  if (client === undefined) return oauthError(400, 'unauthorized_client');
  const live = core.tokens.check(token);
  const facts = live === undefined ? undefined : factsFor(core, exchange.issuer, client, live);
  return jsonAnswer(200, facts ?? { active: false });
}

function factsFor(
  core: Core,
  issuer: string,
  client: Application,
  live: LiveToken,
): object | undefined {
  const { kind, claims, user } = live;
  const issued = live.issuer === undefined || [core.issuer(), issuer].includes(live.issuer);
  if (kind === 'session' || live.orgRemoved || !issued) return undefined;
  const { clientId, projectId } = client;
  const pat = kind === 'pat';
  const audience = pat ? [clientId, projectId] : live.audience;
  if (!audience.includes(clientId) && !audience.includes(projectId)) return undefined;
  const project = core.world.now.projects.get(projectId);
  // A PAT asks for nothing itself: it is shown as one that asked for every role of the project.
  const scopes = pat && project ? [...live.scopes, ...roleScopesOf(project)] : live.scopes;
  const roles = { ownProjectId: projectId, projectIds: [], ownProjectOnly: true };
  return {
    active: true,
    scope: scopes.join(' '),
    client_id: pat ? undefined : claims['client_id'],
    token_type: 'Bearer',
    exp: pat ? PAT_EXPIRY : claims['exp'],
    iat: claims['iat'],
    auth_time: pat || live.impersonated ? undefined : live.authTime,
    nbf: claims[pat ? 'iat' : 'nbf'],
    sub: user.id,
    aud: audience,
    amr: live.amr,
    iss: issuer,
    jti: pat ? live.id : claims['jti'],
    username: scopes.includes('profile') ? user.userName : undefined,
    act: claims['act'],
    ...userClaims(core, issuer, user, scopes, roles),
  };
}
