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
import { type Beside, besideHandlers, besideNest, plainResolvers } from './beside.js';
import { forgotten } from './declarations.js';
import { loadDoors } from './doors/doors.js';
import { pathsOfEvents } from './events-route.js';
import { type Handler, handlerName, type Wrapper } from './handlers.js';
import { type Inventoried, Inventory, type Reached, type Place } from './inventory.js';
import { problemsOfNames } from './zitadel-modules.js';
import type { OwnRoute } from './own-routes.js';
import { routeText, ruleText } from './route-table.js';
import { RouteRules } from './route-rules.js';
import { RuleCheck } from './rule-check.js';
import { isHook } from './ways.js';
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
  #found!: Inventoried;
  /** Whether a guard of ours is meant to stand before every handler. */
  #isGlobal = false;
  #isSafe = false;

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
  }

  /**
   * A hybrid application can take messages before it starts. Then their handlers are judged before. A global guard can still come: it must, if
   * something is decorated that has none.
   *
   * @throws ZitadelRequirementError listing every problem of a handler of messages
   */
  async beforeMessages(): Promise<void> {
    // A microservice alone starts before it listens.
    if (this.#isSafe || !this.adapters.httpAdapter) return;
    const { problems } = await this.#judge(({ way }) => way.door === 'rpc', true);
    refuse(problems);
  }

  /** @throws ZitadelRequirementError listing every problem that would leave a handler open, or without a decision */
  async onModuleInit(): Promise<void> {
    this.inventory.ownRoutes.afterNest();
    const { problems, found } = await this.#judge(() => true);
    const { reached, stray, guards } = found;
    const plain = this.#options.strict ? plainResolvers(found) : [];
    refuse([
      ...problemsOfNames(this.modules),
      ...guards.problems(),
      ...problems,
      ...stray.map(notReached),
      ...plain.map(
        ({ text, option }) =>
          `${text} stands in the option ${option} of GraphQLModule, and Nest runs no guard before it (option strict): write it as a method of a resolver class`,
      ),
    ]);
    this.#isSafe = true;
    // A provider with two tokens is seen twice.
    const lines = new Set([
      ...reached.flatMap((each) => this.#linesOf(each)),
      ...besideHandlers(found, this.adapters).map(lineOf),
    ]);
    if (lines.size > 0)
      this.#logger().log(`routes and what they ask for:\n${[...lines].join('\n')}`);
  }

  async #judge(isMeant: (place: Place) => boolean, isEarly = false) {
    const found = (this.#found = this.inventory.read());
    const { foreign, reached, guards } = found;
    const isAwaited = ({ isDeclared, places }: Reached) =>
      isDeclared && places.some(({ lost }) => lost !== undefined);
    this.#isGlobal = guards.isGlobal() || (isEarly && reached.some(isAwaited));
    const meant = reached
      .map((each) => ({ ...each, places: each.places.filter(isMeant) }))
      .filter(({ places }) => places.length > 0);
    await loadDoors(meant.flatMap(({ places }) => places.map(({ way }) => way.door)));
    // All handlers are learned before one is judged.
    const learned = reached.flatMap((each) => this.#learn(each));
    const judged = meant.flatMap((each) => this.#problemsOf(each));
    const problems = [...forgottenLines(), ...foreign.map(notKnown), ...learned, ...judged];
    return { problems, found };
  }

  /** @throws ZitadelRequirementError with the option strict, listing what stands on the HTTP adapter itself and is not in `openPaths` */
  onApplicationBootstrap(): void {
    const { ownRoutes } = this.inventory;
    this.#tellOwnRoutes(ownRoutes.find((late) => this.#tellOwnRoutes([late])));
  }

  #tellOwnRoutes(found: readonly OwnRoute[]): void {
    const { openPaths, strict } = this.#options;
    const beside = besideNest(found, this.#found, this.config.getGlobalPrefix(), openPaths);
    if (strict) {
      refuse(
        beside
          .filter(({ isMeant }) => !isMeant)
          .map(
            ({ name }) =>
              `${name} stands on the HTTP adapter itself, where no guard of Nest checks it (option strict): move it into a controller, or name its path in openPaths`,
          ),
      );
    }
    if (beside.length === 0) return;
    const lines = new Set(beside.map(lineOf));
    this.#logger().log(`routes of the HTTP adapter itself:\n${[...lines].join('\n')}`);
  }

  #logger(): Pick<Logger, 'log'> {
    return this.#options.logger ?? new Logger('nestjs-zitadel');
  }

  #learn({ handler, rule }: Reached): readonly string[] {
    const other = this.rules.learn(handler, rule);
    return other
      ? [
          `${handlerName(handler)} and ${handlerName(other)} are one function when Nest calls them, and ask for different things: write a function of its own for each, and leave 'constructor' out of what a mixin copies`,
        ]
      : [];
  }

  #problemsOf({ handler, rule, places, isDeclared, isAmbiguous }: Reached): readonly string[] {
    const where = handlerName(handler);
    const problems = places.flatMap((place) => this.#problemsOfGuard(handler, place, isDeclared));
    for (const path of pathsOfEvents(this.adapters)) {
      if (places.some((place) => place.path?.paths?.includes(path)))
        problems.push(taken(where, path));
    }
    if (isDeclared && handler.unstable) {
      problems.push(
        `${where} is another function each time it is read, so no guard can tell which route it serves: leave the methods of the instance as they are written`,
      );
    }
    if (isAmbiguous) {
      problems.push(
        `${where} was decorated, and then another decorated function took its place (by a mixin or in the constructor): decorate only one of the two, and let it call the other`,
      );
    }
    const guarded = places.filter(({ lost }) => lost === undefined);
    if (this.#options.strict && rule.type === 'undeclared' && guarded.length > 0) {
      problems.push(undeclared(handler));
    }
    if (rule.type !== 'public' && guarded.some(({ way }) => way.isRaw)) {
      problems.push(
        `${where} gets the call of gRPC itself, and Nest answers no refusal there: its client would wait, and the process would end. Write @GrpcStreamMethod() in place of @GrpcStreamCall(), or @Public()`,
      );
    }
    const ofRule = this.#ruleCheck.problemsOf(handler, rule, places);
    return [...problems, ...ofRule.map((each) => `${where}: ${each}`)];
  }

  /** What Nest would run without our guard. */
  #problemsOfGuard(handler: Handler, { way, lost, hasOwn }: Place, isDeclared: boolean): string[] {
    if (lost === undefined) return [];
    if (isDeclared) return [`${handlerName(handler)} ${lost}`];
    const { strict, publicControllers } = this.#options;
    if (way.door === 'http') return strict ? [undeclared(handler)] : [];
    const isLeft =
      !(strict || this.#isGlobal) || publicControllers?.includes(handler.type) || hasOwn;
    return isLeft
      ? []
      : [`${handlerName(handler)} ${lost}, or name the class in publicControllers`];
  }

  #linesOf({ handler, rule, places }: Reached): readonly string[] {
    return places.map((place) => {
      const { way, path, lost } = place;
      const name = path ? routeText(path) : way.text;
      if (lost !== undefined) {
        return `  ${name}  NOT GUARDED by nestjs-zitadel: ${path ? 'open' : handlerName(handler)}`;
      }
      const lacking = this.#ruleCheck.lacking(rule, place).map((each) => `, but ${each}`);
      return `  ${name}  ${ruleText(rule)}${lacking.join('')}`;
    });
  }
}

const notKnown = ({ metatype }: Wrapper): string =>
  `${(metatype as Type).name} hands out an instance of another class, and what Nest calls there is not known: return nothing from its constructor`;

const lineOf = ({ name, text }: Beside): string => `  ${name}  ${text}`;

const undeclared = (handler: Handler): string =>
  `${handlerName(handler)} declares nothing (option strict): decorate it with @RequireRole(), @Require(), @Authenticated() or @Public()`;

const taken = (where: string, path: string): string =>
  `${where} stands at ${path}, where events of ZITADEL are received (option events), so it is never called: give one of them another path (option events.path)`;

const forgottenLines = (): readonly string[] =>
  forgotten().map(
    (where) =>
      `${where} was decorated with another copy of reflect-metadata, so nobody knows what it asks for: see npm ls reflect-metadata`,
  );

function refuse(problems: readonly string[]): void {
  const all = [...new Set(problems)].map((each) => `- ${each}`);
  if (all.length === 0) return;
  throw new ZitadelRequirementError(`the application is not safe to start:\n${all.join('\n')}`);
}

function notReached(handler: Handler): string {
  const how = isHook(handler)
    ? 'Nest runs it without any guard'
    : 'Nest reaches it in no way that is known here';
  return `${handlerName(handler)} is decorated, and ${how}: remove the decorator, and ask ZitadelAuthorizer in the method`;
}
