import { org, role } from 'nestjs-zitadel/express';
import { authenticated } from '#dist/core/requirement/builders.js';
import { textAt } from '../http.js';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { all, fields, roleClaims, type See } from '../views.js';

const USERINFO = 'GET /oidc/v1/userinfo';
const INVALID = { status: 401, error: 'access_denied' };
const SERVICE_USER = ['name', 'preferred_username', 'sub', 'updated_at'];

const sub: See = ({ body }, scene) => scene.name(textAt(body, 'sub'));

export const userinfoCases = [
  ...raw('userinfo', undefined, [
    {
      says: 'a JWT is told whose it is, and neither audience nor expiry',
      ask: USERINFO,
      as: 'alice',
      see: all({ sub, fields }),
      verdict: { status: 200, see: { sub: 'alice', fields: SERVICE_USER } },
    },
    {
      says: 'an opaque token is told whose it is',
      ask: USERINFO,
      as: 'olga',
      see: all({ sub, fields }),
      verdict: { status: 200, see: { sub: 'olga', fields: SERVICE_USER } },
    },
    {
      says: 'a personal access token is told whose it is, and of which organization',
      ask: USERINFO,
      as: 'alice PAT',
      see: all({ sub, roleClaims }),
      verdict: { status: 200, see: { sub: 'alice', roleClaims: { home: 'acme', portal: {} } } },
    },
    {
      says: 'the token of a person is told more about the person',
      ask: USERINFO,
      as: 'hank',
      see: all({ sub, fields }),
      verdict: {
        status: 200,
        see: {
          sub: 'hank',
          fields: [
            'family_name',
            'given_name',
            'locale',
            'name',
            'preferred_username',
            'sub',
            'updated_at',
          ],
        },
      },
    },
    {
      says: 'an impersonation token looks like the user’s own',
      ask: USERINFO,
      as: 'alice impersonated',
      see: all({ sub, fields }),
      verdict: { status: 200, see: { sub: 'alice', fields: SERVICE_USER } },
    },
    {
      says: 'role claims are there for a token that asked for them',
      ask: USERINFO,
      as: 'dave with roles',
      see: roleClaims,
      verdict: { status: 200, see: { home: 'acme', portal: { reader: ['acme'] } } },
    },
    {
      says: 'a token that is not for ZITADEL’s API is answered all the same',
      ask: USERINFO,
      as: 'alice without ZITADEL',
      see: sub,
      verdict: { status: 200, see: 'alice' },
    },
    {
      says: 'a live ID token is refused',
      ask: USERINFO,
      as: 'hank id token',
      verdict: INVALID,
    },
    {
      says: 'a session token is refused',
      ask: USERINFO,
      as: 'hank session token',
      verdict: INVALID,
    },
    {
      says: 'something that is no token is refused',
      ask: USERINFO,
      as: 'garbage',
      verdict: INVALID,
    },
    {
      says: 'a request without a token is told so',
      ask: USERINFO,
      verdict: { status: 401, error: 'invalid_request' },
    },
  ]),
  ...throughLibrary('userinfo', [
    {
      says: 'userinfo() takes an opaque token',
      callers: 'userinfo',
      as: 'olga',
      may: (id) => role('ORG_USER_MANAGER', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'userinfo() takes a personal access token',
      callers: 'userinfo',
      as: 'alice PAT',
      may: (id) => role('ORG_OWNER', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'userinfo() refuses a token that ZITADEL’s API does not take',
      callers: 'userinfo',
      as: 'alice without ZITADEL',
      may: () => authenticated(),
      verdict: '401 token_rejected',
    },
    {
      says: 'userinfo() refuses a live ID token',
      callers: 'userinfo',
      as: 'hank id token',
      may: () => authenticated(),
      verdict: '401 token_rejected',
    },
    {
      says: 'userinfo() refuses a session token, which the API would take',
      callers: 'userinfo',
      as: 'hank session token',
      may: () => authenticated(),
      verdict: '401 token_rejected',
    },
    {
      says: 'userinfo() never counts an impersonation token, since its memberships are refused',
      callers: 'userinfo',
      as: 'alice impersonated',
      may: () => authenticated(),
      verdict: '401 impersonated',
    },
    {
      says: 'a list of jwt() and userinfo() verifies a JWT locally',
      callers: 'mixed',
      as: 'alice',
      may: (id) => role('ORG_OWNER', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'a list of jwt() and userinfo() asks about a personal access token',
      callers: 'mixed',
      as: 'alice PAT',
      may: (id) => role('ORG_OWNER', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'a list of jwt() and userinfo() never asks about a JWT that is not for the project',
      callers: 'mixed',
      as: 'alice for nobody',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
  ]),
];
