import type { INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { own } from '../core/own-properties.js';
import { accessesIn, type Access } from './access.js';
import { type Beside, besideHandlers, besideNest } from './beside.js';
import { Inventory, inventoryOf } from './inventory.js';
import { zitadelModulesIn } from './zitadel-modules.js';

/** The options of one ZITADEL. */
interface OptionsOfOne {
  /** Undefined: the one without a name. */
  readonly zitadel: string | undefined;
  /** Undefined if a factory makes them, which a preview does not call. */
  readonly options: object | undefined;
}

/** All that clients reach in an application, and what says who gets in. */
export interface Overview {
  readonly access: readonly Access[];
  readonly beside: readonly Beside[];
  readonly options: readonly OptionsOfOne[];
  /** Whether nothing of the application was made, so that what factories make is not known. */
  readonly isPreview: boolean;
  /** What is not known, in words. */
  readonly unknown: readonly string[];
}

/** @throws ZitadelRequirementError as accessOf() does */
export function overviewOf(app: INestApplicationContext): Overview {
  const inventory = inventoryOf(app);
  const [modules, config, adapters] = [ModulesContainer, ApplicationConfig, HttpAdapterHost].map(
    (type) => app.get<unknown>(type, { strict: false }),
  ) as [ModulesContainer, ApplicationConfig, HttpAdapterHost];
  const isPreview = inventory !== app.get(Inventory, { strict: false });
  const found = inventory.read();
  const options = zitadelModulesIn(modules).map((each) => ({
    zitadel: each.name,
    options: each.options,
  }));
  const openPaths = options.map((each) => own(each.options, 'openPaths')).find(Array.isArray);
  const ownRoutes = inventory.ownRoutesSoFar();
  return {
    access: accessesIn(found),
    beside: [
      ...besideHandlers(found, adapters),
      ...besideNest(ownRoutes, found, config.getGlobalPrefix(), openPaths as string[] | undefined),
    ],
    options,
    isPreview,
    unknown: isPreview ? unknownIn(modules, adapters, options) : [],
  };
}

function unknownIn(
  modules: ModulesContainer,
  { httpAdapter }: HttpAdapterHost,
  options: readonly OptionsOfOne[],
): readonly string[] {
  const providers = [...modules.values()].flatMap((module) => [...module.providers]);
  const isMade = (name: string) =>
    providers.some(
      ([token, { isNotMetatype, isAlias, instance }]) =>
        String(token).startsWith(name) && isNotMetatype && !isAlias && !instance,
    );
  return [
    ...(options.some((each) => each.options === undefined)
      ? [
          'the options of ZitadelModule.forRootAsync(), with publicControllers, openPaths and events',
        ]
      : []),
    ...(isMade('APP_GUARD ') ? ['an APP_GUARD that a factory makes: it counts for nothing'] : []),
    ...(isMade('GqlModuleOptions')
      ? ['the options of GraphQLModule.forRootAsync(): fields count as not guarded']
      : []),
    ...(httpAdapter?.getType() === 'fastify' ? ['what was added to Fastify itself'] : []),
  ];
}
