import { SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { org, pat, role, type SharedCache, type ZitadelOptions } from '../../lib/express/index.js';
import { openTelemetry } from '../../lib/opentelemetry/index.js';
import { useStillClock } from '../support/still-clock.js';
import { startEmulator, useEmulator, useWorld } from '../support/world.js';
import { recorder } from '../zitadel/parts.js';
import { application, Sdk, useContext } from './sdk.js';

useContext();
const world = useWorld();

const SIGNING_KEY = 'a-key-of-the-tests';

/** An application on the emulator, and the SDK that hears of it. */
async function observed(
  options: Partial<ZitadelOptions> = {},
  settings: Parameters<typeof openTelemetry>[0] = { sample: 0 },
) {
  const sdk = new Sdk();
  const telemetry = sdk.telemetry(settings);
  const all = world.zitadel.options({ logger: recorder(), telemetry, ...options });
  return { sdk, ...(await application(sdk, all)) };
}

const unreachable = () =>
  Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }));

describe('metrics', () => {
  it('count decisions by outcome and reason, and the questions of the application by themselves', async () => {
    const { sdk, ask, zitadel } = await observed();
    const { tokens, acme, ids } = world;
    for (let i = 0; i < 3; i += 1) await ask(`/orgs/${acme}`, tokens['owner of acme']);
    await ask(`/orgs/${acme}`, tokens.nobody);
    await ask(`/orgs/${acme}`);
    await ask('/orgs/none', tokens['owner of acme']);
    let caller;
    zitadel.authorizer.onDecision(({ decision }) => (caller = decision.caller));
    await ask(`/orgs/${acme}`, tokens['owner of acme']);
    await zitadel.authorizer.can(caller ?? ids.nobody, role('ORG_OWNER', org(acme)));
    expect(await sdk.counts('zitadel.authorization.decisions')).toEqual({
      'request allowed': 4,
      'request denied role_missing': 1,
      'request denied token_missing': 1,
      'request denied resource_invalid': 1,
      'application allowed': 1,
    });
  });

  it('count an outage and a mistake as failed, not as denied', async () => {
    const { sdk, ask } = await observed({ fetch: unreachable });
    expect(await ask(`/orgs/${world.acme}`, world.tokens.nobody)).toBe(503);
    expect(await sdk.counts('zitadel.authorization.decisions')).toEqual({
      'request failed unavailable': 1,
    });
  });

  it('count look-ups by the layer that had the answer', async () => {
    const sdk = new Sdk();
    const stored = new Map<string, unknown>();
    const sharedCache = {
      get: (key: string) => Promise.resolve(stored.get(key)),
      set: (key: string, value: unknown) => Promise.resolve(stored.set(key, value)),
    } as SharedCache;
    const secret = 'a secret of at least 32 characters';
    const options = world.zitadel.options({
      cache: { shared: { secret } },
      telemetry: sdk.telemetry({ sample: 0 }),
    });
    const one = await application(sdk, options, { sharedCache });
    const other = await application(sdk, options, { sharedCache });
    const token = world.tokens['owner of acme'];
    for (const path of [`/orgs/${world.acme}`, `/permissions/${world.acme}`]) {
      await one.ask(path, token);
      await one.ask(path, token);
      await expect.poll(() => [...stored.keys()].length).toBeGreaterThan(path.startsWith('/o') ? 2 : 3);
      await other.ask(path, token);
    }
    expect(await sdk.counts('zitadel.cache.lookups')).toEqual({});
  });

  it('measure each request to ZITADEL by its endpoint, with what went wrong', async () => {
    const { sdk, ask } = await observed();
    const { zitadel, tokens, acme, portal } = world;
    zitadel.failNext('memberships', 503);
    zitadel.failNext('keys', 'html');
    expect(await ask(`/orgs/${acme}`, tokens['viewer of acme'])).toBe(503);
    await expect.poll(() => ask(`/orgs/${acme}`, tokens['viewer of acme'])).toBe(403);
    expect(await ask(`/projects/${portal}`, tokens['owner of acme'])).toBe(200);
    const points = await sdk.points('zitadel.client.request.duration');
    expect(points).toEqual([]);
  });
});
