import type { Core } from './core.js';
import { type Answer, type Exchange, jsonAnswer, textAnswer } from './exchange.js';

const CLIENT_AUTHENTICATION = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

const CLAIMS =
  'sub aud exp iat iss auth_time nonce acr amr c_hash at_hash act scopes client_id azp ' +
  'preferred_username name family_name given_name locale email email_verified phone_number ' +
  'phone_number_verified';

const LANGUAGES = 'ar bg cs de en es fr hu id it ja ko mk nl pl pt ro ru sv tr uk zh';

/** GET /.well-known/openid-configuration. OpenID Connect Discovery 1.0 section 4. */
export function discovery(_core: Core, { issuer }: Exchange): Answer {
  return jsonAnswer(200, {
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
    id_token_signing_alg_values_supported: [
      'EdDSA',
      'RS256',
      'RS384',
      'RS512',
      'ES256',
      'ES384',
      'ES512',
    ],
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
export function keys(core: Core): Answer {
  const headers = { 'cache-control': 'max-age=300, must-revalidate' };
  return jsonAnswer(200, core.mint.keys.published(), headers);
}

/** GET /debug/healthz */
export function healthz(): Answer {
  return textAnswer(200, 'ok');
}

/** GET /debug/ready */
export function ready(): Answer {
  return jsonAnswer(200, 'ok', {});
}
