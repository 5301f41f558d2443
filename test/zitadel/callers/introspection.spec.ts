import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import type { ClaimRules } from '../../../lib/zitadel/callers/access-token.js';
import { createIntrospection } from '../../../lib/zitadel/callers/introspection.js';
import { basic, type ClientCredential, key, openClient } from '../../../lib/zitadel/credentials.js';
import { createDiscovery, type Discover } from '../../../lib/zitadel/discovery.js';
import { createHttp } from '../../../lib/zitadel/http.js';
import { realFetch, wayTo, withClock } from '../parts.js';
import { startEmulator } from '../../support/world.js';
import {
  type Arrived,
  json,
  type Script,
  scripted,
  type ScriptedServer,
} from '../scripted-server.js';
import { createUserinfoVerifier } from '../../../lib/zitadel/callers/userinfo.js';

const USER = '400999949988269094';
const PROJECT = '400999949786942502';
const CLIENT = '400999949921160230';
const SECRET = 'canary-that-is-secret';
const BASIC: ClientCredential = { type: 'basic', clientId: CLIENT, clientSecret: SECRET };
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY: ClientCredential = { type: 'applicationKey', clientId: CLIENT, keyId: '7', privateKey };

afterEach(() => {
  vi.useRealTimers();
});

const now = () => Math.floor(Date.now() / 1_000);

/** The answer about a JWT or an opaque token, as it was recorded. */
const active = (issuer: string, more: object = {}) => ({
  active: true,
  scope: 'openid profile urn:zitadel:iam:org:project:id:zitadel:aud',
  client_id: 'alice-b737b2',
  token_type: 'Bearer',
  exp: now() + 43_200,
  iat: now(),
  auth_time: now(),
  nbf: now(),
  sub: USER,
  aud: ['400999942941969446', PROJECT],
  iss: issuer,
  jti: 'V2_400999956128795686-at_400999956128861222',
  username: 'alice-b737b2',
  name: 'alice',
  updated_at: now(),
  preferred_username: 'alice-b737b2',
  ...more,
});

/** Answers discovery, and what is asked about tokens as it is told. */
async function serverThat(answer: Script, discovered: object = {}): Promise<ScriptedServer> {
  const server = await scripted((response, request) => {
    if (request.path !== '/.well-known/openid-configuration') return answer(response, request);
    const issuer = server.url;
    return json(response, {
      issuer,
      jwks_uri: `${issuer}/oauth/v2/keys`,
      token_endpoint: `${issuer}/oauth/v2/token`,
      userinfo_endpoint: `${issuer}/oidc/v1/userinfo`,
      introspection_endpoint: `${issuer}/oauth/v2/introspect`,
      ...discovered,
    });
  });
  return server;
}

function verifierOf(
  { url }: ScriptedServer,
  rules: Partial<ClaimRules> = {},
  credential = BASIC,
  timeoutMs = 60_000,
): (token: string) => Promise<Caller | Refusal> {
  const { http, discover } = wayTo({ issuer: url, url }, timeoutMs);
  return createIntrospection(http, discover, credential, {
    issuer: url,
    audience: [PROJECT],
    allowImpersonation: false,
    clockToleranceMs: 5_000,
    ...rules,
  });
}

/** What becomes of one token about which this is answered. */
async function answeredWith(
  body: (issuer: string) => unknown,
  rules: Partial<ClaimRules> = {},
  status = 200,
): Promise<Caller | Refusal> {
  const server = await serverThat((response) => json(response, body(server.url), status));
  return verifierOf(server, rules)('a-token');
}

const about = (more: object, rules: Partial<ClaimRules> = {}) =>
  answeredWith((issuer) => active(issuer, more), rules);

const asked = (server: ScriptedServer): readonly Arrived[] =>
  server.requests.filter(({ path }) => path === '/oauth/v2/introspect');

describe('an active token', () => {
  it('tells who calls, by which client, until when, and everything that ZITADEL said', async () => {
    const exp = now() + 600;
    const caller = await about({ exp, 'urn:zitadel:iam:user:resourceowner:id': '4' });
    expect(caller).toEqual({
      userId: USER,
      clientId: 'alice-b737b2',
      expiresAt: exp * 1_000,
      claims: expect.objectContaining({
        active: true,
        sub: USER,
        'urn:zitadel:iam:user:resourceowner:id': '4',
      }) as object,
    });
  });

  it('is asked about with the token in the form and the client in the header, encoded', async () => {
    const server = await serverThat((response) => json(response, active(server.url)));
    const credential: ClientCredential = {
      type: 'basic',
      clientId: '1@web app',
      clientSecret: 'a:b%c+d/é&=',
    };
    await verifierOf(server, {}, credential)('eyJ.a-token/with+signs=');
    const [request] = asked(server);
    expect(request).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      token: 'eyJ.a-token/with+signs=',
    });
    const [scheme, encoded = ''] = request?.headers.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(encoded, 'base64').toString()).toBe(
      '1%40web+app:a%3Ab%25c%2Bd%2F%C3%A9%26%3D',
    );
  });

  it('of a personal access token is accepted: it has no client, and no time of sign-in', async () => {
    const caller = await answeredWith((iss) => ({
      active: true,
      aud: [CLIENT, PROJECT],
      exp: 4_070_908_800,
      iat: 1_795_510_595,
      iss,
      jti: '400999950088932390',
      nbf: 1_795_510_595,
      scope: 'openid profile',
      sub: USER,
      token_type: 'Bearer',
      username: 'alice-b737b2',
    }));
    expect(caller).toMatchObject({ userId: USER, expiresAt: 4_070_908_800_000 });
    expect(caller).not.toHaveProperty('clientId');
  });

  it.each<[string, object, Partial<ClaimRules>?]>([
    ['without iss', { iss: undefined }],
    ['without iat', { iat: undefined }],
    ['without nbf', { nbf: undefined }],
    ['without jti', { jti: undefined }],
    ['without client_id', { client_id: undefined }],
    ['without scope and token_type', { scope: undefined, token_type: undefined }],
    ['for one audience, as a text', { aud: PROJECT }],
    ['issued five seconds ahead of this clock', { iat: now() + 4, nbf: now() + 4 }],
    ['for another audience, where none is named here', { aud: ['1'] }, { audience: [] }],
    ['without an audience, where none is named here', { aud: undefined }, { audience: [] }],
    [
      'that somebody else holds, where that is allowed',
      { act: { sub: '1' } },
      { allowImpersonation: true },
    ],
  ])('is accepted %s', async (_what, more, rules) => {
    expect(await about(more, rules)).toMatchObject({ userId: USER });
  });
});

describe('an answer that does not say exactly that a token is good', () => {
  it('refuses the token: active is false', async () => {
    expect(await about({ active: false })).toMatchObject({
      reason: 'token_invalid',
      description: 'the token is not active',
    });
  });

  it.each<[string, unknown]>([
    ['the text true', 'true'],
    ['the text false', 'false'],
    ['0', 0],
    ['1', 1],
    ['null', null],
    ['a list', [true]],
    ['an object', { valueOf: true }],
    ['the text TRUE', 'TRUE'],
    ['nothing', undefined],
  ])('is an outage, and no word on the token: active is %s', async (_what, value) => {
    const refusal = await about({ active: value });
    expect(refusal).toMatchObject({ reason: 'unavailable' });
    expect(refusal).not.toHaveProperty('description');
  });

  it.each<[string, (issuer: string) => string]>([
    ['the prototype', (issuer) => `{"__proto__":${JSON.stringify(active(issuer))}}`],
    ['a member of another', (issuer) => `{"token":${JSON.stringify(active(issuer))}}`],
    ['nothing at all', () => '{}'],
  ])('is an outage: active comes by %s', async (_what, text) => {
    const server = await serverThat((response) => {
      response.end(text(server.url));
    });
    expect(await verifierOf(server)('a-token')).toMatchObject({ reason: 'unavailable' });
  });

  it('says in the log what may be the matter', async () => {
    expect(await about({ active: false })).toMatchObject({
      remedy: expect.stringMatching(/revoked.*:aud/) as string,
    });
  });

  const WRONG: Readonly<Record<string, readonly unknown[]>> = {
    iss: ['https://globex.example', '', null, 1, [], {}, ['ISSUER']],
    aud: ['1', ['1'], [], '', null, 1, {}, [[PROJECT]], [PROJECT, 1], [PROJECT, null], undefined],
    exp: [
      now(),
      now() - 1,
      0,
      -1,
      String(now() + 60),
      now() + 60.5,
      1e300,
      null,
      true,
      [now() + 60],
      {},
      undefined,
    ],
    iat: [now() + 60, String(now()), 1.5, -1, null, true, [now()], {}],
    nbf: [now() + 60, String(now()), 1.5, -1, null, true, [now()], {}],
    sub: ['', ' ', null, 1, true, [USER], {}, `${USER}\u0000`, '１２３', '1'.repeat(201), '..'],
    client_id: ['', null, 1, true, ['x'], {}, 'x'.repeat(1_001)],
  };
  it.each(
    Object.entries(WRONG).flatMap(([name, values]) =>
      values.map((value): [string, unknown] => [name, value]),
    ),
  )('refuses the token: %s is %j', async (name, value) => {
    const caller = await answeredWith((issuer) =>
      active(issuer, { [name]: Array.isArray(value) && value[0] === 'ISSUER' ? [issuer] : value }),
    );
    expect(caller).toMatchObject({ reason: 'token_invalid' });
  });

  it('refuses the token: it names a user by name only', async () => {
    expect(await about({ sub: undefined })).toMatchObject({ reason: 'token_invalid' });
  });

  it.each([{ sub: '1' }, {}, null, false, '', []])(
    'refuses the token: somebody else holds it (act is %j)',
    async (act) => {
      expect(await about({ act })).toMatchObject({
        reason: 'impersonated',
        remedy: expect.stringContaining('allowImpersonation') as string,
      });
    },
  );

  it.each<[string, Script]>([
    ['is a list', (response) => json(response, [{ active: true }])],
    ['is null', (response) => json(response, null)],
    ['is true', (response) => json(response, true)],
    ['is a text', (response) => json(response, 'active')],
    ['is empty', (response) => void response.end()],
    ['is HTML', (response) => void response.end('<html>{"active":true}</html>')],
    ['is cut short', (response) => void response.end('{"active":tr')],
    ['has no content (204)', (response) => void response.writeHead(204).end()],
    ['has another good status (201)', (response) => json(response, { active: true }, 201)],
    ['is a redirect', (response) => void response.writeHead(302, { location: '/' }).end()],
    ['is endless', (response) => void response.end(`"${'x'.repeat(2 ** 20 + 10)}"`)],
    ['is an error of ZITADEL (500)', (response) => json(response, { error: 'server_error' }, 500)],
    ['is an error of a proxy (502)', (response) => void response.writeHead(502).end('bad gateway')],
    ['asks to wait (429)', (response) => json(response, {}, 429)],
    ['is no answer', (_response, { socket }) => socket.destroy()],
    ['comes too late', () => undefined],
  ])('is an outage, no refusal, when it %s', async (_what, script) => {
    const server = await serverThat(script);
    const verify = verifierOf(server, {}, BASIC, 250);
    expect(await verify('a-token')).toMatchObject({ reason: 'unavailable' });
  });

  it('passes on how long ZITADEL asks to wait', async () => {
    // Longer than what the call may take as a whole: it is not waited for.
    const server = await serverThat((response) => json(response, {}, 503, { 'retry-after': '50' }));
    expect(await verifierOf(server, {}, BASIC, 20_000)('a-token')).toMatchObject({
      retryAfterMs: 50_000,
    });
  });
});

describe('an application that ZITADEL refuses', () => {
  it.each<[number, unknown]>([
    [400, { error: 'unauthorized_client' }],
    [400, { error: 'invalid_client', error_description: 'x' }],
    [400, { error: 'invalid_request', error_description: 'client_id must be provided' }],
    [401, { error: 'invalid_client' }],
  ])('is a misconfiguration with a remedy, never about the caller: %i %j', async (status, body) => {
    const refusal = await answeredWith(() => body, {}, status);
    expect(refusal).toMatchObject({
      reason: 'misconfigured',
      detail: expect.stringContaining(String(status)) as string,
      remedy: expect.stringMatching(/.{20}/) as string,
    });
    expect(refusal).not.toHaveProperty('description');
  });

  it('is asked where no instance is, which is a misconfiguration too', async () => {
    const server = await serverThat((response) => {
      response.writeHead(404).end('unable to set instance using origin &{a.example  http}');
    });
    expect(await verifierOf(server)('a-token')).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('internalUrl') as string,
    });
  });

  it.each<[number, unknown]>([
    [400, {}],
    [401, ''],
    [401, { error: 'access_denied', error_description: 'access token invalid' }],
    [403, { error: 'access_denied' }],
    [404, { code: 5, message: 'Not Found' }],
    [405, {}],
  ])('is not what something else says in its place: %i %j', async (status, body) => {
    expect(await answeredWith(() => body, {}, status)).toMatchObject({
      reason: 'unavailable',
      remedy: expect.stringContaining('proxy') as string,
    });
  });

  it('is told apart by how it proves itself', async () => {
    const server = await serverThat((response) =>
      json(response, { error: 'unauthorized_client' }, 400),
    );
    expect(await verifierOf(server)('a-token')).toMatchObject({
      detail: 'introspection: ZITADEL answered 400 unauthorized_client',
      remedy: expect.stringMatching(/secret of basic\(\).*deactivated/) as string,
    });
    expect(await verifierOf(server, {}, KEY)('a-token')).toMatchObject({
      remedy: expect.stringMatching(/key file.*clocks.*deactivated/) as string,
    });
  });

  it('is asked for again with the next request: nothing is remembered about the caller', async () => {
    let refused = true;
    const server = await serverThat((response) =>
      refused
        ? json(response, { error: 'unauthorized_client' }, 400)
        : json(response, active(server.url)),
    );
    const verify = verifierOf(server);
    expect(await verify('a-token')).toMatchObject({ reason: 'misconfigured' });
    refused = false;
    expect(await verify('a-token')).toMatchObject({ userId: USER });
  });

  it('shows nothing of its secret and of the token', async () => {
    for (const status of [400, 401, 403, 404, 500]) {
      const server = await serverThat((response, { body, headers }) =>
        json(response, { error: `${body}${String(headers.authorization)}` }, status),
      );
      const refusal = JSON.stringify(await verifierOf(server)('a-token-that-is-secret'));
      expect(refusal).not.toContain(SECRET);
      expect(refusal).not.toContain('a-token-that-is-secret');
      expect(refusal).not.toContain('Basic');
    }
  });

  it.each([undefined, null, 'https://elsewhere.example/introspect', '/oauth/v2/introspect'])(
    'has nobody to ask where discovery names %j: nothing is sent anywhere',
    async (endpoint) => {
      const server = await serverThat((response) => json(response, active(server.url)), {
        introspection_endpoint: endpoint,
      });
      expect(await verifierOf(server)('a-token')).toMatchObject({
        reason: 'misconfigured',
        detail: expect.stringContaining('introspection endpoint') as string,
      });
      expect(asked(server)).toHaveLength(0);
    },
  );
});

describe('the key of an application', () => {
  it('signs who asks: issuer, audience and times as ZITADEL wants them', async () => {
    const server = await serverThat((response) => json(response, active(server.url)));
    await verifierOf(server, {}, KEY)('a-token');
    const [request] = asked(server);
    expect(request?.headers).not.toHaveProperty('authorization');
    const { token, client_assertion_type, client_assertion } = Object.fromEntries(
      new URLSearchParams(request?.body),
    );
    expect({ token, client_assertion_type }).toEqual({
      token: 'a-token',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const { payload, protectedHeader } = await jwtVerify(
      client_assertion ?? '',
      createPublicKey(privateKey),
    );
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: '7' });
    const { iat = 0, exp = 0, ...rest } = payload;
    expect(rest).toEqual({ iss: CLIENT, sub: CLIENT, aud: server.url });
    // ZITADEL takes nothing that is more than a second from the future.
    expect(iat).toBeLessThanOrEqual(now() - 89);
    expect(exp - iat).toBe(390);
  });

  it.each([60, -60])('is accepted with a clock %d seconds ahead of ZITADEL’s', async (ahead) => {
    const zitadel = await startEmulator();
    vi.useFakeTimers({ toFake: ['Date'] });
    const { issuer, defaultProject } = zitadel;
    const opened = openClient(key(zitadel.addApplicationKey(defaultProject)));
    const settings = { timeoutMs: 60_000, budgetMs: 120_000, fetch: withClock(ahead) };
    const http = createHttp({ issuer, internalUrl: undefined, ...settings });
    const verify = createIntrospection(http, createDiscovery(http, issuer), opened, {
      issuer,
      audience: [defaultProject.id],
      allowImpersonation: false,
      clockToleranceMs: 90_000,
    });
    const alice = zitadel.addUser('alice');
    const token = zitadel.tokenFor(alice);
    vi.setSystemTime(Date.now() + ahead * 1_000);
    expect(await verify(token)).toMatchObject({ userId: alice.id });
  });

  it('signs anew after the host was suspended', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const server = await serverThat((response) => json(response, active(server.url)));
    const verify = verifierOf(server, {}, KEY);
    await verify('token-1');
    vi.setSystemTime(Date.now() + 3_600_000);
    await verify('token-2');
    const assertions = asked(server).map(({ body }) =>
      new URLSearchParams(body).get('client_assertion'),
    );
    expect(new Set(assertions).size).toBe(2);
  });

  it('signs once a minute, however many tokens are asked about', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const server = await serverThat((response) => json(response, active(server.url)));
    const verify = verifierOf(server, {}, KEY);
    await Promise.all(Array.from({ length: 8 }, (_each, at) => verify(`token-${String(at)}`)));
    vi.advanceTimersByTime(59_000);
    await verify('token-8');
    const assertions = () =>
      new Set(asked(server).map(({ body }) => new URLSearchParams(body).get('client_assertion')));
    expect(asked(server)).toHaveLength(9);
    expect(assertions().size).toBe(1);
    vi.advanceTimersByTime(1_000);
    await verify('token-9');
    expect(assertions().size).toBe(2);
  });
});

describe('an inactive token', () => {
  it('is not asked about again for two seconds, and then it is', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const server = await serverThat((response) => json(response, { active: false }));
    const verify = verifierOf(server);
    for (let turn = 0; turn < 50; turn += 1) {
      expect(await verify('a-token')).toMatchObject({ reason: 'token_invalid' });
    }
    vi.advanceTimersByTime(1_999);
    await verify('a-token');
    expect(asked(server)).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await verify('a-token');
    expect(asked(server)).toHaveLength(2);
  });

  it('is these bytes and no others: its neighbours are asked about', async () => {
    const server = await serverThat((response, { body }) =>
      json(
        response,
        new URLSearchParams(body).get('token') === 'a-token'
          ? { active: false }
          : active(server.url),
      ),
    );
    const verify = verifierOf(server);
    expect(await verify('a-token')).toMatchObject({ reason: 'token_invalid' });
    for (const other of ['a-token=', 'A-token', 'a-toke', 'a-token-', 'xa-token']) {
      expect(await verify(other)).toMatchObject({ userId: USER });
    }
  });

  it('counts again as soon as ZITADEL says so: no refusal of one by its claims is remembered', async () => {
    let more: object = { sub: '' };
    const server = await serverThat((response) => json(response, active(server.url, more)));
    const verify = verifierOf(server);
    expect(await verify('a-token')).toMatchObject({ reason: 'token_invalid' });
    more = {};
    expect(await verify('a-token')).toMatchObject({ userId: USER });
  });
});

describe('the asking', () => {
  it('is repeated after an outage of a moment', async () => {
    let times = 0;
    const server = await serverThat((response) => {
      times += 1;
      if (times === 1) json(response, {}, 503);
      else json(response, active(server.url));
    });
    expect(await verifierOf(server)('a-token')).toMatchObject({ userId: USER });
  });

  it('about tokens that make ZITADEL trip stops nobody else, however many they are', async () => {
    const server = await serverThat((response, { body }) =>
      body.includes('trips') ? json(response, {}, 500) : json(response, active(server.url)),
    );
    const verify = verifierOf(server);
    for (let turn = 0; turn < 10; turn += 1) {
      for (const token of ['trips-1', 'trips-2']) {
        expect(await verify(token)).toMatchObject({ reason: 'unavailable' });
      }
    }
    expect(await verify('a-token')).toMatchObject({ userId: USER });
    for (let number = 3; number < 100; number += 1) await verify(`trips-${number}`);
    expect(await verify('a-token')).toMatchObject({ userId: USER });
    expect(await verify('another-token')).toMatchObject({ userId: USER });
  });

  it('never happens about a token that is longer than any token', async () => {
    const server = await serverThat((response) => json(response, active(server.url)));
    const refusal = await verifierOf(server)('x'.repeat(8_193));
    expect(refusal).toMatchObject({ reason: 'token_invalid', remedy: 'ask for fewer scopes' });
    expect(server.requests).toHaveLength(0);
  });

  it('leads to no caller while discovery fails', async () => {
    const server = await scripted((response) => json(response, {}, 500));
    const refusal = await verifierOf(server)('a-token');
    expect(isRefusal(refusal) && refusal.reason).toBe('unavailable');
  });
});

describe('junk tokens', async () => {
  const USER = '400000000000000001';
  const PROJECT = '400000000000000002';

  let server: ScriptedServer;

  type Verify = (token: string) => Promise<Caller | Refusal>;
  const WAYS: readonly (readonly [string, (issuer: string, budgetMs: number) => Verify])[] = [
    [
      'introspection()',
      (issuer, budgetMs) =>
        createIntrospection(httpTo(issuer, budgetMs), endpoints, openClient(basic('a', 'b')), {
          issuer,
          audience: [PROJECT],
          allowImpersonation: false,
          clockToleranceMs: 5_000,
        }),
    ],
    [
      'userinfo()',
      (issuer, budgetMs) => createUserinfoVerifier(httpTo(issuer, budgetMs), endpoints),
    ],
  ];

  const endpoints: Discover = () =>
    Promise.resolve({ keys: '/k', token: '/t', userinfo: '/u', introspection: '/i' });
  const httpTo = (issuer: string, budgetMs: number) =>
    createHttp({ issuer, internalUrl: undefined, fetch: realFetch, timeoutMs: budgetMs, budgetMs });

  /** A server that leaves junk tokens waiting, and answers good ones at once. */
  async function slowForJunk() {
    const seen = { junk: 0 };
    let full = () => {};
    const filled = new Promise<void>((resolve) => {
      full = resolve;
    });
    server = await scripted((response, { body, headers }) => {
      if (`${body} ${headers.authorization ?? ''}`.includes('junk')) {
        seen.junk += 1;
        if (seen.junk === 48) full();
        return;
      }
      const seconds = Math.floor(Date.now() / 1_000);
      json(response, {
        active: true,
        iss: server.url,
        sub: USER,
        aud: [PROJECT],
        iat: seconds,
        exp: seconds + 600,
      });
    });
    return { seen, filled };
  }

  describe.each(WAYS)('a flood of junk tokens at %s', (_what, verifierOf) => {
    it('does not hold up a caller whose token was accepted before', async () => {
      const { seen, filled } = await slowForJunk();
      const verify = verifierOf(server.url, 2_000);
      expect(await verify('good')).toMatchObject({ userId: USER });
      const flood = Array.from({ length: 900 }, (_, at) => verify(`junk-${at}`));
      await filled;
      expect(await verify('good')).toMatchObject({ userId: USER });
      expect(seen.junk).toBe(48);
      for (const refusal of await Promise.all(flood)) {
        expect(refusal).toMatchObject({ reason: 'unavailable' });
      }
    });

    it('waits in a bounded number: what is beyond is answered at once', async () => {
      const { filled } = await slowForJunk();
      const verify = verifierOf(server.url, 30_000);
      let answered = 0;
      const flood = Array.from({ length: 1_500 }, async (_, at) => {
        const refusal = await verify(`junk-${at}`);
        answered += 1;
        return refusal;
      });
      await filled;
      const early = await Promise.race(flood);
      expect(early).toMatchObject({ reason: 'unavailable' });
      await Promise.all(flood.slice(48 + 1_000));
      expect(answered).toBe(1_500 - 48 - 1_000);
      await server.close();
      await Promise.allSettled(flood);
    });
  });
});
