import { connect } from 'node:net';
import {
  Controller,
  Get,
  Inject,
  Logger,
  NotFoundException,
  type Provider,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, NestFactory, REQUEST } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Authenticated,
  type Caller,
  CheckedResource,
  CurrentCaller,
  org,
  Public,
  RequireRole,
  role,
  type RequestLike,
  ZitadelAuthorizer,
  ZitadelExceptionFilter,
  ZitadelManagerGuard,
  ZitadelModule,
} from '../../../lib/index.js';
import type { Door } from '../../../lib/nest/doors/door.js';
import { rpc } from '../../../lib/nest/doors/rpc.js';
import { ws } from '../../../lib/nest/doors/ws.js';
import { Notes } from '../../doors/door.js';
import { GLOBAL } from '../../support/application.js';
import { freePort, redisIsHere, startRedis } from '../../support/redis.js';
import { useWorld } from '../../support/world.js';

const world = useWorld();

/** Messages bring their token beside what they are about. */
const token = ({ body, headers, context }: RequestLike): string | undefined =>
  context === undefined
    ? (headers['authorization'] as string | undefined)?.slice('Bearer '.length)
    : (Object(body) as { readonly token?: string }).token;

/** Handlers of messages and events, and what they have done. */
function controllerOf(done: string[], isGuarded: boolean): Type {
  class OrgsController {
    constructor(@Inject(ZitadelAuthorizer) private readonly authorizer: ZitadelAuthorizer) {}

    @MessagePattern('org')
    @RequireRole('ORG_OWNER', org.body('orgId'))
    org(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
      return `${caller.userId} at ${orgId}`;
    }

    @MessagePattern({ cmd: 'open' })
    @Public()
    open() {
      return 'open';
    }

    @MessagePattern('undeclared')
    undeclared() {
      done.push('undeclared');
    }

    @MessagePattern('assert')
    @Authenticated()
    async assert(@Payload('orgId') orgId: string, @CurrentCaller() caller: Caller) {
      await this.authorizer.assert(caller, role('ORG_OWNER', orgId));
      return 'asserted';
    }

    @EventPattern('happened')
    @RequireRole('ORG_OWNER', org.body('orgId'))
    happened(@CheckedResource('org') orgId: string, @Ctx() _context: unknown) {
      done.push(`one ${orgId}`);
    }

    @EventPattern('happened')
    @RequireRole('ORG_OWNER', org.body('otherId'))
    happenedToo(@CheckedResource('org') orgId: string) {
      done.push(`other ${orgId}`);
    }
  }
  Controller()(OrgsController);
  if (isGuarded) {
    UseGuards(ZitadelManagerGuard)(OrgsController);
    UseFilters(ZitadelExceptionFilter)(OrgsController);
  }
  return OrgsController;
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class ScopedController {
  constructor(@Inject(REQUEST) private readonly request: object) {}

  @MessagePattern('scoped')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  org(@CheckedResource('org') orgId: string) {
    return `${typeof this.request} ${orgId}`;
  }
}

interface Given {
  /** Called when messages are taken, and the boot check has not run yet. */
  readonly early?: (send: (pattern: string, data: object) => Promise<unknown>) => Promise<void>;
  readonly transport: MicroserviceOptions;
  /** How messages reach an application. */
  readonly as: (typeof WAYS)[number];
  readonly token?: typeof token | undefined;
  readonly guard?: Provider;
}

async function serve(given: Given) {
  const { zitadel } = world;
  const [notes, done] = [new Notes(), [] as string[]];
  const options = { ...zitadel.options(), logger: notes.logger, ...(given.token && { token }) };
  const isHybrid = given.as !== 'a microservice';
  const module = {
    module: class App {},
    imports: [ZitadelModule.forRoot(options)],
    controllers: [controllerOf(done, isHybrid), ScopedController],
    providers: [given.guard ?? GLOBAL],
  };
  const settings = { logger: false, abortOnError: false } as const;
  if (given.as === 'a microservice') {
    const app = await NestFactory.createMicroservice(module, { ...settings, ...given.transport });
    onTestFinished(() => app.close());
    await app.listen();
  } else {
    const app = await NestFactory.create(module, settings);
    onTestFinished(() => app.close());
    app.connectMicroservice(given.transport, {
      inheritAppConfig: given.as === 'hybrid, with inheritAppConfig',
      deferInitialization: given.as === 'hybrid, initialized when it starts',
    });
    await app.startAllMicroservices();
    const early = ClientProxyFactory.create(given.transport as never);
    onTestFinished(() => early.close());
    await given.early?.((...message) => firstValueFrom(early.send<unknown>(...message)));
    await app.listen(0, '127.0.0.1');
  }
  const client = ClientProxyFactory.create(given.transport as never);
  onTestFinished(() => client.close());
  return {
    notes,
    done,
    send: (pattern: unknown, data: object) =>
      firstValueFrom(client.send<unknown>(pattern, data)).catch((error: unknown) => ({ error })),
    emit: (pattern: string, data: object) => firstValueFrom(client.emit(pattern, data), ANY),
  };
}

const ANY = { defaultValue: undefined };

async function tcp(): Promise<MicroserviceOptions> {
  return { transport: Transport.TCP, options: { host: '127.0.0.1', port: await freePort() } };
}

async function redis(): Promise<MicroserviceOptions> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return { transport: Transport.REDIS, options: { host: '127.0.0.1', port: server.port } };
}

const refused = (errorCode: string) => ({
  error: { status: 'error', message: expect.any(String) as string, errorCode },
});

const WAYS = [
  'a microservice',
  'hybrid, with inheritAppConfig',
  'hybrid, without it',
  'hybrid, initialized when it starts',
] as const;

describe('a hybrid application that takes messages before it starts', () => {
  it('decides about them like later', async () => {
    const heard: unknown[] = [];
    const owner = { token: world.tokens['owner of acme'] };
    await serve({
      transport: await tcp(),
      as: 'hybrid, without it',
      token,
      async early(send) {
        for (const [pattern, orgId] of [
          ['org', world.acme],
          ['org', world.globex],
          ['undeclared', world.acme],
        ] as const) {
          heard.push(
            await send(pattern, { ...owner, orgId }).catch((error: unknown) => ({ error })),
          );
        }
      },
    });
    const allowed = `${world.ids['owner of acme']} at ${world.acme}`;
    expect(heard).toEqual([allowed, refused('role_missing'), refused('not_declared')]);
  });

  it.each<[string, Provider[], Type[]]>([
    ['declares nothing, beside the global guard', [GLOBAL], [unguarded()]],
    ['is decorated, and nothing guards it', [], [unguarded(Authenticated())]],
    ['declares nothing, and a route waits for a global guard', [], [unguarded(), Guarded]],
  ])('takes none, and says why, if a handler %s', async (_what, providers, controllers) => {
    const { app, port } = await hybridOf(controllers, providers);
    await expect(app.startAllMicroservices()).rejects.toThrow(
      /not safe to start:\n- Unguarded\.read handles messages/,
    );
    await expect(connected(port)).resolves.toBe(false);
    app.useGlobalGuards(app.get(ZitadelManagerGuard));
    await expect(app.init()).rejects.toThrow(/not safe to start:\n- Unguarded\.read/);
    await expect(app.startAllMicroservices()).rejects.toThrow(/not safe to start/);
    await expect(connected(port)).resolves.toBe(false);
  });

  it('takes them if its global guard comes later, and no message needs it', async () => {
    const { app, port } = await hybridOf([Guarded]);
    await app.startAllMicroservices();
    await expect(connected(port)).resolves.toBe(true);
    app.useGlobalGuards(app.get(ZitadelManagerGuard));
    await app.init();
  });

  it('does not start if nothing showed that a global guard would come, and a handler declares nothing', async () => {
    const { app } = await hybridOf([unguarded()]);
    await app.startAllMicroservices();
    app.useGlobalGuards(app.get(ZitadelManagerGuard));
    await expect(app.init()).rejects.toThrow(/not safe to start:\n- Unguarded\.read/);
  });

  it('takes none with strict, also if nothing showed that a global guard would come', async () => {
    const { app, port } = await hybridOf([unguarded()], [], { strict: true });
    await expect(app.startAllMicroservices()).rejects.toThrow(
      /not safe to start:\n- Unguarded\.read handles messages/,
    );
    await expect(connected(port)).resolves.toBe(false);
  });
});

/** A hybrid application that has not started. */
async function hybridOf(controllers: Type[], providers: Provider[] = [], options = {}) {
  const module = {
    module: class App {},
    imports: [ZitadelModule.forRoot(world.zitadel.options(options))],
    controllers,
    providers,
  };
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  const transport = await tcp();
  app.connectMicroservice(transport);
  return { app, port: (transport as TcpOptions).options?.port as number };
}

function unguarded(decorate?: MethodDecorator): Type {
  class Unguarded {
    read() {
      return 'read';
    }
  }
  const read = Object.getOwnPropertyDescriptor(Unguarded.prototype, 'read');
  for (const each of [MessagePattern('read'), decorate]) {
    each?.(Unguarded.prototype, 'read', read as PropertyDescriptor);
  }
  Controller()(Unguarded);
  return Unguarded;
}

@Controller()
class Guarded {
  @Get()
  @Authenticated()
  route() {
    return 'route';
  }

  @MessagePattern('message')
  @UseGuards(ZitadelManagerGuard)
  @Authenticated()
  message() {
    return 'message';
  }
}

/** Whether somebody listens there. */
function connected(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    onTestFinished(() => void socket.destroy());
  });
}

describe.each([
  ['TCP', tcp, true],
  ['Redis', redis, redisIsHere],
] as const)('messages by %s', (_name, transport, isHere) => {
  it.runIf(isHere).each(WAYS)('are decided about like requests: %s', async (as) => {
    const { send, emit, done, notes } = await serve({ transport: await transport(), as, token });
    const { acme, globex, tokens, ids } = world;
    const owner = { token: tokens['owner of acme'] };
    await expect(send('org', { ...owner, orgId: acme })).resolves.toBe(
      `${ids['owner of acme']} at ${acme}`,
    );
    for (const [pattern, data, code] of [
      ['org', { ...owner, orgId: globex }, 'role_missing'],
      ['org', { orgId: acme }, 'token_missing'],
      ['org', { token: 'x y', orgId: acme }, 'token_invalid'],
      ['org', owner, 'resource_missing'],
      ['org', { ...owner, orgId: ['1'] }, 'resource_invalid'],
      ['undeclared', owner, 'not_declared'],
      ['assert', { ...owner, orgId: globex }, 'role_missing'],
    ] as const) {
      await expect(send(pattern, data)).resolves.toEqual(refused(code));
    }
    await expect(send({ cmd: 'open' }, {})).resolves.toBe('open');
    await expect(send('assert', { ...owner, orgId: acme })).resolves.toBe('asserted');
    world.zitadel.fail('memberships', 503);
    const other = { token: tokens['owner of globex'], orgId: globex };
    await expect(send('org', other)).resolves.toEqual(refused('unavailable'));
    world.zitadel.heal();
    expect(done).toEqual([]);
    // Two handlers wait for one event, and each is decided about by itself.
    const faults = vi.spyOn(Logger.prototype, 'error');
    onTestFinished(() => faults.mockRestore());
    await emit('happened', { ...owner, orgId: acme, otherId: globex });
    await expect.poll(() => done).toEqual([`one ${acme}`]);
    await emit('happened', { token: tokens['instance owner'], orgId: acme, otherId: globex });
    await expect.poll(() => done.length).toBe(3);
    expect([...done].sort()).toEqual([`one ${acme}`, `one ${acme}`, `other ${globex}`]);
    expect(notes.log).toContain('role_missing');
    expect(faults).not.toHaveBeenCalled();
  });
});

describe('a message without a token', () => {
  it('is refused, and where the option token is not set, the log says so', async () => {
    const { send, notes } = await serve({ transport: await tcp(), as: 'a microservice' });
    const { acme, tokens } = world;
    const asked = send('org', { token: tokens['owner of acme'], orgId: acme });
    await expect(asked).resolves.toEqual(refused('token_missing'));
    expect(notes.log).toMatch(/token_missing.*has no headers, and the option token is not set/);
  });
});

describe('an exception for HTTP', () => {
  it('is told as one of microservices', async () => {
    class HidingGuard extends ZitadelManagerGuard {
      protected override exceptionFor() {
        return new NotFoundException('No such thing.');
      }
    }
    const guard = { provide: APP_GUARD, useClass: HidingGuard };
    const { send } = await serve({ transport: await tcp(), as: 'a microservice', token, guard });
    const asked = send('org', { token: world.tokens['owner of acme'], orgId: world.globex });
    await expect(asked).resolves.toEqual({ error: { status: 'error', message: 'No such thing.' } });
  });
});

describe('a controller that is made for each message', () => {
  it('is guarded', async () => {
    const { send } = await serve({ transport: await tcp(), as: 'a microservice', token });
    const { acme, globex, tokens } = world;
    const owner = { token: tokens['owner of acme'] };
    await expect(send('scoped', { ...owner, orgId: acme })).resolves.toBe(`object ${acme}`);
    await expect(send('scoped', { ...owner, orgId: globex })).resolves.toEqual(
      refused('role_missing'),
    );
  });
});

describe('metadata of gRPC', () => {
  const BOTH = { authorization: 'Bearer abc', 'x-org': '1' };
  const metadata = (sent: Readonly<Record<string, readonly unknown[]>>) => ({
    get: (name: string) => sent[name],
    getMap: () => Object.fromEntries(Object.entries(sent).map(([name, [first]]) => [name, first])),
  });
  it.each([
    ['nothing', metadata({}), {}],
    ['texts', metadata({ authorization: ['Bearer abc'], 'x-org': ['1'] }), BOTH],
    ['two texts', metadata({ authorization: ['Bearer a', 'Bearer b'] }), { authorization: '' }],
    ['bytes', metadata({ 'x-org-bin': [Buffer.from('1')] }), { 'x-org-bin': '' }],
    ['no metadata', { args: [] }, {}],
    ['no context', undefined, {}],
  ])('are headers: %s', (_what, context, headers) => {
    const host = { getArgs: () => [{}, context] } as never;
    expect(rpc.requestOf(host).headers).toEqual(headers);
  });
});

class Handlers {
  one(): void {}
}

/** The object that stands for a call with these arguments. */
const callOf = (door: Door, ...args: unknown[]) =>
  door.callOf({
    getArgs: () => args,
    getClass: () => Handlers,
    getHandler: () => Handlers.prototype.one,
  } as never);

describe.each<[string, Door, (payload: unknown, other: unknown) => unknown[]]>([
  ['a gateway', ws, (payload, client) => [client, payload]],
  ['a microservice', rpc, (payload, context) => [payload, context]],
])('a message of %s', (_, door, argsOf) => {
  const [payload, other] = [{ orgId: '1' }, { name: 'client or context' }];

  it('is the same to the guard and to the handler', () => {
    const call = callOf(door, ...argsOf(payload, other));
    expect(callOf(door, ...argsOf(payload, other))).toBe(call);
  });

  it('is another one if a server hands out one payload for two senders, or one sender for two payloads', () => {
    const call = callOf(door, ...argsOf(payload, other));
    expect(callOf(door, ...argsOf(payload, { ...other }))).not.toBe(call);
    expect(callOf(door, ...argsOf({ ...payload }, other))).not.toBe(call);
  });
});
