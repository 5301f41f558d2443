// The same application in CommonJS, where decorators are applied as the functions that they are.
require('reflect-metadata');
const { Controller, Get, Module } = require('@nestjs/common');
const { APP_GUARD, NestFactory } = require('@nestjs/core');
const { DocumentBuilder, SwaggerModule } = require('@nestjs/swagger');
const { TerminusModule } = require('@nestjs/terminus');
const library = require('nestjs-zitadel');
const { createZitadel } = require('nestjs-zitadel/express');
const { openTelemetry } = require('nestjs-zitadel/opentelemetry');
const { withZitadel } = require('nestjs-zitadel/swagger');
const { ZitadelHealthIndicator } = require('nestjs-zitadel/terminus');
const { checkAnswers, checkEntries, startWorld } = require('../answers.js');

const { CheckedResource, CurrentCaller, RequireRole, ZitadelManagerGuard, ZitadelModule } = library;

class OrgsController {
  read(orgId, caller) {
    return { orgId, userId: caller.userId };
  }
}
CheckedResource('org')(OrgsController.prototype, 'read', 0);
CurrentCaller()(OrgsController.prototype, 'read', 1);
Reflect.decorate(
  [Get(':orgId'), RequireRole('ORG_OWNER', library.org.param('orgId'))],
  OrgsController.prototype,
  'read',
  Object.getOwnPropertyDescriptor(OrgsController.prototype, 'read'),
);
Reflect.decorate([Controller('orgs')], OrgsController);

async function main() {
  const world = await startWorld();
  const options = world.zitadel.options({ telemetry: openTelemetry() });
  createZitadel(options);
  class AppModule {}
  const metadata = {
    imports: [ZitadelModule.forRoot(options), TerminusModule],
    controllers: [OrgsController],
    providers: [ZitadelHealthIndicator, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  };
  Reflect.decorate([Module(metadata)], AppModule);
  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  try {
    await checkAnswers(await app.getUrl(), world);
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    checkEntries(
      withZitadel(document, app).paths['/orgs/{orgId}'].get.security,
      await app.get(ZitadelHealthIndicator).ready('zitadel'),
    );
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}

void main();
