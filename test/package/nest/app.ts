// A Nest application in TypeScript and ESM, written as a user of the package would write it.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { checkAnswers, startWorld } from '../answers.js';

const world = await startWorld();

@Controller('orgs')
class OrgsController {
  @Get(':orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId };
  }
}

@Module({
  imports: [ZitadelModule.forRoot(world.zitadel.options())],
  controllers: [OrgsController],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
await app.listen(0, '127.0.0.1');
try {
  await checkAnswers(await app.getUrl(), world);
} finally {
  await app.close();
  await world.zitadel.stop();
}
