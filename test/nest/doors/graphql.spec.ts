import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from '../../../lib/index.js';
import { startNest } from '../../support/start.js';
import { useWorld } from '../../support/world.js';

@Resolver()
class OrgsResolver {
  @Query(() => String)
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  org(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return `${caller.userId} at ${orgId}`;
  }
}

const world = useWorld();

describe('a query of GraphQL', () => {
  it('asks for a role on the organization that an argument names', async () => {
    const { url, close } = await startNest('express', {
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
        ZitadelModule.forRoot(world.zitadel.options()),
      ],
      providers: [OrgsResolver, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
    });
    const ask = async (token: string | undefined) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ query: `{ org(orgId: "${world.acme}") }` }),
      });
      return (await response.json()) as unknown;
    };
    try {
      const { acme, tokens, ids } = world;
      await expect(ask(tokens['owner of acme'])).resolves.toEqual({
        data: { org: `${ids['owner of acme']} at ${acme}` },
      });
      await expect(ask(tokens['owner of globex'])).resolves.toMatchObject({
        errors: [
          {
            message: 'A manager role is missing.',
            extensions: { code: 'FORBIDDEN', errorCode: 'role_missing' },
          },
        ],
      });
      await expect(ask(undefined)).resolves.toMatchObject({
        errors: [{ extensions: { code: 'UNAUTHENTICATED', errorCode: 'token_missing' } }],
      });
    } finally {
      await close();
    }
  });
});
