import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { org, projectGrant } from '../../lib/core/requirement/refs.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { basic, introspection, userinfo } from '../../lib/express/index.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { clientCredentials, pat } from '../../lib/zitadel/credentials.js';
import { factFrom } from '../../lib/zitadel/facts/ask-fact.js';
import { ApiGeneration, servedBy } from '../../lib/zitadel/generation.js';
import { errorIdOf, isTrouble, type Reply, replyFrom, type Said } from '../../lib/zitadel/reply.js';
import { polluted } from '../support/polluted.js';
import { decide, realFetch, recorder, verdict } from './parts.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

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

describe('a reply that says done with another status than 200', () => {
  const reply = (status: number, repeatable: boolean) =>
    isTrouble(replyFrom({ path: LISTS, repeatable }, status, '{"details":{}}'))
      ? 'trouble'
      : 'done';

  it.each([201, 202, 203])(
    'to a write is done, to a read it is none of ZITADEL’s: %i',
    (status) => {
      expect([reply(status, false), reply(status, true)]).toEqual(['done', 'trouble']);
    },
  );
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
      // An unknown method of a service of ours is told in Go's own words, with 404 alone.
      if (answer === '404 page not found' && status !== 404) {
        expect(said(CONNECT, status, answer)).toBeUndefined();
      }
      expect(said(USERINFO, status, answer, 'a-token')).toBeUndefined();
    },
  );
});

describe('an error without an id', () => {
  const read = <T>(status: number, message: string, by: (reply: Reply) => T) =>
    polluted('id', 'QUERY-1', () => {
      const body = JSON.stringify({ code: 5, message });
      return by(replyFrom({ path: LISTS }, status, body));
    });
  const source = {
    http: () => Promise.reject(new Error('not asked')),
    serviceToken: undefined,
    generation: new ApiGeneration('project grants', 'v1', recorder()),
  };

  it('has none that every object inherits: it is never a no', () => {
    const fact = (reply: Reply) => factFrom(source, reply, () => undefined);
    expect(read(404, 'unable to set instance x', fact)).toMatchObject({
      served: undefined,
      value: { reason: 'misconfigured' },
    });
  });

  it('has none that every object inherits: an outage does not show that an API is served', () => {
    expect(read(503, 'connection refused', servedBy)).toBeUndefined();
    expect(read(404, 'Not Found', servedBy)).toBe(false);
  });
});

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const grantId = zitadel.grantProject(portal, globex, ['reader']).id;
const gina = zitadel.addUser('gina');
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
const svc = zitadel.addServiceUser('svc');
zitadel.addMember(svc, 'instance', ['IAM_OWNER']);
useStillClock('performance');

/** What proxies and firewalls say to the library. */
const PROXIES: readonly (readonly [number, string, string])[] = [
  [404, 'a page of nginx', '<html><head><title>404 Not Found</title></head></html>'],
  [404, 'an ingress without backends', 'default backend - 404'],
  [404, 'nothing', ''],
  [404, 'JSON of a gateway', '{"message":"no Route matched with those values"}'],
  [404, 'JSON that looks alike', '{"message":"Not Found"}'],
  [
    401,
    'a proxy that asks for a password',
    '<html><title>401 Authorization Required</title></html>',
  ],
  [403, 'a firewall', '<html><title>Attention Required!</title></html>'],
  [405, 'a page of a proxy', '<html><title>405 Not Allowed</title></html>'],
  [200, 'JSON of another shape', '{"ok":true}'],
];
const NOT_FOUND = '{"code":5,"message":"Not Found"}';

/** A library whose calls to these addresses get such an answer of a proxy, as long as it is switched on. */
function behind(
  answer: readonly [number, string],
  reaches: RegExp,
  more: Partial<ZitadelOptions> = {},
) {
  const proxy = { isOn: true, refused: 0 };
  const log = recorder();
  const fetch: typeof realFetch = (url, init) => {
    if (!proxy.isOn || !reaches.test(url)) return realFetch(url, init);
    proxy.refused += 1;
    const [status, text] = answer;
    return Promise.resolve(new Response(text, { status }));
  };
  const { audience, ...options } = zitadel.options({
    logger: log,
    fetch,
    cache: { ttlMs: 0 },
    serviceUser: pat(zitadel.patFor(svc)),
    ...more,
  });
  // userinfo() cannot tell for whom a token is.
  const isAsked =
    more.callers !== undefined && 'type' in more.callers && more.callers.type === 'userinfo';
  const asked = isAsked ? {} : { audience };
  const library = createZitadel({ ...options, ...asked } as ZitadelOptions);
  return { library, proxy, log };
}

describe.each(PROXIES)('a %i that is %s', (status, _what, text) => {
  const answer = [status, text] as const;

  it('while a project grant is looked up is an outage, and v1 stays', async () => {
    const { library, proxy, log } = behind(answer, /\/grants\//);
    const manages = role('PROJECT_GRANT_OWNER', projectGrant(grantId));
    expect(await decide(library, zitadel.tokenFor(gina), manages)).toMatchObject({
      reason: 'unavailable',
      remedy: expect.stringContaining('proxy') as string,
    });
    expect(proxy.refused).toBe(1);
    proxy.isOn = false;
    expect(await verdict(library, zitadel.tokenFor(gina), manages)).toBe('yes');
    expect(log.lines.filter((line) => line.includes('not served'))).toEqual([]);
  });

  it('to everything is an outage, which heals', async () => {
    const { library, proxy } = behind(answer, /\/auth\/|AdministratorService|ListAdministrators/);
    const owns = role('ORG_OWNER', org(globex.id));
    expect(await decide(library, zitadel.tokenFor(gina), owns)).toMatchObject({
      reason: 'unavailable',
    });
    proxy.isOn = false;
    vi.advanceTimersByTime(1_000);
    expect(await verdict(library, zitadel.tokenFor(gina), owns)).toBe('yes');
  });

  it('to the service that grants is an outage, and no mistake of its caller', async () => {
    const { library, proxy } = behind(answer, /\/grants\//);
    const of = { organizationId: acme.id, projectId: portal.id, grantId };
    await expect(library.projectGrants.get(of)).rejects.toMatchObject({
      code: 'zitadel_unavailable',
      message: expect.stringContaining('proxy') as string,
    });
    proxy.isOn = false;
    expect(await library.projectGrants.get(of)).toMatchObject({ grantId });
  });

  it('to discovery, userinfo, introspection and the sign-in of the service user is one too', async () => {
    const { clientId, clientSecret: secret } = zitadel.addApiApplication(zitadel.defaultProject);
    const machine = zitadel.addSecret(svc);
    const ways: readonly [RegExp, Partial<ZitadelOptions>][] = [
      [/openid-configuration/, {}],
      [/userinfo/, { callers: userinfo() }],
      [/introspect/, { callers: introspection(basic(clientId, secret)) }],
      [
        /oauth\/v2\/token/,
        {
          memberships: { as: 'serviceUser' },
          serviceUser: clientCredentials(machine.clientId, machine.clientSecret),
        },
      ],
    ];
    for (const [reaches, more] of ways) {
      const { library, proxy } = behind(answer, reaches, more);
      expect(await verdict(library, zitadel.tokenFor(gina), authenticated())).toBe('unavailable');
      expect(proxy.refused).toBeGreaterThan(0);
      proxy.isOn = false;
      vi.advanceTimersByTime(2_000);
      expect(await verdict(library, zitadel.tokenFor(gina), authenticated())).toBe('yes');
    }
  });
});

describe('one answer "Not Found" of a server that has v1', () => {
  it('does not lose v1: a second later ids of grants are known again', async () => {
    const { library, proxy } = behind([404, NOT_FOUND], /\/grants\//);
    const manages = role('PROJECT_GRANT_OWNER', projectGrant(grantId));
    proxy.isOn = false;
    expect(await verdict(library, zitadel.tokenFor(gina), manages)).toBe('yes');
    proxy.isOn = true;
    await verdict(library, zitadel.tokenFor(gina), manages);
    proxy.isOn = false;
    vi.advanceTimersByTime(1_000);
    expect(await verdict(library, zitadel.tokenFor(gina), manages)).toBe('yes');
  });
});

const rest = (details: unknown, message = 'Project not found') => ({ code: 5, message, details });

describe('the id of an error', () => {
  it('is read from the details of a REST answer', () => {
    const detail = { '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id: 'QUERY-fk2fs' };
    expect(errorIdOf(rest([detail]))).toBe('QUERY-fk2fs');
    expect(errorIdOf(rest([{ '@type': 'something else' }, detail]))).toBe('QUERY-fk2fs');
  });

  it('is read from the debug part of a connect answer', () => {
    const detail = {
      type: 'zitadel.v1.ErrorDetail',
      value: 'CgtBVVRIWi1jZGdGaxIUbWVtYmVyc2hpcCBub3QgZm91bmQ',
      debug: { id: 'AUTHZ-cdgFk', message: 'membership not found' },
    };
    expect(errorIdOf({ code: 'not_found', message: 'x', details: [detail] })).toBe('AUTHZ-cdgFk');
  });

  it('is read from the end of the message where the details do not say it', () => {
    const message = 'membership not found (AUTHZ-cdgFk)';
    expect(errorIdOf({ code: 'not_found', message })).toBe('AUTHZ-cdgFk');
    const details = [{ type: 'zitadel.v1.ErrorDetail', value: 'CgtB' }];
    expect(errorIdOf({ code: 'not_found', message, details })).toBe('AUTHZ-cdgFk');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'AUTHZ-cdgFk'],
    ['a list', [{ id: 'AUTHZ-cdgFk' }]],
    ['details that are no list', rest({ id: 'AUTHZ-cdgFk' })],
    ['an id that is no text', rest([{ id: 1 }])],
    ['an id with something else in it', rest([{ id: 'AUTHZ-cdgFk; x' }])],
    ['a debug part that is no object', rest([{ debug: 'AUTHZ-cdgFk' }])],
    ['an id within the message', rest(undefined, 'no (AUTHZ-cdgFk) here')],
    ['an instance that is not there', rest(undefined, 'unable to set instance: ID=QUERY-1kIjX')],
    ['a message that is no text', { message: ['(AUTHZ-cdgFk)'] }],
  ])('is not read from %s', (_what, body) => {
    expect(errorIdOf(body)).toBeUndefined();
  });
});
