import { randomBytes } from 'node:crypto';
import { CacheModule } from '@nestjs/cache-manager';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule, type ZitadelModuleOptions } from 'nestjs-zitadel';
import { DecisionLog, REMEMBERED_MS } from './decision-log.js';
import type { Environment } from './environment.js';
import { INSTANCE, type Instance } from './instance.js';
import { PlainErrors } from './plain-errors.filter.js';
import { ConfigController } from './routes/config.controller.js';
import { DemoController } from './routes/demo.controller.js';
import { EventsController } from './routes/events.controller.js';
import { GrantsController } from './routes/grants.controller.js';
import { MeController } from './routes/me.controller.js';
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
  static around(instance: Instance, environment: Environment): DynamicModule {
    // In memory nobody else reads the entries, so nobody else needs to know what they are signed with.
    const secret = environment.sharedCacheSecret ?? randomBytes(32).toString('base64url');
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
            strict: true,
          }),
        }),
      ],
      controllers: [
        ConfigController,
        MeController,
        TryController,
        GrantsController,
        EventsController,
        ...(instance.demo ? [DemoController] : []),
      ],
      providers: [
        DecisionLog,
        { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
        { provide: APP_FILTER, useClass: PlainErrors },
      ],
    };
  }
}
