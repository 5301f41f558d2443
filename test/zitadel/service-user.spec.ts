import { decodeJwt } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isRefusal } from '../../lib/core/decision.js';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelEmulator } from '../../lib/testing/index.js';
import {
  clientCredentials,
  key,
  openServiceUser,
  pat,
  type ServiceUserCredential,
} from '../../lib/zitadel/credentials.js';
import { createDiscovery } from '../../lib/zitadel/discovery.js';
import { createHttp } from '../../lib/zitadel/http.js';
import { isTrouble } from '../../lib/zitadel/reply.js';
import { ServiceToken } from '../../lib/zitadel/service-user.js';
import { gate } from '../core/gate.js';
import { OUTAGES, realFetch, recorder, verdict, wayTo, withClock } from './parts.js';
import { useStillClock } from '../support/still-clock.js';
import { startEmulator, useEmulator } from '../support/world.js';

const zitadel = await useEmulator();
const svc = zitadel.addServiceUser('svc');
const keyJson = zitadel.addKey(svc);
zitadel.addMember(svc, { org: zitadel.rootOrg }, ['ORG_OWNER']);
afterEach(() => {
  vi.useRealTimers();
});

function serviceToken(
  credential: ServiceUserCredential = key(keyJson),
  instance: ZitadelEmulator = zitadel,
): ServiceToken {
  const { http, discover } = wayTo(instance);
  return new ServiceToken(http, discover, instance.issuer, openServiceUser(credential));
}

async function tokenOf(source: ServiceToken): Promise<string> {
  const token = await source.get();
  if (typeof token === 'string') return token;
  throw new Error(`${token.reason}: ${token.detail ?? ''}`);
}

/** List Granted Projects, which asks for some right in the organization. */
const CALL = {
  family: 'grants',
  method: 'POST',
  path: '/management/v1/granted_projects/_search',
  json: {},
} as const;

async function statusOf(source: ServiceToken): Promise<number | string> {
  const reply = await source.call(CALL);
  if (isRefusal(reply)) return reply.reason;
  return isTrouble(reply) ? reply.kind : reply.status;
}

/** The token endpoint answers with a right token that it says is this long-lived. */
function lifetime(seconds: number): void {
  const access_token = zitadel.tokenFor(svc);
  zitadel.fail('token', {
    status: 200,
    body: { access_token, token_type: 'Bearer', expires_in: seconds },
  });
}

describe('signing in', () => {
  it('with a key file sends an assertion as ZITADEL wants it', async () => {
    let assertion = '';
    const http = createHttp({
      issuer: zitadel.issuer,
      internalUrl: undefined,
      timeoutMs: 60_000,
      budgetMs: 60_000,
      fetch: (url, init) => {
        if (typeof init.body === 'string') {
          assertion = new URLSearchParams(init.body).get('assertion') ?? assertion;
        }
        return realFetch(url, init);
      },
    });
    const discover = createDiscovery(http, zitadel.issuer);
    const opened = openServiceUser(key(keyJson));
    const token = await tokenOf(new ServiceToken(http, discover, zitadel.issuer, opened));
    const now = Date.now() / 1_000;
    const { iss, sub, aud, iat = 0, exp = 0 } = decodeJwt(assertion);
    expect({ iss, sub, aud }).toEqual({ iss: svc.id, sub: svc.id, aud: zitadel.issuer });
    // ZITADEL takes nothing that is more than a second from the future, and no assertion older than an hour.
    expect(iat).toBeLessThanOrEqual(now - 89);
    expect(iat).toBeGreaterThan(now - 600);
    expect(exp).toBeGreaterThan(now + 60);
    expect(exp).toBeLessThan(now + 3_600);
    const [asked] = zitadel.requestLog('token');
    const form = new URLSearchParams(asked?.body);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    expect(form.get('scope')).toBe('openid urn:zitadel:iam:org:project:id:zitadel:aud');
    expect(decodeJwt(token).aud).toContain(zitadel.zitadelProjectId);
  });

  it.each([60, -60])('works with a clock that is %d seconds ahead of ZITADEL’s', async (ahead) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const http = createHttp({
      issuer: zitadel.issuer,
      internalUrl: undefined,
      timeoutMs: 60_000,
      budgetMs: 120_000,
      fetch: withClock(ahead),
    });
    const discover = createDiscovery(http, zitadel.issuer);
    const opened = openServiceUser(key(keyJson));
    const source = new ServiceToken(http, discover, zitadel.issuer, opened);
    expect(await statusOf(source)).toBe(200);
    expect(zitadel.requests('token')).toBe(1);
  });

  it('is for the issuer also where the instance is reached at another address', async () => {
    const inside = await startEmulator({ issuer: 'https://acme.example' });
    const user = inside.addServiceUser('svc');
    const source = serviceToken(key(inside.addKey(user)), inside);
    expect(decodeJwt(await tokenOf(source)).iss).toBe('https://acme.example');
  });

  it('works with client credentials, a personal access token and opaque tokens', async () => {
    const { clientId, clientSecret } = zitadel.addSecret(svc);
    const opaque = zitadel.addServiceUser('svc-opaque', { accessTokenType: 'opaque' });
    zitadel.addMember(opaque, { org: zitadel.rootOrg }, ['ORG_OWNER']);
    for (const credential of [
      clientCredentials(clientId, clientSecret),
      pat(zitadel.patFor(svc)),
      key(zitadel.addKey(opaque)),
    ]) {
      expect(await statusOf(serviceToken(credential))).toBe(200);
    }
  });

  it('happens once for everybody who waits for it', async () => {
    const source = serviceToken();
    const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(source)));
    expect(new Set(tokens).size).toBe(1);
    expect(zitadel.requests('token')).toBe(1);
  });

  it('never happens with a personal access token', async () => {
    await statusOf(serviceToken(pat(zitadel.patFor(svc))));
    expect(zitadel.requests('token')).toBe(0);
    expect(zitadel.requests('discovery')).toBe(0);
  });
});

describe('a token', () => {
  it('is renewed a minute before its end', async () => {
    const source = serviceToken();
    vi.useFakeTimers({ toFake: ['performance'] });
    lifetime(3_600);
    await tokenOf(source);
    vi.advanceTimersByTime((3_600 - 61) * 1_000);
    await tokenOf(source);
    expect(zitadel.requests('token')).toBe(1);
    vi.advanceTimersByTime(1_000);
    await tokenOf(source);
    // Beside the call, which goes on with the token that is still good.
    await expect.poll(() => zitadel.requests('token')).toBe(2);
  });

  it('that lives for a minute alone is not renewed for every call', async () => {
    const source = serviceToken();
    vi.useFakeTimers({ toFake: ['performance'] });
    lifetime(60);
    for (let second = 0; second < 53; second += 1) {
      await tokenOf(source);
      vi.advanceTimersByTime(1_000);
    }
    expect(zitadel.requests('token')).toBe(1);
  });

  it('is renewed once by everybody who comes then', async () => {
    const source = serviceToken();
    vi.useFakeTimers({ toFake: ['performance'] });
    lifetime(600);
    await tokenOf(source);
    vi.advanceTimersByTime(545_000);
    await Promise.all(Array.from({ length: 50 }, () => tokenOf(source)));
    await expect.poll(() => zitadel.requests('token')).toBe(2);
  });

  it.each([500, 'refuse', 'garbage'] as const)(
    'is used to its end while it cannot be renewed (%s), and not longer',
    async (fault) => {
      const source = serviceToken();
      vi.useFakeTimers({ toFake: ['performance'] });
      lifetime(600);
      const token = await tokenOf(source);
      vi.advanceTimersByTime(545_000);
      zitadel.heal();
      zitadel.fail('token', fault);
      expect(await source.get()).toBe(token);
      vi.advanceTimersByTime(54_999);
      expect(await source.get()).toBe(token);
      vi.advanceTimersByTime(1);
      expect(await source.get()).toMatchObject({ reason: 'unavailable' });
      zitadel.heal();
      vi.advanceTimersByTime(30_000);
      await tokenOf(source);
    },
  );

  it('that is still good is not waited for while its renewal hangs', async () => {
    const source = serviceToken();
    vi.useFakeTimers({ toFake: ['performance'] });
    lifetime(600);
    const token = await tokenOf(source);
    vi.advanceTimersByTime(545_000);
    zitadel.heal();
    zitadel.fail('token', 'hang');
    const late = gate<string>();
    const timer = setTimeout(() => late.open('it was waited for'), 1_000);
    expect(await Promise.race([source.get(), late.passed])).toBe(token);
    clearTimeout(timer);
  });

  it('with a life of no number is none, and what answers so is not ZITADEL', async () => {
    for (const expires_in of ['3600', null, undefined]) {
      zitadel.fail('token', { status: 200, body: { access_token: 'x', expires_in } });
      expect(await serviceToken().get()).toMatchObject({
        reason: 'unavailable',
        remedy: expect.stringContaining('proxy') as string,
      });
    }
  });
});

describe('a token that ZITADEL refuses', () => {
  it('is dropped, and a new one is tried once', async () => {
    const source = serviceToken();
    const first = await tokenOf(source);
    zitadel.revokeToken(first);
    expect(await statusOf(source)).toBe(200);
    expect(await tokenOf(source)).not.toBe(first);
    expect(zitadel.requests('token')).toBe(2);
    expect(zitadel.requests('grantedProjects')).toBe(2);
  });

  it('is replaced once for everybody who met the refusal', async () => {
    const source = serviceToken();
    zitadel.revokeToken(await tokenOf(source));
    const statuses = await Promise.all(Array.from({ length: 30 }, () => statusOf(source)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(zitadel.requests('token')).toBe(2);
  });

  it('again is our misconfiguration, and is not tried a third time', async () => {
    const source = serviceToken();
    zitadel.fail('grantedProjects', 401);
    expect(await statusOf(source)).toBe('misconfigured');
    expect(zitadel.requests('grantedProjects')).toBe(2);
  });

  it('is our misconfiguration at once where it is a personal access token', async () => {
    zitadel.fail('grantedProjects', 401);
    expect(await statusOf(serviceToken(pat(zitadel.patFor(svc))))).toBe('misconfigured');
    expect(zitadel.requests('grantedProjects')).toBe(1);
  });
});

describe('a service user that cannot sign in', () => {
  it.each<[string, () => Promise<ServiceToken> | ServiceToken]>([
    [
      'because its key is of another instance',
      async () => {
        const other = await startEmulator();
        const json = other.addKey(other.addServiceUser('svc'));
        return serviceToken(key(json));
      },
    ],
    [
      'because it is removed',
      () => {
        const gone = zitadel.addServiceUser('gone');
        const json = zitadel.addKey(gone);
        zitadel.removeUser(gone);
        return serviceToken(key(json));
      },
    ],
    [
      'because it is deactivated',
      () => {
        const off = zitadel.addServiceUser('off');
        const json = zitadel.addKey(off);
        zitadel.deactivateUser(off);
        return serviceToken(key(json));
      },
    ],
    ['because its secret is wrong', () => serviceToken(clientCredentials('svc', 'wrong'))],
    ['because its name is wrong', () => serviceToken(clientCredentials('nobody', 'wrong'))],
  ])('%s is our misconfiguration with a remedy, never an outage', async (_why, make) => {
    const refusal = await (await make()).get();
    expect(refusal).toMatchObject({
      reason: 'misconfigured',
      detail: expect.stringMatching(/^token of the service user: ZITADEL answered 400 /) as string,
      remedy: expect.any(String) as string,
    });
  });

  it('is not tried again for every request', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const source = serviceToken(clientCredentials('svc', 'wrong'));
    for (let turn = 0; turn < 20; turn += 1) await source.get();
    expect(zitadel.requests('token')).toBe(1);
    vi.advanceTimersByTime(2_000);
    await source.get();
    expect(zitadel.requests('token')).toBe(2);
  });

  it.each(OUTAGES)('because of an outage (%s) is told apart', async (fault) => {
    zitadel.fail('token', fault);
    const { http, discover } = wayTo(zitadel, 200);
    const opened = openServiceUser(key(keyJson));
    const source = new ServiceToken(http, discover, zitadel.issuer, opened);
    expect(await source.get()).toMatchObject({ reason: 'unavailable' });
  });

  it('shows nothing of its secrets', async () => {
    const { clientSecret } = zitadel.addSecret(svc);
    for (const fault of [400, 401, 500, 'garbage', 'hang'] as const) {
      zitadel.fail('token', fault);
      const { http, discover } = wayTo(zitadel, 150);
      const credential = clientCredentials('svc', clientSecret);
      const opened = openServiceUser(credential);
      const refusal = await new ServiceToken(http, discover, zitadel.issuer, opened).get();
      expect(JSON.stringify(refusal)).not.toContain(clientSecret);
    }
  });
});

describe('a token of the service user that is refused after the sign-in', () => {
  let users = 0;
  const ask = (library: Zitadel) =>
    verdict(library, zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`)), authenticated());

  useStillClock('performance');

  it.each([
    ['from a key file', () => key(zitadel.addKey(svc)), 2],
    [
      'from client credentials',
      () => {
        const { clientId, clientSecret } = zitadel.addSecret(svc);
        return clientCredentials(clientId, clientSecret);
      },
      2,
    ],
    ['made by hand', () => pat(zitadel.patFor(svc)), 1],
  ])('%s is not tried again, nor is another asked for, for a second', async (_how, by, calls) => {
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        serviceUser: by(),
        memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id] },
      }),
    );
    zitadel.resetRequests();
    zitadel.fail('userMemberships', 401);
    for (let request = 0; request < 10; request += 1) {
      expect(await ask(library)).toBe('misconfigured');
    }
    expect(zitadel.requests('userMemberships')).toBe(calls);
    expect(zitadel.requests('token')).toBeLessThanOrEqual(calls);
    zitadel.heal();
    vi.advanceTimersByTime(999);
    expect(await ask(library)).toBe('misconfigured');
    vi.advanceTimersByTime(1);
    expect(await ask(library)).toBe('yes');
  });
});
