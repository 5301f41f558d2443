import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { ZitadelOptionsError } from '../core/errors.js';
import type { SharedCache } from '../core/store/signed-cache.js';
import { own, withoutInheritance } from '../core/own-properties.js';
import { ZitadelAuthorizer } from '../core/zitadel-authorizer.js';
import { createZitadel, type Zitadel } from '../create-zitadel.js';
import { tellOptions } from '../given-options.js';
import { ZitadelEvents } from '../zitadel/events/zitadel-events.js';
import { MembershipLists } from '../zitadel/memberships/lists.js';
import { BootCheck } from './boot-check.js';
import { BootDoctor } from './boot-doctor.js';
import { RouteRules } from './route-rules.js';
import { mountEvents } from './events-route.js';
import { DenialException } from './doors/http.js';
import { Inventory } from './inventory.js';
import { tellOfCopies, tellOfOldNest } from './installed.js';
import { ProjectGrantService } from './project-grant-service.js';
import { Bindings, guardMessages } from './bindings.js';
import { ZitadelExceptionFilter } from './zitadel-exception.filter.js';
import { ZitadelManagerGuard } from './zitadel-manager.guard.js';
import { NamedZitadelModule } from './zitadel-modules.js';
import { ZitadelDecisionStream, ZitadelEvictionStream } from './zitadel.streams.js';
import {
  type ASYNC_OPTIONS_TYPE,
  type AnyModuleOptions,
  checkOfApplication,
  ConfigurableModuleClass,
  getZitadelToken,
  MODULE_OPTIONS_TOKEN,
  OF_THE_APPLICATION,
  optionsOfZitadel,
  ZITADEL,
  type ZitadelRootOptions,
} from './zitadel.module-definition.js';

// While it is loaded: the second copy may come after the module of the first was written.
tellOfCopies();

/** Stands for the options where the module is imported as it is. `forRoot` and `forRootAsync` provide others after these. */
const NO_OPTIONS = Object.freeze({});

/** What the factory or the class of `forRootAsync` returned. */
function optionsFrom(given: AnyModuleOptions | undefined): AnyModuleOptions {
  if (given === NO_OPTIONS) {
    throw new ZitadelOptionsError(
      'options',
      'options: ZitadelModule is imported without options; write ZitadelModule.forRoot({ issuer, audience, ... }) into the root module; the module is global, so other modules need no import',
    );
  }
  if (typeof given === 'object' && given !== null) return withoutInheritance(given);
  throw notOptions('what the factory of ZitadelModule.forRootAsync() returned', given);
}

function notOptions(what: string, given: unknown): ZitadelOptionsError {
  const got = given === null ? 'null' : typeof given;
  return new ZitadelOptionsError(
    'options',
    `options: ${what} is ${got}; write an object, { issuer, audience, ... }`,
  );
}

/** What a module brings whose name is this, or that has none. */
const zitadel = (name?: string): Provider => ({
  provide: getZitadelToken(name),
  inject: [MODULE_OPTIONS_TOKEN, HttpAdapterHost, { token: 'CACHE_MANAGER', optional: true }],
  useFactory(
    given: AnyModuleOptions,
    adapters: HttpAdapterHost,
    sharedCache: SharedCache | undefined,
  ): Zitadel {
    checkOfApplication(optionsFrom(given), name !== undefined);
    tellOptions({
      door: 'nest',
      name,
      options: optionsOfZitadel(given),
      hasSharedCache: sharedCache !== undefined,
    });
    const made = createZitadel(given, {
      errorFor: (denied) => new DenialException(denied),
      projectGrants: ProjectGrantService,
      sharedCache,
      logger: new Logger(name === undefined ? 'nestjs-zitadel' : `nestjs-zitadel ${name}`),
      ofTheDoor: name === undefined ? OF_THE_APPLICATION : [],
    });
    mountEvents(adapters, made);
    return made;
  },
});

/** A module with a name brings nothing but its ZITADEL: guard, filter and boot check are those of the module without one. */
function withName(definition: DynamicModule, options: object): DynamicModule {
  if (!Object.hasOwn(options, 'name')) return definition;
  const name: unknown = own(options, 'name');
  if (typeof name !== 'string' || name === '') {
    throw new ZitadelOptionsError(
      'name',
      'name: write the name of another ZITADEL, or leave it out',
    );
  }
  const token = getZitadelToken(name);
  return {
    ...definition,
    module: NamedZitadelModule,
    providers: [...(definition.providers ?? []), zitadel(name), running(token)],
    exports: [token],
  };
}

/** What runs on its own begins and ends with the application. Nest calls the hooks of what a factory returns. */
const running = (token: string): Provider => ({
  provide: Symbol('running'),
  inject: [token],
  useFactory: (zitadel: Zitadel) => ({
    onApplicationBootstrap: () => zitadel.begin(),
    onApplicationShutdown: () => zitadel.close(),
  }),
});

const part = (provide: Type, name: keyof Zitadel): Provider => ({
  provide,
  inject: [ZITADEL],
  useFactory: (all: Zitadel) => all[name],
});

const PROVIDERS: Provider[] = [
  zitadel(),
  {
    provide: RouteRules,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: (options: AnyModuleOptions) =>
      new RouteRules(optionsFrom(options).publicControllers ?? []),
  },
  part(ZitadelAuthorizer, 'authorizer'),
  part(ProjectGrantService, 'projectGrants'),
  part(ZitadelEvents, 'events'),
  part(MembershipLists, 'membershipLists'),
  ZitadelDecisionStream,
  ZitadelEvictionStream,
  ZitadelManagerGuard,
  {
    provide: ZitadelExceptionFilter,
    inject: [ApplicationConfig, HttpAdapterHost, MODULE_OPTIONS_TOKEN],
    // Nest asks the last filter first, so as an APP_FILTER it would come before the filters of modules that import ours.
    useFactory: (
      config: ApplicationConfig,
      adapters: HttpAdapterHost,
      options: AnyModuleOptions,
    ) => {
      const filter = new ZitadelExceptionFilter(adapters, optionsFrom(options));
      config.addGlobalFilter(filter);
      return filter;
    },
  },
];

/**
 * Authorization by ZITADEL manager roles. The module is global unless `isGlobal: false`. It does not bind the guard: provide
 * `{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }`.
 *
 * @example `ZitadelModule.forRoot({ issuer: 'https://acme.zitadel.cloud', audience: '<project id>' })`
 * @example `ZitadelModule.forRoot({ name: 'b', issuer: 'https://b.zitadel.cloud', audience: '<project id>' })`
 * @example `ZitadelModule.forRootAsync({ inject: [Settings], useFactory: (settings: Settings) => settings.zitadel })`
 */
@Module({
  providers: [
    { provide: MODULE_OPTIONS_TOKEN, useValue: NO_OPTIONS },
    ...PROVIDERS,
    running(ZITADEL),
    Inventory,
    BootCheck,
    BootDoctor,
    Bindings,
    { provide: guardMessages, inject: [ModulesContainer, BootCheck], useFactory: guardMessages },
  ],
  exports: PROVIDERS,
})
export class ZitadelModule extends ConfigurableModuleClass {
  constructor(@Inject(Inventory) private readonly inventory: object) {
    super();
  }

  /** @internal Nest calls it before it makes the routes. */
  configure(): void {
    (this.inventory as Inventory).beforeRoutes();
  }

  /**
   * @throws ZitadelOptionsError without an object; and at boot, naming the option that is wrong
   * @example `ZitadelModule.forRoot({ issuer: 'https://acme.zitadel.cloud', audience: '<project id>', strict: true })`
   */
  static override forRoot(options: ZitadelRootOptions): DynamicModule {
    const given: unknown = options;
    if (typeof given !== 'object' || given === null) {
      throw notOptions('what ZitadelModule.forRoot() got', given);
    }
    tellOfOldNest();
    const all = withAccessors(options);
    return withName(super.forRoot(all), all);
  }

  /**
   * @throws ZitadelOptionsError at boot, naming the option that is wrong
   * @example `ZitadelModule.forRootAsync({ inject: [Settings], useFactory: (settings: Settings) => settings.zitadel })`
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    tellOfOldNest();
    return withName(super.forRootAsync(options), options);
  }
}

/** Nest copies only own properties. The accessors of a class of options must not get lost silently. */
function withAccessors<T extends object>(options: T): T {
  const prototype: unknown = Object(Object.getPrototypeOf(Object(options)));
  if (prototype === Object.prototype) return options;
  const accessors = Object.entries(Object.getOwnPropertyDescriptors(prototype as object))
    .filter(([, descriptor]) => Object.hasOwn(descriptor, 'get'))
    .map(([name]) => [name, (options as Readonly<Record<string, unknown>>)[name]]);
  return { ...(Object.fromEntries(accessors) as object), ...options };
}
