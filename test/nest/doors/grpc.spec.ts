import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { Controller, Inject, NotFoundException, UseFilters, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { GrpcMethod, type GrpcOptions, Transport } from '@nestjs/microservices';
import { expect, it, onTestFinished } from 'vitest';
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
} from '../../../lib/index.js';
import { GLOBAL } from '../../support/application.js';
import { freePort } from '../../support/redis.js';
import { useWorld } from '../../support/world.js';

const world = useWorld();

const METHODS = ['Read', 'Assert', 'Forgotten', 'Open'] as const;
const DEFINITION = fromJSON({
  nested: {
    orgs: {
      nested: {
        Orgs: {
          methods: Object.fromEntries(
            METHODS.map((name) => [
              name,
              { requestType: 'Ask', responseType: 'Said', comment: '' },
            ]),
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
}

/** As docs/gateways-and-messages.md has it. */
const token = ({ headers }: RequestLike): string | undefined =>
  (headers['authorization'] as string | undefined)?.replace(/^Bearer /i, '');

type Call = (
  sent: object,
  metadata: Metadata,
  done: (error: ServiceError | null, said?: { readonly text: string }) => void,
) => void;

/** Starts a server of gRPC, and returns how a client asks it: what was said, or the code and the metadata of the error. */
async function serve(isHybrid: boolean, guard = GLOBAL) {
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
    imports: [ZitadelModule.forRoot(world.zitadel.options({ token }))],
    controllers: [Orgs],
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
    readonly Orgs: new (url: string, given: object) => Client & Record<string, Call>;
  };
  const client = new OrgsClient(grpc.options.url, credentials.createInsecure());
  onTestFinished(() => client.close());
  return (name: (typeof METHODS)[number], orgId: string, bearer?: string) =>
    new Promise<unknown>((resolve) => {
      const metadata = new Metadata();
      if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`);
      client[name]?.({ orgId }, metadata, (error, said) => {
        resolve(error ? [error.code, ...error.metadata.get('error-code')] : said?.text);
      });
    });
}

it.each([
  ['a microservice', false],
  ['a hybrid application', true],
])(
  'calls of gRPC are decided about, and refused with code and metadata: %s',
  async (_, isHybrid) => {
    const ask = await serve(isHybrid);
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

it('an exception for HTTP is told as one of gRPC', async () => {
  class HidingGuard extends ZitadelManagerGuard {
    protected override exceptionFor() {
      return new NotFoundException('No such thing.');
    }
  }
  const ask = await serve(false, { provide: APP_GUARD, useClass: HidingGuard });
  expect(await ask('Read', world.globex, world.tokens['owner of acme'])).toEqual([5]);
});
