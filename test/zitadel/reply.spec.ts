import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTrouble, replyFrom, type Said } from '../../lib/zitadel/reply.js';

const LISTS = '/auth/v1/memberships/me/_search';
const CONNECT = '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators';
const TOKEN = '/oauth/v2/token';
const USERINFO = '/oidc/v1/userinfo';

const said = (path: string, status: number, body: unknown, token?: string) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const reply = replyFrom({ path, ...(token !== undefined && { token }) }, status, text);
  if (isTrouble(reply)) return undefined;
  return 'says' in reply ? reply.says : 'done';
};

interface Recorded {
  readonly name: string;
  readonly request: { readonly path: string };
  readonly response: { readonly status: number; readonly body?: unknown; readonly text?: string };
}

type Words = { readonly message?: string; readonly error_description?: string };

/** APIs that the library does not ask, and answers to calls that carry nothing to prove who asks. */
const NOT_ASKED = /^\/(admin\/v1|v2\w*)\//;
const NOT_SENT: ReadonlySet<unknown> = new Set(['auth header missing', 'access token missing']);

const captures = new URL('../captures/', import.meta.url);
const recorded = readdirSync(captures)
  .filter((file) => file.endsWith('.json') && file !== 'ids.json')
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, captures), 'utf8')) as Recorded[])
  .filter(({ request, response }) => {
    const { message, error_description: description } = (response?.body ?? {}) as Words;
    const isAsked = response && response.status >= 400 && !NOT_ASKED.test(request.path);
    // 415: of another content type than ours.
    return isAsked && response.status !== 415 && !NOT_SENT.has(message ?? description);
  });

describe('every refusal that was recorded', () => {
  it('is there', () => {
    expect(recorded.length).toBeGreaterThan(70);
  });

  it.each(recorded.map((entry) => [entry.name, entry] as const))(
    'is taken for ZITADEL’s: %s',
    (_name, { request: { path }, response }) => {
      const { status, body, text } = response;
      const token = path.includes('userinfo') ? 'a-token' : undefined;
      expect(said(path, status, body ?? text, token)).toBeDefined();
    },
  );
});

describe('an error of ZITADEL', () => {
  const detail = { type: 'zitadel.v1.ErrorDetail', debug: { slug: 'token_invalid' } };

  it.each<[string, Said | undefined, string, number, unknown]>([
    ['of an unknown route', 'notServed', LISTS, 404, { code: 5, message: 'Not Found' }],
    ['of an unknown service', 'notServed', CONNECT, 404, { code: 5, message: 'Not Found' }],
    ['of an unknown method', 'notServed', CONNECT, 404, '404 page not found\n'],
    ['that is unimplemented (REST)', 'notServed', LISTS, 501, { code: 12, message: 'x' }],
    ['that is unimplemented', 'notServed', CONNECT, 501, { code: 'unimplemented', message: 'x' }],
    ['of a wrong method', 'notServed', LISTS, 405, { code: 12, message: 'Method Not Allowed' }],
    ['of no instance', 'noInstance', LISTS, 404, { code: 5, message: 'unable to set instance x' }],
    ['of no instance, in a text', 'noInstance', TOKEN, 404, 'unable to set instance using x'],
    ['with an id in its message', 'error', LISTS, 404, { code: 5, message: 'x (QUERY-fk2fs)' }],
    [
      'with an id in its details',
      'error',
      LISTS,
      404,
      { code: 5, message: 'Not Found', details: [{ id: 'A-1' }] },
    ],
    [
      'with a slug instead of the id',
      'error',
      CONNECT,
      401,
      { code: 'unauthenticated', message: 'x', details: [detail] },
    ],
    ['that is wrongly asked', 'error', CONNECT, 400, { code: 'invalid_argument', message: 'x' }],
    ['that fails', 'outage', LISTS, 503, { code: 14, message: 'connection refused' }],
    ['of OAuth', 'error', TOKEN, 400, { error: 'invalid_grant', error_description: 'x' }],
  ])('is told by what it says: %s', (_what, expected, path, status, answer) => {
    expect(said(path, status, answer)).toBe(expected);
  });
});

/** What proxies, gateways, firewalls and other servers say. */
const STRAY: readonly (readonly [string, unknown])[] = [
  ['nothing', ''],
  ['a page', '<html><head><title>Attention Required!</title></head></html>'],
  ['Traefik, and every server in Go', '404 page not found'],
  ['Envoy', 'RBAC: access denied'],
  ['Envoy about a token', 'Jwt is missing'],
  ['AWS', { message: 'Forbidden' }],
  ['Kong', { message: 'no Route matched with those values' }],
  ['a gateway', { message: 'Not Found' }],
  ['Azure', { statusCode: 401, message: 'Access denied due to missing subscription key.' }],
  ['Google', { error: { code: 401, message: 'x', status: 'UNAUTHENTICATED' } }],
  [
    'Google’s proxy',
    { code: 16, message: 'JWT validation failed: Missing or invalid credentials' },
  ],
  ['another server of connect', { code: 'permission_denied', message: 'no' }],
  ['a server that counts in HTTP', { code: 403, message: 'blocked (WAF-1)' }],
  ['Spring', { timestamp: 1, status: 401, error: 'Unauthorized', path: '/' }],
  ['a proxy', { error: 'access denied' }],
  ['another OpenID provider', { error: 'invalid_token', error_description: 'not active' }],
  ['Keycloak', { error: 'HTTP 401 Unauthorized' }],
  ['a list', []],
  ['null', null],
  ['an empty object', {}],
  ['who takes away the token', { code: 16, message: 'auth header missing' }],
];

describe.each(STRAY)('what is not ZITADEL’s: %s', (_what, answer) => {
  it.each([400, 401, 403, 404, 405, 409, 418, 429, 451, 500, 502, 503])(
    'is not taken for it with %i',
    (status) => {
      // Of the API an outage in its own words is one, whoever says it.
      const paths = status === 429 || status >= 500 ? [TOKEN] : [LISTS, TOKEN];
      for (const path of paths) expect(said(path, status, answer)).toBeUndefined();
      expect(said(USERINFO, status, answer, 'a-token')).toBeUndefined();
    },
  );
});
