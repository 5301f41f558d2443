import { type DynamicModule, Inject, Logger, Module, type Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Denied } from '../core/decision.js';
import { ZitadelOptionsError } from '../core/errors.js';
import type { SharedCache } from '../core/store/signed-cache.js';
import { own, withoutInheritance } from '../core/own-properties.js';
import { ZitadelAuthorizer } from '../core/zitadel-authorizer.js';
import { createZitadel, type Zitadel } from '../create-zitadel.js';
import { tellOptions } from '../given-options.js';
import { ZitadelEvents } from '../zitadel/events/zitadel-events.js';
import { MembershipLists } from '../zitadel/memberships/lists.js';
import { BootCheck } from './boot-check.js';
import { BootDoctor, checkBoot } from './boot-doctor.js';
import { RouteRules } from './route-rules.js';
import { tellOfCopies } from './copies.js';
import { mountEvents } from './events-route.js';
import { DenialException } from './doors/http.js';
import { Inventory } from './inventory.js';
import { NamedZitadelModule } from './named-zitadel.module.js';
import { tellOfOldNest } from './old-nest.js';
import { ProjectGrantService } from './project-grant-service.js';
import { Bindings, guardMessages } from './bindings.js';
import { ZitadelExceptionFilter } from './zitadel-exception.filter.js';
import { ZitadelManagerGuard } from './zitadel-manager.guard.js';
import { ZitadelDecisionStream, ZitadelEvictionStream } from './zitadel.streams.js';
import {
  type ASYNC_OPTIONS_TYPE,
  type AnyModuleOptions,
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

function zitadelFrom(
  given: AnyModuleOptions,
  adapters: HttpAdapterHost,
  cache: SharedCache | undefined,
): Zitadel {
  const options: Partial<AnyModuleOptions> = optionsFrom(given);
  if (Object.hasOwn(options, 'strict') && typeof options.strict !== 'boolean') {
    throw new ZitadelOptionsError(
      'strict',
      `strict: got ${typeof options.strict}; write true or false`,
    );
  }
  const controllers: unknown = options.publicControllers;
  const fits =
    Array.isArray(controllers) && controllers.every((each) => typeof each === 'function');
  if (Object.hasOwn(options, 'publicControllers') && !fits) {
    throw new ZitadelOptionsError(
      'publicControllers',
      `publicControllers: got ${typeof controllers}; write a list of controller classes`,
    );
  }
  const paths: unknown = options.openPaths;
  const arePaths =
    Array.isArray(paths) && paths.every((each) => typeof each === 'string' && /^\/./s.test(each));
  if (Object.hasOwn(options, 'openPaths') && !arePaths) {
    throw new ZitadelOptionsError(
      'openPaths',
      `openPaths: got ${Array.isArray(paths) ? 'a list with something else' : typeof paths}; write a list of paths below '/', for example ['/docs']`,
    );
  }
  checkBoot(options);
  tellOptions({
    door: 'nest',
    name: undefined,
    options: optionsOfZitadel(given),
    hasSharedCache: cache !== undefined,
  });
  const zitadel = createZitadel(given, {
    ...OF_NEST,
    sharedCache: cache,
    logger: new Logger('nestjs-zitadel'),
    ofTheDoor: OF_THE_APPLICATION,
  });
  mountEvents(adapters, zitadel);
  return zitadel;
}

const INJECTED = [
  MODULE_OPTIONS_TOKEN,
  HttpAdapterHost,
  { token: 'CACHE_MANAGER', optional: true },
];

const OF_NEST = {
  errorFor: (denied: Denied) => new DenialException(denied),
  projectGrants: ProjectGrantService,
};

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
  const provider: Provider = {
    provide: token,
    inject: INJECTED,
    useFactory: (
      given: AnyModuleOptions,
      adapters: HttpAdapterHost,
      sharedCache: SharedCache | undefined,
    ) => {
      const ofAll = OF_THE_APPLICATION.find((each) => Object.hasOwn(optionsFrom(given), each));
      if (ofAll === undefined) {
        const logger = new Logger(`nestjs-zitadel ${name}`);
        const hasSharedCache = sharedCache !== undefined;
        tellOptions({ door: 'nest', name, options: given, hasSharedCache });
        const zitadel = createZitadel(given, { ...OF_NEST, sharedCache, logger });
        mountEvents(adapters, zitadel);
        return zitadel;
      }
      throw new ZitadelOptionsError(
        ofAll,
        `${ofAll}: is about the whole application; write it into the ZitadelModule without a name`,
      );
    },
  };
  return {
    ...definition,
    module: NamedZitadelModule,
    providers: [...(definition.providers ?? []), provider, running(token)],
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

const PROVIDERS: Provider[] = [
  {
    provide: ZITADEL,
    inject: INJECTED,
    useFactory: zitadelFrom,
  },
  {
    provide: RouteRules,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: (options: AnyModuleOptions) =>
      new RouteRules(optionsFrom(options).publicControllers ?? []),
  },
  { provide: ZitadelAuthorizer, inject: [ZITADEL], useFactory: (z: Zitadel) => z.authorizer },
  { provide: ProjectGrantService, inject: [ZITADEL], useFactory: (z: Zitadel) => z.projectGrants },
  { provide: ZitadelEvents, inject: [ZITADEL], useFactory: (z: Zitadel) => z.events },
  { provide: MembershipLists, inject: [ZITADEL], useFactory: (z: Zitadel) => z.membershipLists },
  {
    provide: ZitadelDecisionStream,
    inject: [ZitadelAuthorizer],
    useFactory: (authorizer: ZitadelAuthorizer) => new ZitadelDecisionStream(authorizer),
  },
  {
    provide: ZitadelEvictionStream,
    inject: [ZitadelAuthorizer],
    useFactory: (authorizer: ZitadelAuthorizer) => new ZitadelEvictionStream(authorizer),
  },
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
  constructor(@Inject(BootCheck) private readonly bootCheck: object) {
    super();
  }

  /** @internal Nest calls it before it makes the routes. */
  configure(): void {
    (this.bootCheck as BootCheck).beforeRoutes();
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
