import { ConfigurableModuleBuilder, type DynamicModule, type Type } from '@nestjs/common';
import { ZitadelOptionsError } from '../core/errors.js';
import type { SeveralInstances } from '../instances-option.js';
import type { ZitadelOptions } from '../options.js';
import type { ZitadelInstances } from '../services.js';
import type { ProjectGrantService } from './project-grant-service.js';

/** The injection token of the library, put together. */
export const ZITADEL = 'nestjs-zitadel:zitadel';

/**
 * The token by which a `ZitadelModule` is injected: the authorizer, project grants and lists of the one with this name, or without a name those of
 * the one that has none.
 *
 * @example `constructor(@Inject(getZitadelToken('b')) private readonly b: ZitadelOfModule) {}`
 */
export function getZitadelToken(name?: string): string {
  return name === undefined ? ZITADEL : `${ZITADEL}:${name}`;
}

/** What `getZitadelToken()` injects. */
export type ZitadelOfModule = ZitadelInstances<ProjectGrantService>;

/** What only a Nest application can set. */
export interface ApplicationOptions {
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
  readonly boot?: {
    /**
     * Looks at what makes requests fail or stand open, as `npx nestjs-zitadel doctor` does, and logs what is wrong with what to do. The
     * application does not wait for it, and starts also while ZITADEL is down. With `strict` it waits, and does not start if something is
     * wrong.
     *
     * @default false
     */
    readonly check?: boolean;
    /**
     * Milliseconds, from 100 to 60,000: how long that may take.
     *
     * @default 10000
     */
    readonly deadlineMs?: number;
  };
}

/** Names of what only a Nest application can set. */
export const OF_THE_APPLICATION = [
  'strict',
  'openPaths',
  'publicControllers',
  'boot',
] as const satisfies readonly (keyof ApplicationOptions)[];

/** The options, and what only a Nest application can set. */
export interface ZitadelModuleOptions extends ZitadelOptions, ApplicationOptions {}

/** The same for several instances. */
export interface SeveralModuleOptions extends SeveralInstances, ApplicationOptions {}

/** The options of any of these modules. */
export type AnyModuleOptions = ZitadelModuleOptions | SeveralModuleOptions;

const isListOf = (value: unknown, fits: (each: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(fits);

/** What each of these takes, and what else is wrong with a value. */
const CHECKS: Readonly<
  Record<
    keyof ApplicationOptions,
    [fits: (value: unknown) => boolean, wrong: (value: unknown) => string]
  >
> = {
  strict: [
    (value) => typeof value === 'boolean',
    (value) => `got ${typeof value}; write true or false`,
  ],
  publicControllers: [
    (value) => isListOf(value, (each) => typeof each === 'function'),
    (value) => `got ${typeof value}; write a list of controller classes`,
  ],
  openPaths: [
    (value) => isListOf(value, (each) => typeof each === 'string' && /^\/./s.test(each)),
    (value) =>
      `got ${Array.isArray(value) ? 'a list with something else' : typeof value}; write a list of paths below '/', for example ['/docs']`,
  ],
  boot: [
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.entries(value).every(([name, each]: [string, unknown]) =>
        name === 'deadlineMs'
          ? typeof each === 'number' && each >= 100 && each <= 60_000
          : name === 'check' && typeof each === 'boolean',
      ),
    () =>
      'write { check: true }, and deadlineMs as milliseconds from 100 to 60000 where 10000 is not enough',
  ],
};

/** @throws ZitadelOptionsError naming what is about the whole application and wrong, or stands in a module with a name */
export function checkOfApplication(options: AnyModuleOptions, hasName: boolean): void {
  for (const name of OF_THE_APPLICATION) {
    if (!Object.hasOwn(options, name)) continue;
    const [fits, wrong] = CHECKS[name];
    const problem = hasName
      ? 'is about the whole application; write it into the ZitadelModule without a name'
      : !fits(options[name]) && wrong(options[name]);
    if (problem !== false) throw new ZitadelOptionsError(name, `${name}: ${problem}`);
  }
}

/** The options without what is about the whole application. */
export function optionsOfZitadel(options: AnyModuleOptions): ZitadelOptions | SeveralInstances {
  const names: readonly string[] = OF_THE_APPLICATION;
  const others = Object.entries(options).filter(([name]) => !names.includes(name));
  return Object.fromEntries(others) as unknown as ZitadelOptions;
}

/** What stands beside the options. */
type ModuleExtras = {
  /**
   * Whether every module can inject what this one provides, without importing it.
   *
   * @default true
   */
  readonly isGlobal?: boolean;
  /**
   * The name of another ZITADEL beside the one without a name. Routes say `{ zitadel: name }`, and `getZitadelToken(name)` injects it.
   *
   * @default none
   */
  readonly name?: string;
};

/** Without a name, what is about the whole application stands here, too. */
type Unnamed = { readonly name?: never };
type Named = Required<Pick<ModuleExtras, 'name'>> & {
  readonly [K in keyof ApplicationOptions]?: never;
};

/** What `forRoot` takes. */
export type ZitadelRootOptions = AnyModuleOptions &
  Pick<ModuleExtras, 'isGlobal'> &
  (Unnamed | Named);

/**
 * What `useClass` and `useExisting` name.
 *
 * @example `class Settings implements ZitadelOptionsFactory { createZitadelOptions() { return { issuer, audience }; } }`
 */
export interface ZitadelOptionsFactory {
  createZitadelOptions(): AnyModuleOptions | Promise<AnyModuleOptions>;
}

/** With methods, so that those of a subclass may take less. */
interface ModuleClass {
  new (): object;
  forRoot(options: AnyModuleOptions & ModuleExtras): DynamicModule;
  forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule;
}

const built = new ConfigurableModuleBuilder<AnyModuleOptions>({ moduleName: 'Zitadel' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createZitadelOptions')
  .setExtras(
    { isGlobal: true, name: '' } as Required<ModuleExtras>,
    (definition, { isGlobal }) => ({
      ...definition,
      global: isGlobal,
    }),
  )
  .build();

export const { ASYNC_OPTIONS_TYPE, MODULE_OPTIONS_TOKEN } = built;
export const ConfigurableModuleClass: ModuleClass = built.ConfigurableModuleClass;
