import { Inject, Injectable, type Type } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import {
  declarationsByFunction,
  isDeclared,
  isDecorated,
  type OfFunction,
  type Rule,
} from './declarations.js';
import { GuardsInForce } from './guards-in-force.js';
import { type Handler, handlersOf, type Wrapper } from './handlers.js';
import { type OwnRoute, OwnRoutes } from './own-routes.js';
import { isForeign, typesOf } from './providers.js';
import { pathOf } from './route-table.js';
import { RouteRules } from './route-rules.js';
import type { Place } from './rule-check.js';
import { isHook, type Way, waysOf } from './ways.js';

/** Where clients reach a handler, and what stands before it there. */
export interface ReachedPlace extends Place {
  /** Why our guard does not stand there. Undefined if it does. */
  readonly lost: string | undefined;
  /** The guards of ours that stand there, in words. */
  readonly guards: readonly string[];
}

/** A handler, what it asks for, and where clients reach it. */
export interface Reached {
  readonly handler: Handler;
  readonly rule: Rule;
  readonly places: readonly ReachedPlace[];
}

/** What an application has. */
export interface Inventoried {
  readonly controllers: readonly Wrapper[];
  /** Every method of a controller or a provider. */
  readonly handlers: readonly Handler[];
  readonly reached: readonly Reached[];
  /** What is decorated, and nobody reaches it. */
  readonly stray: readonly Handler[];
  readonly guards: GuardsInForce;
  readonly ofFunction: OfFunction;
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

  /** The global guards that count are those of now. Nest makes the routes after this. */
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
    const modules = [...this.modules.values()];
    const controllers = modules.flatMap((module) => [...module.controllers.values()]);
    const providers = modules.flatMap((module) => [...module.providers.values()]);
    const handlers = [
      ...controllers
        .filter((wrapper) => !isForeign(wrapper))
        .flatMap((wrapper) => handlersOf(wrapper.metatype as Type, wrapper, true)),
      ...providers.flatMap((wrapper) =>
        typesOf(wrapper).flatMap((type) => handlersOf(type, wrapper, false)),
      ),
    ];
    const ofFunction = declarationsByFunction();
    const reach = this.#reach(handlers, guards, ofFunction);
    return { controllers, handlers, guards, ofFunction, ...reach };
  }

  /** Tells what Nest reaches from what is decorated in vain. */
  #reach(
    handlers: readonly Handler[],
    guards: GuardsInForce,
    ofFunction: OfFunction,
  ): Pick<Inventoried, 'reached' | 'stray'> {
    const found = handlers.map((handler) => ({ handler, ways: waysOf(handler) }));
    const isReached = (type: Type, method?: string): boolean =>
      found.some(
        ({ handler, ways }) =>
          ways.length > 0 && handler.type === type && handler.method === (method ?? handler.method),
      );
    const placed = (handler: Handler, ways: readonly Way[]): Reached => ({
      handler,
      rule: this.rules.ruleOf(handler, ofFunction),
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
      if (!isHook(handler) && guards.readsRequestItself(handler, OTHER)) {
        return [placed(handler, [{ ...OTHER, text: `OTHER ${handlerName(handler)}` }])];
      }
      stray.push(handler);
      return [];
    });
    return { reached, stray };
  }

  #place(handler: Handler, way: Way, guards: GuardsInForce): ReachedPlace {
    const { applicationId } = this.modules;
    return {
      way,
      path: way.door === 'http' ? pathOf(handler, this.config, applicationId) : undefined,
      hasOwnRequest: guards.readsRequestItself(handler, way),
      lost: guards.lost(handler, way),
      guards: guards.standing(handler, way),
    };
  }
}

const OTHER: Way = { door: 'other', text: 'OTHER' };

/** A handler as its author knows it. */
export const handlerName = ({ type, method }: Handler): string => `${type.name}.${method}`;
