import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { Zitadel } from '../create-zitadel.js';
import {
  declarationsByFunction,
  forgotten,
  isAmbiguous,
  isDeclared,
  isDecorated,
  type OfFunction,
} from './declarations.js';
import { pathsOfEvents } from './events-route.js';
import { GuardsInForce } from './guards-in-force.js';
import { type Handler, handlersOf } from './handlers.js';
import { problemsOfNames } from './named-zitadel.module.js';
import {
  isOfGraphQL,
  isOfNest,
  type OwnRoute,
  OwnRoutes,
  ownRouteText,
  withoutFallbacks,
} from './own-routes.js';
import { plainResolvers } from './plain-resolvers.js';
import { foreign, isForeign, typesOf } from './providers.js';
import { pathOf, type RoutePath, routeText, ruleText } from './route-table.js';
import { RouteRules } from './route-rules.js';
import { type Place, RuleCheck } from './rule-check.js';
import { besideGuards, isHook, loadDoors, type Way, waysOf } from './ways.js';
import {
  MODULE_OPTIONS_TOKEN,
  ZITADEL,
  type AnyModuleOptions,
} from './zitadel.module-definition.js';

/** A handler, and where clients reach it. */
interface Reached {
  readonly handler: Handler;
  readonly places: readonly Place[];
}

/**
 * Nest runs a handler even if its guard is missing. So before the application listens, this checks every handler that Nest reaches: where our
 * guard is global it must be in force, what is decorated must be guarded, and everything that it declares must be checkable. It logs each
 * handler with what it asks for. When all modules have started, it tells what stands on the HTTP adapter beside Nest's routes.
 */
@Injectable()
export class BootCheck implements OnModuleInit, OnApplicationBootstrap {
  readonly #options: AnyModuleOptions;
  readonly #ruleCheck: RuleCheck;
  readonly #ownRoutes: OwnRoutes;
  #guards!: GuardsInForce;
  #globals: readonly unknown[] | undefined;
  #routes: readonly RoutePath[] = [];

  constructor(
    @Inject(ZITADEL) zitadel: Zitadel,
    @Inject(RouteRules) private readonly rules: RouteRules,
    @Inject(MODULE_OPTIONS_TOKEN) options: AnyModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
  ) {
    this.#options = withoutInheritance(options);
    this.#ruleCheck = new RuleCheck(zitadel, moduleRef);
    this.#ownRoutes = new OwnRoutes(adapters);
  }

  /** Nest makes the routes after this, and before any module starts. A microservice alone does not call it. */
  beforeRoutes(): void {
    this.#globals = [...this.config.getGlobalGuards()];
    this.#ownRoutes.beforeNest();
  }

  /** @throws ZitadelRequirementError listing every problem that would leave a handler open, or without a decision */
  async onModuleInit(): Promise<void> {
    this.#ownRoutes.afterNest();
    // A test gives the application its adapter after this was made.
    const hasHttp = Boolean(this.adapters.httpAdapter);
    const globals = this.#globals ?? this.config.getGlobalGuards();
    this.#guards = new GuardsInForce(this.config, globals, this.modules, this.moduleRef, hasHttp);
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
    const { reached, stray } = this.#reach(handlers, ofFunction);
    await loadDoors(reached.flatMap(({ places }) => places.map(({ way }) => way)));
    const plain = plainResolvers(this.#guards.optionsOfGraphQL());
    const problems = new Set([
      ...problemsOfNames(this.modules),
      ...this.#guards.problems(),
      ...forgotten().map(
        (where) =>
          `${where} was decorated with another copy of reflect-metadata, so nobody knows what it asks for: see npm ls reflect-metadata`,
      ),
      ...controllers.filter(isForeign).map(foreign),
      // All handlers are learned before one is judged.
      ...reached.flatMap(({ handler }) => this.#learn(handler, ofFunction)),
      ...reached.flatMap((each) => this.#problemsOf(each, ofFunction)),
      ...stray.map(notReached),
      ...(this.#options.strict ? plain : []).map(
        ({ text, option }) =>
          `${text} stands in the option ${option} of GraphQLModule, and Nest runs no guard before it (option strict): write it as a method of a resolver class`,
      ),
    ]);
    if (problems.size > 0) throw notSafe(problems);
    this.#routes = reached.flatMap(({ places }) => places.flatMap(({ path }) => path ?? []));
    // A provider with two tokens is seen twice.
    const lines = new Set([
      ...reached.flatMap((each) => this.#linesOf(each, ofFunction)),
      ...handlers.flatMap(besideGuards).map((each) => `  ${each}`),
      ...plain.map(
        ({ text }) => `  ${text}  NOT GUARDED by nestjs-zitadel: an option of GraphQLModule`,
      ),
      ...pathsOfEvents(this.adapters).map(
        (path) => `  POST ${path}  events of ZITADEL, by their signature (option events)`,
      ),
    ]);
    if (lines.size > 0)
      this.#logger().log(`routes and what they ask for:\n${[...lines].join('\n')}`);
  }

  /** @throws ZitadelRequirementError with the option strict, listing what stands on the HTTP adapter itself and is not in `openPaths` */
  onApplicationBootstrap(): void {
    const found = this.#ownRoutes.find((late) => this.#tellOwnRoutes([late]));
    this.#tellOwnRoutes(found);
  }

  #tellOwnRoutes(found: readonly OwnRoute[]): void {
    const { openPaths = [], strict } = this.#options;
    const prefix = this.config.getGlobalPrefix();
    const graphQL = this.#guards.optionsOfGraphQL();
    const ownRoutes = withoutFallbacks(found, this.#routes).filter(
      (each) => !isOfNest(each, this.#routes, prefix) && !isOfGraphQL(each, graphQL, prefix),
    );
    const isOpen = (route: OwnRoute): boolean => openPaths.some((path) => route.matches(path));
    const open = ownRoutes.filter((each) => !isOpen(each));
    if (strict && open.length > 0) {
      throw notSafe(
        open.map(
          (each) =>
            `${ownRouteText(each)} stands on the HTTP adapter itself, where no guard of Nest checks it (option strict): move it into a controller, or name its path in openPaths`,
        ),
      );
    }
    if (ownRoutes.length === 0) return;
    const lines = ownRoutes.map((each) =>
      isOpen(each)
        ? `  ${ownRouteText(each)}  open (option openPaths)`
        : `  ${ownRouteText(each)}  NOT GUARDED by nestjs-zitadel: no route of Nest`,
    );
    this.#logger().log(`routes of the HTTP adapter itself:\n${[...new Set(lines)].join('\n')}`);
  }

  /** Tells what Nest reaches from what is decorated in vain. */
  #reach(
    handlers: readonly Handler[],
    ofFunction: OfFunction,
  ): { readonly reached: readonly Reached[]; readonly stray: readonly Handler[] } {
    const found = handlers.map((handler) => ({ handler, ways: waysOf(handler) }));
    const isReached = (type: Type, method?: string): boolean =>
      found.some(
        ({ handler, ways }) =>
          ways.length > 0 && handler.type === type && handler.method === (method ?? handler.method),
      );
    const stray: Handler[] = [];
    const reached = found.flatMap(({ handler, ways }): Reached[] => {
      if (ways.length > 0) return [this.#placed(handler, ways)];
      const { type, method } = handler;
      const isMeant = isDecorated(handler, ofFunction)
        ? !isReached(type, method)
        : isDeclared(handler, ofFunction) && !isReached(type);
      if (!isMeant) return [];
      if (!isHook(handler) && this.#guards.readsRequestItself(handler, OTHER)) {
        return [this.#placed(handler, [{ ...OTHER, text: `OTHER ${nameOf(handler)}` }])];
      }
      stray.push(handler);
      return [];
    });
    return { reached, stray };
  }

  #placed(handler: Handler, ways: readonly Way[]): Reached {
    const places = ways.map((way) => ({
      way,
      path:
        way.door === 'http' ? pathOf(handler, this.config, this.modules.applicationId) : undefined,
      hasOwnRequest: this.#guards.readsRequestItself(handler, way),
    }));
    return { handler, places };
  }

  #logger(): Pick<Logger, 'log'> {
    return this.#options.logger ?? new Logger('nestjs-zitadel');
  }

  #learn(route: Handler, ofFunction: OfFunction): readonly string[] {
    const other = this.rules.learn(route, ofFunction);
    return other
      ? [
          `${nameOf(route)} and ${nameOf(other)} are one function when Nest calls them, and ask for different things: write a function of its own for each, and leave 'constructor' out of what a mixin copies`,
        ]
      : [];
  }

  #problemsOf({ handler, places }: Reached, ofFunction: OfFunction): readonly string[] {
    const where = nameOf(handler);
    const declares = isDeclared(handler, ofFunction);
    const rule = this.rules.ruleOf(handler, ofFunction);
    const problems = places.flatMap(({ way }) => this.#problemsOfGuard(handler, way, declares));
    for (const path of pathsOfEvents(this.adapters)) {
      if (places.some((place) => place.path?.paths?.includes(path)))
        problems.push(taken(where, path));
    }
    if (declares && handler.unstable) {
      problems.push(
        `${where} is another function each time it is read, so no guard can tell which route it serves: leave the methods of the instance as they are written`,
      );
    }
    if (isAmbiguous(handler, ofFunction)) {
      problems.push(
        `${where} was decorated, and then another decorated function took its place (by a mixin or in the constructor): decorate only one of the two, and let it call the other`,
      );
    }
    const isDenied = places.some(({ way }) => this.#guards.lost(handler, way) === undefined);
    if (this.#options.strict && rule.type === 'undeclared' && isDenied) {
      problems.push(undeclared(handler));
    }
    const ofRule = this.#ruleCheck.problemsOf(handler, rule, places);
    return [...problems, ...ofRule.map((each) => `${where}: ${each}`)];
  }

  /** What Nest would run without our guard. */
  #problemsOfGuard(handler: Handler, way: Way, declares: boolean): string[] {
    const lost = this.#guards.lost(handler, way);
    if (lost === undefined) return [];
    if (declares) return [`${nameOf(handler)} ${lost}`];
    const { strict, publicControllers } = this.#options;
    if (way.door === 'http') return strict ? [undeclared(handler)] : [];
    const isLeft =
      !(strict || this.#guards.isGlobal()) ||
      publicControllers?.includes(handler.type) ||
      this.#guards.hasOwn(handler, way);
    return isLeft ? [] : [`${nameOf(handler)} ${lost}, or name the class in publicControllers`];
  }

  #linesOf({ handler, places }: Reached, ofFunction: OfFunction): readonly string[] {
    const rule = this.rules.ruleOf(handler, ofFunction);
    return places.map((place) => {
      const { way, path } = place;
      const name = path ? routeText(path) : way.text;
      if (this.#guards.lost(handler, way) !== undefined) {
        return `  ${name}  NOT GUARDED by nestjs-zitadel: ${path ? 'open' : nameOf(handler)}`;
      }
      const lacking = this.#ruleCheck.lacking(rule, place).map((each) => `, but ${each}`);
      return `  ${name}  ${ruleText(rule)}${lacking.join('')}`;
    });
  }
}

const OTHER: Way = { door: 'other', text: 'OTHER' };

const nameOf = ({ type, method }: Handler): string => `${type.name}.${method}`;

const undeclared = (handler: Handler): string =>
  `${nameOf(handler)} declares nothing (option strict): decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()`;

const taken = (where: string, path: string): string =>
  `${where} stands at ${path}, where events of ZITADEL are received (option events), so it is never called: give one of them another path (option events.path)`;

function notSafe(problems: Iterable<string>): ZitadelRequirementError {
  const list = [...problems].map((each) => `- ${each}`).join('\n');
  return new ZitadelRequirementError(`the application is not safe to start:\n${list}`);
}

function notReached(handler: Handler): string {
  return isHook(handler)
    ? `${nameOf(handler)} is decorated, and Nest runs it without any guard: remove the decorator, and ask ZitadelAuthorizer in the method`
    : `${nameOf(handler)} is decorated, and Nest reaches it in no way that is known here: remove the decorator, and ask ZitadelAuthorizer in the method`;
}
