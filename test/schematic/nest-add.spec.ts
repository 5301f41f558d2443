import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nestAdd } from '../../lib/schematic/nest-add.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = JSON.stringify({ devDependencies: { vitest: '4' } });
const MAIN = `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
const app = await NestFactory.create(AppModule);
`;

/** Runs the schematic on a project of these files. */
function add(given: Readonly<Record<string, string>>) {
  const files: Record<string, string> = { 'package.json': VITEST, 'src/main.ts': MAIN, ...given };
  const said: string[] = [];
  const warned: string[] = [];
  const run = nestAdd({});
  run(
    {
      exists: (path) => Object.hasOwn(files, path),
      read: (path) =>
        files[path] === undefined ? null : new TextEncoder().encode(files[path] ?? ''),
      create: (path, text) => void (files[path] = text),
      overwrite: (path, text) => void (files[path] = text),
    },
    { logger: { info: (line) => said.push(line), warn: (line) => warned.push(line) } },
  );
  return { files, said, warned };
}

const moduleIn = (files: Readonly<Record<string, string>>): string =>
  files['src/app.module.ts'] ?? '';

/** What a module that can be edited becomes. */
const EDITED: Readonly<Record<string, readonly [before: string, after: string]>> = {
  'what nest new writes': [
    `import { Module } from '@nestjs/common';
import { AppService } from './app.service.js';

@Module({
  imports: [],
  providers: [AppService],
})
export class AppModule {}
`,
    `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { AppService } from './app.service.js';

@Module({
  imports: [
    ZitadelModule.forRootAsync({
      useFactory: () => ({
        issuer: process.env.ZITADEL_ISSUER ?? '',
        audience: process.env.ZITADEL_PROJECT_ID ?? '',
      }),
    }),
  ],
  providers: [
    AppService,
    { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
  ],
})
export class AppModule {}
`,
  ],
  'no lists, tabs, double quotes, no semicolons, Windows': [
    `import { Module } from "@nestjs/common"

@Module({})
export class AppModule {
	constructor() {}
}
`.replaceAll('\n', '\r\n'),
    `import { Module } from "@nestjs/common"
import { APP_GUARD } from "@nestjs/core"
import { ZitadelManagerGuard, ZitadelModule } from "nestjs-zitadel"

@Module({
	imports: [
		ZitadelModule.forRootAsync({
			useFactory: () => ({
				issuer: process.env.ZITADEL_ISSUER ?? '',
				audience: process.env.ZITADEL_PROJECT_ID ?? '',
			}),
		}),
	],
	providers: [
		{ provide: APP_GUARD, useExisting: ZitadelManagerGuard },
	],
})
export class AppModule {
	constructor() {}
}
`.replaceAll('\n', '\r\n'),
  ],
  'names in quotes, comments between elements, an import that shares its line': [
    `import { Module } from '@nestjs/common'; @Module({ 'imports': [A /* a */, B, /* b */], "providers": [C] })
export class AppModule {}
`,
    `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
@Module({ 'imports': [A /* a */, B, /* b */
  ZitadelModule.forRootAsync({
    useFactory: () => ({
      issuer: process.env.ZITADEL_ISSUER ?? '',
      audience: process.env.ZITADEL_PROJECT_ID ?? '',
    }),
  }),
], "providers": [
  C,
  { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
] })
export class AppModule {}
`,
  ],
  'comments everywhere, a look-alike in a string, one name imported': [
    `import { Module } from '@nestjs/common'; // @Module({ imports: [] })
import { APP_GUARD } from '@nestjs/core';
import { Limits } from './limits.js';

const text = '@Module({ providers: [] })';

@Module({
  imports: [
    // Nothing yet.
  ],
  providers: [
    Limits, // one, two
    { provide: APP_GUARD, useExisting: Limits } /* the limits, too */, // first
  ],
  exports: [...text],
})
export class AppModule {}
`,
    `import { Module } from '@nestjs/common'; // @Module({ imports: [] })
import { APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { Limits } from './limits.js';

const text = '@Module({ providers: [] })';

@Module({
  imports: [
    // Nothing yet.
    ZitadelModule.forRootAsync({
      useFactory: () => ({
        issuer: process.env.ZITADEL_ISSUER ?? '',
        audience: process.env.ZITADEL_PROJECT_ID ?? '',
      }),
    }),
  ],
  providers: [
    Limits, // one, two
    { provide: APP_GUARD, useExisting: Limits } /* the limits, too */, // first
    { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
  ],
  exports: [...text],
})
export class AppModule {}
`,
  ],
  'no trailing commas, and the module is registered already': [
    `import { Module } from '@nestjs/common';
import { ZitadelModule } from 'nestjs-zitadel';

@Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://acme.example', audience: '1' })],
  providers: [
    One,
    Two // the last
  ]
})
export class AppModule {}
`,
    `import { Module } from '@nestjs/common';
import { ZitadelModule } from 'nestjs-zitadel';
import { APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard } from 'nestjs-zitadel';

@Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://acme.example', audience: '1' })],
  providers: [
    One,
    Two, // the last
    { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
  ]
})
export class AppModule {}
`,
  ],
  'all on one line, and closing brackets behind the last element': [
    `import { Global, Module } from '@nestjs/common';

@Global() @Module({ imports: [Config.forRoot({ a: [1, 2] }), Other], providers: [
  One,
  Two] })
export class AppModule {}
`,
    `import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

@Global() @Module({ imports: [
  Config.forRoot({ a: [1, 2] }),
  Other,
  ZitadelModule.forRootAsync({
    useFactory: () => ({
      issuer: process.env.ZITADEL_ISSUER ?? '',
      audience: process.env.ZITADEL_PROJECT_ID ?? '',
    }),
  }),
], providers: [
  One,
  Two,
  { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
] })
export class AppModule {}
`,
  ],
  'imports of types alone, which bring no value': [
    `import { Module } from '@nestjs/common';
import type { Caller, ZitadelModule } from 'nestjs-zitadel';
import { org, type ZitadelManagerGuard } from 'nestjs-zitadel';

@Module({})
export class AppModule {
  guard?: ZitadelManagerGuard;
}
`,
    `import { Module } from '@nestjs/common';
import { type Caller, ZitadelModule } from 'nestjs-zitadel';
import { org, ZitadelManagerGuard } from 'nestjs-zitadel';
import { APP_GUARD } from '@nestjs/core';

@Module({
  imports: [
    ZitadelModule.forRootAsync({
      useFactory: () => ({
        issuer: process.env.ZITADEL_ISSUER ?? '',
        audience: process.env.ZITADEL_PROJECT_ID ?? '',
      }),
    }),
  ],
  providers: [
    { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
  ],
})
export class AppModule {
  guard?: ZitadelManagerGuard;
}
`,
  ],
};

const HEAD = "import { Module } from '@nestjs/common';\n";

/** A module that cannot be edited, and why. */
const LEFT: Readonly<Record<string, readonly [text: string, why: string]>> = {
  'a list from elsewhere': [
    `${HEAD}@Module({ imports: shared }) export class AppModule {}`,
    'imports of @Module is not written there as a list',
  ],
  'a list under a short name': [
    `${HEAD}@Module({ imports: [], providers }) export class AppModule {}`,
    'providers of @Module is not written there as a list',
  ],
  'metadata that are spread': [
    `${HEAD}@Module({ imports: [], ...shared }) export class AppModule {}`,
    'providers of @Module is not written there as a list',
  ],
  'metadata from elsewhere': [
    `${HEAD}@Module(metadata) export class AppModule {}`,
    'what @Module takes is not written there as an object',
  ],
  'several modules, none of which main.ts starts': [
    `${HEAD}@Module({}) export class One {}\n@Module({}) export class Two {}`,
    'it has several classes with @Module',
  ],
  'a class without a name': [`${HEAD}@Module({}) export default class {}`, 'its class has no name'],
  'no module': ['export class AppModule {}', 'it has no class with @Module'],
};

describe('nest add', () => {
  it.each(Object.entries(EDITED))('edits a module: %s', (_, [before, after]) => {
    const { files, warned } = add({ 'src/app.module.ts': before });
    expect(moduleIn(files)).toBe(after);
    expect(warned).toEqual([]);
    const compilerOptions = { experimentalDecorators: true };
    const { diagnostics } = ts.transpileModule(after, { compilerOptions, reportDiagnostics: true });
    expect(diagnostics).toEqual([]);
    const again = add(files);
    expect(again.files).toEqual(files);
    expect(again.said[0]).toBe('src/app.module.ts has the module and the guard already.');
  });

  it.each(Object.entries(LEFT))('says what it did not edit: %s', (_, [text, why]) => {
    const { files, warned } = add({ 'src/app.module.ts': text });
    expect(moduleIn(files)).toBe(text);
    expect(warned[0]).toContain(`src/app.module.ts was not edited, because ${why}. Write it`);
    expect(warned[0]).toContain('providers: [{ provide: APP_GUARD,');
    expect(Object.keys(files)).not.toContain('src/zitadel.spec.ts');
  });

  const ROOT = `${HEAD}import { AuthModule } from './auth/index.js';
import { Unreadable } from './gone.js';
@Module({ imports: [AuthModule] }) export class AppModule {}
`;
  const authModule = (providers: string) => `${HEAD}import { ZitadelModule } from 'nestjs-zitadel';
@Module({ imports: [ZitadelModule.forRoot(OPTIONS)], providers: [${providers}] })
export class AuthModule {}
`;
  const withAuth = (auth: string, more: Readonly<Record<string, string>> = {}) => ({
    'src/app.module.ts': ROOT,
    'src/auth/index.ts': "export * from './auth.module.js';\n",
    'src/auth/auth.module.ts': auth,
    ...more,
  });

  it('adds the guard where a module of the application registers ZitadelModule', () => {
    const { files, said, warned } = add(withAuth(authModule('')));
    expect(moduleIn(files)).toBe(ROOT);
    expect(files['src/auth/auth.module.ts']).toContain(
      'providers: [\n  { provide: APP_GUARD, useExisting: ZitadelManagerGuard },\n] })',
    );
    expect(files['src/auth/auth.module.ts']?.match(/ZitadelModule\.for/g)).toHaveLength(1);
    expect(said[0]).toContain('src/auth/auth.module.ts: AuthModule');
    expect(files['src/zitadel.spec.ts']).toContain("import { AppModule } from './app.module.js';");
    expect(warned).toEqual([]);
    const again = add(files);
    expect(again.files).toEqual(files);
    expect(again.said[0]).toBe('src/auth/auth.module.ts has the module and the guard already.');
  });

  it.each([
    [
      'by another module',
      {
        'src/app.module.ts': ROOT.replace(
          '[AuthModule]',
          '[AuthModule], providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }]',
        ),
      },
      'src/app.module.ts',
    ],
    [
      'in main.ts',
      { 'src/main.ts': `${MAIN}app.useGlobalGuards(app.get(ZitadelManagerGuard));\n` },
      'src/main.ts',
    ],
  ])('adds nothing where the guard is bound %s', (_, more, where) => {
    const given = withAuth(authModule(''), more);
    const { files, said } = add(given);
    expect(files).toMatchObject(given);
    expect(said[0]).toContain(`the guard stands in ${where}`);
  });

  it.each([
    [
      'is mentioned and not bound',
      "exports: [ZitadelManagerGuard], imports: [ZitadelModule.forRoot(OPTIONS)], providers: ['APP_GUARD']",
    ],
    [
      'stands in the place of another token',
      'imports: [ZitadelModule.forRoot(OPTIONS)], providers: [{ provide: Own, useExisting: ZitadelManagerGuard }]',
    ],
  ])('binds a guard that %s', (_, metadata) => {
    const text = `${HEAD}@Module({ ${metadata} }) export class AppModule {}`;
    const { files, said } = add({ 'src/app.module.ts': text });
    expect(moduleIn(files)).toContain('{ provide: APP_GUARD, useExisting: ZitadelManagerGuard },');
    expect(moduleIn(files).match(/ZitadelModule\.for/g)).toHaveLength(1);
    expect(said[0]).toContain('the guard stands before every route');
  });

  it.each([
    "forRoot({ name: 'b', issuer })",
    "forRootAsync({ 'name': 'b', useFactory })",
    'forRoot({ issuer, name })',
  ])('registers the ZitadelModule without a name beside one that has one: %s', (named) => {
    const text = `${HEAD}@Module({ imports: [ZitadelModule.${named}] }) export class AppModule {}`;
    const { files } = add({ 'src/app.module.ts': text });
    expect(moduleIn(files).match(/ZitadelModule\.for/g)).toHaveLength(2);
    expect(add(files).files).toEqual(files);
  });

  it('finds the module that main.ts starts', () => {
    const main = `import { NestFactory } from '@nestjs/core';
import { helper, ShopModule } from './shop/shop.module';
await NestFactory.create<NestExpressApplication>(ShopModule);
`;
    const text = `${HEAD}@Module({}) class Inner {}\n@Module({}) export class ShopModule {}\n`;
    const { files } = add({ 'src/main.ts': main, 'src/shop/shop.module.ts': text });
    const written = files['src/shop/shop.module.ts'] ?? '';
    expect(written).toContain('@Module({}) class Inner {}\n@Module({\n  imports: [\n');
    const test = files['src/shop/zitadel.spec.ts'] ?? '';
    expect(test).toContain("import { ShopModule } from './shop.module';");
    expect(test).toContain('@Module({ imports: [ShopModule], controllers:');
  });

  it('says so where it finds no module, and writes the example of the environment', () => {
    const { files, warned } = add({ 'src/main.ts': '' });
    expect(warned).toEqual([expect.stringContaining('no module of the application')]);
    expect(Object.keys(files)).toEqual(['package.json', 'src/main.ts', '.env.example']);
  });

  it('adds to an .env.example, and never touches an .env', () => {
    const given = { '.env': 'PORT=1', '.env.example': 'PORT=3000\n' };
    const { files } = add({ ...given, 'src/app.module.ts': `${HEAD}@Module({}) class A {}` });
    expect(files['.env']).toBe('PORT=1');
    expect(files['.env.example']).toMatch(/^PORT=3000\n\n# ZITADEL\. [^]*\nZITADEL_ISSUER=https/);
  });

  describe('with TypeScript 7, which has no API that reads a file', () => {
    const text = `${HEAD}@Module({}) export class AppModule {}`;
    const [, script = ''] = process.argv;
    let folder: string;
    const write = (path: string, content: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'nest-add-'));
      vi.spyOn(process, 'cwd').mockReturnValue(folder);
      process.argv[1] = join(folder, 'schematics.js');
      const manifest = { version: '7.0.2', exports: { '.': './version.cjs' } };
      write('node_modules/typescript/package.json', JSON.stringify(manifest));
      write(
        'node_modules/typescript/version.cjs',
        "module.exports = { version: '7.0.2', versionMajorMinor: '7.0' };",
      );
    });
    afterEach(() => {
      process.argv[1] = script;
      vi.restoreAllMocks();
      rmSync(folder, { recursive: true });
    });

    it('reads the module by the TypeScript that the Nest CLI brings', () => {
      write('node_modules/@nestjs/cli/package.json', '{}');
      mkdirSync(join(folder, 'node_modules/@nestjs/cli/node_modules'));
      const beside = join(folder, 'node_modules/@nestjs/cli/node_modules/typescript');
      symlinkSync(join(root, 'node_modules/typescript'), beside);
      const { files, warned } = add({ 'src/app.module.ts': text });
      expect(moduleIn(files)).toContain('useExisting: ZitadelManagerGuard');
      expect(warned).toEqual([]);
    });

    it('says which version was found and which one it takes', () => {
      const { files, warned } = add({ 'src/app.module.ts': text });
      expect(moduleIn(files)).toBe(text);
      expect(warned[0]).toBe(
        `NOT DONE: src/app.module.ts was not edited, because TypeScript 7.0.2 has no API that reads it, and TypeScript 6 is not installed. \
Run \`npm install --save-dev typescript@6\` and this command again. Or write it yourself, into the module that main.ts starts:
  imports: [ZitadelModule.forRootAsync({
    useFactory: () => ({
      issuer: process.env.ZITADEL_ISSUER ?? '',
      audience: process.env.ZITADEL_PROJECT_ID ?? '',
    }),
  })]
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }]`,
      );
    });

    it('says so where there is no TypeScript at all', () => {
      rmSync(join(folder, 'node_modules'), { recursive: true });
      const { warned } = add({ 'src/app.module.ts': text });
      expect(warned[0]).toContain('because TypeScript is not installed. Run `npm install');
    });
  });

  const JEST = { devDependencies: { jest: '30' }, jest: { rootDir: 'src' } };
  const template = { '^.+\\.(t|j)s$': 'ts-jest' };
  const withJest = (settings: object) =>
    add({
      'package.json': JSON.stringify({ ...JEST, jest: { ...JEST.jest, ...settings } }, null, 2),
      'src/app.module.ts': `${HEAD}@Module({}) export class AppModule {}`,
    });

  it('has Jest load ESM, where nest new wrote the settings', () => {
    const { files, warned } = withJest({ transform: template, testEnvironment: 'node' });
    const { jest } = JSON.parse(files['package.json'] ?? '') as { jest: object };
    expect(jest).toEqual({
      rootDir: 'src',
      transform: { '\\.ts$': 'ts-jest', '\\.js$': ['ts-jest', expect.anything()] },
      transformIgnorePatterns: ['/node_modules/(?!(nestjs-zitadel|jose|lru-cache)/)'],
      testEnvironment: 'node',
    });
    expect(warned).toEqual([]);
    expect(files['src/zitadel.spec.ts']).not.toContain('vitest');
    expect(add(files).files).toEqual(files);
  });

  it.each([
    ['another transformer', { transform: { '\\.ts$': '@swc/jest' } }],
    ['patterns of its own', { transform: template, transformIgnorePatterns: ['x'] }],
  ])('leaves other settings of Jest, and says so: %s', (_, settings) => {
    const { files, warned } = withJest(settings);
    expect(JSON.parse(files['package.json'] ?? '')).toMatchObject({ jest: settings });
    expect(warned).toEqual([expect.stringContaining('Jest must transform nestjs-zitadel')]);
  });

  it('is what schematics.json names, and CommonJS loads it', () => {
    const require = createRequire(join(root, 'package.json'));
    const { schematics } = require('./package.json') as { schematics: string };
    const collection = require(schematics) as {
      schematics: Record<'nest-add', { factory: string }>;
    };
    const [file = '', name = ''] = collection.schematics['nest-add'].factory.split('#');
    const script = `process.stdout.write(typeof require('${file}').${name})`;
    const args = ['--no-warnings', '-e', script];
    expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('function');
  });
});
