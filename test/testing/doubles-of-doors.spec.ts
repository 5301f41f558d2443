import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, HttpException, Sse, type Type, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { firstValueFrom, of } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import {
  type Caller,
  CheckedResource,
  CurrentCaller,
  ZitadelManagerGuard,
} from '../../lib/index.js';
import { denyAs, guardAs, type GuardDouble } from '../../lib/testing/index.js';
import { subscriberOf } from '../support/graphql.js';

/** What a handler is given. */
const seen = (caller: Caller, orgId: string) => `${caller.userId} at ${orgId}`;

@Resolver()
@UseGuards(ZitadelManagerGuard)
class OrgResolver {
  @Query(() => String)
  org(@CurrentCaller() caller: Caller, @CheckedResource('org') orgId: string) {
    return seen(caller, orgId);
  }

  @Subscription(() => String, { resolve: (value: string) => value })
  async *orgs(@CurrentCaller() caller: Caller, @CheckedResource('org') orgId: string) {
    yield seen(caller, orgId);
  }
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class OrgStream {
  @Sse()
  org(@CurrentCaller() caller: Caller, @CheckedResource('org') orgId: string) {
    return of({ data: seen(caller, orgId) });
  }
}

@WebSocketGateway()
@UseGuards(ZitadelManagerGuard)
class OrgGateway {
  @SubscribeMessage('org')
  org(@CurrentCaller() caller: Caller, @CheckedResource('org') orgId: string) {
    return { event: 'org', data: seen(caller, orgId) };
  }
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class OrgHandler {
  @MessagePattern('org')
  org(@CurrentCaller() caller: Caller, @CheckedResource('org') orgId: string) {
    return seen(caller, orgId);
  }
}

const doubling = (double: GuardDouble, builder: TestingModuleBuilder) =>
  builder.overrideGuard(ZitadelManagerGuard).useValue(double).compile();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function serveGraphql(double: GuardDouble): Promise<string> {
  const imports = [
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      subscriptions: { 'graphql-ws': true },
    }),
  ];
  const builder = Test.createTestingModule({ imports, providers: [OrgResolver as Type] });
  const app = (await doubling(double, builder)).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  return app.getUrl();
}

async function overSubscription(double: GuardDouble): Promise<unknown> {
  const client = subscriberOf(await serveGraphql(double), {});
  onTestFinished(() => void client.close());
  const heard = client.listen('subscription { orgs }');
  await expect.poll(() => heard.ended).toBe('complete');
  const [{ data, errors } = {}] = heard.values;
  return errors?.[0]?.extensions ?? data?.['orgs'];
}

async function overSse(double: GuardDouble): Promise<unknown> {
  const builder = Test.createTestingModule({ controllers: [OrgStream] });
  const app = (await doubling(double, builder)).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const response = await fetch(await app.getUrl());
  const text = await response.text();
  return response.ok ? /^data: (.*)$/m.exec(text)?.[1] : JSON.parse(text);
}

async function overGraphql(double: GuardDouble): Promise<unknown> {
  const response = await fetch(`${await serveGraphql(double)}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ org }' }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { org: string } | null;
    errors?: readonly { extensions: object }[];
  };
  return errors?.[0]?.extensions ?? data?.org;
}

async function overWs(double: GuardDouble): Promise<unknown> {
  const builder = Test.createTestingModule({ providers: [OrgGateway] });
  const app = (await doubling(double, builder)).createNestApplication({ logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const client = new WebSocket((await app.getUrl()).replace(/^http/, 'ws'));
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  client.send(JSON.stringify({ event: 'org', data: {} }));
  const [message] = (await once(client, 'message')) as [Buffer];
  return (JSON.parse(message.toString()) as { data: unknown }).data;
}

async function overTcp(double: GuardDouble): Promise<unknown> {
  const builder = Test.createTestingModule({ controllers: [OrgHandler] });
  const where = {
    transport: Transport.TCP as const,
    options: { host: '127.0.0.1', port: await freePort() },
  };
  const app = (await doubling(double, builder)).createNestMicroservice({
    ...where,
    logger: false,
  });
  await app.listen();
  onTestFinished(() => app.close());
  const client = ClientProxyFactory.create(where);
  onTestFinished(() => void client.close());
  return firstValueFrom(client.send<unknown>('org', {})).catch((error: unknown) => error);
}

describe.each([
  {
    door: 'GraphQL',
    ask: overGraphql,
    refused: { code: 'FORBIDDEN', errorCode: 'role_missing' },
  },
  {
    door: 'a subscription',
    ask: overSubscription,
    refused: { code: 'FORBIDDEN', errorCode: 'role_missing' },
  },
  {
    door: 'a stream of events',
    ask: overSse,
    refused: { statusCode: 403, errorCode: 'role_missing' },
  },
  {
    door: 'a gateway',
    ask: overWs,
    refused: { status: 'error', message: 'A manager role is missing.', errorCode: 'role_missing' },
  },
  {
    door: 'a microservice',
    ask: overTcp,
    refused: { status: 'error', message: 'A manager role is missing.', errorCode: 'role_missing' },
  },
])('a double on the door of $door', ({ ask, refused }) => {
  it('lets in as the caller, with the checked id: guardAs', async () => {
    await expect(ask(guardAs({ userId: 'alice' }, { org: '7' }))).resolves.toBe('alice at 7');
  });

  it('refuses in the transport’s own words: denyAs', async () => {
    await expect(ask(denyAs('role_missing'))).resolves.toMatchObject(refused);
  });
});

describe('a double in a context that is not known', () => {
  it.each([guardAs({ userId: 'alice' }), denyAs('role_missing')])('refuses', async (double) => {
    const context = {
      getType: () => 'telegraph',
      getArgByIndex: () => ({}),
      switchToHttp: () => ({ getResponse: () => undefined }),
    };
    await expect(double.canActivate(context as never)).rejects.toBeInstanceOf(HttpException);
  });
});
