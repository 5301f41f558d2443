// An application with a handler behind every door, whose access the command `routes` lists without starting it.
import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, Module, type NestApplicationOptions, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { org, Public, RequireRole, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

/** A preview makes nothing of an application. */
class Made {
  constructor() {
    throw new Error('something of the application was made');
  }
}

@Controller('orgs')
class OrgsController extends Made {
  @Get(':orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(): void {}

  @Get()
  @Public()
  list(): void {}
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class OrgMessages extends Made {
  @MessagePattern('org')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  read(): void {}
}

@Controller()
class OpenMessages extends Made {
  @MessagePattern('unguarded')
  read(): void {}
}

@Resolver()
class OrgsResolver extends Made {
  @Query(() => String)
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  org(@Args('orgId') orgId: string): string {
    return orgId;
  }
}

@WebSocketGateway()
@UseGuards(ZitadelManagerGuard)
class OrgsGateway extends Made {
  @SubscribeMessage('org')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  read(): void {}
}

const all = {
  controllers: [OrgsController, OrgMessages, OpenMessages],
  providers: [OrgsResolver, OrgsGateway, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
};
const zitadel = ZitadelModule.forRoot({ issuer: 'https://acme.example', audience: '1' });

@Module({
  imports: [
    zitadel,
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
  ],
  ...all,
})
class OnExpress {}

@Module({
  imports: [
    zitadel,
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
  ...all,
})
class OnFastify {}

const tcp: MicroserviceOptions = { transport: Transport.TCP, options: { port: 1 } };

export async function express(options: NestApplicationOptions) {
  const app = await NestFactory.create(OnExpress, options);
  app.connectMicroservice(tcp);
  return app;
}

export async function fastify(options: NestApplicationOptions) {
  const app = await NestFactory.create(OnFastify, new FastifyAdapter(), options);
  app.connectMicroservice(tcp);
  return app;
}

@Module({ imports: [zitadel], controllers: [OrgMessages], providers: all.providers.slice(-1) })
class OnlyMessages {}

export const microservice = (options: NestApplicationOptions) =>
  NestFactory.createMicroservice<MicroserviceOptions>(OnlyMessages, { ...options, ...tcp });

interface Seen {
  readonly access: readonly {
    readonly name: string;
    readonly text: string;
    readonly guarded: boolean;
  }[];
  readonly beside: readonly object[];
}

const MESSAGES = ['MESSAGE org: ORG_OWNER on org body orgId'];
const WANTED = [
  'EVENT org: ORG_OWNER on org body orgId',
  'GET /orgs/:orgId: ORG_OWNER on org param orgId',
  'GET /orgs: public',
  ...MESSAGES,
  'MESSAGE unguarded: open',
  'QUERY org: ORG_OWNER on org arg orgId',
];

export async function tryOut(): Promise<void> {
  const command = join(import.meta.dirname, '../../node_modules/.bin/nestjs-zitadel');
  for (const [name, wanted] of Object.entries({
    express: WANTED,
    fastify: WANTED,
    microservice: MESSAGES,
  })) {
    const file = `${join(import.meta.dirname, 'app.js')}#${name}`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      command,
      'routes',
      file,
      '--json',
    ]);
    const { access, beside } = JSON.parse(stdout) as Seen;
    const seen = access.map((each) => `${each.name}: ${each.guarded ? each.text : 'open'}`);
    if (JSON.stringify([seen.sort(), beside]) !== JSON.stringify([wanted, []])) {
      throw new Error(
        `${name}: wanted ${wanted.join('\n')}\ngot ${seen.join('\n')}\n${JSON.stringify(beside)}`,
      );
    }
  }
}
