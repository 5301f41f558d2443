import { isRightAssertion } from './assertions.js';
import { nowInSeconds } from './clock.js';
import { refreshGrant, redeemCode } from './code-grant.js';
import type { Core } from './core.js';
import { type Answer, type Exchange, headerOf, jsonAnswer, oauthError } from './exchange.js';
import { audienceOfScopes, claimsOfScopes, scopesOf } from './scopes.js';
import { decodeJwt } from './signing-keys.js';
import type { UserRecord } from './state.js';

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
