import { connect } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ZitadelEmulator } from '../../lib/testing/index.js';
import { call, errorIdOf, myMemberships, rowsOf } from './calls.js';

const running: ZitadelEmulator[] = [];

async function start(
  settings: Parameters<typeof ZitadelEmulator.start>[0] = {},
): Promise<ZitadelEmulator> {
  const zitadel = await ZitadelEmulator.start(settings);
  running.push(zitadel);
  return zitadel;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((zitadel) => zitadel.stop()));
});

/** What comes back for bytes that are no request, until the connection ends. */
function sendRaw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), new URL(url).hostname, () => {
      socket.write(bytes);
    });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString());
    });
    socket.on('error', reject);
  });
}

describe('starting and stopping', () => {
  it('listens on a free port of 127.0.0.1 and is its own issuer', async () => {
    const zitadel = await start();
    expect(zitadel.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(zitadel.issuer).toBe(zitadel.url);
    expect(zitadel.options()).toMatchObject({
      issuer: zitadel.url,
      audience: zitadel.defaultProject.id,
    });
    expect(zitadel.defaultProject).toMatchObject({ name: 'app', orgId: zitadel.rootOrg.id });
  });

  it('puts overrides over its options', async () => {
    const zitadel = await start();
    expect(zitadel.options({ audience: 'other', timeoutMs: 50 })).toEqual({
      issuer: zitadel.issuer,
      audience: 'other',
      timeoutMs: 50,
    });
  });

  it('refuses an issuer that is no plain origin', async () => {
    await expect(start({ issuer: 'https://acme.example/' })).rejects.toThrow('acme.example/');
    await expect(start({ issuer: 'acme' })).rejects.toThrow("'acme'");
  });

  it('fails to start on a port that is taken', async () => {
    const { url } = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow('EADDRINUSE');
  });

  it('stops at once, twice, with requests that hang or wait', async () => {
    const zitadel = await start();
    zitadel.fail('keys', 'hang');
    zitadel.delay('discovery', 3_600_000);
    const cut = Promise.allSettled([
      call(zitadel, '/oauth/v2/keys'),
      call(zitadel, '/.well-known/openid-configuration'),
    ]);
    while (zitadel.requests() < 2) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([zitadel.stop(), zitadel.stop()]);
    expect((await cut).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(call(zitadel, '/debug/healthz')).rejects.toThrow('fetch failed');
  });
});

describe('several side by side', () => {
  it('share neither keys nor ids nor users', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    const alice = one.addUser('alice');
    other.addUser('alice');
    expect(one.instanceId).not.toBe(other.instanceId);
    expect((await myMemberships(one, one.tokenFor(alice))).status).toBe(200);
    const foreign = await myMemberships(other, one.tokenFor(alice));
    expect([foreign.status, errorIdOf(foreign)]).toEqual([401, 'AUTH-7fs1e']);
    expect([one.requests(), other.requests()]).toEqual([1, 1]);
  });
});

describe('an internal address', () => {
  it('answers only requests that name the instance', async () => {
    const zitadel = await start({ issuer: 'https://acme.example' });
    const alice = zitadel.addUser('alice');
    zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    const token = zitadel.tokenFor(alice);
    const lost = await myMemberships(zitadel, token);
    expect([lost.status, lost.json['code']]).toEqual([404, 5]);
    expect(lost.json['message']).toContain('unable to set instance using origin');
    const headers = { 'x-zitadel-instance-host': 'acme.example' };
    expect(rowsOf(await myMemberships(zitadel, token, { headers }))).toHaveLength(1);
    expect(zitadel.options()).toMatchObject({
      issuer: 'https://acme.example',
      audience: zitadel.defaultProject.id,
      internalUrl: zitadel.url,
    });
  });

  it('shows the issuer only to who says under which address it is public', async () => {
    const zitadel = await start({ issuer: 'http://acme.example:8443' });
    const path = '/.well-known/openid-configuration';
    const instance = { 'x-zitadel-instance-host': 'acme.example' };
    const issuerWith = async (headers: Record<string, string>): Promise<unknown> =>
      (await call(zitadel, path, undefined, { headers })).json['issuer'];
    expect(await issuerWith(instance)).toBe('http://acme.example');
    const both = { ...instance, 'x-zitadel-public-host': 'acme.example:8443' };
    expect(await issuerWith(both)).toBe('http://acme.example:8443');
  });

  it.each(['evil.example', 'acme.example/path', 'acme.example@evil.example', ''])(
    'is not taken over by the public host %j',
    async (host) => {
      const zitadel = await start({ issuer: 'https://acme.example' });
      const headers = { 'x-zitadel-instance-host': 'acme.example', 'x-zitadel-public-host': host };
      const path = '/.well-known/openid-configuration';
      const { status, json } = await call(zitadel, path, undefined, { headers });
      expect([status, json['issuer']]).toEqual(
        host === '' ? [200, 'https://acme.example'] : [404, undefined],
      );
    },
  );
});

describe('paths', () => {
  let zitadel: ZitadelEmulator;

  beforeAll(async () => {
    zitadel = await ZitadelEmulator.start();
  });

  afterAll(() => zitadel.stop());

  it.each([
    ['GET', '/management/v1/nothing-here', 404, 'Not Found'],
    ['GET', '/nothing', 404, 'Not Found'],
    ['GET', '/%zz', 404, 'Not Found'],
    ['GET', '/management/v1/projects//grants/1', 404, 'Not Found'],
    ['GET', '/management/v1/projects/', 404, 'Not Found'],
    ['PATCH', '/oauth/v2/token', 405, 'Method Not Allowed'],
    ['PUT', '/management/v1/projects/1', 501, 'does not emulate PUT /management/v1/projects/1'],
    ['POST', '/zitadel.project.v2.ProjectService/ListProjects', 501, 'does not emulate POST'],
    ['POST', '/zitadel.session.v2.SessionService/GetSession', 501, 'does not emulate POST'],
    ['POST', '/zitadel.nothing.v2.NothingService/List', 404, 'Not Found'],
    ['POST', '/zitadel.project.v2.ProjectService/GetProject/1', 404, 'Not Found'],
    ['POST', '/v2beta/projects/grants/search', 404, 'Not Found'],
    ['POST', '/oauth/v2/device_authorization', 501, 'does not emulate'],
    ['POST', '/auth/v1/permissions/me/_search', 501, 'does not emulate'],
    ['POST', '/admin/v1/members/_search', 501, 'does not emulate'],
    ['GET', '/management/v1/users/1', 501, 'does not emulate'],
    ['GET', '/v2/sessions/1', 501, 'does not emulate'],
  ])('%s %s answers %i', async (method, path, status, message) => {
    zitadel.resetRequests();
    const called = await call(zitadel, path, undefined, { method });
    expect(called.status).toBe(status);
    expect(called.json['message']).toContain(message);
    expect(zitadel.requests('other')).toBe(1);
  });
});

describe('HTTP that is wrong', () => {
  it('is refused without harm to the next request', async () => {
    const zitadel = await start();
    expect(await sendRaw(zitadel.url, 'this is not HTTP\r\n\r\n')).toContain('400 Bad Request');
    const lying = 'POST /oauth/v2/token HTTP/1.1\r\ncontent-length: x\r\n\r\n';
    expect(await sendRaw(zitadel.url, lying)).toContain('400 Bad Request');
    expect((await call(zitadel, '/debug/healthz')).text).toBe('ok');
  });

  it('may be too large', async () => {
    const zitadel = await start();
    const body = JSON.stringify({ text: 'x'.repeat(1_100_000) });
    expect((await myMemberships(zitadel, 'token', { body })).status).toBe(413);
  });
});

describe('other origins', () => {
  it('may call everything', async () => {
    const zitadel = await start();
    const path = '/auth/v1/memberships/me/_search';
    const asked = {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,x-zitadel-orgid',
    };
    const preflight = await call(zitadel, path, undefined, { method: 'OPTIONS', headers: asked });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-zitadel-orgid');
    const headers = { origin: 'https://app.example' };
    const keys = await call(zitadel, '/oauth/v2/keys', undefined, { headers });
    expect(keys.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect([zitadel.requests('keys'), zitadel.requests('memberships')]).toEqual([1, 0]);
  });
});

describe('the request log', () => {
  it('counts by endpoint and shows requests without their secrets', async () => {
    const zitadel = await start();
    const token = zitadel.tokenFor(zitadel.addUser('alice'));
    await myMemberships(zitadel, token, { body: { query: { limit: 1 } } });
    const body = new URLSearchParams({ grant_type: 'nothing', client_secret: 'secret-12345678' });
    await call(zitadel, '/oauth/v2/token?a=b', undefined, { body });
    expect([
      zitadel.requests(),
      zitadel.requests('memberships'),
      zitadel.requests('token'),
    ]).toEqual([2, 1, 1]);
    const [first, second] = zitadel.requestLog();
    expect(first).toMatchObject({ endpoint: 'memberships', body: '{"query":{"limit":1}}' });
    expect(first?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
    expect(second).toMatchObject({
      endpoint: 'token',
      method: 'POST',
      path: '/oauth/v2/token?a=b',
    });
    expect(JSON.stringify(zitadel.requestLog('token'))).not.toContain('secret-');
    zitadel.resetRequests();
    expect([zitadel.requests(), zitadel.requestLog()]).toEqual([0, []]);
  });

  it('keeps the last 1000 and counts all', async () => {
    const zitadel = await start();
    for (let round = 0; round < 44; round += 1) {
      await Promise.all(Array.from({ length: 50 }, () => call(zitadel, '/debug/healthz')));
    }
    expect(zitadel.requests('health')).toBe(2200);
    expect(zitadel.requestLog()).toHaveLength(1000);
  });

  it('names the endpoints there are when asked for another', async () => {
    const zitadel = await start();
    // @ts-expect-error: a misspelled name must not count as "no requests"
    expect(() => zitadel.requests('membership')).toThrow("no endpoint is called 'membership'");
    // @ts-expect-error: nor as a fault that never strikes
    expect(() => zitadel.failNext('jwks', 500)).toThrow('there are discovery, keys,');
  });
});
