import { org, role } from 'nestjs-zitadel/express';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { listOf, textAt } from '../http.js';
import { all, type See } from '../views.js';

const MINE = 'POST /auth/v1/memberships/me/_search';
const LIST = 'POST /zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators';

/** gRPC code of a REST answer, or its name in a connect one. */
const code: See = ({ body }) => body['code'];
const message: See = ({ body }) => textAt(body, 'message');
const challenge: See = ({ headers }) => headers['www-authenticate'] ?? null;
const plainText: See = ({ text, headers }) => ({
  text: text.trim(),
  json: (headers['content-type'] ?? '').includes('json'),
});
const discovered: See = ({ body }, { issuer }) => ({
  issuer: body['issuer'] === issuer,
  ...Object.fromEntries(
    ['token_endpoint', 'introspection_endpoint', 'userinfo_endpoint', 'jwks_uri'].map((name) => [
      name,
      textAt(body, name).replace(issuer, ''),
    ]),
  ),
});

export const errorsAndHosts = [
  ...raw('errors and hosts', undefined, [
    {
      says: 'discovery names the issuer and where everything is',
      ask: 'GET /.well-known/openid-configuration',
      see: discovered,
      verdict: {
        status: 200,
        see: {
          issuer: true,
          token_endpoint: '/oauth/v2/token',
          introspection_endpoint: '/oauth/v2/introspect',
          userinfo_endpoint: '/oidc/v1/userinfo',
          jwks_uri: '/oauth/v2/keys',
        },
      },
    },
    {
      says: 'a key for RS256 signatures is published',
      ask: 'GET /oauth/v2/keys',
      see: ({ body }) =>
        listOf(body['keys']).some(
          ({ kty, alg, use }) => kty === 'RSA' && alg === 'RS256' && use === 'sig',
        ),
      verdict: { status: 200, see: true },
    },
    {
      says: 'discovery of a host that is no instance is not found, in plain text',
      ask: 'GET /.well-known/openid-configuration',
      needs: 'instance header',
      headers: { 'x-zitadel-instance-host': 'nowhere.example' },
      see: ({ text }) => text.startsWith('unable to set instance using origin'),
      verdict: { status: 404, see: true },
    },
  ]),
  ...raw('errors and hosts', 'v1', [
    {
      says: 'REST without a token says that the header is missing, without an id',
      ask: MINE,
      body: {},
      see: all({ code, message, challenge }),
      verdict: {
        status: 401,
        see: { code: 16, message: 'auth header missing', challenge: 'auth header missing' },
      },
    },
    {
      says: 'another scheme than Bearer is refused',
      ask: MINE,
      headers: { authorization: 'Token abc' },
      body: {},
      see: code,
      verdict: { status: 401, id: 'AUTH-toLo1', see: 16 },
    },
    {
      says: 'a body that is no JSON is a wrong request',
      ask: MINE,
      as: 'alice',
      body: '{',
      see: code,
      verdict: { status: 400, see: 3 },
    },
    {
      says: 'REST at a host that is no instance says so, without an id',
      ask: MINE,
      as: 'alice',
      needs: 'instance header',
      headers: { 'x-zitadel-instance-host': 'nowhere.example' },
      body: {},
      see: (answer, scene) => ({
        code: code(answer, scene),
        instance: String(message(answer, scene)).startsWith('unable to set instance'),
      }),
      verdict: { status: 404, see: { code: 5, instance: true } },
    },
    {
      says: 'an unknown route is Not Found, without an id',
      ask: 'GET /management/v1/nothing-here',
      as: 'alice',
      see: all({ code, message }),
      verdict: { status: 404, see: { code: 5, message: 'Not Found' } },
    },
    {
      says: 'a wrong method is told so',
      ask: 'GET /auth/v1/memberships/me/_search',
      as: 'alice',
      see: all({ code, message }),
      verdict: { status: 405, see: { code: 12, message: 'Method Not Allowed' } },
    },
  ]),
  ...raw('errors and hosts', 'v2', [
    {
      says: 'connect without a token says that the header is missing, without a challenge',
      ask: LIST,
      body: {},
      see: all({ code, message, challenge }),
      verdict: {
        status: 401,
        see: { code: 'unauthenticated', message: 'auth header missing', challenge: null },
      },
    },
    {
      says: 'connect in another content type is not understood, and the answer is empty',
      ask: LIST,
      as: 'alice',
      headers: { 'content-type': 'text/plain' },
      body: {},
      see: ({ text }) => text,
      verdict: { status: 415, see: '' },
    },
    {
      says: 'connect with a body that is no JSON is a wrong request',
      ask: LIST,
      as: 'alice',
      body: '{',
      see: code,
      verdict: { status: 400, see: 'invalid_argument' },
    },
    {
      says: 'an unknown connect service is Not Found, as a REST route is',
      ask: 'POST /zitadel.nothing.v2.NothingService/List',
      as: 'alice',
      body: {},
      see: all({ code, message }),
      verdict: { status: 404, see: { code: 5, message: 'Not Found' } },
    },
    {
      says: 'an unknown method of a connect service is not found in plain text',
      ask: 'POST /zitadel.internal_permission.v2.InternalPermissionService/Nothing',
      as: 'alice',
      body: {},
      see: plainText,
      verdict: { status: 404, see: { text: '404 page not found', json: false } },
    },
  ]),
  ...throughLibrary('errors and hosts', [
    {
      says: 'a request that does not name the organization is told so',
      as: 'alice',
      may: () => role('ORG_OWNER', org.header('x-zitadel-orgid')),
      verdict: '400 resource_missing',
    },
    {
      says: 'garbage as a token is the caller’s fault',
      as: 'garbage',
      may: (id) => role('ORG_OWNER', org(id('acme'))),
      verdict: '401 token_invalid',
    },
  ]),
];
