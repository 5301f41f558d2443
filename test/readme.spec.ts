import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DENIAL, ZITADEL_HIERARCHY } from '../lib/express/index.js';
import { resolveOptions } from '../lib/validate-options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The cells of the rows of one section's table, without the head. */
function tableOf(heading: string): readonly (readonly string[])[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const codesIn = (text = ''): readonly string[] =>
  [...text.matchAll(/`([A-Z_]{5,})`/g)].map(([, code]) => code ?? '');

describe('the README', () => {
  it('prints the hierarchy as it is', () => {
    const printed = Object.fromEntries(
      tableOf('Which role satisfies which').map(([role, lower]) => [
        codesIn(role)[0],
        [...codesIn(lower)].sort(),
      ]),
    );
    const real = Object.fromEntries(
      Object.entries(ZITADEL_HIERARCHY).map(([role, lower]) => [role, [...lower].sort()]),
    );
    expect(printed).toEqual(real);
  });

  it('prints every reason with its status', () => {
    const printed = Object.fromEntries(
      tableOf('What a refusal looks like').map(([reason, status]) => [
        reason?.replaceAll('`', ''),
        Number(status),
      ]),
    );
    const real = Object.fromEntries(
      Object.entries(DENIAL).map(([reason, { status }]) => [reason, status]),
    );
    expect(printed).toEqual(real);
  });

  it('prints the defaults of the options that are numbers', () => {
    const printed = new Map(tableOf('Options').map(([name, value]) => [name, value]));
    const real = resolveOptions({ issuer: 'https://acme.example', audience: '1' });
    const number = (name: string) => Number((printed.get(`\`${name}\``) ?? '').replace(/\D/g, ''));
    expect(number('cache.ttlMs')).toBe(real.ttlMs);
    expect(number('cache.maxBytes') * 2 ** 20).toBe(real.maxBytes);
    expect(number('timeoutMs')).toBe(real.timeoutMs);
    expect(number('budgetMs')).toBe(real.budgetMs);
  });

  it('has first examples that compile as they stand', () => {
    const examples = [...readme.matchAll(/```ts\n([^]*?)```/g)]
      .map(([, code]) => code ?? '')
      .slice(0, 2);
    expect(examples).toHaveLength(2);
    const folder = join(root, '.build', 'readme');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [number, code] of examples.entries()) {
      writeFileSync(join(folder, `example-${number}.ts`), code);
    }
    // Declarations are what Nest's own template has on.
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { declaration: true, noEmit: false, outDir: 'out' },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});
