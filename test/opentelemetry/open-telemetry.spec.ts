import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StartTelemetry, Telemetry } from '../../lib/core/telemetry.js';
import {
  type Caller,
  org,
  pat,
  permission,
  role,
  type SharedCache,
  type ZitadelOptions,
  ZitadelUnavailableError,
} from '../../lib/express/index.js';
import { openTelemetry, type OpenTelemetryOptions } from '../../lib/opentelemetry/index.js';
import { startEmulator, useWorld } from '../support/world.js';
import { recorder } from '../zitadel/parts.js';
import { application, Sdk, useContext } from './sdk.js';

useContext();
const world = useWorld();

const SIGNING_KEY = 'a-key-of-the-tests';
const ALL: OpenTelemetryOptions = { sample: 1 };
const NONE: OpenTelemetryOptions = { sample: 0 };

/** An application on the emulator, and the SDK that hears of it. */
async function observed(options: Partial<ZitadelOptions> = {}, settings = NONE) {
  const sdk = new Sdk();
  const telemetry = sdk.telemetry(settings);
  const all = world.zitadel.options({ logger: recorder(), telemetry, ...options });
  return { sdk, ...(await application(sdk, all)) };
}

const unreachable = () =>
  Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }));
const hanging = () => new Promise<Response>(() => undefined);

describe('the metric', () => {
  it('zitadel.authorization.decisions has outcomes and reasons, and questions of the application apart', async () => {
    const { sdk, ask, zitadel } = await observed();
    const { tokens, acme } = world;
    const callers: (Caller | undefined)[] = [];
    zitadel.authorizer.onDecision(({ decision }) => callers.push(decision.caller));
    for (let i = 0; i < 3; i += 1) await ask(`/orgs/${acme}`, tokens['owner of acme']);
    await ask(`/orgs/${acme}`, tokens.nobody);
    await ask(`/orgs/${acme}`);
    await ask('/orgs/none', tokens['owner of acme']);
    await zitadel.authorizer.can(callers[0] as Caller, role('ORG_OWNER', org(acme)));
    expect(await sdk.counts('zitadel.authorization.decisions')).toEqual({
      'request allowed': 3,
      'request denied role_missing': 1,
      'request denied token_missing': 1,
      'request denied resource_invalid': 1,
      'application allowed': 1,
    });
  });

  it('zitadel.authorization.decisions counts an outage as failed, not as denied', async () => {
    const { sdk, ask } = await observed({ fetch: unreachable });
    expect(await ask(`/orgs/${world.acme}`, world.tokens.nobody)).toBe(503);
    expect(await sdk.counts('zitadel.authorization.decisions')).toEqual({
      'request failed unavailable': 1,
    });
  });

  it('zitadel.authorization.decisions counts a question of the application as one, also in an outage', async () => {
    let isDown = false;
    const fetching = (...given: Parameters<typeof fetch>) =>
      isDown ? unreachable() : fetch(...given);
    const { sdk, ask, zitadel } = await observed({ fetch: fetching });
    const callers: (Caller | undefined)[] = [];
    zitadel.authorizer.onDecision(({ decision }) => callers.push(decision.caller));
    await ask(`/orgs/${world.acme}`, world.tokens['owner of acme']);
    isDown = true;
    const question = role('ORG_OWNER', org(world.acme), { fresh: true });
    await expect(zitadel.authorizer.can(callers[0] as Caller, question)).rejects.toBeInstanceOf(
      ZitadelUnavailableError,
    );
    expect(await sdk.counts('zitadel.authorization.decisions')).toEqual({
      'request allowed': 1,
      'application failed unavailable': 1,
    });
  });

  it('zitadel.cache.lookups has the layer that had the answer', async () => {
    const sdk = new Sdk();
    const stored = new Map<string, unknown>();
    const sharedCache = {
      get: (key: string) => Promise.resolve(stored.get(key)),
      set: (key: string, value: unknown) => Promise.resolve(stored.set(key, value)),
    } as SharedCache;
    const options = world.zitadel.options({
      cache: { shared: { secret: 'a secret of at least 32 characters' } },
      logger: recorder(),
      telemetry: sdk.telemetry(NONE),
    });
    const one = await application(sdk, options, { sharedCache });
    const other = await application(sdk, options, { sharedCache });
    const token = world.tokens['owner of acme'];
    const askAll = async (path: string) => {
      await one.ask(path, token);
      const before = stored.size;
      await one.ask(path, token);
      // Nobody waits for the store.
      await expect.poll(() => [...stored.keys()].join()).toMatch(/./);
      expect(stored.size).toBeGreaterThanOrEqual(before);
      await other.ask(path, token);
    };
    await askAll(`/orgs/${world.acme}`);
    expect(await sdk.counts('zitadel.cache.lookups')).toEqual({
      'memberships memory': 1,
      'memberships shared_store': 1,
      'memberships zitadel': 1,
    });
    await askAll(`/permissions/${world.acme}`);
    // The callers are remembered. What they may do is asked for, and from then on remembered too.
    expect(await sdk.counts('zitadel.cache.lookups')).toEqual({
      'memberships memory': 4,
      'memberships shared_store': 1,
      'memberships zitadel': 1,
      'permissions memory': 1,
      'permissions shared_store': 1,
      'permissions zitadel': 1,
    });
  });

  it('zitadel.client.request.duration has each attempt by its endpoint, in seconds', async () => {
    const { sdk, ask } = await observed();
    world.zitadel.failNext('memberships', 503);
    expect(await ask(`/orgs/${world.acme}`, world.tokens['owner of acme'])).toBe(200);
    expect(await sdk.counts('zitadel.client.request.duration')).toEqual({
      'discovery GET 200': 1,
      'keys GET 200': 1,
      'memberships POST 503 503': 1,
      'memberships POST 200': 1,
    });
    const [{ value } = { value: 0 }] = await sdk.points('zitadel.client.request.duration');
    expect((value as Histogram).sum).toBeLessThan(60);
    expect((value as Histogram).buckets.boundaries.slice(0, 2)).toEqual([0.005, 0.01]);
  });

  it.each([
    ['no connection', { fetch: unreachable }, 'discovery GET no_reply'],
    ['no reply in time', { fetch: hanging, timeoutMs: 1 }, 'discovery GET timeout'],
    [
      'a page in its place',
      { fetch: () => Promise.resolve(new Response('<html>')) },
      'discovery GET 200 unusable_reply',
    ],
    [
      'a reply that is too long',
      { fetch: () => Promise.resolve(new Response('x'.repeat(2 ** 20 + 1))) },
      'discovery GET too_large',
    ],
  ])('zitadel.client.request.duration tells of %s', async (_, options, series) => {
    const { sdk, ask } = await observed(options);
    expect(await ask(`/orgs/${world.acme}`, world.tokens['owner of acme'])).toBe(503);
    expect(Object.keys(await sdk.counts('zitadel.client.request.duration'))).toEqual([series]);
  });

  it('zitadel.client.breaker.state follows the breakers, and unsent_requests what they hold back', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    let isDown = false;
    const fetch: ZitadelOptions['fetch'] = (...request) =>
      isDown ? unreachable() : globalThis.fetch(...request);
    const { sdk, ask } = await observed({ fetch });
    const { acme, tokens } = world;
    const state = () => sdk.counts('zitadel.client.breaker.state');
    await ask(`/orgs/${acme}`, tokens['owner of acme']);
    expect(await state()).toEqual({ discovery: 0, keys: 0, memberships: 0 });
    isDown = true;
    expect(await ask(`/orgs/${acme}`, tokens['viewer of acme'])).toBe(503);
    expect(await state()).toEqual({ discovery: 0, keys: 0, memberships: 2 });
    expect(await ask(`/orgs/${acme}`, tokens['owner of globex'])).toBe(503);
    const unsent = await sdk.counts('zitadel.client.unsent_requests');
    expect(Object.keys(unsent)).toEqual(['memberships']);
    isDown = false;
    vi.advanceTimersByTime(60_000);
    expect(await state()).toEqual({ discovery: 0, keys: 0, memberships: 1 });
    expect(await ask(`/orgs/${acme}`, tokens['owner of globex'])).toBe(403);
    expect(await state()).toEqual({ discovery: 0, keys: 0, memberships: 0 });
  });

  it('zitadel.authorization.membership_age has how old the memberships were, in seconds', async () => {
    const { sdk, ask } = await observed({ cache: { ttlMs: 3_600_000 } }, ALL);
    const { acme, tokens } = world;
    await ask(`/orgs/${acme}`, tokens['owner of acme']);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 });
    try {
      await ask(`/orgs/${acme}`, tokens['owner of acme']);
    } finally {
      vi.useRealTimers();
    }
    // Nothing is known of whoever sends no token.
    await ask(`/orgs/${acme}`);
    const [point] = await sdk.points('zitadel.authorization.membership_age');
    expect(point?.value).toMatchObject({ count: 2 });
    const { max = Infinity } = (point?.value ?? {}) as Partial<Histogram>;
    expect(max).toBeGreaterThanOrEqual(90);
    expect(max).toBeLessThan(200);
  });

  it('zitadel.cache.evictions has what was evicted, and who asked for it', async () => {
    const { sdk, zitadel } = await observed();
    const { authorizer } = zitadel;
    await authorizer.evict(world.ids.nobody);
    await authorizer.evictOrganization(world.acme);
    await authorizer.evictAll();
    await authorizer.rejectIssuedBefore(world.ids.nobody, new Date());
    expect(await sdk.counts('zitadel.cache.evictions')).toEqual({
      'user application': 1,
      'organization application': 1,
      'everyone application': 1,
      'issued_before application': 1,
    });
  });

  it.each(['a delivery', 'the tail'])(
    'zitadel.cache.eviction.lag has what %s told',
    async (way) => {
      const emulator = await startEmulator();
      const acme = emulator.addOrg('acme');
      const [alice, reader] = [emulator.addUser('alice'), emulator.addServiceUser('tail')];
      emulator.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
      emulator.addMember(alice, { org: acme }, ['ORG_OWNER']);
      // What happens in the millisecond of the start counts as after it.
      const before = Date.now();
      await expect.poll(() => Date.now()).toBeGreaterThan(before);
      const events =
        way === 'the tail'
          ? { tail: { serviceUser: pat(emulator.patFor(reader)), everyMs: 1_000 } }
          : { signingKeys: SIGNING_KEY };
      const sdk = new Sdk();
      const telemetry = sdk.telemetry(NONE);
      const options = emulator.options({ events, logger: recorder(), telemetry });
      const { url, zitadel } = await application(sdk, options);
      if (way === 'the tail') {
        await expect.poll(() => zitadel.events.status().tail?.state).toBe('reading');
      } else emulator.addTarget(`${url}/zitadel/events`, { signingKey: SIGNING_KEY });
      // Of what was before, nothing was remembered.
      expect(await sdk.points('zitadel.cache.eviction.lag')).toEqual([]);
      emulator.removeMember(alice, { org: acme });
      await expect.poll(() => sdk.counts('zitadel.cache.eviction.lag')).toEqual({ '': 1 });
      const [point] = await sdk.points('zitadel.cache.eviction.lag');
      const { max = Infinity } = (point?.value ?? {}) as Partial<Histogram>;
      expect(max).toBeLessThan(120);
      expect(Object.keys(await sdk.counts('zitadel.cache.evictions'))).toEqual(['user zitadel']);
    },
  );
});

describe('spans', () => {
  it('of what had to be asked for stand inside the span of the request', async () => {
    const { sdk, ask } = await observed();
    await ask(`/orgs/${world.acme}`, world.tokens['owner of acme']);
    expect(sdk.tree()).toEqual([
      {
        'GET orgs': [
          {
            'zitadel.authorize': [
              {
                'zitadel.verify': [
                  { 'zitadel.request discovery': [] },
                  { 'zitadel.request keys': [] },
                ],
              },
              { 'zitadel.request memberships': [] },
            ],
          },
        ],
      },
    ]);
    const authorize = sdk.spans().find(({ name }) => name === 'zitadel.authorize');
    expect(authorize?.attributes).toEqual({ 'zitadel.decision.outcome': 'allowed' });
    const read = sdk.spans().find(({ name }) => name === 'zitadel.request memberships');
    const { hostname, port } = new URL(world.zitadel.issuer);
    expect(read?.kind).toBe(SpanKind.CLIENT);
    expect(read?.attributes).toEqual({
      'server.address': hostname,
      'server.port': Number(port),
      'zitadel.endpoint': 'memberships',
      'http.request.method': 'POST',
      'http.response.status_code': 200,
    });
  });

  it('of a remembered caller for whom something else must be read begin with that', async () => {
    const { sdk, ask } = await observed();
    const token = world.tokens['owner of acme'];
    await ask(`/orgs/${world.acme}`, token);
    sdk.forgetSpans();
    await ask(`/permissions/${world.acme}`, token);
    expect(sdk.tree()).toEqual([
      { 'GET permissions': [{ 'zitadel.authorize': [{ 'zitadel.request permissions': [] }] }] },
    ]);
  });

  it('of what the application asks begin with the first thing that is read for it', async () => {
    const { sdk, ask, zitadel } = await observed({}, ALL);
    const { authorizer } = zitadel;
    const callers: (Caller | undefined)[] = [];
    authorizer.onDecision(({ decision }) => callers.push(decision.caller));
    await ask(`/orgs/${world.acme}`, world.tokens['viewer of acme']);
    const [caller] = callers as [Caller];
    sdk.forgetSpans();
    const owner = (...more: [] | [object]) => role('ORG_OWNER', org(world.acme), ...more);
    expect(await authorizer.can(caller, role('ORG_OWNER_VIEWER', org(world.acme)))).toBe(true);
    expect(sdk.tree()).toEqual([]);
    expect(await sdk.within('a job', () => authorizer.can(caller, owner({ fresh: true })))).toBe(
      false,
    );
    const [asked] = sdk.spans().filter(({ name }) => name === 'zitadel.authorize');
    expect(asked?.attributes).toEqual({
      'zitadel.decision.for': 'application',
      'zitadel.decision.outcome': 'denied',
      'zitadel.decision.reason': 'role_missing',
    });
    const reading = { 'zitadel.request memberships': [] };
    expect(sdk.tree()).toEqual([
      { 'a job': [{ 'zitadel.authorize': [{ 'zitadel.verify': [] }, reading] }] },
    ]);
    sdk.forgetSpans();
    const question = permission('org.read', org(world.acme));
    await Promise.all([authorizer.can(caller, question), authorizer.can(caller, owner())]);
    await expect(authorizer.assert(caller, question)).resolves.toBeUndefined();
    expect(sdk.tree()).toEqual([{ 'zitadel.authorize': [{ 'zitadel.request permissions': [] }] }]);
    // What cannot be asked is no decision.
    sdk.forgetSpans();
    await expect(authorizer.can(caller, role('ORG_OWNER', org.param('orgId')))).rejects.toThrow(
      'outside a request',
    );
    expect(sdk.tree()).toEqual([]);
  });

  it('of what the application asks say that an outage is an error', async () => {
    const { sdk, ask, zitadel } = await observed();
    const callers: (Caller | undefined)[] = [];
    zitadel.authorizer.onDecision(({ decision }) => callers.push(decision.caller));
    await ask(`/orgs/${world.acme}`, world.tokens['owner of acme']);
    sdk.forgetSpans();
    world.zitadel.fail('memberships', 503);
    const question = role('ORG_OWNER', org(world.acme), { fresh: true });
    await expect(zitadel.authorizer.assert(callers[0] as Caller, question)).rejects.toBeInstanceOf(
      ZitadelUnavailableError,
    );
    world.zitadel.heal();
    const [asked] = sdk.spans().filter(({ name }) => name === 'zitadel.authorize');
    expect(asked?.status.code).toBe(SpanStatusCode.ERROR);
    expect(asked?.attributes).toEqual({
      'zitadel.decision.for': 'application',
      'zitadel.decision.outcome': 'failed',
      'zitadel.decision.reason': 'unavailable',
      'error.type': 'unavailable',
    });
  });

  it('of decisions from memory are those of the sample', async () => {
    for (const [sample, spans] of [
      [0, []],
      [1, [{ 'zitadel.authorize': [] }]],
    ] as const) {
      const { sdk, ask } = await observed({}, { sample });
      await ask(`/orgs/${world.acme}`, world.tokens['owner of acme']);
      sdk.forgetSpans();
      await ask(`/orgs/${world.acme}`, world.tokens['owner of acme']);
      expect(sdk.tree()).toEqual([{ 'GET orgs': spans }]);
      expect(sdk.spans()[0]?.attributes).toEqual(
        sample === 0
          ? {}
          : { 'zitadel.cache.layer': 'memory', 'zitadel.decision.outcome': 'allowed' },
      );
    }
  });

  it('are of one in a hundred unless the option says something else, more or less', async () => {
    const sdk = new Sdk();
    const telemetry = sdk.telemetry()({ issuer: 'https://acme.example' });
    for (let i = 0; i < 100_000; i += 1) {
      telemetry.decided({ allowed: false, reason: 'role_missing' }, 'remembered');
    }
    // Ten times the spread of what chance does.
    expect(Math.abs(sdk.spans().length - 1_000)).toBeLessThan(320);
  });

  it('say that an outage is an error, and that a "no" is none', async () => {
    const { sdk, ask } = await observed();
    const path = `/orgs/${world.acme}`;
    expect(await ask(path, world.tokens.nobody)).toBe(403);
    expect(await ask(path, `${world.tokens.nobody}x`)).toBe(401);
    world.zitadel.fail('memberships', 'html');
    expect(await ask(path, world.tokens['owner of globex'])).toBe(503);
    world.zitadel.heal();
    const told = sdk
      .spans()
      .filter(({ name, attributes }) => !/GET/.test(name) && Object.keys(attributes).length > 0)
      .map(({ name, status, attributes }) => [
        name,
        attributes['zitadel.decision.reason'] ?? 'yes',
        attributes['error.type'] ?? 'fine',
        SpanStatusCode[status.code],
      ]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['zitadel.authorize', 'role_missing', 'fine', 'UNSET'],
        ['zitadel.verify', 'token_invalid', 'fine', 'UNSET'],
        ['zitadel.authorize', 'token_invalid', 'fine', 'UNSET'],
        ['zitadel.request memberships', 'yes', 'unusable_reply', 'ERROR'],
        ['zitadel.authorize', 'unavailable', 'unavailable', 'ERROR'],
      ]),
    );
  });

  it('have attributes of the application if it gives some, and none if that throws', async () => {
    for (const [attributes, expected] of [
      [() => ({ tier: 'gold' }), 'gold'],
      [
        () => {
          throw new Error('a mistake');
        },
        undefined,
      ],
    ] as const) {
      const { sdk, ask } = await observed({}, { sample: 1, attributes });
      const path = `/orgs/${world.acme}`;
      expect(await ask(path, world.tokens['owner of acme'])).toBe(200);
      expect(await ask(path, world.tokens['owner of acme'])).toBe(200);
      const spans = sdk.spans().filter(({ name }) => name === 'zitadel.authorize');
      expect(spans.map((each) => each.attributes['tier'])).toEqual([expected, expected]);
    }
  });
});

describe('nothing personal', () => {
  it('stands in any attribute, name or status, whatever happens', async () => {
    const { zitadel: emulator, tokens, ids, acme, portal } = world;
    const paths = [`/orgs/${acme}`, `/permissions/${world.globex}`, '/orgs/a-path-of-mine'];
    const people = ['owner of acme', 'instance owner', 'nobody'] as const;
    const sent = [...people.map((each) => tokens[each]), 'not-a-token', undefined];
    const hear = async (options: Partial<ZitadelOptions>) => {
      const { sdk, ask, zitadel } = await observed(options, ALL);
      for (const token of sent) {
        for (const path of [...paths, `/projects/${portal}`]) await ask(path, token);
      }
      emulator.failNext('memberships', 'html');
      await ask(`/orgs/${acme}`, emulator.tokenFor({ id: ids.nobody }));
      emulator.heal();
      await zitadel.authorizer.evict(ids.nobody);
      await zitadel.authorizer.evictOrganization(acme);
      return sdk;
    };
    const reader = emulator.addServiceUser('reader');
    emulator.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const serviceUser = pat(emulator.patFor(reader));
    const heard = [await hear({}), await hear({ memberships: { as: 'serviceUser' }, serviceUser })];
    const texts: string[] = [];
    const keys = new Set<string>();
    const note = (attributes: object) => {
      for (const [key, value] of Object.entries(attributes)) {
        keys.add(key);
        texts.push(String(value));
      }
    };
    for (const sdk of heard) {
      for (const { name, attributes, status, events, links } of sdk.spans()) {
        texts.push(name, status.message ?? '', JSON.stringify([events, links]));
        note(attributes);
      }
      for (const { dataPoints } of (await sdk.metrics()).values()) {
        for (const { attributes } of dataPoints) note(attributes);
      }
    }
    // All of them are listed in docs/telemetry.md, and each has few values.
    expect([...keys].sort()).toEqual([...ATTRIBUTES].sort());
    const secrets = [...Object.values(tokens), ...Object.values(ids), acme, portal, world.globex];
    const text = [...new Set(texts)].join('\n');
    for (const secret of [...secrets, ...paths, 'not-a-token', 'acme', 'nobody']) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toMatch(/[0-9]{6}|eyJ|Bearer/);
    expect(new Set(texts).size).toBeLessThan(60);
  });
});

const ATTRIBUTES = [
  'error.type',
  'http.request.method',
  'http.response.status_code',
  'server.address',
  'server.port',
  'zitadel.cache.layer',
  'zitadel.cache.name',
  'zitadel.decision.for',
  'zitadel.decision.outcome',
  'zitadel.decision.reason',
  'zitadel.endpoint',
  'zitadel.eviction.from',
  'zitadel.eviction.subject',
];

describe('trouble in telemetry', () => {
  /** Of each function, each time that it is called. */
  const failing = (fail: () => unknown): StartTelemetry => {
    const names: Record<keyof Telemetry, true> = {
      decided: true,
      during: true,
      found: true,
      unsent: true,
      evicted: true,
      followed: true,
      watch: true,
      close: true,
    };
    const functions = Object.keys(names).map((name) => [name, fail] as const);
    return () => Object.fromEntries(functions) as unknown as Telemetry;
  };

  it.each([
    [
      'throws',
      failing(() => {
        throw new Error('a mistake');
      }),
    ],
    ['rejects', failing(() => Promise.reject(new Error('a mistake')))],
    ['does nothing', failing(() => undefined)],
    ['never ends', failing(() => new Promise(() => undefined))],
    [
      'does each step twice, and says something else',
      () => {
        const during: Telemetry['during'] = async (_, work) => {
          await Promise.all([work(), work()]);
          return { allowed: true };
        };
        return { ...failing(() => undefined)({}), during };
      },
    ],
  ] satisfies [string, StartTelemetry][])('changes no decision if it %s', async (_, telemetry) => {
    const sdk = new Sdk();
    const options = world.zitadel.options({ logger: recorder(), telemetry });
    const { ask, zitadel } = await application(sdk, options);
    const { acme, portal, tokens } = world;
    world.zitadel.resetRequests();
    for (let i = 0; i < 2; i += 1) {
      expect(await ask(`/orgs/${acme}`, tokens['owner of acme'])).toBe(200);
      expect(await ask(`/orgs/${acme}`, tokens.nobody)).toBe(403);
      expect(await ask(`/orgs/${acme}`)).toBe(401);
      expect(await ask(`/projects/${portal}`, tokens['owner of acme'])).toBe(200);
    }
    expect(world.zitadel.requests('memberships')).toBe(2);
    await zitadel.authorizer.evict(world.ids.nobody);
    world.zitadel.failNext('memberships', 'html');
    expect(await ask(`/orgs/${acme}`, tokens['owner of globex'])).toBe(503);
    await zitadel.close();
  });
});

describe('openTelemetry()', () => {
  it('is the only thing that needs OpenTelemetry, and nothing else of the library needs it', () => {
    const lib = fileURLToPath(new URL('../../lib/', import.meta.url));
    const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('opentelemetry/'),
    );
    const needing = files.filter((file) =>
      /from '(@opentelemetry|[^']*\/opentelemetry\/)/.test(readFileSync(`${lib}${file}`, 'utf8')),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(needing).toEqual([]);
  });

  it('counts for each of several instances, and for what none of them decides', async () => {
    const other = await startEmulator();
    const sdk = new Sdk();
    const { url } = world.zitadel;
    const { ask } = await application(sdk, {
      instances: [world.zitadel.options(), other.options()],
      telemetry: sdk.telemetry(NONE),
      logger: recorder(),
    });
    const token = other.tokenFor(other.addUser('bob'));
    expect(await ask(`/orgs/${world.acme}`, world.tokens['owner of acme'])).toBe(200);
    expect(await ask(`/orgs/${world.acme}`, token)).toBe(403);
    const stranger = await startEmulator();
    expect(await ask(`/orgs/${world.acme}`, stranger.tokenFor(stranger.addUser('eve')))).toBe(401);
    const decisions = (await sdk.metrics()).get('zitadel.authorization.decisions');
    const told = decisions?.dataPoints.map(({ attributes, value }) => [
      attributes['server.port'],
      attributes['zitadel.decision.reason'],
      value,
    ]);
    expect(told).toEqual([
      [Number(new URL(url).port), undefined, 1],
      [Number(new URL(other.url).port), 'role_missing', 1],
      [undefined, 'token_invalid', 1],
    ]);
  });

  it('adds up what two parts of an application count, and tells nothing more when all are closed', async () => {
    const sdk = new Sdk();
    const options = world.zitadel.options({ logger: recorder(), telemetry: sdk.telemetry(NONE) });
    const [one, two] = [await application(sdk, options), await application(sdk, options)];
    for (const { ask } of [one, two]) await ask(`/orgs/${world.acme}`);
    const counts = () => sdk.counts('zitadel.authorization.decisions');
    expect(await counts()).toEqual({ 'request denied token_missing': 2 });
    await one.zitadel.close();
    await one.zitadel.close();
    await two.ask(`/orgs/${world.acme}`);
    expect(await counts()).toEqual({ 'request denied token_missing': 3 });
    await two.zitadel.close();
    await two.ask(`/orgs/${world.acme}`);
    expect(await counts()).not.toEqual({ 'request denied token_missing': 4 });
  });

  it('works where no SDK was started, and refuses a share that is none', async () => {
    const options = world.zitadel.options({ logger: recorder(), telemetry: openTelemetry(ALL) });
    const { ask } = await application(new Sdk(), options);
    for (let i = 0; i < 2; i += 1) {
      expect(await ask(`/orgs/${world.acme}`, world.tokens['owner of acme'])).toBe(200);
    }
    for (const sample of [-0.1, 1.1, Number.NaN, '1' as unknown as number]) {
      expect(() => openTelemetry({ sample })).toThrow(/sample must be a number from 0 to 1/);
    }
  });

  it('names the usual port of an issuer that names none', () => {
    const sdk = new Sdk();
    const telemetry = sdk.telemetry()({ issuer: 'https://acme.example' });
    telemetry.unsent('keys');
    return sdk.metrics().then((metrics) => {
      const [point] = metrics.get('zitadel.client.unsent_requests')?.dataPoints ?? [];
      expect(point?.attributes).toMatchObject({
        'server.address': 'acme.example',
        'server.port': 443,
      });
    });
  });
});
