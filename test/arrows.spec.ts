import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');

/** A file of a make-believe tree: what it may import, and what the linter must refuse there. */
interface Room {
  readonly file: string;
  readonly allowed: readonly string[];
  readonly refused: readonly string[];
}

/** The lines that import each of some specifiers, written with spaces between. */
const values = (specifiers: string) =>
  specifiers.split(' ').map((specifier) => `export * from '${specifier}';`);
const types = (specifiers: string) =>
  specifiers.split(' ').map((specifier) => `export type * from '${specifier}';`);
const lazy = (specifier: string) => [`export const later = () => import('${specifier}');`];

const rooms: readonly Room[] = [
  {
    file: 'lib/core/probe.ts',
    allowed: values('./errors.js ./decide/case.js node:crypto node:timers/promises lru-cache'),
    refused: [
      ...values('../zitadel/http.js ../nest/a.guard.js ../express/index.js ../testing/index.js'),
      ...values('../options.js ../create-zitadel.js ../index.js ./../nest/a.guard.js'),
      ...values('jose @nestjs/common rxjs express fs nestjs-zitadel #dist/core/a.js'),
      ...values('cache-manager lru-cache/raw'),
      ...types('../zitadel/http.js @nestjs/common'),
      ...lazy('jose'),
    ],
  },
  {
    file: 'lib/core/decide/probe.ts',
    allowed: values('./case.js ../errors.js ../memory/flight.js node:crypto lru-cache'),
    refused: [
      ...values('../../zitadel/http.js ../../nest/a.guard.js ../../express/index.js'),
      ...values('../../options.js ../../index.js ../../core/errors.js jose @nestjs/common'),
      ...types('../../zitadel/http.js ../../options.js'),
      ...lazy('../../zitadel/http.js'),
    ],
  },
  {
    file: 'lib/zitadel/facts/probe.ts',
    allowed: [
      ...values('./lookups.js ../http.js ../memberships/pages.js ../../core/caller.js'),
      ...values('../../core/decide/case.js jose lru-cache node:crypto'),
    ],
    refused: [
      ...values('../../nest/a.guard.js ../../express/index.js ../../testing/index.js'),
      ...values('../../options.js ../../create-zitadel.js @nestjs/common cache-manager'),
      ...types('../../options.js'),
      ...lazy('../../nest/a.guard.js'),
    ],
  },
  {
    file: 'lib/zitadel/probe.ts',
    allowed: [
      ...values('./http.js ./facts/lookups.js ../core/caller.js ../core/decide/case.js'),
      ...values('jose lru-cache node:crypto'),
    ],
    refused: [
      ...values('../nest/a.guard.js ../express/index.js ../testing/index.js ../options.js'),
      ...values('../create-zitadel.js ../index.js @nestjs/common express cache-manager'),
      ...values('nestjs-zitadel ../../lib/nest/a.guard.js'),
      ...types('../options.js'),
      ...lazy('../nest/a.guard.js'),
    ],
  },
  {
    file: 'lib/fleet/probe.ts',
    allowed: values('./fleet.js ../core/eviction.js ../core/store/turns.js node:crypto'),
    refused: [
      ...values('../zitadel/http.js ../options.js ../create-zitadel.js ../index.js'),
      ...values('../nest/a.guard.js ../express/index.js ../testing/index.js redis ioredis'),
      ...types('redis ioredis ../options.js'),
      ...lazy('redis'),
    ],
  },
  {
    file: 'lib/bin/probe.ts',
    allowed: [
      ...values('./events/plan.js ../core/errors.js ../zitadel/http.js ../create-zitadel.js'),
      ...values('../zitadel/events/targets.js ../doctor/findings.js node:util'),
    ],
    refused: [
      ...values('../index.js ../nest/a.guard.js ../express/index.js ../testing/index.js'),
      ...values('jose lru-cache yaml @nestjs/common @nestjs/core nestjs-zitadel'),
      ...types('../index.js @nestjs/common'),
      ...lazy('../nest/a.guard.js'),
    ],
  },
  {
    file: 'lib/bin/setup/probe.ts',
    allowed: values('./plan.js ../command.js ../../zitadel/http.js ../../options.js node:util'),
    refused: [
      ...values('../../index.js ../../nest/a.guard.js ../../testing/index.js @nestjs/common'),
      ...lazy('../../testing/index.js'),
    ],
  },
  {
    file: 'lib/bin/application.ts',
    allowed: values('./command.js ../nest/access.js ../options.js @nestjs/core node:url'),
    refused: values('../testing/index.js ../express/index.js ../index.js express'),
  },
  {
    file: 'lib/bin/emulator/probe.ts',
    // Not the entry alone: the doubles that it brings make the command start later.
    allowed: values('../command.js ../../testing/emulator.js node:fs yaml'),
    refused: values('../../options.js ../../core/errors.js ../../nest/a.guard.js jose'),
  },
  {
    file: 'lib/doctor/probe.ts',
    allowed: [
      ...values('./finding.js ../create-zitadel.js ../zitadel/http.js ../core/errors.js'),
      ...values('../zitadel/events/targets.js ../fleet/redis-client.js node:crypto'),
    ],
    refused: values('../index.js ../nest/a.guard.js ../bin/command.js @nestjs/common jose redis'),
  },
  {
    file: 'lib/swagger/probe.ts',
    allowed: values('../nest/access.js ../core/errors.js @nestjs/swagger @nestjs/core'),
    refused: values('../zitadel/http.js ../express/index.js ../index.js ../testing/index.js'),
  },
  {
    file: 'lib/terminus/probe.ts',
    allowed: values('../nest/a.js ../zitadel/http.js ../core/memory/flight.js @nestjs/terminus'),
    refused: values('../express/index.js ../index.js ../testing/index.js jose'),
  },
  {
    file: 'lib/opentelemetry/probe.ts',
    allowed: values('../core/decision.js ../options.js @opentelemetry/api'),
    refused: values('../nest/a.guard.js ../index.js @nestjs/common @opentelemetry/sdk-metrics'),
  },
  {
    file: 'lib/schematic/probe.ts',
    allowed: [...values('./tree.js node:module'), ...types('typescript')],
    refused: [
      ...values('typescript ../options.js ../core/errors.js ../nest/a.guard.js ../index.js'),
      ...values('@nestjs/common @angular-devkit/schematics'),
      ...types('../options.js'),
    ],
  },
  {
    file: 'lib/create-zitadel.ts',
    allowed: [
      ...values('./options.js ./core/caller.js ./core/decide/case.js ./zitadel/http.js'),
      ...values('./zitadel/facts/lookups.js node:fs'),
    ],
    refused: [
      ...values('./nest/a.guard.js ./express/index.js ./testing/index.js ./index.js'),
      ...values('@nestjs/common express jose nestjs-zitadel'),
      ...types('./nest/a.guard.js ./index.js'),
    ],
  },
  {
    file: 'lib/index.ts',
    allowed: values('./public.js ./core/caller.js ./zitadel/http.js ./nest/a.guard.js'),
    refused: values('./express/index.js ./testing/index.js @nestjs/common jose'),
  },
  {
    file: 'lib/nest/probe.ts',
    allowed: [
      ...values('./a.guard.js ../options.js ../create-zitadel.js ../core/caller.js'),
      ...values('../zitadel/http.js @nestjs/common @nestjs/core rxjs node:util'),
    ],
    refused: [
      ...values('../express/index.js ../testing/index.js ../index.js express fastify'),
      ...values('cache-manager @nestjs/cache-manager @nestjs/testing @nestjs/platform-express'),
      ...values('jose lru-cache nestjs-zitadel'),
      ...types('../index.js express'),
    ],
  },
  {
    file: 'lib/express/index.ts',
    allowed: [
      ...values('./require-role.js ../options.js ../create-zitadel.js ../core/caller.js'),
      ...values('../zitadel/http.js node:http'),
    ],
    refused: [
      ...values('../nest/a.guard.js ../testing/index.js ../index.js @nestjs/common express'),
      ...values('rxjs jose nestjs-zitadel'),
      ...types('../nest/a.guard.js express'),
    ],
  },
  {
    file: 'lib/testing/probe.ts',
    allowed: [...values('./core.js ./world/world.js node:http jose'), ...types('../options.js')],
    refused: [
      ...values('../options.js ../core/caller.js ../zitadel/http.js ../create-zitadel.js'),
      ...values('../nest/a.guard.js ../index.js ../express/index.js @nestjs/common express'),
      ...values('lru-cache nestjs-zitadel'),
      ...types('../core/caller.js ../create-zitadel.js'),
    ],
  },
  {
    file: 'lib/testing/doubles.ts',
    allowed: [
      ...values('../core/decision.js ../core/caller.js node:http ../express/middleware.js'),
      ...lazy('../nest/doors/doors.js'),
    ],
    refused: [
      ...values('./emulator.js ./world/world.js ../zitadel/http.js ../create-zitadel.js'),
      ...values('../nest/a.guard.js ../index.js @nestjs/common express jose'),
    ],
  },
  {
    file: 'lib/testing/world/probe.ts',
    allowed: [
      ...values('./world.js ../core.js ../server/answers.js node:http jose'),
      ...types('../../options.js'),
    ],
    refused: [
      ...values('../../options.js ../../core/caller.js ../../zitadel/http.js ../../index.js'),
      ...values('../../nest/a.guard.js ../../express/index.js @nestjs/common lru-cache'),
      ...types('../../core/caller.js ../../create-zitadel.js'),
    ],
  },
  {
    file: 'sample-app/probe.ts',
    allowed: [
      ...values('nestjs-zitadel nestjs-zitadel/express nestjs-zitadel/testing ./seed.js'),
      ...values('@nestjs/common @keyv/redis node:fs'),
    ],
    refused: [
      ...values('../lib/index.js ../dist/index.js #dist/core/caller.js ../test/support/a.js'),
      ...types('../lib/index.js'),
    ],
  },
  {
    file: 'test/evidence/probe.ts',
    allowed: values(
      'nestjs-zitadel nestjs-zitadel/testing #dist/core/decide/decide.js ./oracle.js',
    ),
    refused: values(
      '../../lib/core/decide/decide.js ../../dist/core/decide/decide.js ../../lib/index.js',
    ),
  },
  {
    file: 'test/contract/probe.ts',
    allowed: values(
      'nestjs-zitadel/express nestjs-zitadel/testing #dist/core/denial.js ./world.js',
    ),
    refused: values('../../lib/core/denial.js ../../dist/core/denial.js ../../lib/index.js'),
  },
  {
    file: 'test/core/decide-oracle.ts',
    allowed: [...values('node:crypto'), ...types('nestjs-zitadel')],
    refused: values('../../lib/core/decide.js #dist/core/decide.js nestjs-zitadel'),
  },
];

interface Finding {
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

const tree = await mkdtemp(join(tmpdir(), 'arrows-'));
let findings: readonly Finding[] = [];

async function write(file: string, lines: readonly string[]): Promise<void> {
  await mkdir(dirname(join(tree, file)), { recursive: true });
  await writeFile(join(tree, file), `${lines.join('\n')}\n`);
}

async function lint(): Promise<readonly Finding[]> {
  const report = await promisify(execFile)(
    process.execPath,
    [oxlint, '--config', '.oxlintrc.json', '--format', 'json', '.'],
    { cwd: tree, maxBuffer: 16 * 2 ** 20 },
  ).catch((failure: { stdout: string }) => failure);
  return (JSON.parse(report.stdout) as { diagnostics: Finding[] }).diagnostics;
}

function linesRefused(file: string, code: string): number[] {
  return findings
    .filter((finding) => finding.filename === file && finding.code.includes(code))
    .map((finding) => finding.labels[0]?.span.line ?? 0)
    .sort((a, b) => a - b);
}

beforeAll(async () => {
  const rules = JSON.parse(await readFile(join(root, '.oxlintrc.json'), 'utf8')) as object;
  // Without type information: the tree's packages do not exist, and no arrow needs them.
  await write('.oxlintrc.json', [JSON.stringify({ ...rules, options: { typeAware: false } })]);
  const ownRule = 'test/setup/no-in.lint.mjs';
  await write(ownRule, [await readFile(join(root, ownRule), 'utf8')]);
  for (const { file, allowed, refused } of rooms) await write(file, [...allowed, ...refused]);
  await write('lib/core/ring-a.ts', [`import { b } from './ring-b.js';`, 'export const a = b;']);
  await write('lib/core/ring-b.ts', [`import { a } from './ring-a.js';`, 'export const b = a;']);
  await write('lib/core/nameless.ts', ['export default 1;']);
  await write('lib/zitadel/inheriting.ts', [
    `export const is = (value: object) => 'admin' in value;`,
    'export class Branded {',
    '  #brand = true;',
    '  static is = (value: object) => #brand in value;',
    '}',
  ]);
  await write('lib/core/loose.ts', ['export const loose: any = 1;']);
  await write(
    'lib/core/long.ts',
    Array.from({ length: 301 }, (_, line) => `// line ${line}`),
  );
  await write(
    'lib/core/full.ts',
    Array.from({ length: 300 }, (_, line) => `// line ${line}`),
  );
  findings = await lint();
});

afterAll(() => rm(tree, { recursive: true, force: true }));

describe('the arrows between the rooms', () => {
  it.each(rooms)(
    'lets $file import what it may, and nothing else',
    ({ file, allowed, refused }) => {
      expect(linesRefused(file, 'no-restricted-imports')).toEqual(
        refused.map((_, index) => allowed.length + index + 1),
      );
    },
  );

  it('has a rule for every room of the library', async () => {
    const entries = await readdir(join(root, 'lib'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const covered = rooms.map(({ file }) => /^lib\/(\w+)\//.exec(file)?.[1]);
    expect(covered).toEqual(expect.arrayContaining(folders));
  });
});

describe('the rules of the library', () => {
  it.each([
    ['a ring of imports', 'lib/core/ring-a.ts', 'no-cycle'],
    ['a default export', 'lib/core/nameless.ts', 'no-default-export'],
    ['any', 'lib/core/loose.ts', 'no-explicit-any'],
    ['`in`, which finds what is inherited', 'lib/zitadel/inheriting.ts', 'no-in'],
    ['a file of more than 300 lines', 'lib/core/long.ts', 'max-lines'],
  ])('refuse %s', (_what, file, code) => {
    expect(linesRefused(file, code)).not.toEqual([]);
  });

  it('let a class look for its own brand', () => {
    expect(linesRefused('lib/zitadel/inheriting.ts', 'no-in')).toEqual([1]);
  });

  it('let a file of 300 lines be', () => {
    expect(linesRefused('lib/core/full.ts', 'max-lines')).toEqual([]);
  });
});
