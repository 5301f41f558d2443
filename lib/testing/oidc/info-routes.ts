import type { Instance } from '../instance.js';
import { type Reply, type Exchange, jsonReply, oauthError, textReply } from '../server/replies.js';
import type { UserRecord } from '../world/state.js';
import {
  audienceOfScopes,
  claimsOfScopes,
  profileClaims,
  type RoleQuestion,
  roleScopesOf,
} from './claims.js';
import { type Application, clientClaimOf, formOf } from './credentials.js';
import type { LiveToken } from './token-check.js';

const CLIENT_AUTHENTICATION = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

const SIGNATURES = 'EdDSA RS256 RS384 RS512 ES256 ES384 ES512';

const CLAIMS =
  'sub aud exp iat iss auth_time nonce acr amr c_hash at_hash act scopes client_id azp ' +
  'preferred_username name family_name given_name locale email email_verified phone_number ' +
  'phone_number_verified';

const LANGUAGES = 'ar bg cs de en es fr hu id it ja ko mk nl pl pt ro ru sv tr uk zh';

/** GET /.well-known/openid-configuration. OpenID Connect Discovery 1.0 section 4. */
export function discovery(_instance: Instance, { issuer }: Exchange): Reply {
  return jsonReply(200, {
    issuer,
    authorization_endpoint: `${issuer}/oauth/v2/authorize`,
    token_endpoint: `${issuer}/oauth/v2/token`,
    introspection_endpoint: `${issuer}/oauth/v2/introspect`,
    userinfo_endpoint: `${issuer}/oidc/v1/userinfo`,
    revocation_endpoint: `${issuer}/oauth/v2/revoke`,
    end_session_endpoint: `${issuer}/oidc/v1/end_session`,
    device_authorization_endpoint: `${issuer}/oauth/v2/device_authorization`,
    jwks_uri: `${issuer}/oauth/v2/keys`,
    scopes_supported: ['openid', 'profile', 'email', 'phone', 'address', 'offline_access'],
    response_types_supported: ['code', 'id_token', 'id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: [
      'authorization_code',
      'implicit',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: SIGNATURES.split(' '),
    request_object_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
    token_endpoint_auth_signing_alg_values_supported: ['RS256'],
    revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
    revocation_endpoint_auth_signing_alg_values_supported: ['RS256'],
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
    introspection_endpoint_auth_signing_alg_values_supported: ['RS256'],
    claims_supported: CLAIMS.split(' '),
    code_challenge_methods_supported: ['S256'],
    ui_locales_supported: LANGUAGES.split(' '),
    request_parameter_supported: true,
    request_uri_parameter_supported: false,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  });
}

/** GET /oauth/v2/keys */
export function keys(instance: Instance): Reply {
  const headers = { 'cache-control': 'max-age=300, must-revalidate' };
  return jsonReply(200, instance.mint.keys.published(), headers);
}

/** GET /debug/healthz */
export function healthz(): Reply {
  return textReply(200, 'ok');
}

/** GET /debug/ready */
export function ready(): Reply {
  return jsonReply(200, 'ok', {});
}

/** GET or POST /oidc/v1/userinfo: any live access token or PAT, for any audience. */
export function userinfo(instance: Instance, exchange: Exchange): Reply {
  const token = /^Bearer (.+)$/.exec(exchange.headers.authorization ?? '')?.[1];
  if (token === undefined) return oauthError(401, 'invalid_request', 'access token missing');
  const live = instance.tokens.check(token, [instance.issuer, exchange.issuer]);
  if (live === undefined || live.kind === 'session' || live.user.orgRemoved) {
    return oauthError(401, 'access_denied', 'access token invalid');
  }
  const { user, scopes, claims } = live;
  const application = instance.credentials.applications.get(String(claims['client_id']));
  const roles = {
    projectIds: audienceOfScopes(scopes, instance.zitadelProjectId),
    ownProjectId: application?.projectId,
  };
  return jsonReply(200, userClaims(instance, exchange.issuer, user, scopes, roles));
}

/** What userinfo and introspection say about a user alike. */
function userClaims(
  instance: Instance,
  issuer: string,
  user: UserRecord,
  scopes: readonly string[],
  roles: RoleQuestion,
): object {
  return {
    sub: user.id,
    ...profileClaims(user, scopes),
    ...claimsOfScopes(instance.world.now, user, scopes, issuer, roles),
  };
}

/** What the PATs of this emulator expire at: 2099-01-01. */
const PAT_EXPIRY = 4_070_908_800;

/**
 * POST /oauth/v2/introspect: for an application, about a token that is for it or its project. RFC 7662.
 * Every token that does not count is inactive and nothing more.
 */
export function introspect(instance: Instance, exchange: Exchange): Reply {
  const form = formOf(exchange);
  const claim = clientClaimOf(exchange, form);
  if ('status' in claim) return claim;
  if (claim.secret === '' && claim.assertion === '') {
    return oauthError(400, 'invalid_client', 'client must be authenticated');
  }
  const token = form.get('token') ?? '';
  if (token === '') return oauthError(400, 'invalid_request', 'token missing');
  const client = instance.credentials.authenticated(claim, exchange.issuer);
  if (client === undefined) return oauthError(400, 'unauthorized_client');
  const live = instance.tokens.check(token, [instance.issuer, exchange.issuer]);
  const facts = live === undefined ? undefined : factsFor(instance, exchange.issuer, client, live);
  return jsonReply(200, facts ?? { active: false });
}

function factsFor(
  instance: Instance,
  issuer: string,
  client: Application,
  live: LiveToken,
): object | undefined {
  const { kind, claims, user } = live;
  if (kind === 'session' || user.orgRemoved) return undefined;
  const { clientId, projectId } = client;
  const pat = kind === 'pat';
  const audience = pat ? [clientId, projectId] : live.audience;
  if (!audience.includes(clientId) && !audience.includes(projectId)) return undefined;
  const project = instance.world.now.projects.get(projectId);
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
    auth_time: pat || claims['act'] !== undefined ? undefined : live.authTime,
    nbf: claims[pat ? 'iat' : 'nbf'],
    sub: user.id,
    aud: audience,
    amr: live.amr,
    iss: issuer,
    jti: pat ? live.id : claims['jti'],
    username: scopes.includes('profile') ? user.userName : undefined,
    act: claims['act'],
    ...userClaims(instance, issuer, user, scopes, roles),
  };
}
