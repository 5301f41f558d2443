import { Server, Socket } from 'node:net';
import {
  Controller,
  Get,
  type INestApplication,
  type INestApplicationContext,
  type INestMicroservice,
  Injectable,
  Module,
  type ModuleMetadata,
  type OnModuleDestroy,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Field,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import {
  ClientsModule,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it, vi } from 'vitest';
import {
  Authenticated,
  org,
  Public,
  RequireRole,
  role,
  Require,
  ZitadelManagerGuard,
  ZitadelModule,
} from '../../lib/index.js';
import { withZitadel } from '../../lib/swagger/index.js';
import { overviewOf } from '../../lib/nest/overview.js';
import { GLOBAL } from '../support/application.js';
import { STACKS } from '../support/graphql.js';
import { recorder } from '../zitadel/parts.js';

/** What the application does by itself. */
const done: string[] = [];

/** What the handlers stand on. It may be made, and ended, only where the application starts. */
@Injectable()
class Database implements OnModuleDestroy {
  constructor() {
    done.push('constructor');
  }
  onModuleInit() {
    done.push('onModuleInit');
  }
  onApplicationBootstrap() {
    done.push('onApplicationBootstrap');
  }
  onModuleDestroy() {
    done.push('onModuleDestroy');
  }
  onApplicationShutdown() {
    done.push('onApplicationShutdown');
  }
}

@Controller('orgs')
class Orgs {
  @Get(':orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read() {}

  @Get()
  left() {}
}

@Controller()
class Messages {
  @MessagePattern({ cmd: 'org' })
  @RequireRole('ORG_OWNER', org.body('orgId'))
  read() {}

  @EventPattern({ removed: 'org' })
  removed() {}
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class GuardedMessages {
  @MessagePattern('guarded')
  @Authenticated()
  read() {}

  @Get('both')
  @MessagePattern('both')
  @Public()
  both() {}
}

@WebSocketGateway()
class Chat {
  @SubscribeMessage('say')
  @Authenticated()
  say() {}

  handleConnection() {}
}

@ObjectType()
class Org {
  @Field(() => String)
  name!: string;
}

@Resolver(() => Org)
class OrgResolver {
  @Query(() => Org)
  @Require(role('ORG_OWNER', org.arg('orgId')))
  org() {}

  @ResolveField(() => String)
  @RequireRole('IAM_OWNER')
  secret(@Parent() { name }: Org) {
    return name;
  }

  @Subscription(() => Org)
  @Authenticated()
  changed() {}
}

interface Made {
  readonly create: (root: Type, preview: boolean) => Promise<Opened>;
  readonly root: ModuleMetadata;
  /** What the boot check says instead of starting it. */
  readonly refused?: RegExp;
}
type Opened = INestApplicationContext & { init(): Promise<unknown> };

const quiet = (preview: boolean) => ({ preview, logger: false, abortOnError: false }) as const;
const onExpress = (root: Type, preview: boolean) => NestFactory.create(root, quiet(preview));
const onFastify = (root: Type, preview: boolean) =>
  NestFactory.create(root, new FastifyAdapter(), quiet(preview));
const after =
  (make: typeof onExpress, prepare: (app: INestApplication) => unknown) =>
  async (root: Type, preview: boolean) => {
    const app = await make(root, preview);
    prepare(app);
    return app;
  };
const hybrid = (inheritAppConfig: boolean) => (app: INestApplication) =>
  app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: { port: 1 } },
    { inheritAppConfig },
  );
const microservice = (root: Type, preview: boolean): Promise<INestMicroservice & Opened> =>
  NestFactory.createMicroservice<MicroserviceOptions>(root, {
    ...quiet(preview),
    transport: Transport.TCP,
    options: { port: 1 },
  }) as never;

const clients = ClientsModule.register([
  { name: 'OTHER', transport: Transport.TCP, options: { port: 1 } },
]);

const otherCopy = await import('#dist/index.js');
/** Public to the other copy of the package alone. */
@Controller('open')
class Open {
  @Get()
  read() {}
}

const APPLICATIONS: Readonly<Record<string, Made>> = {
  'routes beside another copy of the package': {
    create: onExpress,
    root: {
      imports: [
        otherCopy.ZitadelModule.forRoot({
          issuer: 'https://acme.example',
          audience: '1',
          publicControllers: [Open],
        }),
      ],
      controllers: [Open],
    },
  },
  'routes on Fastify': { create: onFastify, root: { controllers: [Orgs] } },
  'Apollo on Express': {
    create: onExpress,
    root: { imports: [STACKS['Apollo on Express'].module({})], providers: [OrgResolver] },
  },
  'Apollo on Express whose fields have no guards': {
    create: onExpress,
    root: {
      imports: [STACKS['Apollo on Express'].module({ fieldResolverEnhancers: [] })],
      providers: [OrgResolver],
    },
    refused: /OrgResolver.secret resolves a field/,
  },
  'Apollo on Fastify': {
    create: onFastify,
    root: { imports: [STACKS['Apollo on Fastify'].module({})], providers: [OrgResolver] },
  },
  'Mercurius on Fastify': {
    create: onFastify,
    root: { imports: [STACKS['Mercurius on Fastify'].module({})], providers: [OrgResolver] },
  },
  'a gateway of socket.io': { create: onExpress, root: { providers: [Chat], controllers: [Orgs] } },
  'a gateway of ws': {
    create: after(onExpress, (app) => app.useWebSocketAdapter(new WsAdapter(app))),
    root: { providers: [Chat] },
  },
  'a hybrid application': {
    create: after(onExpress, hybrid(false)),
    root: { imports: [clients], controllers: [Orgs, Messages, GuardedMessages] },
    refused: /Messages.read handles messages/,
  },
  'a hybrid application on Fastify that inherits': {
    create: after(onFastify, hybrid(true)),
    root: { imports: [clients], controllers: [Orgs, Messages, GuardedMessages] },
    refused: /Messages.read handles messages/,
  },
  'an application without HTTP': {
    create: (root, preview) => NestFactory.createApplicationContext(root, quiet(preview)) as never,
    root: { providers: [Chat], controllers: [GuardedMessages] },
  },
  'an application with a page of Swagger': {
    create: after(onExpress, (app) => {
      const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
      SwaggerModule.setup('docs', app, withZitadel(document, app));
    }),
    root: { controllers: [Orgs] },
  },
  'a microservice': {
    create: microservice,
    root: { imports: [clients], controllers: [Messages, GuardedMessages] },
  },
};

function rootOf({ imports = [], providers = [], ...root }: ModuleMetadata): Type {
  class App {}
  const ours = ZitadelModule.forRoot({
    issuer: 'https://a.example',
    audience: '1',
    logger: recorder(),
  });
  Module({
    ...root,
    imports: [...imports, ours],
    providers: [GLOBAL, Database, ...providers],
  })(App);
  return App;
}

/** All that an overview tells but for what a preview cannot know. */
function told(app: INestApplicationContext) {
  const { access, beside, options } = overviewOf(app);
  return { access, beside, options: options.map(({ zitadel }) => zitadel) };
}

describe('a preview of', () => {
  it.each(Object.entries(APPLICATIONS))(
    '%s tells what it tells when it has started, and begins nothing',
    async (_, { create, root, refused }) => {
      const listening = vi.spyOn(Server.prototype, 'listen');
      const connecting = vi.spyOn(Socket.prototype, 'connect');
      done.length = 0;
      let seen: ReturnType<typeof told>;
      try {
        const preview = await create(rootOf(root), true);
        seen = told(preview);
        await preview.close();
        expect([done, listening.mock.calls, connecting.mock.calls]).toEqual([[], [], []]);
      } finally {
        listening.mockRestore();
        connecting.mockRestore();
      }
      const started = await create(rootOf(root), false);
      if (refused) await expect(started.init()).rejects.toThrow(refused);
      else await started.init();
      expect(done).toContain('constructor');
      const whole = told(started);
      await started.close();
      expect(seen).toEqual(whole);
      expect(whole.access.length).toBeGreaterThan(0);
    },
  );
});
