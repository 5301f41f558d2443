import { posix } from 'node:path';
import { type RootModule, textIn, type Tree } from './project.js';

/** Writes a test on the emulator beside the application's module. It passes as it stands. Returns what was done. */
export function addExampleTest(
  tree: Tree,
  { path, specifier }: RootModule,
  className: string,
  runner: 'jest' | 'vitest',
): string {
  const test = posix.join(posix.dirname(path), 'zitadel.spec.ts');
  if (tree.exists(test)) return `${test} is there already.`;
  const beside = `./${posix.basename(specifier)}`;
  const imported = runner === 'vitest' ? "import { expect, it } from 'vitest';\n" : '';
  tree.create(
    test,
    `import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { org, RequireRole } from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
${imported}import { ${className} } from '${beside}';

// A route for this test. Write these decorators on a route of yours, and ask for that one below.
@Controller('example/:orgId')
class ExampleController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read() {
    return 'only owners of the organization read this';
  }
}

@Module({ imports: [${className}], controllers: [ExampleController] })
class ExampleModule {}

it('lets an owner of the organization in, and nobody else', async () => {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const alice = zitadel.addUser('alice');
  const bob = zitadel.addUser('bob');
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  process.env.ZITADEL_ISSUER = zitadel.options().issuer;
  process.env.ZITADEL_PROJECT_ID = String(zitadel.options().audience);

  const app = await NestFactory.create(ExampleModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = \`\${await app.getUrl()}/example/\${acme.id}\`;
  const statusFor = async (token: string) => {
    const headers = { authorization: \`Bearer \${token}\` };
    return (await fetch(url, { headers })).status;
  };
  expect(await statusFor(zitadel.tokenFor(alice))).toBe(200);
  expect(await statusFor(zitadel.tokenFor(bob))).toBe(403);

  await app.close();
  await zitadel.stop();
});
`,
  );
  return `${test} asks a route as two users, on an emulator of ZITADEL.`;
}

const COMPATIBILITY = 'See "Test runners" in node_modules/nestjs-zitadel/docs/compatibility.md.';

/** What `nest new` writes up to Nest 11. */
const OF_TEMPLATE = /^([ \t]*)"transform": *\{\s*"\^\.\+\\\\\.\(t\|j\)s\$": *"ts-jest"\s*\}/m;
/** As docs/compatibility.md says it: Jest loads no ESM by itself. */
const FOR_ESM = `"transform": {
  "\\\\.ts$": "ts-jest",
  "\\\\.js$": ["ts-jest", { "tsconfig": { "allowJs": true, "module": "commonjs", "isolatedModules": true } }]
},
"transformIgnorePatterns": ["/node_modules/(?!(nestjs-zitadel|jose|lru-cache)/)"]`;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The runner of the application's tests. */
export function testRunner(tree: Tree): 'jest' | 'vitest' | undefined {
  const { dependencies, devDependencies } = JSON.parse(
    textIn(tree, 'package.json') ?? '{}',
  ) as Manifest;
  const installed = Object.keys({ ...dependencies, ...devDependencies });
  return (['vitest', 'jest'] as const).find((name) => installed.includes(name));
}

/** Has Jest transform this package, where its settings are those that `nest new` wrote. Returns what was done, and what was not. */
export function letJestLoadEsm(tree: Tree): { readonly done: string[]; readonly left: string[] } {
  const done: string[] = [];
  let isKnown = false;
  for (const path of ['package.json', 'test/jest-e2e.json']) {
    const text = textIn(tree, path) ?? '';
    const isDone = /"transformIgnorePatterns"[^\]]*nestjs-zitadel/.test(text);
    const isOfTemplate = !text.includes('"transformIgnorePatterns"') && OF_TEMPLATE.test(text);
    isKnown ||= isDone || isOfTemplate;
    if (!isOfTemplate) continue;
    const written = text.replace(OF_TEMPLATE, (_, indent: string) =>
      FOR_ESM.replaceAll(/^/gm, indent),
    );
    tree.overwrite(path, written);
    done.push(`${path}: Jest transforms nestjs-zitadel, which is ESM.`);
  }
  const left = `Jest must transform nestjs-zitadel, which is ESM, and its settings are not known here. ${COMPATIBILITY}`;
  return { done, left: isKnown ? [] : [left] };
}
