import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createZitadel } from '../../lib/create-zitadel.js';
import { basic, clientCredentials, introspection, pat } from '../../lib/express/index.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';
import { MemoryStore } from '../core/memory/memory-store.js';

const CANARY = 'canary-0123456789-0123456789-0123456789';

let zitadel: ZitadelEmulator;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
});
afterAll(() => zitadel.stop());

it.each<[string, Partial<ZitadelOptions>]>([
  ['the personal access token of the service user', { serviceUser: pat(CANARY) }],
  ['the client secret of the service user', { serviceUser: clientCredentials('us', CANARY) }],
  ['the secret of the shared cache', { cache: { shared: { secret: CANARY } } }],
  ['the client secret of introspection', { callers: introspection(basic('us', CANARY)) }],
])('the library, printed or serialized, does not show %s', (_, options) => {
  const library = createZitadel(zitadel.options(options), { sharedCache: new MemoryStore() });
  for (const [name, part] of [['all', library] as const, ...Object.entries(library)]) {
    const shown = [
      JSON.stringify(part),
      inspect(part, { depth: Infinity, showHidden: true }),
      inspect(part, { depth: Infinity, getters: true }),
    ].join('\n');
    expect({ name, leaks: shown.includes(CANARY) }).toEqual({ name, leaks: false });
  }
});

it.each([
  ['issuer', { issuer: clientSecret() }],
  ['issuer', { issuer: `https://acme.example/?token=${clientSecret()}` }],
  ['internalUrl', { internalUrl: clientSecret() }],
  ['projectId', { projectId: clientSecret() }],
  ['api', { api: clientSecret() }],
  ['idPattern', { idPattern: clientSecret() }],
])('a secret that stands in the option %s by mistake is not quoted', (option, wrong) => {
  const options = { issuer: 'https://acme.example', audience: '1', ...wrong } as ZitadelOptions;
  const error = (() => {
    try {
      createZitadel(options);
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  })();
  expect(error).toMatchObject({ option });
  expect(inspect(error)).not.toContain(clientSecret().slice(0, 20));
});

it('an address that is wrong is quoted as far as it helps', () => {
  expect(() => createZitadel(zitadel.options({ issuer: 'https://acme.example/' }))).toThrow(
    "got 'https://acme.example/'",
  );
  const long = `https://a-very-long-name-of-an-instance.zitadel.cloud`;
  expect(() => createZitadel(zitadel.options({ issuer: `${long}/path` }))).toThrow(
    `got '${long}' with more around it`,
  );
});

/** As long as ZITADEL makes client secrets. */
function clientSecret(): string {
  return 'canary0123456789'.repeat(4);
}
