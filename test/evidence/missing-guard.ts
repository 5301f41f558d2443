import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  Controller,
  Get,
  Injectable,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type Provider,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, LazyModuleLoader, NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { RequireRole, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { SILENT } from './fault-subjects.js';
import type { Figures, RunOptions } from './proof.js';
import { overGraphQL, overHttp, portOf, type Token } from './undeclared-calls.js';

export const about =
  'ways to lose a guard: who lacks the role gets nowhere, or the application refuses to boot';

/** What a way builds on. */
interface Stage {
  readonly orgId: string;
  readonly ours: NonNullable<ModuleMetadata['imports']>[number];
  ran: number;
}

interface Way {
  readonly name: string;
  /** The guard is lost, so the application must not start. Otherwise it is in force. */
  readonly refuses?: true;
  start(stage: Stage): Promise<INestApplication>;
}

const GLOBAL: Provider = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };
const silent = { logger: false, abortOnError: false, forceCloseConnections: true } as const;

/** The whole application: what it adds, and the controllers. */
async function application(
  { ours }: Stage,
  { imports = [], ...root }: ModuleMetadata,
): Promise<INestApplication> {
  class App {}
  Module({ ...root, imports: [ours, ...imports] })(App);
  return listening(await NestFactory.create(App, new ExpressAdapter(), silent));
}

async function listening(app: INestApplication): Promise<INestApplication> {
  try {
    await app.listen(0, '127.0.0.1');
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** The guarded controller. Decorators of the method are written from the last to the first. */
function controller(
  stage: Stage,
  onClass: readonly ClassDecorator[] = [],
  onMethod?: readonly MethodDecorator[],
): Type {
  class Guarded {
    read() {
      stage.ran += 1;
      return {};
    }
  }
  const method = Object.getOwnPropertyDescriptor(Guarded.prototype, 'read') ?? {};
  for (const decorate of onMethod ?? [RequireRole('ORG_OWNER', stage.orgId), Get()]) {
    decorate(Guarded.prototype, 'read', method);
  }
  for (const decorate of [Controller('guarded'), ...onClass]) decorate(Guarded);
  return Guarded;
}

const withGlobal = (name: string, providers: readonly Provider[], refuses?: true): Way => ({
  name,
  ...(refuses && { refuses }),
  start: (stage) =>
    application(stage, { controllers: [controller(stage)], providers: [...providers] }),
});

@Injectable({ scope: Scope.REQUEST })
class PerRequest extends ZitadelManagerGuard {}

@Injectable()
class SomeOtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const WAYS: readonly Way[] = [
  withGlobal('APP_GUARD by useClass', [{ provide: APP_GUARD, useClass: ZitadelManagerGuard }]),
  withGlobal('APP_GUARD by useExisting', [GLOBAL]),
  withGlobal('APP_GUARD by an asynchronous factory', [
    {
      provide: APP_GUARD,
      inject: [ZitadelManagerGuard],
      useFactory: (guard: ZitadelManagerGuard) => Promise.resolve(guard),
    },
  ]),
  withGlobal(
    'APP_GUARD by a factory that gives undefined',
    [{ provide: APP_GUARD, useFactory: () => undefined }],
    true,
  ),
  withGlobal('APP_GUARD as the value null', [{ provide: APP_GUARD, useValue: null }], true),
  {
    name: 'APP_GUARD in a module that is loaded lazily',
    refuses: true,
    start(stage) {
      class LazyModule {}
      Module({ providers: [GLOBAL] })(LazyModule);
      @Injectable()
      class Loading {
        constructor(private readonly loader: LazyModuleLoader) {}
        onModuleInit() {
          return this.loader.load(() => LazyModule);
        }
      }
      Reflect.defineMetadata('design:paramtypes', [LazyModuleLoader], Loading);
      return application(stage, { controllers: [controller(stage)], providers: [Loading] });
    },
  },
  {
    name: 'APP_GUARD in a dynamic module',
    start(stage) {
      class Dynamic {}
      Module({})(Dynamic);
      const imports = [{ module: Dynamic, providers: [GLOBAL] }];
      return application(stage, { imports, controllers: [controller(stage)] });
    },
  },
  withGlobal('APP_GUARD twice', [GLOBAL, GLOBAL]),
  withGlobal('APP_GUARD for each request', [{ provide: APP_GUARD, useClass: PerRequest }]),
  {
    name: 'overrideProvider with a double that cannot activate',
    refuses: true,
    async start(stage) {
      const module = await Test.createTestingModule({
        imports: [stage.ours],
        controllers: [controller(stage)],
        providers: [GLOBAL],
      })
        .overrideProvider(ZitadelManagerGuard)
        .useValue({})
        .compile();
      return listening(module.createNestApplication(silent));
    },
  },
  {
    name: 'another copy of reflect-metadata',
    refuses: true,
    async start(stage) {
      const { load, unload } = otherMetadata();
      const places = Reflect.get(globalThis, Symbol.for('nestjs-zitadel:places')) as unknown[];
      const known = places.length;
      const declare: MethodDecorator = (...target) => {
        load();
        RequireRole('ORG_OWNER', stage.orgId)(...target);
        unload();
      };
      try {
        const type = controller(stage, [UseGuards(SomeOtherGuard)], [declare, Get()]);
        return await application(stage, { controllers: [type] });
      } finally {
        places.length = known;
      }
    },
  },
  {
    name: 'another copy of the package',
    refuses: true,
    async start(stage) {
      const { other, remove } = await otherCopy();
      try {
        const onMethod = [other.RequireRole('ORG_OWNER', stage.orgId), Get()];
        return await application(stage, { controllers: [controller(stage, [], onMethod)] });
      } finally {
        await remove();
      }
    },
  },
  {
    name: 'decorators in another order',
    start: (stage) =>
      application(stage, {
        controllers: [
          controller(
            stage,
            [],
            [Get(), RequireRole('ORG_OWNER', stage.orgId), UseGuards(ZitadelManagerGuard)],
          ),
        ],
      }),
  },
  withGlobal('a guard of another class', [{ provide: APP_GUARD, useClass: SomeOtherGuard }], true),
  {
    name: 'on a method that the constructor replaces',
    refuses: true,
    start(stage) {
      class Binding extends controller(
        stage,
        [],
        [RequireRole('ORG_OWNER', stage.orgId), UseGuards(ZitadelManagerGuard), Get()],
      ) {
        declare read: () => object;
        constructor() {
          super();
          this.read = this.read.bind(this);
        }
      }
      Controller('guarded')(Binding);
      return application(stage, { controllers: [Binding] });
    },
  },
  {
    name: 'on a resolver that a factory makes',
    refuses: true,
    start(stage) {
      @Resolver()
      @UseGuards(ZitadelManagerGuard)
      class Guarded {
        @Query(() => String)
        @RequireRole('ORG_OWNER', stage.orgId)
        read() {
          stage.ran += 1;
          return '';
        }
      }
      const module = GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
      });
      return application(stage, {
        imports: [module],
        providers: [{ provide: 'GUARDED', useFactory: () => new Guarded() }],
      });
    },
  },
];

/** A copy of reflect-metadata that shares nothing with the one that is loaded, as copies before 0.2 do not. */
function otherMetadata(): { readonly load: () => void; readonly unload: () => void } {
  const before = Object.getOwnPropertyDescriptors(Reflect);
  const source = readFileSync(createRequire(import.meta.url).resolve('reflect-metadata'), 'utf8');
  const other = runInNewContext(`${source}; Reflect`, {}) as typeof Reflect;
  const names = Object.keys(before).filter((name) => /metadata/i.test(name));
  return {
    load() {
      for (const name of names) Reflect.set(Reflect, name, Reflect.get(other, name));
    },
    unload: () => void Object.defineProperties(Reflect, before),
  };
}

/** The whole package once more. */
async function otherCopy() {
  const root = fileURLToPath(import.meta.resolve('nestjs-zitadel')).replace(/index\.js$/, '');
  const folder = await mkdtemp(join(root, '..', 'node_modules', '.copy-'));
  await cp(root, folder, { recursive: true });
  const url = pathToFileURL(join(folder, 'index.js')).href;
  const other = (await import(/* @vite-ignore */ url)) as {
    readonly RequireRole: typeof RequireRole;
  };
  return { other, remove: () => rm(folder, { recursive: true, force: true }) };
}

export async function run({ progress }: RunOptions): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  const [acme, globex] = [zitadel.addOrg('acme'), zitadel.addOrg('globex')];
  const [owner, other, nobody] = ['owner', 'other', 'nobody'].map((name) => zitadel.addUser(name));
  zitadel.addMember(owner!, { org: acme }, ['ORG_OWNER']);
  zitadel.addMember(other!, { org: globex }, ['ORG_OWNER']);
  const tokenOf = (user: typeof owner) => zitadel.tokenFor(user!);
  const without: readonly Token[] = [undefined, tokenOf(nobody), tokenOf(other)];
  const ours = ZitadelModule.forRoot(zitadel.options({ logger: SILENT }));
  let [ran, refused, wrong] = [0, 0, 0];
  try {
    for (const way of WAYS) {
      const stage: Stage = { orgId: acme.id, ours, ran: 0 };
      const app = await way.start(stage).catch((error: unknown) => String(error));
      if (typeof app === 'string') {
        refused += 1;
        // Newer versions of Nest refuse a double that cannot activate themselves.
        if (!way.refuses || !/not safe to start|"canActivate"/.test(app)) wrong += 1;
        progress(`${way.name}: ${app.split('\n').slice(0, 2).join(' ')}`);
        continue;
      }
      const port = portOf(app);
      const ask = async (token: Token) => {
        await overHttp(port, 'GET', '/guarded', token);
        await overGraphQL(port, '{ read }', token);
      };
      for (const token of without) await ask(token);
      ran += stage.ran;
      const before = stage.ran;
      await ask(tokenOf(owner));
      await app.close();
      if (way.refuses || stage.ran === before) wrong += 1;
      progress(`${way.name}: ran ${before} times for others, ${stage.ran - before} for the owner`);
    }
  } finally {
    await zitadel.stop();
  }
  return { ok: ran === 0 && wrong === 0, ways: WAYS.length, ran, refused, wrong };
}
