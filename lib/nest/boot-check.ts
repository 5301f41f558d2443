import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { Zitadel } from '../create-zitadel.js';
import { forgotten, isAmbiguous, isDeclared, type OfFunction } from './declarations.js';
import { pathsOfEvents } from './events-route.js';
import type { GuardsInForce } from './guards-in-force.js';
import type { Handler } from './handlers.js';
import { Inventory, nameOf, type Reached, type ReachedPlace } from './inventory.js';
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
import { foreign, isForeign } from './providers.js';
import { type RoutePath, routeText, ruleText } from './route-table.js';
import { RouteRules } from './route-rules.js';
import { RuleCheck } from './rule-check.js';
import { besideGuards, isHook, loadDoors } from './ways.js';
import {
  MODULE_OPTIONS_TOKEN,
  ZITADEL,
  type AnyModuleOptions,
} from './zitadel.module-definition.js';

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
  #routes: readonly RoutePath[] = [];

  constructor(
    @Inject(ZITADEL) zitadel: Zitadel,
    @Inject(RouteRules) private readonly rules: RouteRules,
    @Inject(Inventory) private readonly inventory: Inventory,
    @Inject(MODULE_OPTIONS_TOKEN) options: AnyModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) moduleRef: ModuleRef,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
  ) {
    this.#options = withoutInheritance(options);
    this.#ruleCheck = new RuleCheck(zitadel, moduleRef);
    this.#ownRoutes = new OwnRoutes(adapters);
  }

  /** Nest makes the routes after this, and before any module starts. A microservice alone does not call it. */
  beforeRoutes(): void {
    this.inventory.beforeRoutes();
    this.#ownRoutes.beforeNest();
  }

  /** @throws ZitadelRequirementError listing every problem that would leave a handler open, or without a decision */
  async onModuleInit(): Promise<void> {
    this.#ownRoutes.afterNest();
    const { controllers, handlers, reached, stray, guards, ofFunction } = this.inventory.read();
    this.#guards = guards;
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
      ...reached.flatMap((each) => this.#linesOf(each)),
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

  #problemsOf({ handler, rule, places }: Reached, ofFunction: OfFunction): readonly string[] {
    const where = nameOf(handler);
    const declares = isDeclared(handler, ofFunction);
    const problems = places.flatMap((place) => this.#problemsOfGuard(handler, place, declares));
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
    const isDenied = places.some(({ lost }) => lost === undefined);
    if (this.#options.strict && rule.type === 'undeclared' && isDenied) {
      problems.push(undeclared(handler));
    }
    const ofRule = this.#ruleCheck.problemsOf(handler, rule, places);
    return [...problems, ...ofRule.map((each) => `${where}: ${each}`)];
  }

  /** What Nest would run without our guard. */
  #problemsOfGuard(handler: Handler, { way, lost }: ReachedPlace, declares: boolean): string[] {
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

  #linesOf({ handler, rule, places }: Reached): readonly string[] {
    return places.map((place) => {
      const { way, path, lost } = place;
      const name = path ? routeText(path) : way.text;
      if (lost !== undefined) {
        return `  ${name}  NOT GUARDED by nestjs-zitadel: ${path ? 'open' : nameOf(handler)}`;
      }
      const lacking = this.#ruleCheck.lacking(rule, place).map((each) => `, but ${each}`);
      return `  ${name}  ${ruleText(rule)}${lacking.join('')}`;
    });
  }
}

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
