import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { Authenticated, Public, RequireRole, ZitadelManagerGuard } from '../../lib/index.js';
import { boot, GLOBAL, type Application } from '../support/application.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

const Guard = () => UseGuards(ZitadelManagerGuard);
const askA = () => RequireRole('ORG_OWNER', people.orgA);
const askB = () => RequireRole('ORG_OWNER', people.orgB);

type Method = (this: unknown, ...given: unknown[]) => unknown;
type Made = Record<string, Method>;

/** The GET routes of a class by the names of their methods, each with its other decorators, the outermost first. */
type Routes = Readonly<Record<string, readonly MethodDecorator[]>>;

/** What else there is about a class. */
interface More {
  readonly base?: Type;
  /** What the constructor does; it may return another object. */
  readonly constructs?: (self: Made, ...given: unknown[]) => object | void;
  readonly methods?: Readonly<Record<string, Method>>;
}

interface MoreOfController extends More {
  /** Decorators beside `@Controller`, the outermost first. */
  readonly on?: readonly ClassDecorator[];
  readonly path?: string;
  readonly scope?: Scope;
}

/** A class as it would be written with decorators. */
function classOf(routes: Routes, { base, constructs, methods = {} }: More = {}): Type {
  const type: Type = base
    ? class extends base {
        constructor(...given: unknown[]) {
          super();
          return constructs?.(this as unknown as Made, ...given) as object;
        }
      }
    : class {
        constructor(...given: unknown[]) {
          return constructs?.(this as unknown as Made, ...given) as object;
        }
      };
  const prototype = type.prototype as object;
  const define = (name: string, value: Method, decorators: readonly MethodDecorator[]) => {
    const written = { value, writable: true, configurable: true, enumerable: false };
    const decorated = Reflect.decorate([...decorators], prototype, name, written);
    Object.defineProperty(prototype, name, decorated as PropertyDescriptor);
  };
  for (const [name, method] of Object.entries(methods)) define(name, method, []);
  for (const [name, decorators] of Object.entries(routes)) {
    define(name, () => ({}), [Get(name), ...decorators]);
  }
  return type;
}

function controllerOf(routes: Routes, more: MoreOfController = {}): Type {
  const { on = [], path = 'x', scope } = more;
  const type = classOf(routes, more);
  Object.defineProperty(type, 'name', { value: `${path.toUpperCase()}Controller` });
  const controller = Controller({ path, ...(scope !== undefined && { scope }) });
  return Reflect.decorate([controller, ...on], type) as Type;
}

/** A class with `GET read` that asks for the owner of organization A, to be copied from. */
const written = () => classOf({ read: [askA()] });
/** A public one. */
const open = () => classOf({ read: [Public()] });

const bindAll =
  (...names: string[]) =>
  (self: Made): void => {
    for (const name of names) self[name] = self[name]?.bind(self) as Method;
  };
const bind = bindAll('read');

/** Hands out another function each time. */
function handOutAnew(self: Made): void {
  const inner = self['read']?.bind(self);
  Object.defineProperty(self, 'read', { get: () => () => inner?.() });
}

/** Another decorator, which puts a function of its own in the place of the method. */
const logged: MethodDecorator = (_target, _key, descriptor) => {
  const inner = descriptor.value as unknown as Method;
  descriptor.value = function (this: unknown, ...given: unknown[]) {
    return inner.apply(this, given);
  } as never;
};

/** Puts a method of one class into another, as mixins do. */
function copied(from: Type, to: Type, as = 'read', name = 'read'): Type {
  const descriptor = Object.getOwnPropertyDescriptor(from.prototype, name);
  Object.defineProperty(to.prototype, as, descriptor ?? {});
  return to;
}

/** The mixin of TypeScript's handbook: every name, `constructor` too. */
function mixed(from: Type, to: Type): Type {
  for (const name of Object.getOwnPropertyNames(from.prototype)) copied(from, to, name, name);
  return to;
}

const inPublicControllers = (type: Type): Application => ({
  controllers: [type],
  options: { publicControllers: [type] },
});

/** Who gets in, or why the application refuses to boot; and the application, or its one controller. */
type Way = readonly [becomes: string | RegExp, app: () => Type | Application];
type Ways = Readonly<Record<string, Way>>;

const REPLACED =
  /XController\.read is replaced in its constructor, and Nest drops the @UseGuards of the method with it: write @UseGuards\(ZitadelManagerGuard\) on the class/;
const PER_REQUEST =
  /XController\.read is made for each request, .*write @UseGuards\(ZitadelManagerGuard\) on the class/;
const EACH_TIME = /XController\.read is another function each time it is read/;
const ONE_FUNCTION =
  /XController\.(read|open) and XController\.(read|open) are one function when Nest calls them/;
const DIFFERS =
  /XController\.read was decorated, and then another decorated function took its place/;
const UNGUARDED = /XController\.read would run, and no guard checks it/;

/** A controller with the guard on its one method. */
const guarded = (more: MoreOfController) => controllerOf({ read: [Guard(), askA()] }, more);

const guardLost: Ways = {
  'bound in the constructor': [REPLACED, () => guarded({ constructs: bind })],
  'wrapped in the constructor': [
    REPLACED,
    () =>
      guarded({
        constructs(self) {
          const inner = self['read']?.bind(self);
          self['read'] = () => ({ ...(inner?.() as object), timed: true });
        },
      }),
  ],
  'bound in the constructor of a base class': [
    REPLACED,
    () => guarded({ base: classOf({}, { constructs: bind }) }),
  ],
  'shadowed by a field of a subclass': [
    REPLACED,
    () =>
      controllerOf(
        {},
        {
          base: classOf({ read: [Guard(), askA()] }),
          constructs: (self) =>
            void Object.defineProperty(self, 'read', { value: () => ({ field: true }) }),
        },
      ),
  ],
  'behind an accessor of the instance': [REPLACED, () => guarded({ constructs: handOutAnew })],
  'bound by a proxy that the constructor returns': [
    EACH_TIME,
    () =>
      guarded({
        constructs: (self) =>
          new Proxy(self, {
            get(target, name) {
              const found: unknown = Reflect.get(target, name);
              return typeof found === 'function' ? (found.bind(target) as unknown) : found;
            },
          }),
      }),
  ],
  'replaced by a method without a decorator': [
    REPLACED,
    () =>
      guarded({
        methods: { other: () => ({ other: true }) },
        constructs: (self) => void (self['read'] = self['other'] as Method),
      }),
  ],
  'bound where the controller lives for one request': [
    PER_REQUEST,
    () => guarded({ scope: Scope.REQUEST, constructs: bind }),
  ],
  'bound where what it needs lives for one request': [
    PER_REQUEST,
    () => {
      @Injectable({ scope: Scope.REQUEST })
      class Tenant {}
      const controller = guarded({ constructs: bind });
      Reflect.defineMetadata('design:paramtypes', [Tenant], controller);
      return { controllers: [controller], providers: [Tenant] };
    },
  ],
  'bound where an interceptor of the application lives for one request': [
    PER_REQUEST,
    () => {
      @Injectable({ scope: Scope.REQUEST })
      class Timing implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler) {
          return next.handle();
        }
      }
      const providers = [{ provide: APP_INTERCEPTOR, useClass: Timing }];
      return { controllers: [guarded({ constructs: bind })], providers };
    },
  ],
  'bound in one of the two modules that have the controller': [
    REPLACED,
    () => {
      const controller = guarded({ constructs: (self, binds) => (binds ? bind(self) : undefined) });
      Reflect.defineMetadata('self:paramtypes', [{ index: 0, param: 'BIND' }], controller);
      const moduleWith = (binds: boolean): Type => {
        class FeatureModule {}
        const providers = [{ provide: 'BIND', useValue: binds }];
        Module({ controllers: [controller], providers })(FeatureModule);
        return FeatureModule;
      };
      return { imports: [moduleWith(false), moduleWith(true)] };
    },
  ],
  'left on a function that another decorator wraps': [
    UNGUARDED,
    () => controllerOf({ read: [logged, Guard(), askA()] }),
  ],
  'wrapped together with all metadata': [
    'A',
    () =>
      guarded({
        constructs(self) {
          const inner = self['read'] as Method;
          const outer = () => inner.call(self);
          for (const key of Reflect.getMetadataKeys(inner) as unknown[]) {
            Reflect.defineMetadata(key, Reflect.getMetadata(key, inner), outer);
          }
          self['read'] = outer;
        },
      }),
  ],
  'of a handler that an unguarded controller inherits with @Authenticated': [
    UNGUARDED,
    () => controllerOf({}, { base: classOf({ read: [Authenticated()] }) }),
  ],
  'of a handler that is copied with @Authenticated into an unguarded controller': [
    UNGUARDED,
    () => copied(classOf({ read: [Authenticated()] }), controllerOf({})),
  ],
  'of a class that hands out an instance of another one': [
    /XController hands out an instance of another class/,
    () => {
      const Other = classOf({ read: [] });
      return guarded({ constructs: () => new Other() as object });
    },
  ],
};

const requirementKept: Ways = {
  'bound in the constructor': ['A', () => controllerOf({ read: [askA()] }, { constructs: bind })],
  'bound under a guard of the class': [
    'A',
    () => ({
      controllers: [controllerOf({ read: [askA()] }, { on: [Guard()], constructs: bind })],
      providers: [],
    }),
  ],
  'wrapped in the constructor, with what its class asks for': [
    'A and B',
    () =>
      controllerOf(
        { read: [askA()] },
        {
          on: [askB()],
          constructs(self) {
            const inner = self['read']?.bind(self);
            self['read'] = () => inner?.();
          },
        },
      ),
  ],
  'bound for each request': [
    'A',
    () =>
      controllerOf(
        { read: [askA()], open: [Public()] },
        { scope: Scope.REQUEST, constructs: bindAll('read', 'open') },
      ),
  ],
  'bound anew by the controller after its routes are known': [
    'A',
    () =>
      controllerOf(
        { read: [askA()] },
        {
          methods: {
            onModuleInit(this: unknown) {
              bind(this as Made);
            },
          },
        },
      ),
  ],
  'replaced by a public route of the same controller': [
    DIFFERS,
    () =>
      controllerOf(
        { read: [askA()], open: [Public()] },
        { constructs: (self) => void (self['read'] = self['open'] as Method) },
      ),
  ],
  'served by the same function as a route that is public': [
    ONE_FUNCTION,
    () =>
      controllerOf(
        { read: [askA()], open: [Public()] },
        { constructs: (self) => void (self['open'] = self['read'] = () => ({})) },
      ),
  ],
  'bound for each request in a controller of publicControllers': [
    'A',
    () =>
      inPublicControllers(
        controllerOf({ read: [askA()] }, { scope: Scope.REQUEST, constructs: bind }),
      ),
  ],
  'under two names in a controller of publicControllers': [
    'A',
    () => {
      const controller = controllerOf({ read: [askA()] });
      return inPublicControllers(copied(controller, controller, 'again'));
    },
  ],
  'copied into a class that is public': [
    'A',
    () => copied(written(), controllerOf({}, { on: [Public()] })),
  ],
  'copied into a class that asks for a caller': [
    'A',
    () => copied(written(), controllerOf({}, { on: [Authenticated()] })),
  ],
  'copied into a class that asks for more': [
    'A and B',
    () => copied(written(), controllerOf({}, { on: [askB()] })),
  ],
  'copied into a class of publicControllers': [
    'A',
    () => inPublicControllers(copied(written(), controllerOf({}))),
  ],
  'copied with everything else of a class': [
    'A',
    () => mixed(written(), controllerOf({}, { on: [Public()] })),
  ],
  'copied with everything else into a class that asks for more': [
    'A and B',
    () => mixed(written(), controllerOf({}, { on: [askB()] })),
  ],
  'copied under another name': [
    'A',
    () => copied(written(), controllerOf({}, { on: [Public()] }), 'fetch'),
  ],
  'copied under two names': [
    'A',
    () => {
      const from = written();
      return copied(from, copied(from, controllerOf({}, { on: [Public()] })), 'fetch');
    },
  ],
  'copied, and bound in the constructor': [
    'A',
    () => copied(written(), controllerOf({}, { on: [Public()], constructs: bind })),
  ],
  'copied, and inherited by a public controller': [
    'A',
    () => controllerOf({}, { on: [Public()], base: copied(written(), classOf({})) }),
  ],
  'copied, and overridden without a decorator': [
    'A',
    () => controllerOf({ read: [] }, { on: [Public()], base: copied(written(), classOf({})) }),
  ],
  'copied over an inherited method that asks for something else': [
    'A and B',
    () => copied(written(), controllerOf({}, { base: classOf({ read: [askB()] }) })),
  ],
  'copied over a method that is public': [
    DIFFERS,
    () => copied(written(), controllerOf({ read: [Public()] })),
  ],
  'copied over a method that asks for something else': [
    DIFFERS,
    () => copied(written(), controllerOf({ read: [askB()] })),
  ],
  'copied over by a method that is public': [
    DIFFERS,
    () => copied(open(), controllerOf({ read: [askA()] })),
  ],
  'copied, and decorated once more': [
    DIFFERS,
    () => {
      const controller = copied(written(), controllerOf({}));
      const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, 'read');
      askB()(controller.prototype as object, 'read', descriptor ?? {});
      return controller;
    },
  ],
  'copied without a decorator over a method that asks for something': [
    'A',
    () => copied(classOf({ read: [] }), controllerOf({ read: [askA()] })),
  ],
  'wrapped by another decorator, then copied into a class that is public': [
    'A',
    () => copied(classOf({ read: [logged, askA()] }), controllerOf({}, { on: [Public()] })),
  ],
  'copied as public into a class that asks for something': [
    'A',
    () => copied(open(), controllerOf({}, { on: [askA()] })),
  ],
  'copied as @Authenticated({ replaces }) into a class that asks for something': [
    'A',
    () =>
      copied(
        classOf({ read: [Authenticated({ replaces: true })] }),
        controllerOf({}, { on: [askA()] }),
      ),
  ],
  'copied as public into a class that declares nothing': [
    'denied',
    () => copied(open(), controllerOf({})),
  ],
  'copied into an accessor, which is no route': [
    'denied',
    () => {
      const controller = controllerOf({}, { on: [Public()] });
      const { read } = written().prototype as Made;
      Object.defineProperty(controller.prototype, 'read', { get: () => read });
      return controller;
    },
  ],
  'copied to a symbol, which is no route': [
    'denied',
    () => {
      const controller = controllerOf({}, { on: [Public()] });
      const { read } = written().prototype as Made;
      Object.defineProperty(controller.prototype, Symbol('read'), { value: read });
      return controller;
    },
  ],
  'copied with everything else into two classes that ask for different things': [
    /YController\.read and XController\.read are one function .*leave 'constructor' out/,
    () => {
      const from = written();
      const x = controllerOf({}, { on: [askB()] });
      const y = controllerOf({}, { on: [Authenticated()], path: 'y' });
      return { controllers: [mixed(from, x), mixed(from, y)] };
    },
  ],
  'copied with everything else into a class that alone has the guard': [
    /XController\.read stands in a class that Nest knows by two names/,
    () => ({
      controllers: [mixed(written(), controllerOf({}, { on: [Guard()] }))],
      providers: [],
    }),
  ],
  'handed out anew each time under a guard of the application': [
    EACH_TIME,
    () => controllerOf({ read: [askA()] }, { constructs: handOutAnew }),
  ],
  'of a class that another decorator puts a proxy around': [
    'A',
    () =>
      controllerOf({ read: [Authenticated()] }, { on: [(type) => new Proxy(type, {}), askA()] }),
  ],
};

/** Fastify itself refuses two routes of one path. */
const ON_EXPRESS_ONLY: ReadonlySet<string> = new Set([
  'bound in one of the two modules that have the controller',
  'under two names in a controller of publicControllers',
  'copied under two names',
]);

function table(ways: Ways, providers: Provider[]): void {
  describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
    for (const [how, [becomes, make]] of Object.entries(ways)) {
      if (platform === 'fastify' && ON_EXPRESS_ONLY.has(how)) continue;
      const start = () => {
        const made = make();
        const app = typeof made === 'function' ? { controllers: [made] } : made;
        return boot(people, { platform, providers, ...app });
      };
      if (typeof becomes === 'string') {
        it(`lets in ${becomes}: ${how}`, async () => {
          expect(await whoGetsIn(people, (await start()).url, '/x/read')).toBe(becomes);
        });
      } else {
        it(`refuses to boot: ${how}`, async () => {
          await expect(start()).rejects.toThrow(becomes);
        });
      }
    }
  });
}

describe('a guard that Nest would drop', () => {
  table(guardLost, []);
});

describe('a requirement that a handler would lose', () => {
  table(requirementKept, [GLOBAL]);
});

describe('a method that two controllers share', () => {
  it('asks the same of both, and each for what its class adds', async () => {
    const from = written();
    const one = copied(from, controllerOf({}, { path: 'one', on: [Public()] }));
    const two = copied(from, controllerOf({}, { path: 'two', on: [askB()] }));
    const { url } = await boot(people, { controllers: [one, two] });
    expect(await whoGetsIn(people, url, '/one/read')).toBe('A');
    expect(await whoGetsIn(people, url, '/two/read')).toBe('A and B');
  });

  it('asks what another copy of the package declares', async () => {
    const other = await import('#dist/index.js');
    const from = classOf({ read: [other.RequireRole('ORG_OWNER', people.orgA)] });
    const controllers = [copied(from, controllerOf({}, { on: [Public()] }))];
    const { url } = await boot(people, { controllers });
    expect(await whoGetsIn(people, url, '/x/read')).toBe('A');
  });
});

describe('a controller that is made for each request', () => {
  it('is asked for each of its routes, bound or not, while many requests come at once', async () => {
    const controller = controllerOf(
      { a: [askA()], b: [askB()], open: [Public()] },
      { scope: Scope.REQUEST, constructs: bindAll('a', 'open') },
    );
    const { url } = await boot(people, { controllers: [controller] });
    const [a, b, open] = await Promise.all(
      ['/x/a', '/x/b', '/x/open'].map((path) => whoGetsIn(people, url, path)),
    );
    expect({ a, b, open }).toEqual({ a: 'A', b: 'B', open: 'public' });
    expect((await get(url, '/x/a')).status).toBe(401);
  });

  it('asks for what a function brings along that took the place of a decorated one after the boot', async () => {
    const other = classOf({ read: [askB()] }).prototype as Made;
    const controller = controllerOf(
      { read: [askA()] },
      { scope: Scope.REQUEST, constructs: (self) => void (self['read'] = other['read'] as Method) },
    );
    const { url } = await boot(people, { controllers: [controller] });
    other['read'] = () => ({});
    expect(await whoGetsIn(people, url, '/x/read')).toBe('A and B');
  });
});

describe('the boot check', () => {
  it('looks once at each decorated method of the process, however many routes there are', async () => {
    let looks = 0;
    const elsewhere = new Proxy(classOf({ read: [] }).prototype as Made, {
      getOwnPropertyDescriptor(target, name) {
        looks += 1;
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
    });
    Reflect.decorate([askA()], elsewhere, 'read', { value: elsewhere['read'] });
    looks = 0;
    await boot(people, { controllers: [controllerOf({ a: [askA()], b: [askB()], c: [askA()] })] });
    expect(looks).toBe(1);
    // Only what still exists is looked at.
    expect(elsewhere['read']).toBeTypeOf('function');
  });
});
