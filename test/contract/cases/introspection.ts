import { org, projectRole, role } from 'nestjs-zitadel/express';
import { authenticated } from '#dist/core/requirement/builders.js';
import { raw, type RawCase } from '../raw.js';
import { throughLibrary, type LibraryCase } from '../through-library.js';
import { introspected, roleClaims, type See } from '../views.js';

const INTROSPECT = 'POST /oauth/v2/introspect';
const INACTIVE = { status: 200, see: ['active'] };
const REFUSED = { status: 400, error: 'unauthorized_client' };

const fieldNames: See = ({ body }) => Object.keys(body).sort();

function asked(says: string, token: string, see: See, verdict: RawCase['verdict']): RawCase {
  return { says, ask: INTROSPECT, client: 'secret', form: { token: `<${token}>` }, see, verdict };
}

const active = (who: string, more: object = {}) => ({
  status: 200,
  see: { active: true, sub: who, ofIssuer: true, bearer: true, ...more },
});
const FOR_API = { audience: ['another', 'portal'], client: true, session: true };

const requests: readonly RawCase[] = [
  asked('a JWT of the project is active', 'alice', introspected, active('alice', FOR_API)),
  asked('an opaque token of the project is active', 'olga', introspected, active('olga', FOR_API)),
  asked(
    'a personal access token is active, for the application that asks and its project, and has no client',
    'alice PAT',
    introspected,
    active('alice', { audience: ['apiBasic', 'portal'], client: false, session: false }),
  ),
  asked(
    'the token of a person is for every application of the project',
    'hank',
    introspected,
    active('hank', {
      audience: ['another', 'apiBasic', 'apiKey', 'portal', 'web'],
      client: true,
      session: true,
    }),
  ),
  asked(
    'an impersonation token is active and says who acts',
    'alice impersonated',
    ({ body }, scene) => ({
      active: body['active'],
      act: scene.name(String(Object(body['act']).sub)),
    }),
    { status: 200, see: { active: true, act: 'svc-actor' } },
  ),
  asked('role claims are there for a token that asked for them', 'dave with roles', roleClaims, {
    status: 200,
    see: { home: 'acme', portal: { reader: ['acme'] } },
  }),
  asked('a live ID token is inactive', 'hank id token', fieldNames, INACTIVE),
  asked('the ID token of a service user is inactive', 'alice id token', fieldNames, INACTIVE),
  asked('a session token is inactive', 'hank session token', fieldNames, INACTIVE),
  asked('something that is no token is inactive', 'garbage', fieldNames, INACTIVE),
  asked(
    'a token that is not for the project is inactive, and nothing else is told',
    'alice for nobody',
    fieldNames,
    INACTIVE,
  ),
  {
    says: 'an empty token is a wrong request',
    ask: INTROSPECT,
    client: 'secret',
    form: { token: '' },
    verdict: { status: 400, error: 'invalid_request' },
  },
  {
    says: 'a wrong secret of the application is told without a description',
    ask: INTROSPECT,
    client: 'wrong secret',
    form: { token: '<alice>' },
    verdict: REFUSED,
  },
  {
    says: 'a request of no application is a wrong request',
    ask: INTROSPECT,
    form: { token: '<alice>' },
    verdict: {
      status: 400,
      error: 'invalid_request',
    },
  },
  {
    says: 'an application may prove itself by its key',
    ask: INTROSPECT,
    client: 'key',
    form: { token: '<alice>' },
    see: introspected,
    verdict: active('alice', FOR_API),
  },
  {
    says: 'a wrong key of the application is refused like a wrong secret',
    ask: INTROSPECT,
    client: 'wrong key',
    form: { token: '<alice>' },
    verdict: REFUSED,
  },
];

const acmeOwner: NonNullable<LibraryCase['may']> = (id) => role('ORG_OWNER', org(id('acme')));

export const introspectionCases = [
  ...raw('introspection', undefined, requests),
  ...throughLibrary('introspection', [
    {
      says: 'introspection() takes a JWT',
      callers: 'introspection',
      as: 'alice',
      may: acmeOwner,
      verdict: 'allowed',
    },
    {
      says: 'introspection() by the key of the application takes a JWT',
      callers: 'introspection by key',
      as: 'alice',
      may: acmeOwner,
      verdict: 'allowed',
    },
    {
      says: 'introspection() takes an opaque token',
      callers: 'introspection',
      as: 'olga',
      may: (id) => role('ORG_USER_MANAGER', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'introspection() takes a personal access token',
      callers: 'introspection',
      as: 'alice PAT',
      may: acmeOwner,
      verdict: 'allowed',
    },
    {
      says: 'introspection() refuses a session token, which the API would take',
      callers: 'introspection',
      as: 'hank session token',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'introspection() refuses a live ID token',
      callers: 'introspection',
      as: 'hank id token',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'introspection() refuses an impersonation token',
      callers: 'introspection',
      as: 'alice impersonated',
      may: () => authenticated(),
      verdict: '401 impersonated',
    },
    {
      says: 'introspection() refuses a token that is not for the project',
      callers: 'introspection',
      as: 'alice for nobody',
      may: () => authenticated(),
      verdict: '401 token_invalid',
    },
    {
      says: 'a project role counts by the claims of the introspection',
      callers: 'introspection',
      as: 'dave with roles',
      may: (id) => projectRole('reader', { org: id('acme') }),
      verdict: 'allowed',
    },
    {
      says: 'a project role that nobody gave is missing',
      callers: 'introspection',
      as: 'dave with roles',
      may: (id) => projectRole('writer', { org: id('acme') }),
      verdict: '403 project_role_missing',
    },
    {
      says: 'a project role counts by the claims of a JWT',
      as: 'dave with roles',
      may: (id) => projectRole('reader', { org: id('acme') }),
      verdict: 'allowed',
    },
    {
      says: 'a project role of another organization is missing',
      as: 'dave with roles',
      may: (id) => projectRole('reader', { org: id('globex') }),
      verdict: '403 project_role_missing',
    },
    {
      says: 'a project role of another project is missing',
      as: 'dave with roles',
      may: (id) => projectRole('reader', { org: id('acme'), project: id('other') }),
      verdict: '403 project_role_missing',
    },
    {
      says: 'authenticated({ organizations }) takes callers of these home organizations',
      as: 'dave with roles',
      may: (id) => authenticated({ organizations: [id('acme')] }),
      verdict: 'allowed',
    },
    {
      says: 'authenticated({ organizations }) refuses callers of others',
      as: 'dave with roles',
      may: (id) => authenticated({ organizations: [id('globex')] }),
      verdict: '403 organization_not_accepted',
    },
  ]),
];
