import { Logger } from '@nestjs/common';
import { afterEach, expect, it, vi } from 'vitest';
import type { ZitadelModule } from '../../lib/nest/zitadel.module.js';

const COPIES = Symbol.for('nestjs-zitadel:copies');
const before: unknown = Reflect.get(globalThis, COPIES);
afterEach(() => {
  vi.restoreAllMocks();
  Reflect.set(globalThis, COPIES, before);
});

/** Another copy of the package: the same file under another name. */
async function load(copy: string): Promise<typeof ZitadelModule> {
  const file = `../../lib/nest/zitadel.module.js?${copy}`;
  return ((await import(file)) as { readonly ZitadelModule: typeof ZitadelModule }).ZitadelModule;
}

it('a second copy of the package is told of, also if it is loaded after the module of the first was written', async () => {
  const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  Reflect.deleteProperty(globalThis, COPIES);
  const first = await load('first');
  first.forRoot({ issuer: 'https://acme.example', audience: '1' });
  expect(warn).not.toHaveBeenCalled();
  await load('second');
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/^two copies of nestjs-zitadel are loaded: .*npm ls nestjs-zitadel/)],
  ]);
});
