import { posix } from 'node:path';
import type { RootModule } from './root-module.js';
import type { Tree } from './tree.js';

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
