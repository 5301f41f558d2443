import {
  type Client,
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import {
  Controller,
  Inject,
  NotFoundException,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  type GrpcOptions,
  GrpcStreamCall,
  GrpcStreamMethod,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { concatMap, map, type Observable, of, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Authenticated,
  type Caller,
  CheckedResource,
  CurrentCaller,
  org,
  Public,
  type RequestLike,
  RequireRole,
  role,
  ZitadelAuthorizer,
  ZitadelExceptionFilter,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelOptions,
} from '../../../lib/index.js';
import { GLOBAL } from '../../support/application.js';
import { freePort } from '../../support/redis.js';
import { useWorld } from '../../support/world.js';
import { recorder } from '../../zitadel/parts.js';

const world = useWorld();

const METHODS = ['Read', 'Named', 'Assert', 'Forgotten', 'Open'] as const;
const STREAMS = {
  Watch: { responseStream: true },
  Collect: { requestStream: true },
  Talk: { requestStream: true, responseStream: true },
  Whole: { requestStream: true },
} as const;
const DEFINITION = fromJSON({
  nested: {
    orgs: {
      nested: {
        Orgs: {
          methods: Object.fromEntries(
            [...METHODS.map((name) => [name, {}] as const), ...Object.entries(STREAMS)].map(
              ([name, streams]) => [
                name,
                { requestType: 'Ask', responseType: 'Said', comment: '', ...streams },
              ],
            ),
          ),
        },
        Ask: { fields: { orgId: { type: 'string', id: 1 } } },
        Said: { fields: { text: { type: 'string', id: 1 } } },
      },
    },
  },
});

const ran: string[] = [];

@Controller()
@UseGuards(ZitadelManagerGuard)
@UseFilters(ZitadelExceptionFilter)
class Orgs {
  constructor(@Inject(ZitadelAuthorizer) private readonly authorizer: ZitadelAuthorizer) {}

  @GrpcMethod('Orgs', 'Read')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { text: `${caller.userId} at ${orgId}` };
  }

  @GrpcMethod('Orgs', 'Named')
  @RequireRole('ORG_OWNER', org.header('X-Org'))
  named(@CheckedResource('org') orgId: string) {
    return { text: orgId };
  }

  @GrpcMethod('Orgs', 'Assert')
  @Authenticated()
  async assert(@CurrentCaller() caller: Caller) {
    await this.authorizer.assert(caller, role('ORG_OWNER', world.globex));
    return { text: 'asserted' };
  }

  @GrpcMethod('Orgs', 'Forgotten')
  forgotten() {
    ran.push('forgotten');
    return { text: 'forgotten' };
  }

  @GrpcMethod('Orgs', 'Open')
  @Public()
  open() {
    return { text: 'open' };
  }

  @GrpcMethod('Orgs', 'Watch')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  watch(@CheckedResource('org') orgId: string) {
    ran.push('watch');
    return of({ text: orgId }, { text: 'again' });
  }

  @Authenticated()
  @GrpcStreamMethod('Orgs', 'Collect')
  collect(asked: Observable<Ask>) {
    ran.push('collect');
    return asked.pipe(
      toArray(),
      map((all) => ({ text: all.map(({ orgId }) => orgId).join(' and ') })),
    );
  }

  /** Each message names another organization, so the handler asks for itself. */
  @GrpcStreamMethod('Orgs', 'Talk')
  @Authenticated()
  talk(@Payload() asked: Observable<Ask>, @CurrentCaller() caller: Caller) {
    ran.push('talk');
    return asked.pipe(
      concatMap(async ({ orgId }) => {
        await this.authorizer.assert(caller, role('ORG_OWNER', orgId));
        return { text: orgId };
      }),
    );
  }
}

interface Ask {
  readonly orgId: string;
}

/** Its handler gets the call of gRPC itself. */
function wholeCall(...decorators: MethodDecorator[]): Type {
  class Whole {
    whole(_call: unknown, done: (error: null, said: object) => void) {
      done(null, { text: 'whole' });
    }
  }
  const whole = Object.getOwnPropertyDescriptor(Whole.prototype, 'whole') as PropertyDescriptor;
  for (const each of [GrpcStreamCall('Orgs', 'Whole'), ...decorators]) {
    each(Whole.prototype, 'whole', whole);
  }
  UseGuards(ZitadelManagerGuard)(Whole);
  Controller()(Whole);
  return Whole;
}

/** As docs/gateways-and-messages.md has it. */
const token = ({ headers }: RequestLike): string | undefined =>
  (headers['authorization'] as string | undefined)?.replace(/^Bearer /i, '');

interface Said {
  readonly text: string;
}

type Done = (error: ServiceError | null, said?: Said) => void;
type Stream = ClientDuplexStream<Ask, Said>;

const errorOf = ({ code, metadata }: ServiceError) => [code, ...metadata.get('error-code')];

/** Starts a server of gRPC, and returns how a client asks it: what was said, or the code and the metadata of the error. */
async function serve(
  isHybrid: boolean,
  guard = GLOBAL,
  controller: Type = Orgs,
  options: Partial<ZitadelOptions> = { token },
) {
  const grpc = {
    transport: Transport.GRPC as const,
    options: {
      package: 'orgs',
      packageDefinition: DEFINITION,
      url: `127.0.0.1:${String(await freePort())}`,
    },
  } satisfies GrpcOptions;
  const module = {
    module: class App {},
    imports: [ZitadelModule.forRoot(world.zitadel.options(options))],
    controllers: [controller],
    providers: [guard],
  };
  const settings = { logger: false, abortOnError: false } as const;
  if (isHybrid) {
    const app = await NestFactory.create(module, settings);
    onTestFinished(() => app.close());
    app.connectMicroservice(grpc);
    await app.startAllMicroservices();
  } else {
    const app = await NestFactory.createMicroservice(module, { ...settings, ...grpc });
    onTestFinished(() => app.close());
    await app.listen();
  }
  const { Orgs: OrgsClient } = loadPackageDefinition(DEFINITION)['orgs'] as unknown as {
    readonly Orgs: new (url: string, given: object) => Client & Record<string, unknown>;
  };
  const client = new OrgsClient(grpc.options.url, credentials.createInsecure());
  onTestFinished(() => client.close());
  const metadataOf = (bearer: string | undefined, more: readonly string[] = []) => {
    const metadata = new Metadata();
    if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`);
    for (const each of more) metadata.add('x-org', each);
    return metadata;
  };
  const call = (name: string, ...given: unknown[]) =>
    (client[name] as (...all: unknown[]) => Stream).apply(client, given);
  return {
    ask: (
      name: (typeof METHODS)[number],
      orgId: string,
      bearer?: string,
      more?: readonly string[],
    ) =>
      new Promise<unknown>((resolve) => {
        const done: Done = (error, said) => resolve(error ? errorOf(error) : said?.text);
        call(name, { orgId }, metadataOf(bearer, more), done);
      }),
    /** What was said before the end, and then the error if there was one. */
    stream: (name: keyof typeof STREAMS, orgIds: readonly string[], bearer?: string) =>
      new Promise<readonly unknown[]>((resolve) => {
        const heard: unknown[] = [];
        const metadata = metadataOf(bearer);
        const [orgId] = orgIds;
        const done: Done = (error, said) => resolve([error ? errorOf(error) : said?.text]);
        const stream =
          name === 'Watch'
            ? call(name, { orgId }, metadata)
            : call(name, metadata, ...(name === 'Talk' ? [] : [done]));
        stream.on('data', ({ text }: Said) => heard.push(text));
        stream.on('error', (error: ServiceError) => resolve([...heard, errorOf(error)]));
        stream.on('end', () => resolve(heard));
        if (name === 'Watch') return;
        for (const each of orgIds) stream.write({ orgId: each });
        stream.end();
      }),
  };
}

it.each([
  ['a microservice', false],
  ['a hybrid application', true],
])(
  'calls of gRPC are decided about, and refused with code and metadata: %s',
  async (_, isHybrid) => {
    const { ask } = await serve(isHybrid);
    const { acme, globex, ids, tokens } = world;
    const owner = tokens['owner of acme'];
    expect(await ask('Read', acme, owner)).toBe(`${ids['owner of acme']} at ${acme}`);
    expect(await ask('Open', acme)).toBe('open');
    expect(await ask('Read', globex, owner)).toEqual([7, 'role_missing']);
    expect(await ask('Read', acme)).toEqual([16, 'token_missing']);
    expect(await ask('Read', acme, 'x y')).toEqual([16, 'token_invalid']);
    expect(await ask('Read', '../1', owner)).toEqual([3, 'resource_invalid']);
    expect(await ask('Assert', acme, owner)).toEqual([7, 'role_missing']);
    expect(await ask('Forgotten', acme, owner)).toEqual([7, 'not_declared']);
    world.zitadel.fail('memberships', 503);
    expect(await ask('Read', globex, tokens['owner of globex'])).toEqual([14, 'unavailable']);
    world.zitadel.heal();
    expect(ran).toEqual([]);
  },
);

it('metadata has the token also without the option token, and the log says if it has none', async () => {
  const log = recorder();
  const { ask } = await serve(false, GLOBAL, Orgs, { logger: log });
  const { acme, ids, tokens } = world;
  expect(await ask('Read', acme, tokens['owner of acme'])).toBe(
    `${ids['owner of acme']} at ${acme}`,
  );
  expect(await ask('Read', acme)).toEqual([16, 'token_missing']);
  expect(log.lines.join('\n')).toContain('token_missing: the request has no Authorization header');
});

it('metadata names the resource like a header', async () => {
  const { ask } = await serve(false);
  const { acme, globex, tokens } = world;
  const named = (...more: string[]) => ask('Named', 'x', tokens['owner of acme'], more);
  expect(await named(acme)).toBe(acme);
  expect(await named(globex)).toEqual([7, 'role_missing']);
  expect(await named()).toEqual([3, 'resource_missing']);
  expect(await named(acme, acme)).toEqual([3, 'resource_invalid']);
});

it('an exception for HTTP is told as one of gRPC', async () => {
  class HidingGuard extends ZitadelManagerGuard {
    protected override exceptionFor() {
      return new NotFoundException('No such thing.');
    }
  }
  const { ask } = await serve(false, { provide: APP_GUARD, useClass: HidingGuard });
  expect(await ask('Read', world.globex, world.tokens['owner of acme'])).toEqual([5]);
});

it.each([
  ['a microservice', false],
  ['a hybrid application', true],
])(
  'streams of gRPC are refused before their first message, with code and metadata: %s',
  async (_, isHybrid) => {
    const { stream } = await serve(isHybrid);
    const { acme, globex, tokens } = world;
    const owner = tokens['owner of acme'];
    for (const [name, orgId, bearer, code] of [
      ['Watch', globex, owner, [7, 'role_missing']],
      ['Watch', acme, undefined, [16, 'token_missing']],
      ['Watch', '../1', owner, [3, 'resource_invalid']],
      ['Collect', acme, undefined, [16, 'token_missing']],
      ['Talk', acme, 'x y', [16, 'token_invalid']],
    ] as const) {
      await expect(stream(name, [orgId], bearer)).resolves.toEqual([code]);
    }
    expect(ran.splice(0)).toEqual([]);
    await expect(stream('Watch', [acme], owner)).resolves.toEqual([acme, 'again']);
    await expect(stream('Collect', [acme, globex], owner)).resolves.toEqual([
      `${acme} and ${globex}`,
    ]);
    // The handler has the caller, and what it throws for us has its code, too.
    await expect(stream('Talk', [acme, globex, acme], owner)).resolves.toEqual([
      acme,
      [7, 'role_missing'],
    ]);
    expect(ran.splice(0)).toEqual(['watch', 'collect', 'talk']);
  },
);

describe('a handler that gets the call of gRPC itself', () => {
  it.each([
    ['declares nothing', wholeCall()],
    ['asks for something', wholeCall(Authenticated())],
    ['asks who calls', wholeCall(Authenticated({ optional: true }))],
  ])('refuses to boot where it %s: no refusal would be answered', async (_, controller) => {
    for (const isHybrid of [false, true]) {
      await expect(serve(isHybrid, GLOBAL, controller)).rejects.toThrow(
        /not safe to start:\n- Whole\.whole .*@GrpcStreamCall\(\)/,
      );
    }
  });

  it('is called where it is public', async () => {
    const { stream } = await serve(false, GLOBAL, wholeCall(Public()));
    await expect(stream('Whole', [])).resolves.toEqual(['whole']);
  });
});
