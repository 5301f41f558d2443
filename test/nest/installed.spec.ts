import { Logger } from '@nestjs/common';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { tellOfOldNest } from '../../lib/nest/installed.js';
import type { ZitadelModule } from '../../lib/nest/zitadel.module.js';

function warnings(version?: string): readonly string[] {
  const lines: string[] = [];
  const spy = vi
    .spyOn(Logger.prototype, 'warn')
    .mockImplementation((line: unknown) => void lines.push(String(line)));
  onTestFinished(() => spy.mockRestore());
  tellOfOldNest(version);
  return lines;
}

it.each(['10.3.10', '9.4.3', '8.4.7'])('an application on Nest %s is told so', (version) => {
  expect(warnings(version)).toEqual([
    expect.stringContaining(`Nest ${version} is older than 10.4, and nestjs-zitadel is not tested`),
  ]);
});

it.each(['10.4.0', '10.10.0', '11.0.0', '12.5.1', 'next', '', undefined])(
  'an application on Nest %s is told nothing',
  (version) => {
    expect(warnings(version)).toEqual([]);
  },
);

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
