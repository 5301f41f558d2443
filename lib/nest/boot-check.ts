import {
  Inject,
  Injectable,
  Logger,
  RequestMethod,
  Scope,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import { requirementOf, type Requirement } from '../core/requirement.js';
import { requirementText } from '../core/requirement-text.js';
import type { Zitadel } from '../create-zitadel.js';
import { problemOfParameters } from './checked-parameters.js';
import { declarationsOf, type Rule } from './declarations.js';
import { RouteRules } from './route-rules.js';
import { GUARD_BRAND, ZitadelManagerGuard } from './zitadel-manager.guard.js';
import { MODULE_OPTIONS_TOKEN, type ZitadelModuleOptions } from './zitadel.module-definition.js';
import { ZITADEL } from './zitadel.token.js';

interface Handler {
  readonly type: Type;
  readonly method: string;
  readonly function: object;
}

const OFF_HTTP = ['microservices:pattern', 'message', 'graphql:resolver_type'];

/**
 * Nest runs a handler whose guard is missing. So before the application listens: a handler that carries one of our decorators must have
 * the guard in force, everything it declares must be checkable, and each route and what it asks for is written to the log.
 */
@Injectable()
export class BootCheck implements OnModuleInit {
  readonly #scanner = new MetadataScanner();

  constructor(
    @Inject(ZITADEL) private readonly zitadel: Zitadel,
    @Inject(RouteRules) private readonly rules: RouteRules,
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: ZitadelModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {}

  /** @throws ZitadelRequirementError listing everything that would leave a route open or unanswerable */
  onModuleInit(): void {
    const problems: string[] = [];
    const report: string[] = [];
    const isGlobal = this.#isGlobal(problems);
    for (const module of this.modules.values()) {
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype === 'function') {
          this.#checkController(metatype as Type, isGlobal, problems, report);
        }
      }
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
      const logger = this.options.logger ?? new Logger('nestjs-zitadel');
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
      return typeof prototype === 'object' && prototype !== null && GUARD_BRAND in prototype;
    }
    if (typeof guard !== 'object') return false;
    return GUARD_BRAND in guard || guard === this.#replacement();
  }

  /** What a test put in the guard's place with overrideProvider; it need not be a guard of ours. */
  #replacement(): unknown {
    try {
      return this.moduleRef.get<unknown>(ZitadelManagerGuard, { strict: false });
    } catch {
      return undefined;
    }
  }

  #checkController(type: Type, isGlobal: boolean, problems: string[], report: string[]): void {
    for (const handler of this.#handlersOf(type)) {
      const where = `${type.name}.${handler.method}`;
      const rule = this.rules.of(type, handler.function);
      const declares = this.#declares(handler);
      const route = routeOf(handler);
      if (route === undefined) {
        if (declares && isOffHttp(handler)) problems.push(offHttp(where));
        continue;
      }
      const guarded = isGlobal || this.#isGuarded(handler);
      if (declares && !guarded) {
        problems.push(
          `${where} is decorated, and no guard checks it: write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers of the application, or @UseGuards(ZitadelManagerGuard)`,
        );
      }
      if (this.options.strict && (rule.type === 'undeclared' || !guarded)) {
        problems.push(
          `${where} declares nothing (option strict): decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()`,
        );
      }
      const requirement = rule.type === 'required' ? rule.requirement : undefined;
      if (!this.#isCheckable(where, handler, requirement, problems)) continue;
      report.push(
        `  ${route}  ${guarded ? ruleText(rule) : 'NOT GUARDED by nestjs-zitadel: open'}`,
      );
    }
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
    for (const handler of this.#handlersOf(type)) {
      if (this.#declares(handler)) problems.push(offHttp(`${type.name}.${handler.method}`));
    }
  }

  #handlersOf(type: Type): readonly Handler[] {
    const prototype = type.prototype as Record<string, unknown>;
    return this.#scanner.getAllMethodNames(prototype).flatMap((method) => {
      const found = prototype[method];
      return typeof found === 'function' ? [{ type, method, function: found }] : [];
    });
  }

  #declares({ type, method, function: handler }: Handler): boolean {
    return (
      this.rules.of(type, handler).type === 'required' ||
      declarationsOf(type.prototype as object, method).length > 0 ||
      declarationsOf(type).length > 0
    );
  }

  #isGuarded({ type, function: method }: Handler): boolean {
    const guards: unknown[] = [
      ...((Reflect.getMetadata('__guards__', type) ?? []) as unknown[]),
      ...((Reflect.getMetadata('__guards__', method) ?? []) as unknown[]),
    ];
    return guards.some((each) => this.#isOurs(each));
  }
}

function isOffHttp({ function: method }: Handler): boolean {
  return OFF_HTTP.some((key) => Reflect.hasMetadata(key, method));
}

function offHttp(where: string): string {
  return `${where} is decorated and is no HTTP route; only HTTP routes are guarded: take the decorator away and ask ZitadelAuthorizer in the handler`;
}

function routeOf({ type, function: method }: Handler): string | undefined {
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
