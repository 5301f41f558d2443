import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { createZitadel } from '../lib/create-zitadel.js';
import { basic, clientCredentials, introspection, pat } from '../lib/express/index.js';
import type { ZitadelOptions } from '../lib/options.js';
import { MemoryStore } from './core/store/memory-store.js';
import { useEmulator } from './support/world.js';

const CANARY = 'canary-0123456789-0123456789-0123456789';

const zitadel = await useEmulator();

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
