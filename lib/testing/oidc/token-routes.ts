import { createHash } from 'node:crypto';
import type { Core } from '../core.js';
import { type Answer, type Exchange, headerOf, jsonAnswer, oauthError } from '../server/answers.js';
import type { UserRecord } from '../world/state.js';
import { nowInSeconds } from '../world/world.js';
import type { AuthRequest, SignIn } from './auth-requests.js';
import { audienceOfScopes, claimsOfScopes, scopesOf } from './claims.js';
import {
  authenticatedClient,
  type ClientClaim,
  clientClaimOf,
  formOf,
  isRightAssertion,
} from './clients.js';
import type { Application } from './credentials.js';
import { decodeJwt } from './keys.js';

/** POST /oauth/v2/token. RFC 6749, RFC 7523 section 2.1, RFC 7636. */
export function token(core: Core, exchange: Exchange): Answer {
  const type = headerOf(exchange, 'content-type') ?? '';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  const form = new URLSearchParams(isForm ? exchange.body : '');
  const grantType = form.get('grant_type');
  switch (grantType) {
    case null:
    case '':
      return oauthError(400, 'invalid_request', 'grant_type missing');
    case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
      return jwtProfile(core, exchange, form);
    case 'client_credentials':
      return clientCredentials(core, exchange, form);
    case 'authorization_code':
      return redeemCode(core, exchange, form);
    case 'refresh_token':
      return refreshGrant(core, exchange, form);
    case 'urn:ietf:params:oauth:grant-type:device_code':
    case 'urn:ietf:params:oauth:grant-type:token-exchange':
      return oauthError(501, 'unsupported_grant_type', `${grantType} is not emulated`);
    default:
      return oauthError(400, 'unsupported_grant_type', `${grantType} not supported`);
  }
}

function jwtProfile(core: Core, exchange: Exchange, form: URLSearchParams): Answer {
  const assertion = form.get('assertion');
  if (assertion === null || assertion === '') {
    return oauthError(400, 'invalid_request', 'assertion missing');
  }
  const user = userOfAssertion(core, assertion, exchange.issuer);
  if (user === undefined) return oauthError(400, 'invalid_grant', 'invalid assertion');
  if (user.state !== 'active') return notActive();
  return serviceUserTokens(core, exchange, form, user, { lifetime: 0 });
}

function clientCredentials(core: Core, exchange: Exchange, form: URLSearchParams): Answer {
  const basic = /^Basic (.+)$/.exec(headerOf(exchange, 'authorization') ?? '')?.[1] ?? '';
  const [basicId = '', ...rest] = Buffer.from(basic, 'base64').toString().split(':');
  const clientId = form.get('client_id') ?? decodeLoosely(basicId);
  const secret = form.get('client_secret') ?? decodeLoosely(rest.join(':'));
  const user = [...core.world.users.values()].find((each) => each.userName === clientId);
  if (user === undefined || user.orgRemoved) {
    return oauthError(400, 'invalid_client', 'client not found');
  }
  if (!core.credentials.isSecretOf(user.id, secret)) {
    return oauthError(400, 'invalid_request', 'Errors.User.Machine.Secret.Invalid');
  }
  if (user.state !== 'active') return notActive();
  return serviceUserTokens(core, exchange, form, user, { amr: ['pwd'] });
}

/** The one answer to every assertion that is not right, whatever is wrong with it: none. */
function userOfAssertion(core: Core, assertion: string, issuer: string): UserRecord | undefined {
  const decoded = decodeJwt(assertion);
  const key = core.credentials.keys.get(String(decoded?.header['kid']));
  if (decoded === undefined || key?.type !== 'serviceaccount') return undefined;
  const user = core.world.users.get(key.ownerId);
  const right = isRightAssertion(assertion, decoded, key, issuer);
  return right && user !== undefined && !user.orgRemoved ? user : undefined;
}

function serviceUserTokens(
  core: Core,
  exchange: Exchange,
  form: URLSearchParams,
  user: UserRecord,
  idToken: { readonly lifetime?: number; readonly amr?: readonly string[] },
): Answer {
  const scopes = scopesOf(form.get('scope'));
  const audience = audienceOfScopes(scopes, core.zitadelProjectId);
  const { issuer } = exchange;
  const grounds = { issuer, user, clientId: user.userName, audience, scopes };
  const host = new URL(issuer).hostname;
  const roles = { projectIds: audience };
  const extra = claimsOfScopes(core.world.now, user, scopes, host, roles);
  const minted =
    user.accessTokenType === 'jwt' ? core.mint.jwt(grounds, extra) : core.mint.opaque(grounds);
  const { amr } = idToken;
  core.tokens.remember(minted.tokenId, { scopes, audience, amr });
  const details = { accessToken: minted.token, authTime: nowInSeconds(), ...idToken };
  return jsonAnswer(200, {
    access_token: minted.token,
    token_type: 'Bearer',
    expires_in: 43_199,
    id_token: scopes.includes('openid') ? core.mint.idToken(grounds, details) : undefined,
  });
}

function notActive(): Answer {
  return oauthError(400, 'invalid_request', 'Errors.User.NotActive');
}

function decodeLoosely(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

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
