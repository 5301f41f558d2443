import { createHash } from 'node:crypto';

import type { AuthRequest, SignIn } from './auth-requests.js';
import type { Core } from './core.js';
import { type Answer, type Exchange, jsonAnswer, oauthError } from './exchange.js';
import { audienceOfScopes, claimsOfScopes } from './scopes.js';

/** People prove themselves with a password here. */
const AMR = ['pwd'];

/** A person's code for tokens: once, to the client and the address it was made for. */
export function redeemCode(core: Core, exchange: Exchange, form: URLSearchParams): Answer {
  const code = form.get('code') ?? '';
  if (code === '') return oauthError(400, 'invalid_request', 'code missing');
  const clientId = form.get('client_id') ?? '';
  if (!isUsable(core, clientId)) return unknownClient();
  const payload = core.mint.box.open(code);
  const codeId = payload?.['kind'] === 'code' ? String(payload['id']) : '';
  const signIn = core.authRequests.findCode(codeId);
  if (signIn === undefined) {
    return oauthError(400, 'invalid_request', 'Errors.AuthRequest.NoCode');
  }
  const refusal = refuseRedemption(signIn.request, clientId, form);
  if (refusal !== undefined) return refusal;
  core.authRequests.useCode(codeId);
  return tokensOf(core, exchange, signIn);
}

/** A refresh token for a new pair; the old pair ends with it. RFC 6749 section 6. */
export function refreshGrant(core: Core, exchange: Exchange, form: URLSearchParams): Answer {
  const clientId = form.get('client_id') ?? '';
  if (!isUsable(core, clientId)) return unknownClient();
  const payload = core.mint.box.open(form.get('refresh_token') ?? '');
  const signIn = core.authRequests.findRefresh(String(payload?.['sid']), String(payload?.['id']));
  if (payload?.['kind'] !== 'refresh' || signIn?.request.clientId !== clientId) {
    return oauthError(400, 'invalid_grant', 'Errors.OIDCSession.RefreshTokenInvalid');
  }
  const user = core.world.users.get(signIn.userId);
  const over = user !== undefined && String(payload['id']) < user.sessionsFrom;
  if (over) return oauthError(400, 'invalid_grant', 'Errors.OIDCSession.RefreshTokenInvalid');
  return tokensOf(core, exchange, signIn);
}

function refuseRedemption(
  request: AuthRequest,
  clientId: string,
  form: URLSearchParams,
): Answer | undefined {
  if (request.clientId !== clientId) return oauthError(400, 'invalid_grant');
  const verifier = form.get('code_verifier') ?? '';
  if (verifier === '') return oauthError(400, 'invalid_request', 'code_verifier required');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  if (challenge !== request.codeChallenge) {
    return oauthError(400, 'invalid_grant', 'invalid code_verifier');
  }
  if (form.get('redirect_uri') !== request.redirectUri) {
    return oauthError(400, 'invalid_grant', 'redirect_uri does not correspond');
  }
  return undefined;
}

function tokensOf(core: Core, exchange: Exchange, signIn: SignIn): Answer {
  const { request, userId, sessionId, authTime } = signIn;
  const application = core.credentials.applications.get(request.clientId);
  const user = core.world.users.get(userId);
  if (application === undefined) return unknownClient();
  if (user?.state !== 'active' || user.orgRemoved) {
    return oauthError(400, 'invalid_request', 'Errors.User.NotActive');
  }
  const { scopes, clientId } = request;
  const { issuer } = exchange;
  const asked = audienceOfScopes(scopes, core.zitadelProjectId);
  const { projectId } = application;
  // A sign-in is for the whole project: all its applications, and itself.
  const own = [...core.credentials.clientIdsOf(projectId), projectId];
  const audience = [...new Set([...own, ...asked])];
  const grounds = { issuer, user, clientId, audience, scopes, sessionId };
  const roles = application.accessTokenRoles
    ? { projectIds: asked, ownProjectId: projectId }
    : undefined;
  const extra = claimsOfScopes(core.world.now, user, scopes, new URL(issuer).hostname, roles);
  const minted =
    application.accessTokenType === 'jwt'
      ? core.mint.jwt(grounds, extra)
      : core.mint.opaque(grounds);
  core.tokens.remember(minted.tokenId, { scopes, audience, authTime, amr: AMR });
  core.tokens.rememberNewest(sessionId, minted.tokenId);
  const { nonce } = request;
  const details = {
    accessToken: minted.token,
    authTime,
    ...(nonce === undefined ? {} : { nonce }),
    amr: AMR,
    sid: sessionId,
  };
  return jsonAnswer(200, {
    access_token: minted.token,
    token_type: 'Bearer',
    refresh_token: scopes.includes('offline_access') ? refreshToken(core, signIn) : undefined,
    expires_in: 43_199,
    id_token: scopes.includes('openid') ? core.mint.idToken(grounds, details) : undefined,
  });
}

function refreshToken(core: Core, signIn: SignIn): string {
  const { token, tokenId } = core.mint.sealed('refresh', signIn.userId, { sid: signIn.sessionId });
  core.authRequests.rememberRefresh(signIn, tokenId);
  return token;
}

function isUsable(core: Core, clientId: string): boolean {
  return core.credentials.applications.get(clientId)?.active === true;
}

function unknownClient(): Answer {
  return oauthError(400, 'invalid_client', 'client not found');
}
