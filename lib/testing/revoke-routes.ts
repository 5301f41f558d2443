import {
  type ClientClaim,
  authenticatedClient,
  clientClaimOf,
  formOf,
} from './application-clients.js';
import type { Core } from './core.js';
import type { Application } from './credentials.js';
import { type Answer, type Exchange, jsonAnswer, oauthError } from './exchange.js';

/**
 * POST /oauth/v2/revoke: an application takes back a token of its own. Public clients come with their
 * `client_id` alone. What is no token (any more) is answered like one that was revoked. RFC 7009.
 */
export function revoke(core: Core, exchange: Exchange): Answer {
  const form = formOf(exchange);
  const claim = clientClaimOf(exchange, form);
  if ('status' in claim) return claim;
  const client = clientOf(core, claim, exchange.issuer);
  if (client === undefined) return oauthError(400, 'invalid_client', 'client not found');
  const token = form.get('token') ?? '';
  if (token === '') return oauthError(400, 'invalid_request', 'token missing');
  const refresh = core.authRequests.refreshOf(core.mint.box.open(token));
  const owner = refresh?.request.clientId ?? core.tokens.clientIdOf(token);
  if (owner === undefined) return done();
  if (owner !== client.clientId) {
    return oauthError(401, 'invalid_client', 'token was not issued for this client');
  }
  if (refresh === undefined) {
    core.tokens.revoke(token);
  } else {
    // With the refresh token goes the access token of the session.
    core.authRequests.forgetRefresh(refresh.sessionId);
    core.tokens.endSession(refresh.sessionId);
  }
  return done();
}

function clientOf(core: Core, claim: ClientClaim, issuer: string): Application | undefined {
  const { credentials } = core;
  const application = credentials.applications.get(claim.clientId);
  const isPublic = application !== undefined && !credentials.isConfidential(claim.clientId);
  if (!isPublic) return authenticatedClient(core, claim, issuer);
  return application.active ? application : undefined;
}

function done(): Answer {
  return { ...jsonAnswer(200, {}), body: '' };
}
