import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Controller,
  Get,
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Args,
  GraphQLModule,
  Mutation,
  ObjectType,
  Field,
  Query,
  ResolveField,
  ResolveReference,
  Resolver,
} from '@nestjs/graphql';
import { EventPattern, GrpcMethod, MessagePattern, Payload } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import {
  anyOf,
  Authenticated,
  org,
  Public,
  Require,
  RequireRole,
  role,
  ZitadelManagerGuard,
  type OrgRef,
} from '../../lib/index.js';
import { Notes } from '../doors/door.js';
import { boot, GLOBAL, type Application } from '../support/application.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

/** What the report says of an application that boots. */
async function report(application: Application): Promise<readonly string[]> {
  const notes = new Notes();
  const options = { ...application.options, logger: notes.logger };
  await boot(world, { ...application, options });
  return notes.lines.flatMap(({ text }) => text.split('\n').slice(1));
}

@Injectable()
class SomeOtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const nothing = (): undefined => undefined;
const graphQL = (
  fieldResolverEnhancers: ApolloDriverConfig['fieldResolverEnhancers'] = [],
  more: object = {},
) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    fieldResolverEnhancers,
    ...more,
  });

/** One handler of each kind, and what stands on its class and on its method. */
type Make = (onClass?: ClassDecorator, onMethod?: MethodDecorator) => Type;

const messages: Make = (onClass = nothing, onMethod = nothing) => {
  @Controller()
  @onClass
  class Messages {
    @MessagePattern('org.remove')
    @onMethod
    remove() {
      return 'ran';
    }
  }
  return Messages;
};
const gateway: Make = (onClass = nothing, onMethod = nothing) => {
  @WebSocketGateway()
  @onClass
  class Gateway {
    @SubscribeMessage('join')
    @onMethod
    join() {
      return 'ran';
    }
  }
  return Gateway;
};

@ObjectType()
class Org {
  @Field()
  id!: string;
}
const fields: Make = (onClass = nothing, onMethod = nothing) => {
  @Resolver(() => Org)
  @onClass
  class Orgs {
    @Query(() => Org)
    @Public()
    org() {
      return { id: '1' };
    }

    @ResolveField(() => String)
    @onMethod
    members() {
      return 'ran';
    }
  }
  return Orgs;
};
const references: Make = (onClass = nothing, onMethod = nothing) => {
  @Resolver(() => Org)
  @onClass
  class Orgs {
    @Query(() => Org)
    @Public()
    org() {
      return { id: '1' };
    }

    @ResolveReference()
    @onMethod
    resolveReference() {
      return { id: '1' };
    }
  }
  return Orgs;
};

const OUT_OF_REACH = [
  {
    kind: 'a message handler of an application with HTTP',
    with: (type: Type): Application => ({ controllers: [type] }),
    make: messages,
    says: /Messages\.remove handles messages in an application with HTTP.*write @UseGuards\(ZitadelManagerGuard\) on the class/,
  },
  {
    kind: 'a field of GraphQL without enhancers',
    with: (type: Type): Application => ({ imports: [graphQL()], providers: [GLOBAL, type] }),
    make: fields,
    says: /Orgs\.members resolves a field of GraphQL.*fieldResolverEnhancers: \['guards', 'filters'\]/,
  },
  ...[false, null].map((other) => ({
    kind: `a field of GraphQL without enhancers, beside a schema with them (gateway: ${JSON.stringify(other)})`,
    with: (type: Type): Application => ({
      imports: [
        graphQL(['guards', 'filters'], { path: '/two' }),
        graphQL([], { path: '/one', gateway: other }),
      ],
      providers: [GLOBAL, type],
    }),
    make: fields,
    says: /Orgs\.members resolves a field of GraphQL.*fieldResolverEnhancers: \['guards', 'filters'\]/,
  })),
  {
    kind: 'a reference of a federation without enhancers',
    with: (type: Type): Application => ({
      imports: [graphQL(['interceptors'])],
      providers: [GLOBAL, type],
    }),
    make: references,
    says: /Orgs\.resolveReference resolves a field of GraphQL.*fieldResolverEnhancers: \['guards', 'filters'\]/,
  },
] as const;

describe.each(OUT_OF_REACH)(
  '$kind: Nest runs no global guard before it',
  ({ make, says, ...at }) => {
    it('refuses to boot, decorated or not', async () => {
      for (const decorate of [nothing, Authenticated(), RequireRole('IAM_OWNER')]) {
        await expect(boot(world, at.with(make(nothing, decorate)))).rejects.toThrow(says);
      }
    });

    it('boots where its class is named public, and the report says that it is open', async () => {
      const type = make();
      const application = at.with(type);
      const lines = await report({ ...application, options: { publicControllers: [type] } });
      expect(lines.join('\n')).toMatch(
        /(MESSAGE|FIELD|REFERENCE) .* {2}NOT GUARDED by nestjs-zitadel/,
      );
    });
  },
);

describe('a message handler in an application with HTTP', () => {
  it.each([
    ['our guard on the class', UseGuards(ZitadelManagerGuard), nothing],
    ['our guard on the method', nothing, UseGuards(ZitadelManagerGuard)],
  ])('boots with %s, and is listed with what it asks for', async (_, onClass, onMethod) => {
    const controllers = [messages(onClass, onMethod)];
    expect(await report({ controllers })).toEqual([
      '  MESSAGE org.remove  declares nothing: always denied',
    ]);
    await expect(boot(world, { controllers, options: { strict: true } })).rejects.toThrow(
      /Messages\.remove declares nothing \(option strict\)/,
    );
  });

  it('boots with another guard, and is listed as not ours', async () => {
    const controllers = [messages(UseGuards(SomeOtherGuard))];
    expect(await report({ controllers, options: { strict: true } })).toEqual([
      '  MESSAGE org.remove  NOT GUARDED by nestjs-zitadel: Messages.remove',
    ]);
  });

  it('is left alone where our guard is not meant for all, unless strict', async () => {
    const application = { controllers: [messages()], providers: [] };
    expect(await report(application)).toEqual([
      '  MESSAGE org.remove  NOT GUARDED by nestjs-zitadel: Messages.remove',
    ]);
    await expect(boot(world, { ...application, options: { strict: true } })).rejects.toThrow(
      /Messages\.remove handles messages/,
    );
  });

  it('is seen beside a route on the same method', async () => {
    @Controller('both')
    class Both {
      @Get()
      @EventPattern('both')
      @Public()
      read(@Payload() _payload?: unknown) {
        return {};
      }
    }
    await expect(boot(world, { controllers: [Both] })).rejects.toThrow(
      /Both\.read handles messages/,
    );
  });
});

describe('a field of GraphQL with enhancers', () => {
  it('is listed with what it asks for, as all of GraphQL', async () => {
    @Resolver(() => Org)
    class Orgs {
      @Query(() => Org)
      @RequireRole('ORG_OWNER', org.arg('orgId'))
      org(@Args('orgId') id: string) {
        return { id };
      }

      @Mutation(() => String, { name: 'drop' })
      remove() {
        return '';
      }

      @ResolveField(() => String)
      @Authenticated()
      members() {
        return '';
      }

      @ResolveReference()
      @Authenticated()
      resolveReference() {
        return { id: '1' };
      }

      help() {
        return '';
      }
    }
    const lines = await report({ imports: [graphQL(['guards'])], providers: [GLOBAL, Orgs] });
    expect(lines).toEqual([
      '  QUERY org  ORG_OWNER on org arg orgId',
      '  MUTATION drop  declares nothing: always denied',
      '  FIELD Org.members  any accepted caller',
      '  REFERENCE Org  any accepted caller',
    ]);
  });
});

describe('a resolver that Nest does not make itself', () => {
  @Resolver()
  @UseGuards(ZitadelManagerGuard)
  class Orgs {
    @Query(() => String)
    @Authenticated()
    org() {
      return '';
    }
  }

  it.each<[string, Provider]>([
    ['a factory', { provide: 'ORGS', useFactory: () => new Orgs() }],
    ['a value', { provide: Orgs, useValue: new Orgs() }],
    ['another name', { provide: 'ORGS', useClass: Orgs }],
  ])(
    'refuses to boot with a guard of its own alone, which Nest leaves out: %s',
    async (_, provider) => {
      const application = { imports: [graphQL()], providers: [provider] };
      await expect(boot(world, application)).rejects.toThrow(/Orgs\.org would run, and no guard/);
    },
  );

  it('is guarded by the global guard', async () => {
    const provider = { provide: 'ORGS', useFactory: () => new Orgs() };
    const lines = await report({ imports: [graphQL()], providers: [GLOBAL, provider] });
    expect(lines).toEqual(['  QUERY org  any accepted caller']);
  });

  it('refuses to boot with a global guard that is made for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest extends ZitadelManagerGuard {}
    const provider = { provide: 'ORGS', useFactory: () => new Orgs() };
    const providers = [{ provide: APP_GUARD, useClass: PerRequest }, provider];
    await expect(boot(world, { imports: [graphQL()], providers })).rejects.toThrow(
      /Orgs\.org is made once, and Nest runs no global guard before it/,
    );
  });
});

describe('a gateway', () => {
  it('is listed with what it asks for, and so is what runs before', async () => {
    @WebSocketGateway()
    class Chat {
      handleConnection() {}

      @SubscribeMessage('join')
      @RequireRole('ORG_OWNER', org.body('orgId'))
      join() {
        return {};
      }
    }
    const providers = [GLOBAL, Chat, { provide: 'ALSO', useExisting: Chat }];
    expect(await report({ providers })).toEqual([
      '  EVENT join  ORG_OWNER on org body orgId',
      '  CONNECT Chat.handleConnection  NOT GUARDED by nestjs-zitadel: it runs before any message is checked',
    ]);
  });

  it.each(['handleConnection', 'handleDisconnect', 'afterInit'])(
    'refuses to boot where %s is decorated',
    async (hook) => {
      const type = gateway(Authenticated());
      Object.defineProperty(type.prototype, hook, { value: () => undefined, writable: true });
      const method = Object.getOwnPropertyDescriptor(type.prototype, hook) ?? {};
      expect(await report({ providers: [GLOBAL, type] })).toContain(
        '  EVENT join  any accepted caller',
      );
      Authenticated()(type.prototype as object, hook, method);
      await expect(boot(world, { providers: [GLOBAL, type] })).rejects.toThrow(
        `Gateway.${hook} is decorated, and Nest runs it without any guard`,
      );
    },
  );
});

describe('a place of an id that calls never have', () => {
  const asking = (ref: OrgRef) => RequireRole('ORG_OWNER', ref);
  const on = (make: Make, decorate: MethodDecorator): Application => {
    const type = make(UseGuards(ZitadelManagerGuard), decorate);
    return make === messages
      ? { controllers: [type] }
      : { imports: [graphQL(['guards'])], providers: [GLOBAL, type] };
  };
  const route: Make = (_, onMethod = nothing) => {
    @Controller('one/:orgId')
    class One {
      @Get()
      @onMethod
      read() {
        return {};
      }
    }
    return One;
  };

  it.each([
    ['arg', route, org.arg('orgId')],
    ['param', fields, org.param('orgId')],
    ['query', fields, org.query('orgId')],
    ['body', fields, org.body('orgId')],
    ['param', messages, org.param('orgId')],
    ['query', messages, org.query('orgId')],
    ['arg', messages, org.arg('orgId')],
  ] as const)('refuses to boot: %s (%#)', async (from, make, ref) => {
    const at = (decorate: MethodDecorator): Application =>
      make === route ? { controllers: [route(nothing, decorate)] } : on(make, decorate);
    await expect(boot(world, at(asking(ref)))).rejects.toThrow(
      new RegExp(`asks for ${from} orgId, which .* does not have: name the id with `),
    );
    const either = anyOf(role('IAM_OWNER'), role('ORG_OWNER', ref));
    expect((await report(at(Require(either)))).join('\n')).toContain(`but it has no ${from} orgId`);
  });

  it('refuses to boot: a header of a message that does not come by gRPC', async () => {
    const decorate = asking(org.header('x-org'));
    await expect(boot(world, on(messages, decorate))).rejects.toThrow(
      /asks for header x-org, which a message of a microservice does not have: name the id with body/,
    );
    @Controller()
    @UseGuards(ZitadelManagerGuard)
    class Calls {
      @GrpcMethod('Orgs', 'Read')
      @decorate
      read() {}
    }
    expect((await report({ controllers: [Calls] })).join('\n')).toMatch(
      /Orgs.*  ORG_OWNER on org header x-org$/,
    );
  });
});

describe('a guard of ours with a requestOf of its own', () => {
  @Injectable()
  class JobsGuard extends ZitadelManagerGuard {
    protected override requestOf() {
      return { headers: {} };
    }
  }
  @Injectable()
  class Jobs {
    @RequireRole('ORG_OWNER', org.param('orgId'))
    run() {
      return {};
    }
  }

  it('serves contexts that are not known here', async () => {
    const lines = await report({
      providers: [JobsGuard, Jobs, { provide: APP_GUARD, useExisting: JobsGuard }],
    });
    expect(lines).toEqual(['  OTHER Jobs.run  ORG_OWNER on org param orgId']);
  });

  it('counts on the class', async () => {
    @Injectable()
    @UseGuards(JobsGuard)
    class GuardedJobs extends Jobs {}
    await expect(report({ providers: [GLOBAL, GuardedJobs] })).resolves.toHaveLength(1);
    await expect(report({ providers: [GLOBAL, Jobs] })).rejects.toThrow(/Jobs\.run is decorated/);
  });
});
