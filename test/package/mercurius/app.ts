// GraphQL by Mercurius on Fastify, written as a user of the package would write it.
import 'reflect-metadata';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Args, Field, GraphQLModule, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { checkDoor, startWorld } from '../answers.js';

@ObjectType()
class Seen {
  @Field(() => String)
  orgId!: string;

  @Field(() => String)
  userId!: string;
}

@Resolver()
class OrgsResolver {
  @Query(() => Seen)
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  org(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): Seen {
    return { orgId, userId: caller.userId };
  }
}

interface Reply {
  readonly data?: { readonly org: Seen } | null;
  readonly errors?: readonly { readonly extensions?: { readonly errorCode?: string } }[];
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();

  @Module({
    imports: [
      GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
      }),
      ZitadelModule.forRoot(world.zitadel.options()),
    ],
    providers: [OrgsResolver, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
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
      body: JSON.stringify({ query: `{ org(orgId: "${world.orgId}") { orgId userId } }` }),
    });
    const { data, errors } = (await response.json()) as Reply;
    return data?.org ?? errors?.[0]?.extensions?.errorCode;
  };
  try {
    await checkDoor(ask, world);
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}
