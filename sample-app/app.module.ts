import { CacheModule } from '@nestjs/cache-manager';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule, type ZitadelModuleOptions } from 'nestjs-zitadel';
import { DecisionLog, REMEMBERED_MS } from './decision-log.js';
import type { Environment } from './environment.js';
import type { Fleet } from './fleet.js';
import { INSTANCE, type Instance } from './instance.js';
import { PlainErrors } from './plain-errors.filter.js';
import { RememberedRows } from './remembered-rows.js';
import { AccessController } from './routes/access.controller.js';
import { ConfigController } from './routes/config.controller.js';
import { DemoController } from './routes/demo.controller.js';
import { DoorController } from './routes/door.controller.js';
import { EventsController } from './routes/events.controller.js';
import { GrantsController } from './routes/grants.controller.js';
import { MeController } from './routes/me.controller.js';
import { PathController } from './routes/path.controller.js';
import { TryController } from './routes/try.controller.js';
import { openSharedStore } from './shared-cache.js';

@Global()
@Module({})
class InstanceModule {
  static around(instance: Instance): DynamicModule {
    const providers = [{ provide: INSTANCE, useValue: instance }];
    return { module: InstanceModule, providers, exports: providers };
  }
}

@Module({})
export class AppModule {
  /** @param bus over which this instance of the app tells the others what is forgotten */
  static around(
    instance: Instance,
    environment: Environment,
    { secret }: Fleet,
    bus: ZitadelModuleOptions['redis'],
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        InstanceModule.around(instance),
        CacheModule.registerAsync({
          isGlobal: true,
          useFactory: () => ({ stores: [openSharedStore(environment.redisUrl)] }),
        }),
        ZitadelModule.forRootAsync({
          inject: [INSTANCE],
          useFactory: ({ options }: Instance): ZitadelModuleOptions => ({
            ...options,
            cache: { ttlMs: REMEMBERED_MS, shared: { secret } },
            ...(bus && { redis: bus }),
            strict: true,
          }),
        }),
      ],
      controllers: [
        AccessController,
        ConfigController,
        MeController,
        TryController,
        GrantsController,
        EventsController,
        PathController,
        ...(instance.demo ? [DemoController, DoorController] : []),
      ],
      providers: [
        DecisionLog,
        RememberedRows,
        { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
        { provide: APP_FILTER, useClass: PlainErrors },
      ],
    };
  }
}
