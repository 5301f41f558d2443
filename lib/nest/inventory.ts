import {
  Inject,
  Injectable,
  type INestApplicationContext,
  type InjectionToken,
  type Type,
} from '@nestjs/common';
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
import {
  declarationsByFunction,
  isAmbiguous,
  isDeclared,
  isDecorated,
  type Rule,
} from './declarations.js';
import { GuardsInForce, type InForce } from './guards-in-force.js';
import {
  type Handler,
  handlerName,
  handlersOf,
  isForeign,
  typesOf,
  type Wrapper,
  wrappersIn,
} from './handlers.js';
import { type OwnRoute, OwnRoutes } from './own-routes.js';
import { pathOf, type RoutePath } from './route-table.js';
import { RouteRules } from './route-rules.js';
import { isHook, type Way, waysOf } from './ways.js';
import { zitadelModulesIn } from './zitadel-modules.js';

/** Where clients reach a handler, and what stands before it there. */
export interface Place extends InForce {
  readonly way: Way;
  /** Of a route. */
  readonly path: RoutePath | undefined;
}

/** A handler, what it asks for, and where clients reach it. */
export interface Reached {
  readonly handler: Handler;
  readonly rule: Rule;
  /** Whether it carries any decorator of ours, or inherits one that asks for something. */
  readonly isDeclared: boolean;
  /** Whether it was decorated, and then a function took its place that was decorated differently. */
  readonly isAmbiguous: boolean;
  readonly places: readonly Place[];
}

/** What an application has. */
export interface Inventoried {
  /** The controllers whose constructors return an instance of another class. */
  readonly foreign: readonly Wrapper[];
  /** Every method of a controller or a provider. */
  readonly handlers: readonly Handler[];
  readonly reached: readonly Reached[];
  /** What is decorated, and nobody reaches it. */
  readonly stray: readonly Handler[];
  readonly guards: GuardsInForce;
}

/** Finds every handler that Nest reaches, what it asks for, and whether our guard stands before it. The boot check and `accessOf` read it. */
@Injectable()
export class Inventory {
  /** What stands on the HTTP adapter itself. */
  readonly ownRoutes: OwnRoutes;
  #globals: readonly unknown[] | undefined;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
    @Inject(RouteRules) private readonly rules: RouteRules,
  ) {
    this.ownRoutes = new OwnRoutes(adapters);
  }

  /** The global guards that count are those of now. Nest makes the routes after this, and before any module starts. A microservice alone makes none. */
  beforeRoutes(globals: readonly unknown[] = this.config.getGlobalGuards()): void {
    this.#globals = [...globals];
    this.ownRoutes.beforeNest();
  }

  /** What stands on the HTTP adapter itself. Before Nest makes its routes that is all that stands there. */
  ownRoutesSoFar(): readonly OwnRoute[] {
    if (!this.#globals) {
      this.ownRoutes.beforeNest();
      this.ownRoutes.afterNest();
    }
    return this.ownRoutes.find();
  }

  read(): Inventoried {
    // A test gives the application its adapter after this was made.
    const hasHttp = Boolean(this.adapters.httpAdapter);
    const globals = this.#globals ?? this.config.getGlobalGuards();
    const guards = new GuardsInForce(this.config, globals, this.modules, this.moduleRef, hasHttp);
    const { controllers, providers } = wrappersIn(this.modules);
    const foreign = controllers.filter(isForeign);
    const handlers = [
      ...controllers
        .filter((wrapper) => !foreign.includes(wrapper))
        .flatMap((wrapper) => handlersOf(wrapper.metatype as Type, wrapper, true)),
      ...providers.flatMap((wrapper) =>
        typesOf(wrapper).flatMap((type) => handlersOf(type, wrapper, false)),
      ),
    ];
    return { foreign, handlers, guards, ...this.#reach(handlers, guards) };
  }

  /** Tells what Nest reaches from what is decorated in vain. */
  #reach(
    handlers: readonly Handler[],
    guards: GuardsInForce,
  ): Pick<Inventoried, 'reached' | 'stray'> {
    const ofFunction = declarationsByFunction();
    const found = handlers.map((handler) => ({ handler, ways: waysOf(handler) }));
    const isReached = (type: Type, method?: string): boolean =>
      found.some(
        ({ handler, ways }) =>
          ways.length > 0 && handler.type === type && handler.method === (method ?? handler.method),
      );
    const placed = (handler: Handler, ways: readonly Way[]): Reached => ({
      handler,
      rule: this.rules.ruleOf(handler, ofFunction),
      isDeclared: isDeclared(handler, ofFunction),
      isAmbiguous: isAmbiguous(handler, ofFunction),
      places: ways.map((way) => this.#place(handler, way, guards)),
    });
    const stray: Handler[] = [];
    const reached = found.flatMap(({ handler, ways }): Reached[] => {
      if (ways.length > 0) return [placed(handler, ways)];
      const { type, method } = handler;
      const isMeant = isDecorated(handler, ofFunction)
        ? !isReached(type, method)
        : isDeclared(handler, ofFunction) && !isReached(type);
      if (!isMeant) return [];
      if (!isHook(handler) && guards.at(handler, OTHER).hasOwnRequest) {
        return [placed(handler, [{ ...OTHER, text: `OTHER ${handlerName(handler)}` }])];
      }
      stray.push(handler);
      return [];
    });
    return { reached, stray };
  }

  #place(handler: Handler, way: Way, guards: GuardsInForce): Place {
    const { applicationId } = this.modules;
    const path = way.door === 'http' ? pathOf(handler, this.config, applicationId) : undefined;
    return { way, path, ...guards.at(handler, way) };
  }
}

const OTHER: Way = { door: 'other', text: 'OTHER' };

/** @throws ZitadelRequirementError when the application does not import ZitadelModule of this copy of the package */
export function inventoryOf(app: INestApplicationContext): Inventory {
  let inventory: Inventory;
  try {
    inventory = app.get(Inventory, { strict: false });
  } catch {
    throw new ZitadelRequirementError(
      'the application has no ZitadelModule, or that of another copy of nestjs-zitadel: import ZitadelModule.forRoot() into the root module, and see npm ls nestjs-zitadel',
    );
  }
  // In a preview, what Nest hands out has never seen its constructor.
  return Object.hasOwn(inventory, 'ownRoutes') ? inventory : previewed(app);
}

/** What can be read of an application of which nothing was made (`preview: true`). */
function previewed(app: INestApplicationContext): Inventory {
  const modules = app.get(ModulesContainer, { strict: false });
  const config = app.get(ApplicationConfig, { strict: false });
  const moduleRef = app.get(ModuleRef, { strict: false });
  const adapters = app.get(HttpAdapterHost, { strict: false });
  placeModules(modules);
  // Where the options come from a factory, nobody knows them.
  const ours = zitadelModulesIn(modules).find(
    ({ name, isOfThisCopy }) => isOfThisCopy && name === undefined,
  );
  const controllers = own(ours?.options, 'publicControllers');
  const rules = new RouteRules(Array.isArray(controllers) ? (controllers as Type[]) : []);
  const inventory = new Inventory(modules, config, moduleRef, adapters, rules);
  inventory.beforeRoutes([...config.getGlobalGuards().filter(Boolean), ...guardsIn(modules)]);
  // Nest makes no routes, so all that stands on the adapter was put there beside it.
  inventory.ownRoutes.afterNest();
  return inventory;
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
