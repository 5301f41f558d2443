import { ConfigurableModuleBuilder, type Type } from '@nestjs/common';
import type { ZitadelOptions } from '../options.js';

/** The injection token of the library, put together. */
export const ZITADEL = 'nestjs-zitadel:zitadel';

/** The options, and what only a Nest application can set. */
export interface ZitadelModuleOptions extends ZitadelOptions {
  /**
   * Do not start while any handler declares nothing: a route, a field of GraphQL, a message of a gateway or of a microservice (otherwise it is
   * denied). Nor while a handler stands where our guard does not check it, or the HTTP adapter has routes of its own that `openPaths` does
   * not name.
   *
   * @default false
   */
  readonly strict?: boolean;
  /**
   * Paths that are served by the HTTP adapter itself and are meant to be open: with `strict`, the application does not start while it serves
   * others. Each counts with all that is below it. Such routes come from `app.use('/docs', ...)`, `app.getHttpAdapter().get(...)`, Swagger UI
   * or boards of queues, and no guard of Nest ever stands before them.
   *
   * @default none
   */
  readonly openPaths?: readonly string[];
  /**
   * Controllers, resolvers and gateways that are public and that you cannot decorate, for example those of a library.
   *
   * @default none
   */
  readonly publicControllers?: readonly Type[];
}

/** What `forRoot` takes. */
export interface ZitadelRootOptions extends ZitadelModuleOptions {
  /**
   * Whether every module can inject what this one provides, without importing it.
   *
   * @default true
   */
  readonly isGlobal?: boolean;
}

/**
 * What `useClass` and `useExisting` name.
 *
 * @example `class Settings implements ZitadelOptionsFactory { createZitadelOptions() { return { issuer, audience }; } }`
 */
export interface ZitadelOptionsFactory {
  createZitadelOptions(): ZitadelModuleOptions | Promise<ZitadelModuleOptions>;
}

export const { ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<ZitadelModuleOptions>({ moduleName: 'Zitadel' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createZitadelOptions')
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({
      ...definition,
      global: isGlobal,
    }))
    .build();
