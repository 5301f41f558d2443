import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CallHandler,
  type ExecutionContext,
  type ModuleMetadata,
  type NestInterceptor,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Authenticated,
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { startNest, type Platform, type Running } from '../support/start.js';
import { createPeople, get, whoGetsIn, type People } from './people.js';

let people: People;
const running: Running[] = [];

beforeAll(async () => {
  people = await createPeople();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ close }) => close()));
});

afterAll(() => people.zitadel.stop());

const GLOBAL = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };
const OnMethod = () => UseGuards(ZitadelManagerGuard);
const askA = () => RequireRole('ORG_OWNER', people.orgA);
const askB = () => RequireRole('ORG_OWNER', people.orgB);

type Method = (this: unknown, ...given: unknown[]) => unknown;

/** Another decorator, which puts a function of its own in the place of the method. */
const logged: MethodDecorator = (_target, _key, descriptor) => {
  const inner = descriptor.value as unknown as Method;
  descriptor.value = function (this: unknown, ...given: unknown[]) {
    return inner.apply(this, given);
  } as never;
};

/** Puts a method of one prototype on another, as mixins do. */
function copy(from: Type, to: Type, name = 'read', as = name): void {
  const descriptor = Object.getOwnPropertyDescriptor(from.prototype, name);
  Object.defineProperty(to.prototype, as, descriptor ?? {});
}

/** The mixin of TypeScript's handbook: every name, `constructor` too. */
function applyMixin(from: Type, to: Type): void {
  for (const name of Object.getOwnPropertyNames(from.prototype)) copy(from, to, name);
}

/** A class with `GET read` that asks for the owner of organization A, to be copied from. */
function written(): Type {
  class Written {
    @Get('read')
    @askA()
    read() {
      return {};
    }
  }
  return Written;
}

/** What becomes of a way to lose a guard or a requirement. */
type Outcome = { readonly refuses: RegExp } | { readonly letsIn: string; readonly path?: string };

interface Way {
  readonly how: string;
  readonly app: () => ModuleMetadata;
  readonly options?: (app: ModuleMetadata) => Partial<ZitadelModuleOptions>;
  readonly becomes: Outcome;
  /** Where Fastify itself refuses two routes of one path. */
  readonly onExpressOnly?: true;
}

const REPLACED =
  /XController\.read is replaced in its constructor, and Nest drops the @UseGuards of the method with it: write @UseGuards\(ZitadelManagerGuard\) on the class/;
const PER_REQUEST =
  /XController\.read is made for each request, .*write @UseGuards\(ZitadelManagerGuard\) on the class/;
const EACH_TIME = /XController\.read is another function each time it is read/;
const ONE_FUNCTION =
  /XController\.(read|open) and XController\.(read|open) are one function when Nest calls them/;
const DIFFERS = /XController\.read: what is decorated is not what stands there/;

const guardLost: readonly Way[] = [
  {
    how: 'bound in the constructor',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'wrapped in the constructor',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          const inner = this.read.bind(this);
          this.read = () => ({ ...inner(), timed: true });
        }

        @Get('read')
        @OnMethod()
        @askA()
        read(): object {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'bound in the constructor of a base class',
    app: () => {
      class Bound {
        constructor() {
          for (const name of ['read'] as const) {
            const self = this as unknown as Record<string, Method>;
            self[name] = self[name]?.bind(this) as Method;
          }
        }
      }
      @Controller('x')
      class XController extends Bound {
        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'shadowed by a field of a subclass',
    app: () => {
      class Base {
        @Get('read')
        @OnMethod()
        @askA()
        read(): object {
          return {};
        }
      }
      @Controller('x')
      class XController extends Base {
        constructor() {
          super();
          Object.defineProperty(this, 'read', { value: () => ({ field: true }) });
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'behind an accessor of the instance',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          const inner = this.read.bind(this);
          Object.defineProperty(this, 'read', { get: () => () => inner() });
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'bound by a proxy that the constructor returns',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          return new Proxy(this, {
            get(target, name) {
              const found: unknown = Reflect.get(target, name);
              return typeof found === 'function' ? (found.bind(target) as unknown) : found;
            },
          });
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: EACH_TIME },
  },
  {
    how: 'replaced by a method without a decorator',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          this.read = this.other;
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }

        other() {
          return { other: true };
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'bound where the controller lives for one request',
    app: () => {
      @Controller({ path: 'x', scope: Scope.REQUEST })
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: PER_REQUEST },
  },
  {
    how: 'bound where what it needs lives for one request',
    app: () => {
      @Injectable({ scope: Scope.REQUEST })
      class Tenant {}
      @Controller('x')
      class XController {
        constructor(readonly tenant: Tenant) {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      Reflect.defineMetadata('design:paramtypes', [Tenant], XController);
      return { controllers: [XController], providers: [Tenant] };
    },
    becomes: { refuses: PER_REQUEST },
  },
  {
    how: 'bound where an interceptor of the application lives for one request',
    app: () => {
      @Injectable({ scope: Scope.REQUEST })
      class Timing implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler) {
          return next.handle();
        }
      }
      @Controller('x')
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      const providers = [{ provide: APP_INTERCEPTOR, useClass: Timing }];
      return { controllers: [XController], providers };
    },
    becomes: { refuses: PER_REQUEST },
  },
  {
    onExpressOnly: true,
    how: 'bound in one of the two modules that have the controller',
    app: () => {
      @Controller('x')
      class XController {
        constructor(bind: boolean) {
          if (bind) this.read = this.read.bind(this);
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      Reflect.defineMetadata('self:paramtypes', [{ index: 0, param: 'BIND' }], XController);
      const moduleWith = (bind: boolean): Type => {
        class FeatureModule {}
        const providers = [{ provide: 'BIND', useValue: bind }];
        Module({ controllers: [XController], providers })(FeatureModule);
        return FeatureModule;
      };
      return { imports: [moduleWith(false), moduleWith(true)] };
    },
    becomes: { refuses: REPLACED },
  },
  {
    how: 'left on a function that another decorator wraps',
    app: () => {
      @Controller('x')
      class XController {
        @Get('read')
        @logged
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: /XController\.read is decorated, and no guard checks it/ },
  },
  {
    how: 'wrapped together with all metadata',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          const inner = this.read;
          const outer = () => inner.call(this);
          for (const key of Reflect.getMetadataKeys(inner) as unknown[]) {
            Reflect.defineMetadata(key, Reflect.getMetadata(key, inner), outer);
          }
          this.read = outer;
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'of a handler that an unguarded controller inherits with @Authenticated',
    app: () => {
      class Base {
        @Get('read')
        @Authenticated()
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController extends Base {}
      return { controllers: [XController] };
    },
    becomes: { refuses: /XController\.read is decorated, and no guard checks it/ },
  },
  {
    how: 'of a handler that is copied with @Authenticated into an unguarded controller',
    app: () => {
      class Base {
        @Get('read')
        @Authenticated()
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController {}
      copy(Base, XController);
      return { controllers: [XController] };
    },
    becomes: { refuses: /XController\.read is decorated, and no guard checks it/ },
  },
  {
    how: 'of a class that hands out an instance of another one',
    app: () => {
      class Other {
        @Get('read')
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController {
        constructor() {
          return new Other() as XController;
        }

        @Get('read')
        @OnMethod()
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { refuses: /XController hands out an instance of another class/ },
  },
];

const requirementKept: readonly Way[] = [
  {
    how: 'bound in the constructor',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'bound under a guard of the class',
    app: () => {
      @Controller('x')
      @UseGuards(ZitadelManagerGuard)
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'wrapped in the constructor, with what its class asks for',
    app: () => {
      @Controller('x')
      @askB()
      class XController {
        constructor() {
          const inner = this.read.bind(this);
          this.read = () => inner();
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A and B' },
  },
  {
    how: 'bound for each request',
    app: () => {
      @Controller({ path: 'x', scope: Scope.REQUEST })
      class XController {
        constructor() {
          this.read = this.read.bind(this);
          this.open = this.open.bind(this);
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }

        @Get('open')
        @Public()
        open() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'bound anew by the controller after its routes are known',
    app: () => {
      @Controller('x')
      class XController implements OnModuleInit {
        onModuleInit() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'replaced by a public route of the same controller',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          this.read = this.open;
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }

        @Get('open')
        @Public()
        open() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: DIFFERS },
  },
  {
    how: 'served by the same function as a route that is public',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          this.read = () => ({});
          this.open = this.read;
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }

        @Get('open')
        @Public()
        open() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: ONE_FUNCTION },
  },
  {
    how: 'bound for each request in a controller of publicControllers',
    app: () => {
      @Controller({ path: 'x', scope: Scope.REQUEST })
      class XController {
        constructor() {
          this.read = this.read.bind(this);
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    options: ({ controllers = [] }) => ({ publicControllers: controllers }),
    becomes: { letsIn: 'A' },
  },
  {
    onExpressOnly: true,
    how: 'under two names in a controller of publicControllers',
    app: () => {
      @Controller('x')
      class XController {
        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      copy(XController, XController, 'read', 'again');
      return { controllers: [XController], providers: [GLOBAL] };
    },
    options: ({ controllers = [] }) => ({ publicControllers: controllers }),
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied into a class that is public',
    app: () => {
      @Controller('x')
      @Public()
      class XController {}
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied into a class that asks for a caller',
    app: () => {
      @Controller('x')
      @Authenticated()
      class XController {}
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied into a class that asks for more',
    app: () => {
      @Controller('x')
      @askB()
      class XController {}
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A and B' },
  },
  {
    how: 'copied into a class of publicControllers',
    app: () => {
      @Controller('x')
      class XController {}
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    options: ({ controllers = [] }) => ({ publicControllers: controllers }),
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied with everything else of a class',
    app: () => {
      @Controller('x')
      @Public()
      class XController {}
      applyMixin(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied with everything else into a class that asks for more',
    app: () => {
      @Controller('x')
      @askB()
      class XController {}
      applyMixin(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A and B' },
  },
  {
    how: 'copied under another name',
    app: () => {
      @Controller('x')
      @Public()
      class XController {}
      copy(written(), XController, 'read', 'fetch');
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    onExpressOnly: true,
    how: 'copied under two names',
    app: () => {
      @Controller('x')
      @Public()
      class XController {}
      const from = written();
      copy(from, XController);
      copy(from, XController, 'read', 'fetch');
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied, and bound in the constructor',
    app: () => {
      @Controller('x')
      @Public()
      class XController {
        constructor() {
          const self = this as unknown as Record<string, Method>;
          self['read'] = self['read']?.bind(this) as Method;
        }
      }
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied, and inherited by a public controller',
    app: () => {
      class Middle {}
      copy(written(), Middle);
      @Controller('x')
      @Public()
      class XController extends Middle {}
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied, and overridden without a decorator',
    app: () => {
      class Middle {
        read(): object {
          return {};
        }
      }
      copy(written(), Middle);
      @Controller('x')
      @Public()
      class XController extends Middle {
        @Get('read')
        override read() {
          return super.read();
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied over an inherited method that asks for something else',
    app: () => {
      class Base {
        @Get('read')
        @askB()
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController extends Base {}
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A and B' },
  },
  {
    how: 'copied over a method that is public',
    app: () => {
      @Controller('x')
      class XController {
        @Get('read')
        @Public()
        read() {
          return {};
        }
      }
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: DIFFERS },
  },
  {
    how: 'copied over a method that asks for something else',
    app: () => {
      @Controller('x')
      class XController {
        @Get('read')
        @askB()
        read() {
          return {};
        }
      }
      copy(written(), XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: DIFFERS },
  },
  {
    how: 'copied over by a method that is public',
    app: () => {
      class Open {
        @Get('read')
        @Public()
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController {
        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      copy(Open, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: DIFFERS },
  },
  {
    how: 'copied, and decorated once more',
    app: () => {
      const from = written();
      @Controller('x')
      class XController {}
      copy(from, XController);
      const descriptor = Object.getOwnPropertyDescriptor(XController.prototype, 'read');
      askB()(XController.prototype, 'read', descriptor ?? {});
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: DIFFERS },
  },
  {
    how: 'copied without a decorator over a method that asks for something',
    app: () => {
      class Plain {
        @Get('read')
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController {
        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      copy(Plain, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'wrapped by another decorator, then copied into a class that is public',
    app: () => {
      class Written {
        @Get('read')
        @logged
        @askA()
        read() {
          return {};
        }
      }
      @Controller('x')
      @Public()
      class XController {}
      copy(Written, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied as public into a class that asks for something',
    app: () => {
      class Open {
        @Get('read')
        @Public()
        read() {
          return {};
        }
      }
      @Controller('x')
      @askA()
      class XController {}
      copy(Open, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied as @Authenticated({ replaces }) into a class that asks for something',
    app: () => {
      class Own {
        @Get('read')
        @Authenticated({ replaces: true })
        read() {
          return {};
        }
      }
      @Controller('x')
      @askA()
      class XController {}
      copy(Own, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
  {
    how: 'copied as public into a class that declares nothing',
    app: () => {
      class Open {
        @Get('read')
        @Public()
        read() {
          return {};
        }
      }
      @Controller('x')
      class XController {}
      copy(Open, XController);
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'denied' },
  },
  {
    how: 'copied into an accessor, which is no route',
    app: () => {
      const from = written();
      @Controller('x')
      @Public()
      class XController {}
      const { read } = from.prototype as { read: unknown };
      Object.defineProperty(XController.prototype, 'read', { get: () => read });
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'denied' },
  },
  {
    how: 'copied to a symbol, which is no route',
    app: () => {
      const from = written();
      @Controller('x')
      @Public()
      class XController {}
      const { read } = from.prototype as { read: unknown };
      Object.defineProperty(XController.prototype, Symbol('read'), { value: read });
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'denied' },
  },
  {
    how: 'copied with everything else into two classes that ask for different things',
    app: () => {
      @Controller('x')
      @askB()
      class XController {}
      @Controller('y')
      @Authenticated()
      class YController {}
      const from = written();
      for (const to of [XController, YController]) applyMixin(from, to);
      return { controllers: [XController, YController], providers: [GLOBAL] };
    },
    becomes: {
      refuses: /YController\.read and XController\.read are one function .*leave 'constructor' out/,
    },
  },
  {
    how: 'copied with everything else into a class that alone has the guard',
    app: () => {
      @Controller('x')
      @UseGuards(ZitadelManagerGuard)
      class XController {}
      applyMixin(written(), XController);
      return { controllers: [XController] };
    },
    becomes: { refuses: /XController\.read stands in a class that Nest knows by two names/ },
  },
  {
    how: 'handed out anew each time under a guard of the application',
    app: () => {
      @Controller('x')
      class XController {
        constructor() {
          const inner = this.read.bind(this);
          Object.defineProperty(this, 'read', { get: () => () => inner() });
        }

        @Get('read')
        @askA()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { refuses: EACH_TIME },
  },
  {
    how: 'of a class that another decorator puts a proxy around',
    app: () => {
      const proxied: ClassDecorator = (type) => new Proxy(type, {});
      @Controller('x')
      @proxied
      @askA()
      class XController {
        @Get('read')
        @Authenticated()
        read() {
          return {};
        }
      }
      return { controllers: [XController], providers: [GLOBAL] };
    },
    becomes: { letsIn: 'A' },
  },
];

async function boot(platform: Platform, { app, options }: Way): Promise<string> {
  const { imports = [], ...metadata } = app();
  const ours = ZitadelModule.forRoot({ ...people.zitadel.options(), ...options?.(metadata) });
  const started = await startNest(platform, { imports: [ours, ...imports], ...metadata });
  running.push(started);
  return started.url;
}

function table(ways: readonly Way[]): void {
  describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
    for (const way of ways) {
      if (way.onExpressOnly && platform !== 'express') continue;
      const { how, becomes } = way;
      if ('refuses' in becomes) {
        it(`refuses to boot: ${how}`, async () => {
          await expect(boot(platform, way)).rejects.toThrow(becomes.refuses);
        });
      } else {
        it(`lets in ${becomes.letsIn}: ${how}`, async () => {
          const url = await boot(platform, way);
          expect(await whoGetsIn(people, url, becomes.path ?? '/x/read')).toBe(becomes.letsIn);
        });
      }
    }
  });
}

describe('a guard that Nest would drop', () => {
  table(guardLost);
});

describe('a requirement that a handler would lose', () => {
  table(requirementKept);
});

describe('a method that two controllers share', () => {
  it('asks the same of both, and each for what its class adds', async () => {
    const from = written();
    @Controller('one')
    @Public()
    class OneController {}
    @Controller('two')
    @askB()
    class TwoController {}
    for (const to of [OneController, TwoController]) copy(from, to);
    const url = await boot('express', {
      how: '',
      app: () => ({ controllers: [OneController, TwoController], providers: [GLOBAL] }),
      becomes: { letsIn: 'A' },
    });
    expect(await whoGetsIn(people, url, '/one/read')).toBe('A');
    expect(await whoGetsIn(people, url, '/two/read')).toBe('A and B');
  });

  it('asks what another copy of the package declares', async () => {
    const other = await import('#dist/index.js');
    class Written {
      @Get('read')
      @other.RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    @Controller('x')
    @Public()
    class XController {}
    copy(Written, XController);
    const url = await boot('express', {
      how: '',
      app: () => ({ controllers: [XController], providers: [GLOBAL] }),
      becomes: { letsIn: 'A' },
    });
    expect(await whoGetsIn(people, url, '/x/read')).toBe('A');
  });
});

describe('a controller that is made for each request', () => {
  it('is asked for each of its routes, bound or not, while many requests come at once', async () => {
    @Controller({ path: 'x', scope: Scope.REQUEST })
    class XController {
      constructor() {
        this.a = this.a.bind(this);
        this.open = this.open.bind(this);
      }

      @Get('a')
      @askA()
      a() {
        return {};
      }

      @Get('b')
      @askB()
      b() {
        return {};
      }

      @Get('open')
      @Public()
      open() {
        return {};
      }
    }
    const url = await boot('express', {
      how: '',
      app: () => ({ controllers: [XController], providers: [GLOBAL] }),
      becomes: { letsIn: 'A' },
    });
    const [a, b, open] = await Promise.all(
      ['/x/a', '/x/b', '/x/open'].map((path) => whoGetsIn(people, url, path)),
    );
    expect({ a, b, open }).toEqual({ a: 'A', b: 'B', open: 'public' });
    expect((await get(url, '/x/a')).status).toBe(401);
  });
});
