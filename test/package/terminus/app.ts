// A health page of Terminus, written as a user of the package would write it.
import 'reflect-metadata';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { pat, Public, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { ZitadelHealthIndicator } from 'nestjs-zitadel/terminus';
import { startWorld } from '../answers.js';

@Controller('health')
@Public()
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    private readonly zitadel: ZitadelHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  ready() {
    return this.health.check([() => this.zitadel.ready('zitadel', { everyMs: 0 })]);
  }
}

interface Page {
  readonly details: {
    readonly zitadel: Readonly<Record<string, unknown>> & { readonly events?: { state?: string } };
  };
}

export async function tryOut(): Promise<void> {
  const { zitadel } = await startWorld();
  const serviceUser = pat(zitadel.patFor(zitadel.addServiceUser('robot')));
  const silent = { debug() {}, log() {}, warn() {}, error() {} };

  @Module({
    imports: [
      ZitadelModule.forRoot({
        ...zitadel.options(),
        serviceUser,
        events: { tail: { serviceUser } },
        logger: silent,
      }),
      TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [HealthController],
    providers: [ZitadelHealthIndicator, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  // The tail may not read events.
  zitadel.fail('events', 403);
  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/health`;
  const ask = async () => {
    const response = await fetch(url);
    const { details } = (await response.json()) as Page;
    const { status, serviceUser: user, message, events } = details.zitadel;
    return { code: response.status, status, user, message, events: events?.state };
  };
  const check = (found: object, wanted: object): void => {
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(found)}`);
  };
  try {
    let found = await ask();
    for (let tries = 0; found.events !== 'late' && tries < 1_000; tries += 1) found = await ask();
    // Terminus 11 does not know `degraded`.
    check(found, { code: 200, status: 'up', user: 'signed in', events: 'late' });
    zitadel.fail('userinfo', 503);
    const message = 'ZITADEL cannot be reached';
    check(await ask(), { code: 503, status: 'down', message, events: 'late' });
  } finally {
    await app.close();
    await zitadel.stop();
  }
}
