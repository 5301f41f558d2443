import { ConfigurableModuleBuilder, type Type } from '@nestjs/common';
import type { ZitadelOptions } from '../options.js';

/** The injection token of the library, put together. */
export const ZITADEL = 'nestjs-zitadel:zitadel';

/** The options, and what only a Nest application can set. */
export interface ZitadelModuleOptions extends ZitadelOptions {
  /**
   * Do not start while any route declares nothing (otherwise it is denied), or while Nest would run a message handler or an event handler of a
   * gateway without any guard. Only HTTP routes are guarded, and global guards of an HTTP application do not stand before those.
   *
   * @default false
   */
  readonly strict?: boolean;
  /**
   * Controllers and gateways that are public and that you cannot decorate, for example those of a library.
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
