import { type AddressInfo, createServer } from 'node:net';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { ApolloFederationDriver, ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  All,
  Controller,
  type INestApplication,
  Module,
  type ModuleMetadata,
  RequestMapping,
  RequestMethod,
  Sse,
  type Type,
  UseGuards,
  VersioningType,
  type VersioningOptions,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  Directive,
  Field,
  GraphQLModule,
  ID,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  ResolveReference,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import {
  MercuriusDriver,
  type MercuriusDriverConfig,
  MercuriusFederationDriver,
  type MercuriusFederationDriverConfig,
} from '@nestjs/mercurius';
import {
  EventPattern,
  GrpcMethod,
  GrpcStreamMethod,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Public,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelModuleOptions,
} from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { of } from 'rxjs';
import { SILENT } from './fault-subjects.js';
import type { Figures, RunOptions } from './proof.js';
import {
  overGraphQL,
  overGrpc,
  overHttp,
  overSocketIo,
  overSubscription,
  overTcp,
  overWs,
  portOf,
  SERVICE,
  type Token,
} from './undeclared-calls.js';

export const about =
  'handlers of every kind that declare nothing, called by an instance owner and nobody: none runs';

/** What ran since it was last emptied. */
const ran = new Set<string>();
function runs<T>(name: string, result: T): T {
  ran.add(name);
  return result;
}

interface Kind {
  readonly name: string;
  readonly adapter?: () => ExpressAdapter | FastifyAdapter;
  /** Its handlers declare nothing. */
  readonly root: (guards: readonly Type[]) => ModuleMetadata;
  readonly prepare?: (app: INestApplication) => Promise<unknown> | void;
  readonly call: (port: number, token: Token) => Promise<unknown>;
  /** Nest runs no global guard there, so the application must refuse to boot. */
  readonly refuses?: true;
  /** A microservice without HTTP: what it listens to. */
  readonly bare?: (port: number) => MicroserviceOptions;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'] as const;
const FURTHER = [
  'SEARCH',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
  'QUERY',
] as const;

function http(
  name: string,
  adapter: Kind['adapter'],
  methods: readonly (keyof typeof RequestMethod)[],
): Kind {
  class Routes {}
  for (const method of methods) {
    const handler = {
      value: () => runs(`${name} ${method}`, {}),
      writable: true,
      configurable: true,
    };
    Object.defineProperty(Routes.prototype, method, handler);
    RequestMapping({ path: method.toLowerCase(), method: RequestMethod[method] })(
      Routes.prototype,
      method,
      handler,
    );
  }
  Controller()(Routes);

  @Controller()
  class Others {
    @All('all')
    all() {
      return runs(`${name} @All`, {});
    }

    @Sse('sse')
    sse() {
      return of(runs(`${name} @Sse`, { data: {} }));
    }
  }
  return {
    name,
    ...(adapter && { adapter }),
    root: () => ({ controllers: [Routes, Others] }),
    async call(port, token) {
      for (const method of methods) await overHttp(port, method, `/${method.toLowerCase()}`, token);
      await overHttp(port, 'POST', '/all', token);
      await overHttp(port, 'GET', '/sse', token);
    },
  };
}

function versions(name: string, options: VersioningOptions, path: string, headers = {}): Kind {
  @Controller({ path: 'versioned', version: '2' })
  class Versioned {
    @RequestMapping({ path: '' })
    read() {
      return runs(name, {});
    }
  }
  return {
    name,
    root: () => ({ controllers: [Versioned] }),
    prepare: (app) => void app.enableVersioning(options),
    call: (port, token) => overHttp(port, 'GET', path, token, headers),
  };
}

@ObjectType()
@Directive('@key(fields: "id")')
class Org {
  @Field(() => ID)
  id!: string;
}

const ENTITIES = 'query ($of: [_Any!]!) { _entities(representations: $of) { ... on Org { id } } }';
const OF = { of: [{ __typename: 'Org', id: '1' }] };

const SCHEMA = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])
  type Org @key(fields: "id") { id: ID! members: String! }
  type Query { undeclared: Org! open: Org! }
  type Mutation { change: Org! }
`;

function graphQL(
  name: string,
  driver: 'apollo' | 'federation' | 'mercurius' | 'mercuriusFederation',
  refuses?: true,
): Kind {
  @Resolver(() => Org)
  class Operations {
    @Query(() => Org)
    undeclared() {
      return runs(`${name} query`, { id: '1' });
    }

    @Mutation(() => Org)
    change() {
      return runs(`${name} mutation`, { id: '1' });
    }

    @Query(() => Org)
    @Public()
    open() {
      return { id: '1' };
    }

    @ResolveField(() => String)
    members() {
      return runs(`${name} field`, '');
    }
  }
  @Resolver(() => Org)
  class References {
    @ResolveReference()
    resolveReference() {
      return runs(`${name} reference`, { id: '1' });
    }
  }
  @Resolver()
  class Subscriptions {
    @Subscription(() => String)
    changed() {
      runs(`${name} subscription`, '');
      return (async function* once() {
        yield { changed: '' };
      })();
    }
  }
  const enhancers = refuses ? {} : { fieldResolverEnhancers: ['guards' as const] };
  const module = {
    apollo: () =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
        ...enhancers,
      }),
    federation: () =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloFederationDriver,
        autoSchemaFile: { federation: 2 },
        plugins: [ApolloServerPluginInlineTraceDisabled()],
        ...enhancers,
      }),
    mercurius: () =>
      GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
        subscription: true,
        ...enhancers,
      }),
    mercuriusFederation: () =>
      GraphQLModule.forRoot<MercuriusFederationDriverConfig>({
        driver: MercuriusFederationDriver,
        // Nest 12 cannot make it from the classes with this driver and @apollo/subgraph 2.15.
        typeDefs: SCHEMA,
        ...enhancers,
      }),
  }[driver];
  const isFederation = driver === 'federation' || driver === 'mercuriusFederation';
  const more = isFederation ? [References] : [Subscriptions];
  return {
    name,
    ...(driver.startsWith('mercurius') && { adapter: () => new FastifyAdapter() }),
    ...(refuses && { refuses }),
    root: () => ({ imports: [module()], providers: [Operations, ...more] }),
    async call(port, token) {
      await overGraphQL(port, '{ undeclared { id } }', token);
      await overGraphQL(port, 'mutation { change { id } }', token);
      await overGraphQL(port, '{ open { members } }', token);
      if (isFederation) await overGraphQL(port, ENTITIES, token, OF);
      else await overSubscription(port, 'subscription { changed }', token);
    },
  };
}

function gateway(
  name: string,
  adapterFor: (app: INestApplication) => IoAdapter | WsAdapter,
  call: typeof overWs,
): Kind {
  @WebSocketGateway()
  class Gateway {
    @SubscribeMessage('join')
    join() {
      return runs(name, { event: 'joined', data: {} });
    }
  }
  return {
    name,
    root: () => ({ providers: [Gateway] }),
    prepare: (app) => void app.useWebSocketAdapter(adapterFor(app)),
    call: (port, token) => call(port, 'join', token),
  };
}

function messages(
  name: string,
  of: Pick<Kind, 'bare' | 'refuses'>,
  inheritAppConfig?: boolean,
  startsBefore = false,
): Kind {
  let tcp = 0;
  return {
    name,
    ...of,
    root(guards) {
      @Controller()
      @UseGuards(...guards)
      class Messages {
        @MessagePattern('org')
        message() {
          return runs(`${name} message`, {});
        }

        @EventPattern('org.event')
        event(_payload: unknown) {
          runs(`${name} event`, undefined);
        }
      }
      return { controllers: [Messages] };
    },
    async prepare(app) {
      if (of.bare) return;
      tcp = await freePort();
      const inherits = inheritAppConfig === undefined ? {} : { inheritAppConfig };
      app.connectMicroservice(byTcp(tcp), inherits);
      if (!startsBefore) await app.init();
      await app.startAllMicroservices();
      if (startsBefore) await overTcp(tcp, 'org', undefined);
    },
    call: (port, token) => overTcp(of.bare ? port : tcp, 'org', token),
  };
}

const byTcp = (port: number): MicroserviceOptions => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port },
});

function calls(name: string): Kind {
  @Controller()
  class Calls {
    @GrpcMethod('Orgs', 'Read')
    read() {
      return runs(`${name} call`, {});
    }

    @GrpcMethod('Orgs', 'Watch')
    watch() {
      return of(runs(`${name} stream`, {}));
    }

    @GrpcStreamMethod('Orgs', 'Talk')
    talk(_asked: unknown) {
      return of(runs(`${name} streams both ways`, {}));
    }
  }
  return {
    name,
    bare: (port) => ({
      transport: Transport.GRPC,
      options: { package: 'orgs', packageDefinition: SERVICE, url: `127.0.0.1:${port}` },
    }),
    root: () => ({ controllers: [Calls] }),
    call: overGrpc,
  };
}

const KINDS: readonly Kind[] = [
  http('HTTP on Express', undefined, [...METHODS, ...FURTHER]),
  http('HTTP on Fastify', () => new FastifyAdapter(), [...METHODS, ...FURTHER]),
  versions('version in the path', { type: VersioningType.URI }, '/v2/versioned'),
  versions('version in a header', { type: VersioningType.HEADER, header: 'x-v' }, '/versioned', {
    'x-v': '2',
  }),
  versions(
    'version in a media type',
    { type: VersioningType.MEDIA_TYPE, key: 'v=' },
    '/versioned',
    {
      accept: 'application/json;v=2',
    },
  ),
  graphQL('GraphQL with Apollo', 'apollo'),
  graphQL('GraphQL of a federation', 'federation'),
  graphQL('GraphQL with Mercurius', 'mercurius'),
  graphQL('GraphQL of a federation with Mercurius', 'mercuriusFederation'),
  graphQL('GraphQL without enhancers', 'apollo', true),
  graphQL('GraphQL of a federation without enhancers', 'federation', true),
  gateway('socket.io', (app) => new IoAdapter(app), overSocketIo),
  gateway('ws', (app) => new WsAdapter(app), overWs),
  messages('TCP', { bare: byTcp }),
  calls('gRPC'),
  messages('hybrid, guarded by the class', {}),
  messages('hybrid', { refuses: true }),
  messages('hybrid with inheritAppConfig', { refuses: true }, true),
  messages('hybrid before it starts', { refuses: true }, false, true),
  messages('hybrid before it starts, guarded by the class', {}, false, true),
];

export async function run({ progress }: RunOptions): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  const owner = zitadel.addUser('owner');
  zitadel.addMember(owner, 'instance', ['IAM_OWNER']);
  const token = zitadel.tokenFor(owner);
  const options = zitadel.options({ logger: SILENT });
  const handlers = new Set<string>();
  const didRun = new Set<string>();
  let [refused, wrong] = [0, 0];
  try {
    for (const kind of KINDS) {
      // The same application without the guard shows that the calls get there.
      const open = await callAll(kind, options, false, [undefined]);
      for (const name of open.names) handlers.add(name);
      const guarded = await callAll(kind, options, true, [token, undefined]);
      for (const name of guarded.names) didRun.add(name);
      if (guarded.refused) refused += 1;
      if (open.refused || open.names.length === 0 || guarded.refused !== (kind.refuses ?? false)) {
        wrong += 1;
        progress(`${kind.name}: ${open.problem ?? guarded.problem ?? 'not called'}`);
      }
      progress(`${kind.name}: ${open.names.length} handlers, ${guarded.names.length} ran`);
    }
  } finally {
    await zitadel.stop();
  }
  for (const name of didRun) progress(`RAN: ${name}`);
  return {
    ok: didRun.size === 0 && wrong === 0,
    handlers: handlers.size,
    ran: didRun.size,
    kinds: KINDS.length,
    refused,
    wrong,
  };
}

interface Outcome {
  readonly names: readonly string[];
  readonly refused: boolean;
  readonly problem?: string;
}

/** Starts an application of this kind, calls all its handlers, and says which of them ran. */
async function callAll(
  kind: Kind,
  options: ZitadelModuleOptions,
  isGuarded: boolean,
  tokens: readonly Token[],
): Promise<Outcome> {
  ran.clear();
  const onClass = isGuarded && !kind.refuses && !kind.bare ? [ZitadelManagerGuard] : [];
  const { imports = [], providers = [], ...root } = kind.root(onClass as Type[]);
  class App {}
  Module({
    ...root,
    imports: [...imports, ...(isGuarded ? [ZitadelModule.forRoot(options)] : [])],
    providers: [
      ...providers,
      ...(isGuarded ? [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }] : []),
    ],
  })(App);
  const { app, port, problem } = await start(kind, App);
  try {
    if (port !== undefined) for (const token of tokens) await kind.call(port, token);
  } finally {
    await app.close();
  }
  return {
    names: [...ran],
    refused: problem !== undefined,
    ...(problem !== undefined && { problem }),
  };
}

async function start(kind: Kind, root: Type) {
  const silent = { logger: false, abortOnError: false } as const;
  if (kind.bare) {
    const port = await freePort();
    const app = await NestFactory.createMicroservice(root, { ...silent, ...kind.bare(port) });
    await app.listen();
    return { app, port };
  }
  const adapter = kind.adapter?.() ?? new ExpressAdapter();
  const app = await NestFactory.create(root, adapter, { ...silent, forceCloseConnections: true });
  try {
    await kind.prepare?.(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    return { app, problem: String(error) };
  }
  return { app, port: portOf(app) };
}

/** Nest does not say which port a TCP microservice got. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
