import { createRequire } from 'node:module';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  All,
  Controller,
  Get,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  Post,
  RequestMethod,
  Version,
  VersioningType,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  AbstractGraphQLDriver,
  GraphQLModule,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import express, { Router, type Request, type Response } from 'express';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { GraphQLScalarType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { Authenticated, Public } from '../../lib/index.js';
import { OwnRoutes } from '../../lib/nest/own-routes.js';
import { withZitadel } from '../../lib/swagger/index.js';
import { Notes } from '../doors/door.js';
import { boot, GLOBAL, type Application } from '../support/application.js';
import type { Platform, Prepare } from '../support/start.js';
import { useWorld } from '../support/world.js';

const express4 = createRequire(import.meta.url)('express4') as typeof express;

const world = useWorld();

/** What is told of the adapter's own routes. */
async function told(application: Application): Promise<readonly string[]> {
  const notes = new Notes();
  const options = { ...application.options, logger: notes.logger };
  await boot(world, { ...application, options });
  return notes.lines
    .filter(({ text }) => text.startsWith('routes of the HTTP adapter itself:'))
    .flatMap(({ text }) => text.split('\n').slice(1));
}

@Controller('things')
class ThingsController {
  @Get()
  @Public()
  list() {
    return {};
  }

  @All('every/:id')
  @Public()
  every() {
    return {};
  }

  @Get('files/*')
  @Public()
  file() {
    return {};
  }
}

@Controller('things')
class PostsController {
  @Post()
  @Public()
  add() {
    return {};
  }
}

@Controller('things')
class VersionedController {
  @Post()
  @Version(['1', '2'])
  @Public()
  add() {
    return {};
  }

  @Post()
  @Version('3')
  @Public()
  addOther() {
    return {};
  }
}

@Controller()
class RootController {
  @Get()
  @Public()
  root() {
    return {};
  }
}

const answer = (_request: unknown, response: { send(text: string): unknown }) =>
  response.send('open');
const own: Prepare = (app) => {
  app.getHttpAdapter().get('/health', answer as never);
  app.getHttpAdapter().post('/things', answer as never);
};

@Injectable()
class LateAtThings implements OnModuleInit {
  constructor(@Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost) {}
  onModuleInit() {
    this.adapters.httpAdapter.post('/things', answer as never);
  }
}

/** Like the gateways of Apollo and Mercurius: it makes no schema, and asks other services. */
class MercuriusGatewayDriver extends AbstractGraphQLDriver {
  override async start() {
    this.httpAdapterHost.httpAdapter.post('/graphql', answer as never);
  }
  override async stop() {}
  override generateSchema() {
    return null as never;
  }
}

describe.each(['express', 'fastify'] as const)('routes of the adapter itself on %s', (platform) => {
  const application = { platform, controllers: [ThingsController] };

  it('are told apart from those of Nest', async () => {
    expect(await told(application)).toEqual([]);
    const lines = await told({ ...application, prepare: own });
    expect(lines.filter((line) => !line.includes('HEAD'))).toEqual([
      '  GET /health  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  POST /things  NOT GUARDED by nestjs-zitadel: no route of Nest',
    ]);
  });

  it('are told where they are middleware with a path', async () => {
    const lines = await told({
      ...application,
      prepare: (app) => {
        app.use('/queues', answer);
        app.use(['/jobs', '/things/done'], answer, answer);
        app.use((_request: unknown, _response: unknown, next: () => void) => next());
        // Routes of Nest stand below this path, too.
        app.use('/things', (_request: unknown, _response: unknown, next: () => void) => next());
        app.use('/things', express.static('docs'));
      },
    });
    expect(lines).toEqual([
      '  USE /queues  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  USE /jobs  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  USE /things/done  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  USE /things  NOT GUARDED by nestjs-zitadel: no route of Nest',
    ]);
    const strict = { ...application, options: { strict: true } };
    await expect(
      boot(world, { ...strict, prepare: (app) => void app.use('/queues', answer, answer) }),
    ).rejects.toThrow(/to start:\n- USE \/queues stands on the HTTP adapter itself[^\n]*$/);
  });

  it('are told where they take all below a route of Nest', async () => {
    const all = platform === 'express' ? '*path' : '*';
    const lines = await told({
      platform,
      controllers: [ThingsController, RootController],
      prepare: (app) => {
        app.getHttpAdapter().get(`/things/${all}`, answer as never);
        app.getHttpAdapter().get(`/${all}`, answer as never);
      },
    });
    expect(lines.filter((line) => !line.includes('HEAD'))).toEqual([
      `  GET /things/${all}  NOT GUARDED by nestjs-zitadel: no route of Nest`,
      `  GET /${all}  NOT GUARDED by nestjs-zitadel: no route of Nest`,
    ]);
  });

  it('are told apart with prefix and version, and those of GraphQL are not told', async () => {
    @Resolver()
    class Hello {
      @Query(() => String)
      @Authenticated()
      hello() {
        return '';
      }
    }
    const lines = await told({
      ...application,
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          useGlobalPrefix: true,
        }),
      ],
      providers: [GLOBAL, Hello],
      prepare: (app) => app.setGlobalPrefix('api').enableVersioning(),
    });
    expect(lines).toEqual([]);
  });

  it('are those of a gateway of a federation, which has no field of its own', async () => {
    const gateway = {
      ...application,
      imports: [GraphQLModule.forRoot({ driver: MercuriusGatewayDriver, gateway: {} } as never)],
    };
    expect(await told(gateway)).toEqual([
      '  POST /graphql  NOT GUARDED by nestjs-zitadel: no route of Nest',
    ]);
    await expect(boot(world, { ...gateway, options: { strict: true } })).rejects.toThrow(
      /POST \/graphql stands on the HTTP adapter itself/,
    );
    const options = { strict: true, openPaths: ['/graphql'] };
    expect(await told({ ...gateway, options })).toEqual([
      '  POST /graphql  open (option openPaths)',
    ]);
  });

  it('are not those by which Nest answers beside a prefix', async () => {
    const lines = await told({
      ...application,
      controllers: [ThingsController, RootController],
      prepare: (app) => app.setGlobalPrefix('api/', { exclude: ['things', 'things/every/:id'] }),
    });
    expect(lines).toEqual([]);
  });

  it('are those of a Swagger page, which openPaths names', async () => {
    const swagger: Prepare = (app) => {
      const plain = SwaggerModule.createDocument(app, new DocumentBuilder().build());
      SwaggerModule.setup('docs', app, withZitadel(plain, app));
    };
    const strict = { ...application, prepare: swagger, options: { strict: true } };
    await expect(boot(world, strict)).rejects.toThrow(/GET \/docs-json stands on the HTTP adapter/);
    const openPaths = ['/docs', '/docs-json', '/docs-yaml'];
    const { url } = await boot(world, { ...strict, options: { strict: true, openPaths } });
    const page = await fetch(`${url}/docs`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('swagger')]);
    const document = (await (await fetch(`${url}/docs-json`)).json()) as OpenAPIObject;
    expect(document.paths['/things']).toMatchObject({ get: { 'x-zitadel': {} } });
  });

  it('refuse to boot with the option strict, unless their paths are listed', async () => {
    const strict = { ...application, prepare: own, options: { strict: true } };
    await expect(boot(world, strict)).rejects.toThrow(
      /GET \/health stands on the HTTP adapter itself.*openPaths.*\n(.*\n)*.*POST \/things stands/,
    );
    const openPaths = ['/things', '/health'];
    const lines = await told({ ...strict, options: { strict: true, openPaths } });
    expect(lines).toContain('  GET /health  open (option openPaths)');
    const less = { strict: true, openPaths: ['/things', '/heal'] };
    await expect(boot(world, { ...strict, options: less })).rejects.toThrow(/GET \/health stands/);
  });
});

describe('on Express', () => {
  // They would answer in place of the guarded route, or after it passes on.
  it.each<[string, Application]>([
    ['before it', { prepare: own }],
    ['when another module starts', { providers: [GLOBAL, LateAtThings] }],
  ])('also one with the very path and verb of a route of Nest, added %s', async (_, more) => {
    const application = { controllers: [ThingsController, PostsController], ...more };
    const line = '  POST /things  NOT GUARDED by nestjs-zitadel: no route of Nest';
    expect(await told(application)).toContain(line);
    await expect(boot(world, { ...application, options: { strict: true } })).rejects.toThrow(
      /POST \/things stands on the HTTP adapter itself/,
    );
  });

  it.each([express, express4])('nothing before the first route was added', (create) => {
    const httpAdapter = { getType: () => 'express', getInstance: create };
    const routes = new OwnRoutes({ httpAdapter } as never);
    routes.beforeNest();
    routes.afterNest();
    expect(routes.find(() => undefined)).toEqual([]);
  });

  it('none of Nest, also if one path has several handlers', async () => {
    const lines = await told({
      controllers: [PostsController, VersionedController, PostsController],
      prepare: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'version' }),
    });
    expect(lines).toEqual([]);
  });

  it('also middleware with a path, routers, and what other modules add when they start', async () => {
    @Injectable()
    class Late implements OnModuleInit {
      constructor(private readonly adapters: HttpAdapterHost) {}
      onModuleInit() {
        this.adapters.httpAdapter.get('/late', answer as never);
      }
    }
    Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], Late);
    const lines = await told({
      controllers: [ThingsController],
      providers: [GLOBAL, Late],
      prepare: (app) => {
        const router = Router();
        router.get(
          '/inside',
          (_request: Request, response: Response) => void response.send('open'),
        );
        app.use('/queues', router);
        // Routes of Nest stand below this path, too.
        app.use('/things', router);
        app.use('/things', express());
        app.use('/things', express.static('docs'));
        app.use('/things', (_request: Request, _response: Response, next: () => void) => next());
        app.use(router);
        app.use((_request: Request, _response: Response, next: () => void) => next());
      },
    });
    expect(lines).toEqual([
      '  USE /queues  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  USE /things  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  GET /inside  NOT GUARDED by nestjs-zitadel: no route of Nest',
      '  GET /late  NOT GUARDED by nestjs-zitadel: no route of Nest',
    ]);
  });
});

describe('middleware of a module', () => {
  it('is not told where routes of Nest stand behind it', async () => {
    class WithMiddleware {
      configure(consumer: MiddlewareConsumer) {
        const pass = (_request: unknown, _response: unknown, next: () => void) => next();
        consumer.apply(pass).forRoutes('things', '*path', ThingsController, {
          path: 'things/every/:id',
          method: RequestMethod.GET,
        });
        consumer.apply(pass).forRoutes('docs');
      }
    }
    Module({ controllers: [ThingsController] })(WithMiddleware);
    const lines = await told({ imports: [WithMiddleware] });
    expect(lines).toEqual(['  USE /docs  NOT GUARDED by nestjs-zitadel: no route of Nest']);
  });
});

describe('on Fastify', () => {
  const plugin: Prepare = (app) => {
    const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
    const board: FastifyPluginAsync = async (instance) => {
      instance.get('/board', () => 'open');
    };
    void fastify.register(board);
  };
  const platform: Platform = 'fastify';

  it('also those that a plugin adds when the application listens', async () => {
    const lines = await told({ platform, prepare: plugin });
    expect(lines).toContain('  GET /board  NOT GUARDED by nestjs-zitadel: no route of Nest');
    const strict = { platform, prepare: plugin, options: { strict: true } };
    await expect(boot(world, strict)).rejects.toThrow(/GET \/board stands on the HTTP adapter/);
  });
});

describe('the option openPaths', () => {
  it.each([['/docs', ''], ['docs'], '/docs', ['/'], [1], null])('refuses %j', async (openPaths) => {
    await expect(boot(world, { options: { openPaths: openPaths as never } })).rejects.toThrow(
      /openPaths: got .*write a list of paths below '\/'/,
    );
  });
});

const typeDefs = `
  scalar Day
  enum Colour { RED }
  interface Named { name: String }
  type Org implements Named { name: String secret(day: Day, colour: Colour): String }
  type Query { open: String, org: Org }
`;
const open = () => 'open';

const apollo = (resolvers: NonNullable<ApolloDriverConfig['resolvers']>): ModuleMetadata => ({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, resolvers }),
  ],
});

async function logOf(application: Application): Promise<string> {
  const notes = new Notes();
  await boot(world, { ...application, options: { logger: notes.logger } });
  return notes.log;
}

it.each<[string, string, string, Application]>([
  ['of a root', 'QUERY open', 'resolvers', apollo({ Query: { open } })],
  ['of a type', 'FIELD Org.secret', 'resolvers', apollo({ Org: { secret: open } })],
  [
    'with settings',
    'FIELD Org.secret',
    'resolvers',
    apollo([{ Org: { secret: { resolve: open } } }]),
  ],
  [
    'that names types',
    'FIELD Named.__resolveType',
    'resolvers',
    apollo({ Named: { __resolveType: () => 'Org' } }),
  ],
  [
    'that loads many at once',
    'FIELD Org.secret',
    'loaders',
    {
      platform: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          typeDefs,
          loaders: { Org: { secret: { loader: () => Promise.resolve(['open']), opts: {} } } },
        }),
      ],
    },
  ],
])(
  'tells a function %s in an option of GraphQLModule, and does not start with it if strict',
  async (_, name, option, application) => {
    expect(await logOf(application)).toContain(
      `${name}  NOT GUARDED by nestjs-zitadel: an option of GraphQL`,
    );
    const strict = { ...application, options: { strict: true } };
    await expect(boot(world, strict)).rejects.toThrow(
      new RegExp(`${name} stands in the option ${option} of GraphQLModule.*write it as a method`),
    );
  },
);

it('takes scalars and values of enumerations for no such functions', async () => {
  const Day = new GraphQLScalarType({ name: 'Day', serialize: String });
  const application = apollo({ Day, Colour: { RED: '#f00' } });
  await expect(boot(world, { ...application, options: { strict: true } })).resolves.toBeDefined();
});

it('tells what of a class works before the guard', async () => {
  @Resolver('Named')
  class Names {
    @ResolveField()
    __resolveType() {
      return 'Org';
    }
    @Subscription('added', { filter: () => true })
    @Public()
    async *added() {
      yield { added: '' };
    }
  }
  const log = await logOf({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs: `${typeDefs} type Subscription { added: String }`,
      }),
    ],
    providers: [GLOBAL, Names],
  });
  expect(log).toContain(
    'TYPE Names.__resolveType  NOT GUARDED by nestjs-zitadel: it says of which',
  );
  expect(log).toContain('FILTER Names.added  NOT GUARDED by nestjs-zitadel: it can see a value');
});
