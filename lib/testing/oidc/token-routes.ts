import { createHash } from 'node:crypto';
import type { Instance } from '../instance.js';
import { type Reply, type Exchange, jsonReply, oauthError } from '../server/replies.js';
import type { AccessTokenType } from '../model.js';
import type { UserRecord } from '../world/state.js';
import {
  audienceOfScopes,
  claimsOfScopes,
  profileClaims,
  type RoleQuestion,
  scopesOf,
} from './claims.js';
import { type Application, type ClientClaim, clientClaimOf, formOf } from './credentials.js';
import type { Grounds, IdTokenDetails } from './mint.js';
import type { AuthRequest, SignIn } from './open-sign-ins.js';

/** POST /oauth/v2/token. RFC 6749, RFC 7523 section 2.1, RFC 7636. */
export function token(instance: Instance, exchange: Exchange): Reply {
  const form = formOf(exchange);
  const grantType = form.get('grant_type');
  switch (grantType) {
    case null:
    case '':
      return oauthError(400, 'invalid_request', 'grant_type missing');
    case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
      return jwtProfile(instance, exchange, form);
    case 'client_credentials':
      return clientCredentials(instance, exchange, form);
    case 'authorization_code':
      return redeemCode(instance, exchange, form);
    case 'refresh_token':
      return refreshGrant(instance, exchange, form);
    case 'urn:ietf:params:oauth:grant-type:device_code':
    case 'urn:ietf:params:oauth:grant-type:token-exchange':
      return oauthError(501, 'unsupported_grant_type', `${grantType} is not emulated`);
    default:
      return oauthError(400, 'unsupported_grant_type', `${grantType} not supported`);
  }
}

function jwtProfile(instance: Instance, exchange: Exchange, form: URLSearchParams): Reply {
  const assertion = form.get('assertion');
  if (assertion === null || assertion === '') {
    return oauthError(400, 'invalid_request', 'assertion missing');
  }
  const id = instance.credentials.ownerOfAssertion(assertion, 'serviceaccount', exchange.issuer);
  const user = instance.world.users.get(id ?? '');
  // One refusal for every assertion that is not right, for any reason.
  if (user?.orgRemoved !== false) return oauthError(400, 'invalid_grant', 'invalid assertion');
  if (user.state !== 'active') return notActive();
  return serviceUserTokens(instance, exchange, form, user, { lifetime: 0 });
}

function clientCredentials(instance: Instance, exchange: Exchange, form: URLSearchParams): Reply {
  const basic = /^Basic (.+)$/.exec(exchange.headers.authorization ?? '')?.[1] ?? '';
  const [basicId = '', ...rest] = Buffer.from(basic, 'base64').toString().split(':');
  const clientId = form.get('client_id') ?? decodeLoosely(basicId);
  const secret = form.get('client_secret') ?? decodeLoosely(rest.join(':'));
  const user = [...instance.world.users.values()].find((each) => each.userName === clientId);
  if (user === undefined || user.orgRemoved) {
    return oauthError(400, 'invalid_client', 'client not found');
  }
  if (!instance.credentials.isSecretOf(user.id, secret)) {
    return oauthError(400, 'invalid_request', 'Errors.User.Machine.Secret.Invalid');
  }
  if (user.state !== 'active') return notActive();
  return serviceUserTokens(instance, exchange, form, user, { amr: ['pwd'] });
}

function serviceUserTokens(
  instance: Instance,
  { issuer }: Exchange,
  form: URLSearchParams,
  user: UserRecord,
  { lifetime, amr }: { readonly lifetime?: number; readonly amr?: readonly string[] },
): Reply {
  const scopes = scopesOf(form.get('scope'));
  const audience = audienceOfScopes(scopes, instance.zitadelProjectId);
  const grounds = { issuer, user, clientId: user.userName, audience, scopes, amr };
  const roles = { projectIds: audience };
  return issue(instance, grounds, user.accessTokenType, roles, { lifetime });
}

/** An access token, and what else the scopes ask for. */
function issue(
  { world, mint, tokens, signIns }: Instance,
  grounds: Grounds,
  type: AccessTokenType,
  roles: RoleQuestion | undefined,
  idToken: Omit<IdTokenDetails, 'accessToken'>,
  signIn?: SignIn,
): Reply {
  const { user, scopes, issuer } = grounds;
  const { token: accessToken, tokenId } =
    type === 'opaque'
      ? mint.opaque(grounds)
      : mint.jwt(grounds, claimsOfScopes(world.now, user, scopes, issuer, roles));
  tokens.remember(tokenId, grounds);
  let refreshToken: string | undefined;
  if (signIn !== undefined) {
    const { sessionId: sid, tokenSessionId } = signIn;
    tokens.rememberNewest(tokenSessionId, tokenId);
    if (scopes.includes('offline_access')) {
      const refresh = mint.sealed('refresh', user.id, { sid });
      signIns.refreshTokens.set(sid, { signIn, tokenId: refresh.tokenId });
      refreshToken = refresh.token;
    }
  }
  const wantsId = scopes.includes('openid');
  return jsonReply(200, {
    access_token: accessToken,
    token_type: 'Bearer',
    refresh_token: refreshToken,
    expires_in: 43_199,
    id_token: wantsId ? mint.idToken(grounds, { ...idToken, accessToken }) : undefined,
  });
}

function notActive(): Reply {
  return oauthError(400, 'invalid_request', 'Errors.User.NotActive');
}

function decodeLoosely(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** A person's code for tokens: once, to the client and the address it was made for. */
function redeemCode(instance: Instance, exchange: Exchange, form: URLSearchParams): Reply {
  const code = form.get('code') ?? '';
  if (code === '') return oauthError(400, 'invalid_request', 'code missing');
  const clientId = form.get('client_id') ?? '';
  if (!isUsable(instance, clientId)) return unknownClient();
  const payload = instance.mint.box.open(code);
  const codeId = payload?.['kind'] === 'code' ? String(payload['id']) : '';
  const signIn = instance.signIns.codes.get(codeId);
  if (signIn === undefined) {
    return oauthError(400, 'invalid_request', 'Errors.AuthRequest.NoCode');
  }
  const refusal = refuseRedemption(signIn.request, clientId, form);
  if (refusal !== undefined) return refusal;
  instance.signIns.codes.delete(codeId);
  return tokensOf(instance, exchange, signIn);
}

/** A refresh token for a new pair; the old pair ends with it. RFC 6749 section 6. */
function refreshGrant(instance: Instance, exchange: Exchange, form: URLSearchParams): Reply {
  const clientId = form.get('client_id') ?? '';
  if (!isUsable(instance, clientId)) return unknownClient();
  const payload = instance.mint.box.open(form.get('refresh_token') ?? '');
  const signIn = instance.signIns.refreshOf(payload);
  const user = instance.world.users.get(signIn?.userId ?? '');
  const over = user !== undefined && String(payload?.['id']) < user.sessionsFrom;
  if (signIn?.request.clientId !== clientId || over) {
    return oauthError(400, 'invalid_grant', 'Errors.OIDCSession.RefreshTokenInvalid');
  }
  return tokensOf(instance, exchange, signIn);
}

function refuseRedemption(
  request: AuthRequest,
  clientId: string,
  form: URLSearchParams,
): Reply | undefined {
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

function tokensOf(instance: Instance, exchange: Exchange, signIn: SignIn): Reply {
  const { request, userId, sessionId: sid, tokenSessionId: sessionId, authTime } = signIn;
  const application = instance.credentials.applications.get(request.clientId);
  const user = instance.world.users.get(userId);
  if (application === undefined) return unknownClient();
  if (user?.state !== 'active' || user.orgRemoved) return notActive();
  const { scopes, clientId, nonce } = request;
  const { projectId, accessTokenType, accessTokenRoles, idTokenUserInfo } = application;
  const asked = audienceOfScopes(scopes, instance.zitadelProjectId);
  // A sign-in is for the whole project: all its applications, and itself.
  const own = [...instance.credentials.clientIdsOf(projectId), projectId];
  const audience = [...new Set([...own, ...asked])];
  // People prove themselves with a password here.
  const proof = { amr: ['pwd'], authTime };
  const { issuer } = exchange;
  const grounds = { issuer, user, clientId, audience, scopes, sessionId, ...proof };
  const roles = accessTokenRoles ? { projectIds: asked, ownProjectId: projectId } : undefined;
  const userInfo = {
    ...(idTokenUserInfo ? profileClaims(user, scopes) : undefined),
    ...claimsOfScopes(instance.world.now, user, scopes, issuer),
  };
  return issue(instance, grounds, accessTokenType, roles, { nonce, sid, userInfo }, signIn);
}

function isUsable(instance: Instance, clientId: string): boolean {
  return instance.credentials.applications.get(clientId)?.active === true;
}

function unknownClient(): Reply {
  return oauthError(400, 'invalid_client', 'client not found');
}

/**
 * POST /oauth/v2/revoke: an application takes back a token of its own. Public clients come with their
 * `client_id` alone. The reply for anything else is that for a revoked token. RFC 7009.
 */
export function revoke(instance: Instance, exchange: Exchange): Reply {
  const form = formOf(exchange);
  const claim = clientClaimOf(exchange, form);
  if ('status' in claim) return claim;
  const client = clientOf(instance, claim, exchange.issuer);
  if (client === undefined) return oauthError(400, 'invalid_client', 'client not found');
  const token = form.get('token') ?? '';
  if (token === '') return oauthError(400, 'invalid_request', 'token missing');
  const refresh = instance.signIns.refreshOf(instance.mint.box.open(token));
  const owner = refresh?.request.clientId ?? instance.tokens.clientIdOf(token);
  if (owner === undefined) return done();
  if (owner !== client.clientId) {
    return oauthError(401, 'invalid_client', 'token was not issued for this client');
  }
  if (refresh === undefined) {
    instance.tokens.revoke(token);
  } else {
    // With the refresh token goes the access token of the session.
    instance.signIns.refreshTokens.delete(refresh.sessionId);
    instance.tokens.endSession(refresh.tokenSessionId, refresh.userId);
  }
  return done();
}

function clientOf(instance: Instance, claim: ClientClaim, issuer: string): Application | undefined {
  const { credentials } = instance;
  const application = credentials.applications.get(claim.clientId);
  const isPublic = application !== undefined && !credentials.isConfidential(claim.clientId);
  if (!isPublic) return credentials.authenticated(claim, issuer);
  return application.active ? application : undefined;
}

function done(): Reply {
  return { ...jsonReply(200, {}), body: '' };
}
