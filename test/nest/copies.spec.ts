import { Logger } from '@nestjs/common';
import { afterEach, expect, it, vi } from 'vitest';
import type { tellOfCopies } from '../../lib/nest/copies.js';

const COPIES = Symbol.for('nestjs-zitadel:copies');
const before: unknown = Reflect.get(globalThis, COPIES);
afterEach(() => {
  vi.restoreAllMocks();
  Reflect.set(globalThis, COPIES, before);
});

/** Another copy of the package: the same file under another name. */
async function load(copy: string): Promise<typeof tellOfCopies> {
  const file = `../../lib/nest/copies.js?${copy}`;
  return ((await import(file)) as { readonly tellOfCopies: typeof tellOfCopies }).tellOfCopies;
}

it('two copies of the package are told of, one is not', async () => {
  const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  Reflect.deleteProperty(globalThis, COPIES);
  const tell = await load('first');
  tell();
  expect(warn).not.toHaveBeenCalled();
  await load('second');
  tell();
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/^two copies of nestjs-zitadel are loaded: .*npm ls nestjs-zitadel/)],
  ]);
});
