import {
  Inject,
  Injectable,
  Logger,
  type OnModuleInit,
  RequestMethod,
  Scope,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import {
  type Requirement,
  requirementOf,
  requirementText,
} from '../core/requirement/requirement.js';
import type { Zitadel } from '../create-zitadel.js';
import { classesOf, isAmbiguous, isDeclared, RouteRules, type Rule } from './declarations.js';
import { type Handler, handlersOf, problemOfParameters, type Wrapper } from './handlers.js';
import { GUARD_BRAND, ZitadelManagerGuard } from './zitadel-manager.guard.js';
import {
  MODULE_OPTIONS_TOKEN,
  ZITADEL,
  type ZitadelModuleOptions,
} from './zitadel.module-definition.js';

const OFF_HTTP = ['microservices:pattern', 'message', 'graphql:resolver_type'];

/**
 * Nest runs a handler whose guard is missing. So before the application listens: a handler that carries one of our decorators must have
 * the guard in force, everything it declares must be checkable, and each route and what it asks for is written to the log.
 */
@Injectable()
export class BootCheck implements OnModuleInit {
  readonly #options: ZitadelModuleOptions;

  constructor(
    @Inject(ZITADEL) private readonly zitadel: Zitadel,
    @Inject(RouteRules) private readonly rules: RouteRules,
    @Inject(MODULE_OPTIONS_TOKEN) options: ZitadelModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.#options = withoutInheritance(options);
  }

  /** @throws ZitadelRequirementError listing everything that would leave a route open or unanswerable */
  onModuleInit(): void {
    const problems: string[] = [];
    const report: string[] = [];
    const isGlobal = this.#isGlobal(problems);
    const handlers = this.#learn(problems);
    for (const each of handlers) this.#checkHandler(each, isGlobal, problems, report);
    for (const module of this.modules.values()) {
      for (const { metatype, instance } of module.providers.values()) {
        // A factory or a value is known by what it made.
        const made: unknown = Object(instance as unknown).constructor;
        for (const type of new Set<unknown>([metatype, made])) {
          if (typeof type === 'function' && typeof type.prototype === 'object') {
            this.#checkProvider(type as Type, problems);
          }
        }
      }
    }
    if (problems.length > 0) {
      throw new ZitadelRequirementError(
        `the application is not safe to start:\n${[...new Set(problems)].map((each) => `- ${each}`).join('\n')}`,
      );
    }
    if (report.length > 0) {
      const logger = this.#options.logger ?? new Logger('nestjs-zitadel');
      logger.log(`routes and what they ask for:\n${report.join('\n')}`);
    }
  }

  #isGlobal(problems: string[]): boolean {
    const instances: readonly unknown[] = this.config.getGlobalGuards();
    if (instances.some((each) => each === undefined || each === null)) {
      problems.push(
        'an APP_GUARD is undefined or null, and Nest would run every handler without it: write { provide: APP_GUARD, useExisting: ZitadelManagerGuard }',
      );
    }
    const perRequest = this.config
      .getGlobalRequestGuards()
      .map(({ isAlias, inject, metatype }) => (isAlias ? inject?.[0] : metatype));
    return [...instances, ...perRequest].some((each) => this.#isOurs(each));
  }

  /** The guard class or a subclass, an instance, or what a test put in its place. */
  #isOurs(guard: unknown): boolean {
    if (guard === undefined || guard === null) return false;
    if (typeof guard === 'function') {
      const prototype: unknown = guard.prototype;
      return (
        typeof prototype === 'object' && prototype !== null && Reflect.has(prototype, GUARD_BRAND)
      );
    }
    if (typeof guard !== 'object') return false;
    return Reflect.has(guard, GUARD_BRAND) || guard === this.#replacement();
  }

  /** What a test put in the guard's place with overrideProvider; it need not be a guard of ours. */
  #replacement(): unknown {
    try {
      return this.moduleRef.get<unknown>(ZitadelManagerGuard, { strict: false });
    } catch {
      return undefined;
    }
  }

  /** Takes note of everything that Nest will call, before anything is judged. */
  #learn(problems: string[]): readonly Handler[] {
    const wrappers = [...this.modules.values()].flatMap(({ controllers }) => [
      ...controllers.values(),
    ]);
    const handlers = wrappers.flatMap((wrapper) => this.#handlersOf(wrapper, problems));
    for (const handler of handlers) {
      const other = routeOf(handler) === undefined ? undefined : this.rules.learn(handler);
      if (other) {
        problems.push(
          `${nameOf(handler)} and ${nameOf(other)} are one function when Nest calls them, and ask for different things: write a function of its own for each, and leave 'constructor' out of what a mixin copies`,
        );
      }
    }
    return handlers;
  }

  #handlersOf(wrapper: Wrapper, problems: string[]): readonly Handler[] {
    const { metatype, instance } = wrapper;
    if (typeof metatype !== 'function') return [];
    const type = metatype as Type;
    if (Object.getPrototypeOf(Object(instance)) !== type.prototype) {
      problems.push(
        `${type.name} hands out an instance of another class, and what Nest calls there is not known: return nothing from its constructor`,
      );
      return [];
    }
    return handlersOf(type, wrapper);
  }

  #checkHandler(handler: Handler, isGlobal: boolean, problems: string[], report: string[]): void {
    const where = nameOf(handler);
    const declares = isDeclared(handler);
    const route = routeOf(handler);
    if (route === undefined) {
      if (declares && isOffHttp(handler)) problems.push(offHttp(where));
      return;
    }
    const rule = this.rules.of(handler.shown, handler.called) ?? this.rules.ruleOf(handler);
    const lost = isGlobal ? undefined : this.#lostGuard(handler);
    const guarded = lost === undefined;
    if (declares && lost !== undefined) problems.push(`${where} ${lost}`);
    if (declares && handler.unstable) {
      problems.push(
        `${where} is another function each time it is read, so no guard can tell which route it serves: leave the methods of the instance as they are written`,
      );
    }
    if (isAmbiguous(handler)) {
      problems.push(
        `${where}: what is decorated is not what stands there: another decorated function took its place (by a mixin or in the constructor), so decorate one method only, and let it call the other`,
      );
    }
    if (this.#options.strict && (rule.type === 'undeclared' || !guarded)) {
      problems.push(
        `${where} declares nothing (option strict): decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()`,
      );
    }
    const requirement = rule.type === 'required' ? rule.requirement : undefined;
    if (!this.#isCheckable(where, handler, requirement, problems)) return;
    report.push(`  ${route}  ${guarded ? ruleText(rule) : 'NOT GUARDED by nestjs-zitadel: open'}`);
  }

  /** Why no guard of ours stands before what Nest will call; undefined when one does. */
  #lostGuard({ type, shown, written, called, perRequest, unstable }: Handler): string | undefined {
    // Nest 12 reads the guards of the class that it made, Nest 11 those of the instance's constructor.
    const classes = new Set<object>([...classesOf(type), shown]);
    const ofClasses = [...classes].filter((each) => this.#isGuarded(each));
    if (ofClasses.length === classes.size) return undefined;
    if (ofClasses.length > 0) {
      return `stands in a class that Nest knows by two names, and @UseGuards stands on one of them: ${GLOBAL_GUARD}, and leave 'constructor' out of what a mixin copies`;
    }
    if (perRequest && this.#isGuarded(written)) {
      return `is made for each request, so whether it keeps the @UseGuards of the method cannot be seen before: ${CLASS_GUARD}`;
    }
    if (this.#isGuarded(called) && !unstable) return undefined;
    return this.#isGuarded(written)
      ? `is replaced in its constructor, and Nest drops the @UseGuards of the method with it: ${CLASS_GUARD}`
      : `is decorated, and no guard checks it: ${GLOBAL_GUARD}, or @UseGuards(ZitadelManagerGuard)`;
  }

  #isCheckable(
    where: string,
    handler: Handler,
    requirement: Requirement | undefined,
    problems: string[],
  ): boolean {
    const before = problems.length;
    try {
      if (requirement) requirementOf(requirement, 'a decorator');
      const prototype = handler.type.prototype as object;
      const parameters = problemOfParameters(prototype, handler.method, requirement);
      if (parameters) problems.push(`${where}: ${parameters}`);
      const sources = requirement ? this.zitadel.decisions.prepare(requirement).sources : [];
      for (const source of sources) {
        const problem = source.from === 'class' && this.#problemOfReader(source.type as Type);
        if (problem) problems.push(`${where}: ${source.name} ${problem}`);
      }
    } catch (error) {
      problems.push(`${where}: ${error instanceof Error ? error.message : 'cannot be checked'}`);
    }
    return problems.length === before;
  }

  #problemOfReader(type: Type): string | undefined {
    try {
      // Refuses what is not provided at all.
      const { scope } = this.moduleRef.introspect(type);
      return scope === Scope.DEFAULT
        ? undefined
        : 'lives for one request, and is read outside of its scope: give it the default scope';
    } catch {
      return 'is not a provider: add it to a module';
    }
  }

  #checkProvider(type: Type, problems: string[]): void {
    for (const handler of handlersOf(type)) {
      if (isDeclared(handler)) problems.push(offHttp(nameOf(handler)));
    }
  }

  #isGuarded(target: object): boolean {
    const guards: unknown = Reflect.getMetadata('__guards__', target);
    return Array.isArray(guards) && guards.some((each) => this.#isOurs(each));
  }
}

const GLOBAL_GUARD =
  'write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers of the application';
const CLASS_GUARD = `write @UseGuards(ZitadelManagerGuard) on the class, or ${GLOBAL_GUARD.slice('write '.length)}`;

const nameOf = ({ type, method }: Handler): string => `${type.name}.${method}`;

function isOffHttp({ written, called }: Handler): boolean {
  return OFF_HTTP.some((key) => [written, called].some((each) => Reflect.hasMetadata(key, each)));
}

function offHttp(where: string): string {
  return `${where} is decorated and is no HTTP route; only HTTP routes are guarded: take the decorator away and ask ZitadelAuthorizer in the handler`;
}

function routeOf({ type, written: method }: Handler): string | undefined {
  const path: unknown = Reflect.getMetadata('path', method);
  if (path === undefined) return undefined;
  const verb = RequestMethod[Number(Reflect.getMetadata('method', method) ?? 0)] ?? 'ALL';
  const base: unknown = Reflect.getMetadata('path', type);
  const parts = [base, path].map((each) => String(Array.isArray(each) ? each.join('|') : each));
  return `${verb} /${parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .join('/')}`;
}

function ruleText(rule: Rule): string {
  switch (rule.type) {
    case 'public':
      return rule.lifts ? 'public (lifts what the class asks for)' : 'public';
    case 'undeclared':
      return 'declares nothing: always denied';
    case 'required':
      return `${requirementText(rule.requirement)}${rule.lifts ? ' (instead of what the class asks for)' : ''}`;
  }
}
