import { Controller, Get, type ModuleMetadata } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  key,
  pat,
  Public,
  ZitadelArgumentError,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelRootOptions,
} from '../../lib/index.js';
import { ZitadelHealthIndicator, type ZitadelHealthOptions } from '../../lib/terminus/index.js';
import { startNest } from '../support/start.js';
import { startEmulator, useEmulator } from '../support/world.js';

const zitadel = await useEmulator();
const robot = zitadel.addServiceUser('robot');
const serviceUser = key(JSON.parse(zitadel.addKey(robot)) as object);
const SILENT = { debug() {}, log() {}, warn() {}, error() {} };
const plain = () => zitadel.options({ logger: SILENT });

/** A health page, as an application would write it. */
async function start(
  options: ZitadelRootOptions,
  settings?: ZitadelHealthOptions,
  without = false,
  imports: ModuleMetadata['imports'] = [],
) {
  @Controller('health')
  @Public()
  class Health {
    constructor(
      private readonly health: HealthCheckService,
      private readonly indicator: ZitadelHealthIndicator,
    ) {}

    @Get('live')
    live() {
      return this.health.check([]);
    }

    @Get('ready')
    ready() {
      return this.health.check([() => this.indicator.ready('zitadel', settings)]);
    }
  }
  Reflect.defineMetadata('design:paramtypes', [HealthCheckService, ZitadelHealthIndicator], Health);
  const running = await startNest('express', {
    imports: [
      ZitadelModule.forRoot(options),
      TerminusModule.forRoot({ logger: false }),
      ...imports,
    ],
    controllers: [Health],
    providers: [
      { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
      ZitadelHealthIndicator,
      ...(without ? [{ provide: HealthIndicatorService, useClass: WithoutDegraded }] : []),
    ],
  });
  onTestFinished(() => running.close());
  return async (path: string) => {
    const reply = await fetch(`${running.url}/health/${path}`);
    const body = (await reply.json()) as { status: string; details: { zitadel?: object } };
    return { code: reply.status, status: body.status, ...body.details.zitadel };
  };
}

/** As terminus 11 has it. */
class WithoutDegraded {
  check(name: string) {
    const result = (status: string) => (data: object) => ({ [name]: { ...data, status } });
    return { up: result('up'), down: result('down') };
  }
}

describe('ZitadelHealthIndicator', () => {
  it('is up where ZITADEL is reached, and asks once for many probes', async () => {
    const ask = await start(plain());
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask('ready')));
    for (const reply of replies)
      expect(reply).toEqual({ code: 200, status: 'up', reachable: true });
    expect(zitadel.requestLog()).toHaveLength(1);
  });

  it('asks again after everyMs, with one request also as the service user', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const ask = await start({ ...plain(), serviceUser }, { everyMs: 3_000 });
    const well = { code: 200, status: 'up', reachable: true, serviceUser: 'signed in' };
    expect(await ask('ready')).toEqual(well);
    zitadel.resetRequests();
    vi.advanceTimersByTime(2_999);
    await ask('ready');
    expect(zitadel.requestLog()).toHaveLength(0);
    vi.advanceTimersByTime(2);
    expect(await ask('ready')).toEqual(well);
    expect(zitadel.requestLog()).toHaveLength(1);
  });

  it('is down where ZITADEL is not reached, while the process lives', async () => {
    const ask = await start(plain(), { everyMs: 0 });
    zitadel.fail('discovery', 503);
    expect(await ask('ready')).toMatchObject({
      code: 503,
      reachable: false,
      message: 'ZITADEL cannot be reached',
    });
    zitadel.resetRequests();
    expect(await ask('live')).toMatchObject({ code: 200 });
    expect(zitadel.requestLog()).toEqual([]);
    zitadel.heal();
    expect(await ask('ready')).toMatchObject({ code: 200, reachable: true });
  });

  it('has a deadline', async () => {
    const ask = await start(plain(), { timeoutMs: 50 });
    zitadel.fail('discovery', 'hang');
    expect(await ask('ready')).toMatchObject({ code: 503, reachable: false });
  });

  it('has one deadline for all that it asks as the service user', async () => {
    const ask = await start({ ...plain(), serviceUser }, { timeoutMs: 300, everyMs: 0 });
    for (const endpoint of ['discovery', 'token', 'userinfo'] as const) {
      zitadel.delay(endpoint, 200);
    }
    expect(await ask('ready')).toMatchObject({ code: 503, reachable: false });
    // What it has learned meanwhile counts: now there is one request.
    await expect.poll(() => ask('ready')).toMatchObject({ code: 200, serviceUser: 'signed in' });
  });

  it('is down where ZITADEL refuses the service user, and shows nothing of it', async () => {
    const other = zitadel.addServiceUser('gone');
    const file = zitadel.addKey(other);
    const ask = await start(
      { ...plain(), serviceUser: key(JSON.parse(file) as object) },
      { everyMs: 0 },
    );
    zitadel.removeUser(other);
    const reply = await ask('ready');
    expect(reply).toEqual({
      code: 503,
      status: 'down',
      reachable: true,
      serviceUser: 'refused',
      message: 'ZITADEL refuses the service user',
    });
  });

  it.each([
    [false, 'degraded'],
    [true, 'up'],
  ])('is degraded where events are late, if terminus knows that', async (without, status) => {
    const events = { tail: { serviceUser } };
    const ask = await start({ ...plain(), events }, { everyMs: 0 }, without);
    zitadel.fail('events', 403);
    await expect
      .poll(() => ask('ready'))
      .toMatchObject({ code: 200, status, events: { state: 'late' } });
  });

  it('shows refused deliveries', async () => {
    const ask = await start({ ...plain(), events: { signingKeys: 'k'.repeat(36) } });
    expect(await ask('ready')).toMatchObject({ events: { state: 'received', refused: 0 } });
  });

  it('counts several instances, and is down if all of them are away', async () => {
    const second = await startEmulator();
    const { logger: _, ...first } = plain();
    const ask = await start(
      { logger: SILENT, instances: [first, second.options()] },
      { everyMs: 0 },
    );
    second.fail('discovery', 503);
    expect(await ask('ready')).toMatchObject({
      code: 200,
      status: 'degraded',
      instances: { well: 1, of: 2 },
    });
    zitadel.fail('discovery', 503);
    expect(await ask('ready')).toMatchObject({ code: 503, reachable: false });
  });

  it('looks after the ZITADEL whose name it is told, by its own service user and events', async () => {
    const second = await startEmulator();
    const its = pat(second.patFor(second.addServiceUser('its')));
    const events = { signingKeys: 'k'.repeat(36) };
    const named = { ...second.options(), logger: SILENT, serviceUser: its, events };
    const ask = await start(plain(), { everyMs: 0, zitadel: 'b' }, false, [
      ZitadelModule.forRootAsync({ name: 'b', useFactory: () => named }),
    ]);
    const well = {
      code: 200,
      status: 'up',
      reachable: true,
      serviceUser: 'signed in',
      events: { state: 'received', refused: 0 },
    };
    zitadel.fail('discovery', 503);
    expect(await ask('ready')).toEqual(well);
    expect(zitadel.requestLog()).toEqual([]);
    second.fail('userinfo', 503);
    expect(await ask('ready')).toMatchObject({ code: 503, status: 'down', reachable: false });
  });

  /** The indicator of an application with a second ZITADEL, which is away. */
  async function indicatorOfTwo() {
    const second = await startEmulator();
    second.fail('discovery', 503);
    const { app, close } = await startNest('express', {
      imports: [
        ZitadelModule.forRoot(plain()),
        ZitadelModule.forRoot({ ...second.options({ logger: SILENT }), name: 'b' }),
        TerminusModule.forRoot({ logger: false }),
      ],
      providers: [ZitadelHealthIndicator],
    });
    onTestFinished(close);
    return app.get(ZitadelHealthIndicator);
  }

  it('keeps two ZITADELs apart under one key', async () => {
    const indicator = await indicatorOfTwo();
    expect(await indicator.ready('zitadel')).toMatchObject({ zitadel: { status: 'up' } });
    expect(await indicator.ready('zitadel', { zitadel: 'b' })).toMatchObject({
      zitadel: { status: 'down', reachable: false },
    });
  });

  it.each([
    ['everyMs', -1],
    ['everyMs', Number.NaN],
    ['timeoutMs', 0],
    ['timeoutMs', Number.POSITIVE_INFINITY],
    ['timeoutMs', '2000'],
    ['maxLagMs', null],
  ])('refuses %s: %s', async (name, value) => {
    const indicator = await indicatorOfTwo();
    const asked = indicator.ready('zitadel', { [name]: value } as ZitadelHealthOptions);
    await expect(asked).rejects.toThrow(ZitadelArgumentError);
    await expect(asked).rejects.toThrow(new RegExp(`^${name}: write milliseconds from \\d+ to`));
  });
});
