import * as nest from '@nestjs/common';
import type { ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';
import { own } from '../core/own-properties.js';
import { classesOf, lineOf } from './declarations.js';
import type { Handler, Home, Wrapper } from './handlers.js';
import type { Way } from './ways.js';
import { GUARD_BRAND, ZitadelManagerGuard } from './zitadel-manager.guard.js';

const GLOBAL_GUARD =
  'write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers of the application';
const ON_CLASS = 'write @UseGuards(ZitadelManagerGuard) on the class';
const CLASS_GUARD = `${ON_CLASS}, or ${GLOBAL_GUARD.slice('write '.length)}`;

const LOST = {
  field:
    "resolves a field of GraphQL, and Nest runs no guard before it: write fieldResolverEnhancers: ['guards', 'filters'] into the options of GraphQLModule",
  rpc: `handles messages in an application with HTTP, where global guards stand before them only with inheritAppConfig, which nobody can see: ${ON_CLASS}`,
  ws: `handles messages of a gateway, and before Nest 12 no global guard stands there: ${ON_CLASS}`,
  perRequest:
    'is made once, and Nest runs no global guard before it that is made for each request: give the guard the default scope',
  noGuard: `would run, and no guard checks it: ${GLOBAL_GUARD}, or @UseGuards(ZitadelManagerGuard); a guard of yours that asks ours must extend it, or have it injected`,
};

/** What stands before a handler where clients reach it. */
export interface InForce {
  /** Why our guard does not stand there. Undefined if it does. */
  readonly lost: string | undefined;
  /** The guards of ours that stand there, in words: a subclass says what it overrides. */
  readonly guards: readonly string[];
  /** Whether any guard stands on the class or the method, and Nest will run it. */
  readonly hasOwn: boolean;
  /** A guard of ours there has a `requestOf` of its own, so nobody knows what its requests have. */
  readonly hasOwnRequest: boolean;
}

/** Which guards Nest will run before a handler. */
export class GuardsInForce {
  constructor(
    private readonly config: ApplicationConfig,
    /** The global guards that Nest reads. What is added when modules start comes too late. */
    private readonly globals: readonly unknown[],
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
    private readonly hasHttp: boolean,
  ) {}

  problems(): readonly string[] {
    return this.globals.some((each) => each === undefined || each === null)
      ? [
          `an APP_GUARD is undefined or null, and Nest would run every handler without it: ${GLOBAL_GUARD}`,
        ]
      : [];
  }

  /** Whether a guard of ours is meant to stand before every handler. */
  isGlobal(): boolean {
    return this.#globals(true).some((each) => this.#isOurs(each));
  }

  /** What stands before a handler where it is reached this way. */
  at(handler: Handler, way: Way): InForce {
    const { type, shown, written, called, perRequest } = handler;
    const on = (...targets: readonly object[]) =>
      targets.flatMap((each) => this.#guardsOn(each, handler, way));
    const globals = this.#globals(perRequest);
    const ofHandler = on(type, written, called);
    const all = [...(this.#isOutOfReach(way) ? [] : globals), ...on(type, shown, written, called)];
    return {
      lost: this.#lost(handler, way),
      guards: [...new Set(all.filter((each) => this.#isOurs(each)).map(guardText))],
      hasOwn: ofHandler.length > 0 && !this.#isSkippedField(way),
      hasOwnRequest: [...globals, ...ofHandler].some(readsRequestItself),
    };
  }

  #lost(handler: Handler, way: Way): string | undefined {
    if (this.#isSkippedField(way)) return LOST.field;
    const reached = !this.#isOutOfReach(way);
    if (reached && this.#globals(handler.perRequest).some((each) => this.#isOurs(each))) {
      return undefined;
    }
    const lost = this.#lostOwn(handler, way);
    if (lost !== LOST.noGuard) return lost;
    if (!reached) return LOST[way.door as 'rpc' | 'ws'];
    return this.isGlobal() ? LOST.perRequest : lost;
  }

  /** Nest runs guards that are made for each request only before handlers that are, too. */
  #globals(perRequest: boolean): readonly unknown[] {
    const ofRequests = perRequest
      ? this.config
          .getGlobalRequestGuards()
          .map(({ isAlias, inject, metatype }) => (isAlias ? inject?.[0] : metatype))
      : [];
    return [...this.globals, ...ofRequests];
  }

  #isOutOfReach({ door }: Way): boolean {
    return (door === 'rpc' && this.hasHttp) || (door === 'ws' && !STAND_BEFORE_GATEWAYS);
  }

  /** Why a guard of ours does not stand on the class or the method. */
  #lostOwn(handler: Handler, way: Way): string | undefined {
    const { type, shown, written, called, perRequest, unstable } = handler;
    const isGuarded = (target: object) =>
      this.#guardsOn(target, handler, way).some((each) => this.#isOurs(each));
    // Nest 12 reads the guards of the class that it built, Nest 11 those of the instance's constructor.
    const classes = new Set<object>([...classesOf(type), shown]);
    const ofClasses = [...classes].filter(isGuarded);
    if (ofClasses.length === classes.size) return undefined;
    if (ofClasses.length > 0) {
      return `stands in a class that Nest knows by two names, and @UseGuards stands on one of them: ${GLOBAL_GUARD}, and leave 'constructor' out of what a mixin copies`;
    }
    if (perRequest && isGuarded(written)) {
      return `is made for each request, so nobody knows at boot whether it keeps the @UseGuards of the method: ${CLASS_GUARD}`;
    }
    // Nest calls the function of the prototype in gateways and resolvers, and with version 10 in message handlers.
    const callsWritten = way.door !== 'http';
    if (isGuarded(called) && !unstable && (!callsWritten || isGuarded(written))) return undefined;
    return isGuarded(written)
      ? `is replaced in its constructor, and Nest drops the @UseGuards of the method with it: ${CLASS_GUARD}`
      : LOST.noGuard;
  }

  /** The guards that `@UseGuards` names there, and that Nest will run. A class that it does not find it leaves out silently. */
  #guardsOn(target: object, handler: Handler, way: Way): readonly unknown[] {
    const guards: unknown = Reflect.getMetadata('__guards__', target);
    if (!Array.isArray(guards)) return [];
    const home = way.door === 'graphql' ? this.#homeOf(handler.shown) : handler.home;
    return (guards as readonly unknown[]).filter(
      (each) => handler.isController || typeof each !== 'function' || home?.injectables.has(each),
    );
  }

  /** Where the package of GraphQL looks for the guards of a resolver: in the first module that provides its class. */
  #homeOf(type: object): Home | undefined {
    return [...this.modules.values()].find(({ providers }) => providers.has(type as never));
  }

  /** The options of each GraphQLModule, but for gateways of a federation, which have no fields of their own. */
  optionsOfGraphQL(): readonly unknown[] {
    return [...this.modules.values()]
      .filter(({ providers }) => !isGateway(providers))
      .map(({ providers }): unknown => providers.get('GqlModuleOptions')?.instance)
      .filter((options) => options !== undefined);
  }

  #isSkippedField({ isField }: Way): boolean {
    if (!isField) return false;
    const all = this.optionsOfGraphQL().map((each) => own(each, 'fieldResolverEnhancers'));
    return all.length === 0 || !all.every((each) => Array.isArray(each) && each.includes('guards'));
  }

  /** Whether a guard is ours: the class, a subclass, an instance, one that has ours injected, or what a test put in its place. */
  #isOurs(guard: unknown): boolean {
    const object = prototypeOrInstance(guard);
    // Nest leaves out silently what cannot activate, such as an empty double.
    if (typeof Object(object).canActivate !== 'function' || !object) return false;
    return Reflect.has(object, GUARD_BRAND) || asksOurs(object) || object === this.#replacement();
  }

  /** What a test put in the guard's place with overrideProvider. It can be any guard. */
  #replacement(): unknown {
    try {
      return this.moduleRef.get<unknown>(ZitadelManagerGuard, { strict: false });
    } catch {
      return undefined;
    }
  }
}

const GATEWAYS: ReadonlySet<string> = new Set(['ApolloGatewayDriver', 'MercuriusGatewayDriver']);

/** Whether a module of GraphQL has the driver of a gateway, or one that extends it. No option tells: other drivers take `gateway`, too. */
function isGateway(providers: ReadonlyMap<unknown, Wrapper>): boolean {
  const driver = [...providers].find(
    ([token]) => typeof token === 'function' && token.name === 'AbstractGraphQLDriver',
  )?.[1].metatype;
  return lineOf(driver as nest.Type).some(({ name }) => GATEWAYS.has(name));
}

function prototypeOrInstance(guard: unknown): object | undefined {
  const object: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return typeof object === 'object' && object !== null ? object : undefined;
}

/** Where Nest notes what it injects: the types of a constructor's parameters, what `@Inject` says of them, and of properties. */
const INJECTED = ['design:paramtypes', 'self:paramtypes', 'self:properties_metadata'];

/** Whether our guard is injected into the class of another one. */
const asksOurs = (guard: object): boolean =>
  INJECTED.flatMap((key): readonly unknown[] => {
    const noted: unknown = Reflect.getMetadata(key, Object(guard.constructor) as object);
    return Array.isArray(noted) ? noted : [];
  }).some((each) => isBranded(own(each, 'param') ?? own(each, 'type') ?? each));

const isBranded = (type: unknown): boolean =>
  typeof type === 'function' && Reflect.has(Object(type.prototype) as object, GUARD_BRAND);

/** A guard by its class, and what makes it another one than ours. */
function guardText(guard: unknown): string {
  const object = prototypeOrInstance(guard) ?? {};
  const name = nameOf(object);
  const chain: object[] = [];
  for (let each: object | null = object; each; each = Object.getPrototypeOf(each)) {
    if (isPrototypeOfOurs(each)) {
      const overridden = METHODS.filter((method) =>
        chain.some((one) => Object.hasOwn(one, method)),
      );
      if (overridden.length > 0) return `${name} (overrides ${overridden.join(', ')})`;
      return object.constructor === each.constructor ? name : `${name} (extends ${OUR_NAME})`;
    }
    chain.push(each);
  }
  return `${name} (${asksOurs(object) ? 'asks' : 'in place of'} ${OUR_NAME})`;
}

/** The same at each start: `mixin()` of Nest names its class at random. */
function nameOf(object: object): string {
  let isNamed = true;
  for (let type: unknown = object.constructor; typeof type === 'function'; isNamed = false) {
    if (type.name !== '' && !RANDOM_NAME.test(type.name)) {
      return isNamed ? type.name : `a subclass of ${type.name}`;
    }
    type = Object.getPrototypeOf(type);
  }
  return 'a class without a name';
}

const RANDOM_NAME = /^[0-9a-f]{21}$/;
const OUR_NAME = ZitadelManagerGuard.name;
const METHODS = Object.getOwnPropertyNames(ZitadelManagerGuard.prototype).filter(
  (name) => name !== 'constructor',
);

/** Also of another copy of the package. Doubles have the brand on the object itself. */
const isPrototypeOfOurs = (object: object): boolean =>
  Object.hasOwn(object, GUARD_BRAND) && object.constructor.prototype === object;

/** Whether a subclass of our guard overrides `requestOf`. */
function readsRequestItself(guard: unknown): boolean {
  for (
    let each: unknown = prototypeOrInstance(guard);
    typeof each === 'object' && each !== null && !Object.hasOwn(each, GUARD_BRAND);
    each = Object.getPrototypeOf(each)
  ) {
    if (Object.hasOwn(each, 'requestOf')) return Reflect.has(each, GUARD_BRAND);
  }
  return false;
}

/**
 * Since Nest 12, global guards stand before the messages of gateways. Nest does not tell its version. This name came with Nest 12, whose
 * packages ask for each other.
 */
const STAND_BEFORE_GATEWAYS = Object.hasOwn(nest, 'StandardSchemaValidationPipe');
