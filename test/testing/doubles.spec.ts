import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Controller, Get, UseGuards, HttpException, Sse, type Type } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { firstValueFrom, of } from 'rxjs';
import WebSocket from 'ws';
import { callerOf, checkedResource } from '../../lib/express/index.js';
import {
  type Caller,
  CheckedResource,
  CurrentCaller,
  DENIAL,
  denialAnswer,
  type DenyReason,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelOptions,
} from '../../lib/index.js';
import { denyAs, guardAs, type GuardDouble } from '../../lib/testing/index.js';
import { boot, GLOBAL, serve, untilTheEnd } from '../support/application.js';
import { useWorld } from '../support/world.js';
import { subscriberOf } from '../support/graphql.js';

const world = useWorld();

@Controller('orgs/:sellerId/to/:buyerId')
@RequireRole('ORG_OWNER', org.param('sellerId'))
@RequireRole('ORG_OWNER', org.param('buyerId'))
class SalesController {
  @Get()
  read(
    @CheckedResource('org', 'sellerId') seller: string,
    @CheckedResource('org', 'buyerId') buyer: string,
  ) {
    return { seller, buyer };
  }
}

@Controller('orgs/:orgId')
class OrgController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId, claims: caller.claims };
  }
}

@Controller('orgs/:orgId')
@UseGuards(ZitadelManagerGuard)
class OwnGuardController extends OrgController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  override read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId, claims: caller.claims };
  }
}

type Overridden = 'overrideProvider' | 'overrideGuard';

/** An application whose options lead to no ZITADEL, with a double in the guard's place. */
async function standIn(
  double: GuardDouble,
  by: Overridden = 'overrideProvider',
  logger: ZitadelOptions['logger'] | null = SILENT,
): Promise<string> {
  const controllers =
    by === 'overrideProvider' ? [OrgController, SalesController] : [OwnGuardController];
  const module = await Test.createTestingModule({
    imports: logger
      ? [ZitadelModule.forRoot({ issuer: 'https://nobody.example', audience: '1', logger })]
      : [],
    controllers,
    providers: by === 'overrideProvider' ? [GLOBAL] : [],
  })
    [by](ZitadelManagerGuard)
    .useValue(double)
    .compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  untilTheEnd({ url: '', close: () => app.close() });
  return app.getUrl();
}

const quiet = () => undefined;
const SILENT = { debug: quiet, log: quiet, warn: quiet, error: quiet };

async function answer(url: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, { headers });
  const told = ['www-authenticate', 'retry-after'].flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const body: unknown = await response.json();
  return { status: response.status, headers: Object.fromEntries(told), body };
}

describe('guardAs', () => {
  it.each(['overrideProvider', 'overrideGuard'] as const)(
    'gives handlers the caller and the checked id, by %s',
    async (by) => {
      const caller = { userId: 'alice', claims: { email: 'alice@acme.example' } };
      const url = await standIn(guardAs(caller, { org: '7' }), by);
      expect(await answer(`${url}/orgs/1`)).toMatchObject({
        status: 200,
        body: { orgId: '7', ...caller },
      });
    },
  );

  it('gives ids by their names', async () => {
    const checked = { org: { sellerId: '7', buyerId: '8' } };
    const url = await standIn(guardAs({ userId: 'alice' }, checked));
    expect(await answer(`${url}/orgs/1/to/2`)).toMatchObject({
      body: { seller: '7', buyer: '8' },
    });
  });

  it('is a middleware in Express', async () => {
    const url = await serve((app) => {
      app.get('/', guardAs({ userId: 'alice' }, { project: '7' }).middleware, (req, res) => {
        res.json([callerOf(req).userId, checkedResource(req, 'project')]);
      });
    });
    expect(await answer(url)).toMatchObject({ status: 200, body: ['alice', '7'] });
  });

  it('says which id it was not given, where a handler takes one', async () => {
    const lines: string[] = [];
    const error = (line: string) => void lines.push(line);
    const url = await standIn(guardAs({ userId: 'alice' }, { project: '7' }), undefined, {
      ...SILENT,
      error,
    });
    expect(await answer(`${url}/orgs/1`)).toMatchObject({ status: 500 });
    expect(lines.join()).toMatch(
      /@CheckedResource\('org'\) in OrgController\.read: .*guardAs\(caller, \{ org: '<id>' \}\)/,
    );
  });

  it('refuses what would never reach a handler', () => {
    expect(() => guardAs({} as never)).toThrow(/user id/);
    expect(() => guardAs(undefined as never)).toThrow(/user id/);
    expect(() => guardAs({ userId: '1' }, { orgId: '7' } as never)).toThrow(/not of 'orgId'/);
    expect(() => denyAs('role_misssing' as never)).toThrow(/role_missing/);
  });
});

describe('denyAs', () => {
  it('answers as the guard does', async () => {
    const real = await boot(world, { controllers: [OrgController] });
    const headers = { authorization: `Bearer ${world.tokens.nobody}` };
    const denied = await answer(`${real.url}/orgs/${world.acme}`, headers);
    expect(denied.status).toBe(403);
    const url = await standIn(denyAs('role_missing'));
    expect(await answer(`${url}/orgs/1`)).toEqual(denied);
    const without = await standIn(denyAs('role_missing'), 'overrideGuard', null);
    expect(await answer(`${without}/orgs/1`)).toEqual(denied);
  });

  it.each(Object.keys(DENIAL) as DenyReason[])('has the answer for %s', async (reason) => {
    const { status, headers, body } = denialAnswer({ reason });
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const expected = { status, headers: Object.fromEntries(lower) as object, body };
    const url = await serve((app) => {
      app.get('/', denyAs(reason).middleware, (_req, res) => void res.json({}));
    });
    expect(await answer(url)).toEqual(expected);
    const thrown: unknown = await Promise.resolve(denyAs(reason).canActivate(IN_HTTP)).catch(
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ response: body, status });
  });
});

const IN_HTTP = {
  getType: () => 'http',
  getArgByIndex: () => ({}),
  switchToHttp: () => ({ getResponse: () => ({}) }),
};

describe('the entry', () => {
  it('does not load Nest: an application on Express alone has none', () => {
    const lib = fileURLToPath(new URL('../../lib', import.meta.url));
    const open = [join(lib, 'testing/index.ts')];
    const seen = new Set(open);
    const packages = new Set<string>();
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      const text = readFileSync(file, 'utf8').replaceAll(/^(?:import|export) type [^;]*;/gm, '');
      for (const [, from = ''] of text.matchAll(/^(?:import|export|\}) [^;]*?from '([^']+)';/gm)) {
        const next = join(dirname(file), from.replace(/\.js$/, '.ts'));
        if (!from.startsWith('.')) packages.add(from);
        else if (!seen.has(next)) open.push(next);
        seen.add(next);
      }
    }
    expect(seen.size).toBeGreaterThan(30);
    expect([...packages].filter((each) => !/^(node:|jose$|lru-cache$)/.test(each))).toEqual([]);
  });
});

describe('on other doors than HTTP', () => {
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
      refused: {
        status: 'error',
        message: 'A manager role is missing.',
        errorCode: 'role_missing',
      },
    },
    {
      door: 'a microservice',
      ask: overTcp,
      refused: {
        status: 'error',
        message: 'A manager role is missing.',
        errorCode: 'role_missing',
      },
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
});
