import type { INestApplicationContext, InjectionToken, Type } from '@nestjs/common';
import {
  ApplicationConfig,
  HttpAdapterHost,
  ModuleRef,
  ModulesContainer,
  RouterModule,
  type Routes,
} from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { own } from '../core/own-properties.js';
import { Inventory } from './inventory.js';
import { RouteRules } from './route-rules.js';
import { MODULE_OPTIONS_TOKEN } from './zitadel.module-definition.js';

/** @throws ZitadelRequirementError when the application does not import ZitadelModule of this copy of the package */
export function inventoryOf(app: INestApplicationContext): Inventory {
  const inventory = inventoryIn(app);
  return isMade(inventory) ? inventory : previewed(app);
}

/** Whether nothing of the application was made (`preview: true`). */
export const isPreview = (app: INestApplicationContext): boolean => !isMade(inventoryIn(app));

/** In a preview, what Nest hands out has never seen its constructor. */
const isMade = (inventory: Inventory): boolean => Object.hasOwn(inventory, 'ownRoutes');

function inventoryIn(app: INestApplicationContext): Inventory {
  try {
    return app.get(Inventory, { strict: false });
  } catch {
    throw new ZitadelRequirementError(
      'the application has no ZitadelModule, or that of another copy of nestjs-zitadel: import ZitadelModule.forRoot() into the root module, and see npm ls nestjs-zitadel',
    );
  }
}

/** What can be read of an application of which nothing was made (`preview: true`). */
function previewed(app: INestApplicationContext): Inventory {
  const modules = app.get(ModulesContainer, { strict: false });
  const config = app.get(ApplicationConfig, { strict: false });
  const moduleRef = app.get(ModuleRef, { strict: false });
  const adapters = app.get(HttpAdapterHost, { strict: false });
  placeModules(modules);
  const rules = new RouteRules(publicControllersIn(modules));
  const inventory = new Inventory(modules, config, moduleRef, adapters, rules);
  inventory.beforeRoutes([...config.getGlobalGuards().filter(Boolean), ...guardsIn(modules)]);
  // Nest makes no routes, so all that stands on the adapter was put there beside it.
  inventory.ownRoutes.afterNest();
  return inventory;
}

/** Where the options come from a factory, nobody knows them. */
function publicControllersIn(modules: ModulesContainer): readonly Type[] {
  const ours = [...modules.values()].find(({ providers }) => providers.has(RouteRules));
  const options: unknown = ours?.providers.get(MODULE_OPTIONS_TOKEN)?.instance;
  const controllers = own(options, 'publicControllers');
  return Array.isArray(controllers) ? (controllers as readonly Type[]) : [];
}

/** What stands as APP_GUARD. What a factory would make is not known, so it counts for nothing. */
function guardsIn(modules: ModulesContainer): readonly unknown[] {
  return [...modules.values()].flatMap(({ providers }) =>
    [...providers]
      .filter(([token]) => String(token).startsWith('APP_GUARD '))
      .map(([, { isAlias, inject, metatype, instance }]): unknown => {
        if (!isAlias) return metatype ?? instance;
        const [token] = inject ?? [];
        // The module may provide another guard under the name of ours.
        const named = token === undefined ? undefined : providers.get(token as InjectionToken);
        return named && !named.isAlias ? (named.metatype ?? named.instance) : token;
      }),
  );
}

/** RouterModule tells the paths of modules in its constructor, which did not run. */
function placeModules(modules: ModulesContainer): void {
  for (const { metatype, providers } of modules.values()) {
    if (metatype !== RouterModule) continue;
    for (const { instance } of providers.values()) {
      const routes: unknown = instance;
      if (Array.isArray(routes)) new RouterModule(modules, routes as Routes);
    }
  }
}
