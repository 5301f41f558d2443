import { afterEach, describe, expect, it, vi } from 'vitest';
import { isRefusal } from '../../lib/core/decision.js';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { createDiscovery } from '../../lib/zitadel/discovery.js';
import { OUTAGES, recorder, verdict, wayTo } from './parts.js';
import { startEmulator, useEmulator } from '../support/world.js';

const zitadel = await useEmulator();
afterEach(() => {
  vi.useRealTimers();
});

const documentOf = (more: Readonly<Record<string, unknown>> = {}) => ({
  issuer: zitadel.issuer,
  jwks_uri: `${zitadel.issuer}/oauth/v2/keys`,
  token_endpoint: `${zitadel.issuer}/oauth/v2/token`,
  userinfo_endpoint: `${zitadel.issuer}/oidc/v1/userinfo`,
  ...more,
});

describe('discovery', () => {
  it('finds the endpoints, and asks for them once', async () => {
    const { discover } = wayTo(zitadel);
    const found = {
      keys: '/oauth/v2/keys',
      token: '/oauth/v2/token',
      userinfo: '/oidc/v1/userinfo',
      introspection: '/oauth/v2/introspect',
    };
    const asked = await Promise.all(Array.from({ length: 50 }, discover));
    expect(new Set(asked.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(await discover()).toEqual(found);
    expect(zitadel.requests('discovery')).toBe(1);
  });

  it.each<[string, unknown]>([
    ['another issuer', 'https://globex.example'],
    ['a trailing slash', 'SLASH'],
    ['other case', 'CASE'],
  ])('of a server that names %s as its issuer is a misconfiguration', async (_what, named) => {
    const issuer =
      named === 'SLASH'
        ? `${zitadel.issuer}/`
        : named === 'CASE'
          ? zitadel.issuer.replace('http', 'HTTP')
          : named;
    zitadel.fail('discovery', { status: 200, body: documentOf({ issuer }) });
    expect(await wayTo(zitadel).discover()).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('issuer') as string,
    });
  });

  it.each<[string, unknown]>([
    ['a list', ['x']],
    ['nothing', undefined],
  ])('of what names %s as its issuer is an outage: it is not ZITADEL', async (_what, issuer) => {
    zitadel.fail('discovery', { status: 200, body: documentOf({ issuer }) });
    expect(await wayTo(zitadel).discover()).toMatchObject({
      reason: 'unavailable',
      remedy: expect.stringContaining('proxy') as string,
    });
  });

  describe.each(['jwks_uri', 'token_endpoint', 'userinfo_endpoint'])('with a %s', (name) => {
    it.each<[string, (own: string) => unknown]>([
      ['on another host', () => 'https://elsewhere.example/oauth/v2/keys'],
      ['on another port', (own) => own.replace(/:\d+/, ':1')],
      ['over another protocol', (own) => own.replace('http:', 'https:')],
      ['on a host that begins alike', (own) => `${own}.elsewhere.example/keys`],
      ['behind a user name', (own) => `${own.replace('//', '//acme.example@elsewhere.')}/x`],
      ['that is a path', () => '/oauth/v2/keys'],
      ['that is a file', () => 'file:///etc/passwd'],
      ['that is data', () => 'data:application/json,{"keys":[]}'],
      ['that is a list', (own) => [`${own}/x`]],
      ['that is null', () => null],
      ['that is missing', () => undefined],
    ])('%s is a misconfiguration, and nothing is sent there', async (_what, bend) => {
      const body = documentOf({ [name]: bend(zitadel.issuer) });
      zitadel.fail('discovery', { status: 200, body });
      expect(await wayTo(zitadel).discover()).toMatchObject({ reason: 'misconfigured' });
      expect(zitadel.requests()).toBe(1);
    });
  });

  it.each<[string, unknown]>([
    ['is missing', undefined],
    ['is on another host', 'https://elsewhere.example/oauth/v2/introspect'],
    ['is null', null],
  ])('whose introspection endpoint %s finds the others all the same', async (_what, endpoint) => {
    zitadel.fail('discovery', {
      status: 200,
      body: documentOf({ introspection_endpoint: endpoint }),
    });
    expect(await wayTo(zitadel).discover()).toEqual({
      keys: '/oauth/v2/keys',
      token: '/oauth/v2/token',
      userinfo: '/oidc/v1/userinfo',
      introspection: undefined,
    });
  });

  it('of a host that serves no instance is a misconfiguration that says what to look at', async () => {
    const { discover } = wayTo({ issuer: 'http://other.example', url: zitadel.url });
    expect(await discover()).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('internalUrl') as string,
    });
  });

  it.each(OUTAGES)(
    'that fails (%s) is an outage, and found again once it is over',
    async (fault) => {
      vi.useFakeTimers({ toFake: ['performance'] });
      const { discover } = wayTo(zitadel, 200);
      zitadel.fail('discovery', fault);
      expect(await discover()).toMatchObject({ reason: 'unavailable' });
      zitadel.heal();
      vi.advanceTimersByTime(2_000);
      expect(isRefusal(await discover())).toBe(false);
    },
  );

  it('that fails is not asked for again at once, by however many', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { discover } = wayTo(zitadel);
    zitadel.fail('discovery', 500);
    for (let turn = 0; turn < 20; turn += 1) await discover();
    expect(zitadel.requests('discovery')).toBe(1);
    vi.advanceTimersByTime(1_000);
    await Promise.all(Array.from({ length: 20 }, discover));
    expect(zitadel.requests('discovery')).toBe(2);
  });
});

describe('an instance behind an internal address', async () => {
  const inside = await useEmulator({ issuer: 'https://acme.example:8443' });

  it('is found there, while its endpoints stay on the issuer’s origin', async () => {
    expect(await wayTo(inside).discover()).toEqual({
      keys: '/oauth/v2/keys',
      token: '/oauth/v2/token',
      userinfo: '/oidc/v1/userinfo',
      introspection: '/oauth/v2/introspect',
    });
    const [asked] = inside.requestLog('discovery');
    expect(asked?.headers).toMatchObject({
      'x-zitadel-instance-host': 'acme.example',
      'x-zitadel-public-host': 'acme.example:8443',
    });
  });

  it('serves a whole request there: every call names the instance', async () => {
    inside.resetRequests();
    const alice = inside.addUser('alice');
    const library = createZitadel(inside.options({ logger: recorder() }));
    expect(await verdict(library, inside.tokenFor(alice), authenticated())).toBe('yes');
    expect(inside.requests()).toBe(3);
    for (const { headers } of inside.requestLog()) {
      expect(headers['x-zitadel-instance-host']).toBe('acme.example');
    }
  });

  it('is not mistaken for another one: tokens of the internal address are refused', async () => {
    const library = createZitadel(inside.options({ logger: recorder() }));
    const token = inside.tokenFor(inside.addUser('bob'), { claims: { iss: inside.url } });
    expect(await verdict(library, token, authenticated())).toBe('token_invalid');
  });

  it('is known by a port that https implies, where iss has it', async () => {
    const issuer = 'https://acme.example:443';
    const proxied = await startEmulator({ issuer: 'https://acme.example' });
    const options = proxied.options({ issuer, logger: recorder() });
    const alice = proxied.addUser('alice');
    const library = createZitadel(options);
    const ask = (iss: string) =>
      verdict(library, proxied.tokenFor(alice, { claims: { iss } }), authenticated());
    expect([await ask(issuer), await ask('https://acme.example')]).toEqual([
      'yes',
      'token_invalid',
    ]);
    expect(proxied.requestLog('discovery')[0]?.headers).toMatchObject({
      'x-zitadel-instance-host': 'acme.example',
      'x-zitadel-public-host': 'acme.example:443',
    });
  });
});

describe('a discovery that fails', () => {
  it('names its address, also the internal one', async () => {
    const { http } = wayTo({ issuer: 'http://127.0.0.1:9', url: 'http://127.0.0.1:9' });
    expect(await createDiscovery(http, 'http://127.0.0.1:9')()).toMatchObject({
      detail: expect.stringMatching(
        /^discovery \(http:\/\/127\.0\.0\.1:9\/\.well-known\/openid-configuration\): /,
      ) as string,
      remedy: expect.stringContaining('check issuer and internalUrl') as string,
    });
    const inside = createDiscovery(http, 'https://acme.example', 'http://127.0.0.1:9');
    expect(await inside()).toMatchObject({
      detail: expect.stringContaining('(http://127.0.0.1:9/.well-known') as string,
    });
  });

  it('shows which issuer the server names', async () => {
    zitadel.fail('discovery', { status: 200, body: documentOf({ issuer: 'https://b.example/x' }) });
    expect(await wayTo(zitadel).discover()).toMatchObject({
      got: `https://b.example/..., expected ${zitadel.issuer}`,
    });
  });
});
