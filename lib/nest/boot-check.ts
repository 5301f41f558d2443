import { Inject, Injectable, Logger, type OnModuleInit, Scope, type Type } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { IdSource } from '../core/request.js';
import { canHold, type Compiled } from '../core/requirement/compile.js';
import { requirementOf } from '../core/requirement/requirement.js';
import type { Zitadel } from '../create-zitadel.js';
import {
  classesOf,
  declarationsByFunction,
  isAmbiguous,
  isDeclared,
  type OfFunction,
  type Rule,
} from './declarations.js';
import { uselessImpersonation } from './impersonation-check.js';
import { type Handler, handlersOf, problemOfParameters, takesCaller } from './handlers.js';
import { isMessageHandler, loadDoors, notReached, openTo, unguardedWay } from './off-http.js';
import { problemsOfNames, zitadelFor } from './named-zitadel.module.js';
import { foreign, injectedInto, isForeign, typesOf } from './providers.js';
import { pathOf, type RoutePath, routeText, ruleText, takesParam } from './route-table.js';
import { RouteRules } from './route-rules.js';
import { GUARD_BRAND, ZitadelManagerGuard } from './zitadel-manager.guard.js';
import {
  MODULE_OPTIONS_TOKEN,
  ZITADEL,
  type AnyModuleOptions,
} from './zitadel.module-definition.js';

/**
 * Nest runs a handler even if its guard is missing. So before the application listens, this checks every handler with one of our decorators:
 * the guard must be in force, and everything that it declares must be checkable. It logs each route with what the route asks for.
 */
@Injectable()
export class BootCheck implements OnModuleInit {
  readonly #options: AnyModuleOptions;

  constructor(
    @Inject(ZITADEL) private readonly zitadel: Zitadel,
    @Inject(RouteRules) private readonly rules: RouteRules,
    @Inject(MODULE_OPTIONS_TOKEN) options: AnyModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
  ) {
    this.#options = withoutInheritance(options);
  }

  /** @throws ZitadelRequirementError listing every problem that would leave a route open, or without a decision */
  async onModuleInit(): Promise<void> {
    const modules = [...this.modules.values()];
    const controllers = modules.flatMap((module) => [...module.controllers.values()]);
    const providers = modules.flatMap((module) => [...module.providers.values()]);
    const handlers = controllers
      .filter((wrapper) => !isForeign(wrapper))
      .flatMap((wrapper) => handlersOf(wrapper.metatype as Type, wrapper));
    const routes = handlers.filter(isRoute);
    const ofProviders = providers.flatMap((wrapper) =>
      typesOf(wrapper).flatMap((type) => handlersOf(type, wrapper)),
    );
    const others = [...handlers, ...ofProviders].filter((each) => !isRoute(each));
    const offHttp = others.filter(isMessageHandler);
    await loadDoors(offHttp);
    const unguarded = this.#unguarded([...handlers, ...ofProviders]);
    const ofFunction = declarationsByFunction();
    const problems = new Set([
      ...problemsOfNames(this.modules),
      ...this.#problemsOfGlobalGuards(),
      ...controllers.filter(isForeign).map(foreign),
      // All routes are learned before one is judged.
      ...[...routes, ...offHttp].flatMap((route) => this.#learn(route, ofFunction)),
      ...routes.flatMap((route) => this.#problemsOf(route, ofFunction)),
      ...uselessImpersonation([...routes, ...offHttp], (each) =>
        zitadelFor(this.rules.ruleOf(each, ofFunction), this.zitadel, this.moduleRef),
      ),
      ...others
        .filter((each) => !isMessageHandler(each) && isDeclared(each, ofFunction))
        .map(notReached),
      ...(this.#options.strict ? unguarded.map(([, where]) => openTo(where)) : []),
    ]);
    if (problems.size > 0) {
      const list = [...problems].map((each) => `- ${each}`).join('\n');
      throw new ZitadelRequirementError(`the application is not safe to start:\n${list}`);
    }
    const lines = [
      ...routes.map((route) => this.#lineOf(route, ofFunction)),
      // A provider with two tokens is seen twice.
      ...new Set(
        unguarded.map(([way, where]) => `  ${way}  NOT GUARDED by nestjs-zitadel: ${where}`),
      ),
    ];
    const logger = this.#options.logger ?? new Logger('nestjs-zitadel');
    if (lines.length > 0) logger.log(`routes and what they ask for:\n${lines.join('\n')}`);
  }

  /** Handlers that Nest runs without any guard: how each is reached, and its name. In an application without HTTP global guards run. */
  #unguarded(handlers: readonly Handler[]): readonly (readonly [way: string, where: string])[] {
    if (!this.adapters.httpAdapter) return [];
    const open = this.#options.publicControllers ?? [];
    return handlers.flatMap((each) => {
      const way = open.includes(each.type) ? undefined : unguardedWay(each);
      return way === undefined ? [] : [[way, nameOf(each)] as const];
    });
  }

  #pathOf(route: Handler): RoutePath {
    return pathOf(route, this.config, this.modules.applicationId);
  }

  #problemsOfGlobalGuards(): readonly string[] {
    const guards: readonly unknown[] = this.config.getGlobalGuards();
    return guards.some((each) => each === undefined || each === null)
      ? [
          `an APP_GUARD is undefined or null, and Nest would run every handler without it: ${GLOBAL_GUARD}`,
        ]
      : [];
  }

  #isGlobal(): boolean {
    const perRequest = this.config
      .getGlobalRequestGuards()
      .map(({ isAlias, inject, metatype }) => (isAlias ? inject?.[0] : metatype));
    return [...this.config.getGlobalGuards(), ...perRequest].some((each) => this.#isOurs(each));
  }

  /** Whether a guard is ours: the class, a subclass, an instance, one that has ours injected, or what a test put in its place. */
  #isOurs(guard: unknown): boolean {
    const object: unknown = typeof guard === 'function' ? guard.prototype : guard;
    if (typeof object !== 'object' || object === null) return false;
    return (
      Reflect.has(object, GUARD_BRAND) ||
      injectedInto(Object(object.constructor) as object).some(isBranded) ||
      object === this.#replacement()
    );
  }

  /** What a test put in the guard's place with overrideProvider. It can be any guard. */
  #replacement(): unknown {
    try {
      return this.moduleRef.get<unknown>(ZitadelManagerGuard, { strict: false });
    } catch {
      return undefined;
    }
  }

  #learn(route: Handler, ofFunction: OfFunction): readonly string[] {
    const other = this.rules.learn(route, ofFunction);
    return other
      ? [
          `${nameOf(route)} and ${nameOf(other)} are one function when Nest calls them, and ask for different things: write a function of its own for each, and leave 'constructor' out of what a mixin copies`,
        ]
      : [];
  }

  #problemsOf(route: Handler, ofFunction: OfFunction): readonly string[] {
    const where = nameOf(route);
    const declares = isDeclared(route, ofFunction);
    const rule = this.rules.ruleOf(route, ofFunction);
    const lost = this.#lostGuard(route);
    const problems: string[] = [];
    if (declares && lost !== undefined) problems.push(`${where} ${lost}`);
    if (declares && route.unstable) {
      problems.push(
        `${where} is another function each time it is read, so no guard can tell which route it serves: leave the methods of the instance as they are written`,
      );
    }
    if (isAmbiguous(route, ofFunction)) {
      problems.push(
        `${where} was decorated, and then another decorated function took its place (by a mixin or in the constructor): decorate only one of the two, and let it call the other`,
      );
    }
    if (this.#options.strict && (rule.type === 'undeclared' || lost !== undefined)) {
      problems.push(
        `${where} declares nothing (option strict): decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()`,
      );
    }
    return [...problems, ...this.#problemsOfRule(route, rule).map((each) => `${where}: ${each}`)];
  }

  /** Why our guard does not stand before what Nest will call. Undefined if it does. */
  #lostGuard({ type, shown, written, called, perRequest, unstable }: Handler): string | undefined {
    if (this.#isGlobal()) return undefined;
    // Nest 12 reads the guards of the class that it built, Nest 11 those of the instance's constructor.
    const classes = new Set<object>([...classesOf(type), shown]);
    const ofClasses = [...classes].filter((each) => this.#isGuarded(each));
    if (ofClasses.length === classes.size) return undefined;
    if (ofClasses.length > 0) {
      return `stands in a class that Nest knows by two names, and @UseGuards stands on one of them: ${GLOBAL_GUARD}, and leave 'constructor' out of what a mixin copies`;
    }
    if (perRequest && this.#isGuarded(written)) {
      return `is made for each request, so nobody knows at boot whether it keeps the @UseGuards of the method: ${CLASS_GUARD}`;
    }
    if (this.#isGuarded(called) && !unstable) return undefined;
    return this.#isGuarded(written)
      ? `is replaced in its constructor, and Nest drops the @UseGuards of the method with it: ${CLASS_GUARD}`
      : `is decorated, and no guard checks it: ${GLOBAL_GUARD}, or @UseGuards(ZitadelManagerGuard); a guard of yours that asks ours must extend it, or have it injected`;
  }

  /** What could not be checked on any request. */
  #problemsOfRule(route: Handler, rule: Rule): readonly string[] {
    const { type, method } = route;
    const requirement = rule.type === 'required' ? rule.requirement : undefined;
    const problems: string[] = [];
    if (rule.type === 'undeclared' && rule.problem !== undefined) problems.push(rule.problem);
    try {
      if (requirement) requirementOf(requirement, 'a decorator');
      const parameters = problemOfParameters(type.prototype as object, method, requirement);
      if (parameters !== undefined) problems.push(parameters);
      if (rule.type === 'public' && takesCaller(type.prototype as object, method)) {
        problems.push(
          '@CurrentCaller() stands on a public route, which has no caller: take it away, or write @Authenticated() in place of @Public()',
        );
      }
      const sources = this.#prepared(rule)?.sources ?? [];
      for (const source of sources) {
        const problem = source.from === 'class' && this.#problemOfReader(source.type as Type);
        if (problem) problems.push(`${source.name} ${problem}`);
      }
      problems.push(...this.#problemsOfParams(route, rule));
    } catch (error) {
      problems.push((error as Error).message);
    }
    return problems;
  }

  /** Routes can share an `anyOf`. So a parameter that a path does not have is a problem only if no other part can hold. */
  #problemsOfParams(route: Handler, rule: Rule): readonly string[] {
    const compiled = this.#prepared(rule);
    if (!compiled) return [];
    const lacking = this.#lackingParams(route, rule);
    const isLacking = (slot: number) => lacking.includes(nameOfParam(compiled.sources[slot]));
    if (canHold(compiled.root, isLacking)) return [];
    const path = routeText(this.#pathOf(route));
    return lacking.map(
      (name) =>
        `asks for the path parameter ${name}, which ${path} does not have: correct the name, or write :${name} into the path`,
    );
  }

  /** The names of parameters that a route asks for, and its path does not have. */
  #lackingParams(route: Handler, rule: Rule): readonly (string | undefined)[] {
    const path = this.#pathOf(route);
    return (this.#prepared(rule)?.sources ?? [])
      .map(nameOfParam)
      .filter((name) => name !== undefined && !takesParam(path, name));
  }

  /** What a route asks for, ready to be decided by the ZITADEL that it names. */
  #prepared(rule: Rule): Compiled | undefined {
    if (rule.type === 'undeclared' || rule.type === 'public') return undefined;
    return zitadelFor(rule, this.zitadel, this.moduleRef).decisions.prepare(rule.requirement);
  }

  #problemOfReader(type: Type): string | undefined {
    try {
      // It throws if the class is not provided.
      const { scope } = this.moduleRef.introspect(type);
      return scope === Scope.DEFAULT
        ? undefined
        : 'lives for one request, and ids are read outside of that scope: give it the default scope';
    } catch {
      return 'is not a provider: add it to a module';
    }
  }

  #isGuarded(target: object): boolean {
    const guards: unknown = Reflect.getMetadata('__guards__', target);
    return Array.isArray(guards) && guards.some((each) => this.#isOurs(each));
  }

  #lineOf(route: Handler, ofFunction: OfFunction): string {
    const isOpen = this.#lostGuard(route) !== undefined;
    const rule = isOpen
      ? 'NOT GUARDED by nestjs-zitadel: open'
      : ruleText(this.rules.ruleOf(route, ofFunction));
    const lacking = this.#lackingParams(route, this.rules.ruleOf(route, ofFunction));
    const without = lacking.map((name) => `, but the path has no :${name}`).join('');
    return `  ${routeText(this.#pathOf(route))}  ${rule}${without}`;
  }
}

const GLOBAL_GUARD =
  'write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers of the application';
const CLASS_GUARD = `write @UseGuards(ZitadelManagerGuard) on the class, or ${GLOBAL_GUARD.slice('write '.length)}`;

const isBranded = (type: unknown): boolean =>
  typeof type === 'function' && Reflect.has(Object(type.prototype) as object, GUARD_BRAND);

const nameOfParam = (source: IdSource | undefined): string | undefined =>
  source?.from === 'param' ? source.name : undefined;

const nameOf = ({ type, method }: Handler): string => `${type.name}.${method}`;

/** Whether it is a route, as Nest tells it. */
const isRoute = ({ written }: Handler): boolean =>
  Reflect.getMetadata('path', written) !== undefined;
