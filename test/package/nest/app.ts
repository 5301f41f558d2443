// A Nest application in TypeScript, written as a user of the package would write it, with all entries. Without top-level await, so that it
// is an ES module or CommonJS, as the compiler is told.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { TerminusModule } from '@nestjs/terminus';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { createZitadel } from 'nestjs-zitadel/express';
import { openTelemetry } from 'nestjs-zitadel/opentelemetry';
import { withZitadel } from 'nestjs-zitadel/swagger';
import { ZitadelHealthIndicator } from 'nestjs-zitadel/terminus';
import { checkAnswers, checkEntries, startWorld } from '../answers.js';

@Controller('orgs')
class OrgsController {
  @Get(':orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId };
  }
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();
  const options = world.zitadel.options({ telemetry: openTelemetry() });
  createZitadel(options);

  @Module({
    imports: [ZitadelModule.forRoot(options), TerminusModule],
    controllers: [OrgsController],
    providers: [ZitadelHealthIndicator, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  try {
    await checkAnswers(await app.getUrl(), world);
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    checkEntries(
      withZitadel(document, app).paths['/orgs/{orgId}']?.get?.security,
      await app.get(ZitadelHealthIndicator).ready('zitadel'),
    );
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}
