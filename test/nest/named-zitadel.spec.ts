import {
  Controller,
  createParamDecorator,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import {
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { firstValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Caller } from '../../lib/core/caller.js';
import { own } from '../../lib/core/own-properties.js';
import { role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import {
  Authenticated,
  CurrentCaller,
  getZitadelToken,
  Public,
  type RequestLike,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelDecisionStream,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelModuleOptions,
  type ZitadelOfModule,
  type ZitadelRootOptions,
} from '../../lib/index.js';
import { bootWith, GLOBAL } from '../support/application.js';
import type { Answer } from '../support/graphql.js';
import { freePort } from '../support/redis.js';
import { speak } from '../support/speak.js';
import { bySocketIo } from '../support/speakers.js';
import { useEmulator } from '../support/world.js';
import { recorder } from '../zitadel/parts.js';

const a = await useEmulator({ firstId: '400000000000000001' });
const b = await useEmulator({ firstId: '400000000000000001' });
const ORG = '400000000000000901';
let orgId: string;
let alice: string;

/** Alice owns the organization in B alone. In A there are the same ids. */
beforeAll(() => {
  for (const each of [a, b]) {
    orgId = each.addOrg('acme').id;
    alice = each.addUser('alice', { org: orgId }).id;
  }
  b.addMember(alice, { org: orgId }, ['ORG_OWNER']);
});

const unnamed = (more: Partial<ZitadelModuleOptions> = {}) =>
  ZitadelModule.forRoot(a.options(more));
const named = (name = 'b', more: object = {}) =>
  ZitadelModule.forRoot({ name, ...b.options(), ...more } as ZitadelRootOptions);

const User = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<{ readonly user: unknown }>().user,
);

const AT_B = { zitadel: 'b' };
const OWNS = org.header('x-org');

@Controller()
class BothController {
  @Get('a')
  @RequireRole('ORG_OWNER', OWNS)
  ofA(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('role')
  @RequireRole('ORG_OWNER', OWNS, AT_B)
  ofB(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('require')
  @Require(role('ORG_OWNER', OWNS), AT_B)
  required(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('permission')
  @RequirePermission('org.read', OWNS, { ...AT_B, fresh: true })
  permitted(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('caller')
  @Authenticated(AT_B)
  known(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('optional')
  @Authenticated({ ...AT_B, optional: true })
  optional(@CurrentCaller() caller: Caller | undefined) {
    return [caller?.issuer];
  }
}

@Controller('class')
@RequireRole('ORG_OWNER', OWNS, AT_B)
class OfBController {
  @Get()
  read(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('also')
  @Authenticated(AT_B)
  also(@CurrentCaller() caller: Caller) {
    return [caller.issuer];
  }

  @Get('open')
  @Public()
  open() {
    return [];
  }
}

async function get(url: string, path: string, token?: string) {
  const sent = token === undefined ? [] : ([['Authorization', `Bearer ${token}`]] as const);
  const { status, text } = await speak(url, { path, headers: [['X-Org', orgId], ...sent] });
  return status === 200 ? text : status;
}

describe.each(['express', 'fastify'] as const)('routes of a named ZITADEL, on %s', (platform) => {
  it('are decided there, by the one guard, and all others by the one without a name', async () => {
    const controllers: Type[] = [BothController, OfBController];
    const { url } = await bootWith({ imports: [unnamed(), named()], controllers }, platform);
    const [ofA, ofB] = [a.tokenFor(alice), b.tokenFor(alice)];
    const yes = JSON.stringify([b.issuer]);
    for (const path of ['/role', '/require', '/permission', '/caller', '/class', '/class/also']) {
      for (const round of ['cold', 'warm']) {
        expect([path, round, await get(url, path, ofB)]).toEqual([path, round, yes]);
        expect([path, round, await get(url, path, ofA)]).toEqual([path, round, 401]);
      }
    }
    expect(await get(url, '/optional', ofB)).toBe(yes);
    expect(await get(url, '/optional', ofA)).toBe(401);
    expect(await get(url, '/optional')).toBe('[null]');
    expect(await get(url, '/class/open')).toBe('[]');
    expect([await get(url, '/a', ofB), await get(url, '/a', ofA)]).toEqual([401, 403]);
  });
});

/** Asks a handler for somebody's issuer: `ofB` is about the named ZITADEL, `ofA` about the one without a name. */
type Ask = (handler: 'ofA' | 'ofB', token: string) => Promise<unknown>;

@Resolver()
class Fields {
  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('id'), AT_B)
  ofB(@Args('id') _id: string, @CurrentCaller() { issuer }: Caller) {
    return issuer;
  }

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('id'))
  ofA(@Args('id') _id: string, @CurrentCaller() { issuer }: Caller) {
    return issuer;
  }
}

@WebSocketGateway()
class Gateway {
  @SubscribeMessage('ofB')
  @RequireRole('ORG_OWNER', org.body('id'), AT_B)
  ofB(@CurrentCaller() { issuer }: Caller) {
    return { event: 'answer', data: issuer };
  }

  @SubscribeMessage('ofA')
  @RequireRole('ORG_OWNER', org.body('id'))
  ofA(@CurrentCaller() { issuer }: Caller) {
    return { event: 'answer', data: issuer };
  }
}

@Controller()
@UseGuards(ZitadelManagerGuard)
class Messages {
  @MessagePattern('ofB')
  @RequireRole('ORG_OWNER', org.body('id'), AT_B)
  ofB(@CurrentCaller() { issuer }: Caller) {
    return issuer;
  }

  @MessagePattern('ofA')
  @RequireRole('ORG_OWNER', org.body('id'))
  ofA(@CurrentCaller() { issuer }: Caller) {
    return issuer;
  }
}

const codeOf = (error: unknown): unknown => own(error, 'errorCode');

const DOORS: Readonly<Record<string, () => Promise<Ask>>> = {
  GraphQL: async () => {
    const imports = [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
      unnamed(),
      named(),
    ];
    const { url } = await bootWith({ imports, providers: [GLOBAL, Fields] });
    return async (handler, token) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: `{ ${handler}(id: "${orgId}") }` }),
      });
      const { data, errors } = (await response.json()) as Answer;
      return errors ? codeOf(errors[0]?.extensions) : data?.[handler];
    };
  },
  'socket.io': async () => {
    const { url } = await bootWith({ imports: [unnamed(), named()], providers: [GLOBAL, Gateway] });
    return async (handler, token) => {
      const speaker = await bySocketIo(url, { token });
      onTestFinished(() => speaker.leave());
      speaker.say(handler, { id: orgId });
      await expect.poll(() => speaker.heard.length).toBe(1);
      const [[event, data] = []] = speaker.heard;
      return event === 'answer' ? data : codeOf(data);
    };
  },
  TCP: async () => {
    const token = ({ body }: RequestLike) => String(own(body, 'token'));
    const imports = [unnamed({ token }), named('b', { token })];
    const { app } = await bootWith({ imports, controllers: [Messages] });
    const options = { host: '127.0.0.1', port: await freePort() };
    app.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP, options });
    await app.startAllMicroservices();
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
    onTestFinished(() => void client.close());
    return (handler, sent) =>
      firstValueFrom(client.send<unknown>(handler, { token: sent, id: orgId })).catch(codeOf);
  },
};

describe.each(Object.entries(DOORS))('a named ZITADEL, by %s', (_, open) => {
  it('decides what names it, and nothing else', async () => {
    const ask = await open();
    const [ofA, ofB] = [a.tokenFor(alice), b.tokenFor(alice)];
    for (const round of ['cold', 'warm']) {
      expect([round, await ask('ofB', ofB)]).toEqual([round, b.issuer]);
      expect([round, await ask('ofA', ofB)]).toEqual([round, 'token_invalid']);
      expect([round, await ask('ofB', ofA)]).toEqual([round, 'token_invalid']);
      expect([round, await ask('ofA', ofA)]).toEqual([round, 'role_missing']);
    }
  });
});

describe('a named ZITADEL', () => {
  it('can be down, and the one without a name decides all the same', async () => {
    const controllers: Type[] = [BothController];
    const { url } = await bootWith({ imports: [unnamed(), named()], controllers });
    b.fail('memberships', 503);
    const [ofA, ofB] = [a.tokenFor(alice), b.tokenFor(alice)];
    expect([await get(url, '/role', ofB), await get(url, '/a', ofA)]).toEqual([503, 403]);
  });

  it('is injected whole by its name, and the one without a name as before', async () => {
    @Injectable()
    class Service {
      constructor(
        @Inject(ZitadelAuthorizer) readonly ofA: ZitadelAuthorizer,
        @Inject(getZitadelToken()) readonly whole: ZitadelOfModule,
        @Inject(getZitadelToken('b')) readonly b: ZitadelOfModule,
      ) {}
    }
    const controllers = [BothController];
    const root = { imports: [unnamed(), named()], controllers, providers: [GLOBAL, Service] };
    const { app, url } = await bootWith(root);
    const service = app.get(Service);
    expect(service.whole.authorizer).toBe(service.ofA);
    expect(service.b.authorizer).not.toBe(service.ofA);
    expect([...service.b.instances.keys()]).toEqual([b.issuer]);
    expect(service.b.projectGrants.ensureMany([]).subscribe).toBeTypeOf('function');
    const heard: string[] = [];
    new ZitadelDecisionStream(service.b.authorizer).subscribe(({ decision }) => {
      heard.push(String(decision.allowed));
    });
    await get(url, '/caller', b.tokenFor(alice));
    await get(url, '/a', a.tokenFor(alice));
    expect(heard).toEqual(['true']);
  });

  it('takes its options from a factory, and several instances', async () => {
    const later = ZitadelModule.forRootAsync({
      name: 'b',
      useFactory: () => Promise.resolve({ instances: [b.options(), a.options()] }),
    });
    const root = { imports: [unnamed(), later], controllers: [BothController] };
    const { url } = await bootWith(root);
    expect(await get(url, '/role', b.tokenFor(alice))).toBe(JSON.stringify([b.issuer]));
    expect(await get(url, '/role', a.tokenFor(alice))).toBe(403);
    expect(await get(url, '/caller', a.tokenFor(alice))).toBe(JSON.stringify([a.issuer]));
  });

  it('puts the caller where its own options say', async () => {
    @Controller()
    @UseGuards(ZitadelManagerGuard)
    class UserController {
      @Get()
      @Authenticated(AT_B)
      read(@User() user: Caller) {
        return [user.issuer];
      }
    }
    const imports = [unnamed(), named('b', { requestProperty: 'user' })];
    const { url } = await bootWith({ imports, controllers: [UserController], providers: [] });
    expect(await get(url, '/', b.tokenFor(alice))).toBe(JSON.stringify([b.issuer]));
  });

  it('stands in the report of the routes', async () => {
    const log = recorder();
    const imports = [unnamed({ logger: log }), named()];
    await bootWith({ imports, controllers: [BothController] });
    expect(log.lines.join('\n')).toContain("/role  ORG_OWNER on org header x-org, at ZITADEL 'b'");
    expect(log.lines.join('\n')).toContain('/a  ORG_OWNER on org header x-org\n');
  });
});

describe('an application does not start', () => {
  @Controller()
  class OfBothController {
    @Get()
    @RequireRole('ORG_OWNER', OWNS)
    @Authenticated(AT_B)
    read() {}
  }
  @Controller()
  @RequireRole('ORG_OWNER', OWNS, AT_B)
  class HalfController {
    @Get()
    @RequireProjectRole('editor', { project: ORG, zitadel: 'c' })
    read() {}
  }
  @Controller()
  class OptionalController {
    @Get()
    @Authenticated({ optional: true, zitadel: 'x' })
    read() {}
  }
  const needsProject = (zitadel: string) => {
    @Controller()
    class EditorsController {
      @Get()
      @RequireProjectRole('editor', { zitadel })
      read() {}
    }
    return EditorsController;
  };

  it.each<[string, () => unknown[], Type[], RegExp]>([
    [
      'where a route names a ZITADEL that is not registered',
      () => [unnamed()],
      [BothController],
      /BothController\.ofB: asks the ZITADEL 'b', which is not registered: write ZitadelModule\.forRoot\(\{ name: 'b'/,
    ],
    [
      'where the caller is optional there',
      () => [unnamed(), named()],
      [OptionalController],
      /OptionalController\.read: asks the ZITADEL 'x'/,
    ],
    [
      'where one method names two',
      () => [unnamed(), named()],
      [OfBothController],
      /OfBothController\.read: its decorators ask several ZITADELs, the one without a name and 'b'/,
    ],
    [
      'where a method names another than its class',
      () => [unnamed(), named(), named('c')],
      [HalfController],
      /HalfController\.read: its decorators ask several ZITADELs, 'b' and 'c', and a caller is of one/,
    ],
    [
      'where the named one lacks an option that the route needs',
      () => [unnamed({ projectId: ORG }), named()],
      [needsProject('b')],
      /EditorsController\.read: .*projectId/,
    ],
    [
      'with a name twice',
      () => [unnamed(), named(), named('c'), named('b', { timeoutMs: 1_000 })],
      [],
      /ZitadelModule is registered 2 times with the name 'b'/,
    ],
    ['without one that has no name', () => [named()], [], /every ZitadelModule has a name/],
    [
      'where what is about the whole application stands in the named one',
      () => [unnamed(), named('b', { strict: true })],
      [],
      /strict: is about the whole application; write it into the ZitadelModule without a name/,
    ],
  ])('%s', async (_name, imports, controllers, text) => {
    const providers = controllers.length > 0 ? [GLOBAL] : [];
    const root = { imports: imports() as Type[], controllers, providers };
    await expect(bootWith(root)).rejects.toThrow(text);
  });

  it.each([[''], [1], [undefined]])('with the name %j', (name) => {
    const options = { ...b.options(), name } as never;
    expect(() => ZitadelModule.forRoot(options)).toThrow(/^name: write the name of another/);
    expect(() => ZitadelModule.forRootAsync(options)).toThrow(/^name: write the name of another/);
    expect(() => RequireRole('IAM_OWNER', { zitadel: name as string })).toThrow(
      /@RequireRole\(\) takes in \{ zitadel \} the name of a ZitadelModule/,
    );
  });

  it('with other settings beside a requirement', () => {
    expect(() => Require(role('IAM_OWNER'), { fresh: true } as never)).toThrow(/\{ zitadel \} or/);
  });
});
