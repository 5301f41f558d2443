import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { expect, it } from 'vitest';
import { RequireRole, ZitadelManagerGuard, ZitadelModule } from '../../lib/index.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';

it('what a class of options has as accessors counts in Nest as it does in Express', async () => {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  class Settings {
    readonly issuer = zitadel.issuer;
    readonly audience = zitadel.defaultProject.id;
    get hierarchy() {
      return 'exact' as const;
    }
  }
  @Controller()
  class Routes {
    @Get('viewer')
    @RequireRole('ORG_OWNER_VIEWER', acme.id)
    viewer() {
      return 'in';
    }
  }
  @Module({
    imports: [ZitadelModule.forRoot(new Settings())],
    controllers: [Routes],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class App {}
  const app = await NestFactory.create(App, { logger: false });
  try {
    await app.listen(0, '127.0.0.1');
    const authorization = `Bearer ${zitadel.tokenFor(alice)}`;
    const answer = await fetch(`${await app.getUrl()}/viewer`, { headers: { authorization } });
    // By ZITADEL's hierarchy an owner would be a viewer; the accessor says 'exact'.
    expect(answer.status).toBe(403);
  } finally {
    await app.close();
    await zitadel.stop();
  }
});
