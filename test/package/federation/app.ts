// References of a federation by Apollo and by Mercurius, written as a user of the package would write it.
import 'reflect-metadata';
import { ApolloFederationDriver, type ApolloFederationDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  Directive,
  Field,
  GraphQLModule,
  ID,
  ObjectType,
  Query,
  ResolveReference,
  Resolver,
} from '@nestjs/graphql';
import { MercuriusFederationDriver, type MercuriusFederationDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  CheckedResource,
  CurrentCaller,
  org,
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { checkDoor, startWorld } from '../answers.js';

@ObjectType()
@Directive('@key(fields: "orgId")')
class Seen {
  @Field(() => ID)
  orgId!: string;

  @Field(() => String)
  userId!: string;
}

@Resolver(() => Seen)
class SeenResolver {
  @Query(() => Seen, { nullable: true })
  @Public()
  nobody(): Seen | null {
    return null;
  }

  @ResolveReference()
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  reference(
    _asked: unknown,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): Seen {
    return { orgId, userId: caller.userId };
  }
}

const APOLLO = GraphQLModule.forRoot<ApolloFederationDriverConfig>({
  driver: ApolloFederationDriver,
  autoSchemaFile: { federation: 2 },
  fieldResolverEnhancers: ['guards', 'filters'],
});
const MERCURIUS = GraphQLModule.forRoot<MercuriusFederationDriverConfig>({
  driver: MercuriusFederationDriver,
  autoSchemaFile: { federation: 2 },
  fieldResolverEnhancers: ['guards', 'filters'],
});

const ENTITIES =
  'query ($all: [_Any!]!) { _entities(representations: $all) { ... on Seen { orgId userId } } }';

interface Reply {
  readonly data?: { readonly _entities: readonly (Seen | null)[] } | null;
  readonly errors?: readonly { readonly extensions?: { readonly errorCode?: string } }[];
}

export async function tryOut(): Promise<void> {
  for (const federation of [APOLLO, MERCURIUS]) await tryOne(federation);
}

async function tryOne(federation: DynamicModule): Promise<void> {
  const world = await startWorld();

  @Module({
    imports: [federation, ZitadelModule.forRoot(world.zitadel.options())],
    providers: [SeenResolver, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, new FastifyAdapter(), {
    logger: ['error'],
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ask = async (token?: string): Promise<unknown> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({
        query: ENTITIES,
        variables: { all: [{ __typename: 'Seen', orgId: world.orgId }] },
      }),
    });
    const { data, errors } = (await response.json()) as Reply;
    return data?._entities[0] ?? errors?.[0]?.extensions?.errorCode;
  };
  try {
    await checkDoor(ask, world);
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}
