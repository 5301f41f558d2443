import { ApolloFederationDriver, type ApolloFederationDriverConfig } from '@nestjs/apollo';
import { MercuriusFederationDriver, type MercuriusFederationDriverConfig } from '@nestjs/mercurius';
import {
  Args,
  Directive,
  Field,
  GraphQLModule,
  ID,
  ObjectType,
  Query,
  ResolveReference,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { describe, expect, it } from 'vitest';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelModule,
  type Caller,
} from '../../../lib/index.js';
import { graphql } from '../../../lib/nest/doors/graphql.js';
import { GLOBAL, untilTheEnd } from '../../support/application.js';
import { startGraphql, subscriberOf } from '../../support/graphql.js';
import { type Platform, startNest } from '../../support/start.js';
import { useWorld } from '../../support/world.js';

@ObjectType()
@Directive('@key(fields: "id")')
class GqlTenant {
  @Field(() => ID)
  readonly id!: string;
  @Field(() => String)
  readonly seenBy!: string;
}

@Resolver(() => GqlTenant)
class TenantsResolver {
  @Query(() => GqlTenant, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('id'))
  tenant(@Args('id') id: string, @CurrentCaller() caller: Caller): GqlTenant {
    return { id, seenBy: caller.userId };
  }

  @ResolveReference()
  @RequireRole('ORG_OWNER', org.arg('id'))
  reference(
    _reference: object,
    @CheckedResource('org') id: string,
    @CurrentCaller() caller: Caller,
  ): GqlTenant {
    return { id, seenBy: caller.userId };
  }
}

@Resolver()
class SeenResolver {
  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('id'))
  seen(@Args('id') id: string, @CurrentCaller() caller: Caller): string {
    return `${caller.userId} ${id}`;
  }

  @Subscription(() => String, { resolve: (value: string) => value })
  @RequireRole('ORG_OWNER', org.arg('id'))
  async *sees(@Args('id') id: string, @CurrentCaller() caller: Caller): AsyncGenerator<string> {
    yield `${caller.userId} ${id}`;
  }
}

const world = useWorld();

const FEDERATIONS = {
  'Apollo on Express': {
    platform: 'express',
    module: () =>
      GraphQLModule.forRoot<ApolloFederationDriverConfig>({
        ...OF_FEDERATION,
        driver: ApolloFederationDriver,
      }),
  },
  'Apollo on Fastify': {
    platform: 'fastify',
    module: () => FEDERATIONS['Apollo on Express'].module(),
  },
  'Mercurius on Fastify': {
    platform: 'fastify',
    module: () =>
      // Nest 12 cannot make the schema from classes here: it calls buildSubgraphSchema() with what @apollo/subgraph 2.15 does not take.
      GraphQLModule.forRoot<MercuriusFederationDriverConfig>({
        driver: MercuriusFederationDriver,
        fieldResolverEnhancers: OF_FEDERATION.fieldResolverEnhancers,
        typeDefs: `
          extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])
          type GqlTenant @key(fields: "id") { id: ID! seenBy: String! }
          type Query { tenant(id: String!): GqlTenant }
        `,
      }),
  },
} as const satisfies Record<string, { readonly platform: Platform; readonly module: unknown }>;

const OF_FEDERATION = {
  autoSchemaFile: { federation: 2 },
  fieldResolverEnhancers: ['guards', 'filters'],
} as const satisfies Partial<ApolloFederationDriverConfig>;

describe.each(Object.entries(FEDERATIONS))('references of a federation, by %s', (_, stack) => {
  it('are decided one by one, by their own fields', async () => {
    const { acme, globex, tokens, ids, zitadel } = world;
    const { url } = untilTheEnd(
      await startNest(stack.platform, {
        imports: [stack.module(), ZitadelModule.forRoot(zitadel.options())],
        providers: [TenantsResolver, GLOBAL],
      }),
    );
    const ask = async (token: string) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({
          query:
            'query ($all: [_Any!]!) { _entities(representations: $all) { ... on GqlTenant { id seenBy } } }',
          variables: { all: [acme, globex].map((id) => ({ __typename: 'GqlTenant', id })) },
        }),
      });
      return (await response.json()) as unknown;
    };
    const seenBy = ids['instance owner'];
    expect(await ask(tokens['instance owner'])).toEqual({
      data: {
        _entities: [
          { id: acme, seenBy },
          { id: globex, seenBy },
        ],
      },
    });
    expect(await ask(tokens['owner of acme'])).toMatchObject({
      data: { _entities: [{ id: acme, seenBy: ids['owner of acme'] }, null] },
      // Mercurius names the place as a text.
      errors: [
        {
          path: ['_entities', expect.toSatisfy((place) => Number(place) === 1)],
          extensions: { errorCode: 'role_missing' },
        },
      ],
    });
  });
});

describe('references as @mercuriusjs/federation asks for them', () => {
  it('stand each for itself, though they have four arguments and share the last', () => {
    const context = { req: { headers: { authorization: 'Bearer abc' } } };
    const info = { fieldName: '_entities' };
    const references = ['1', '2'].map((id) => ({ __typename: 'GqlTenant', id }));
    const hosts = references.map((each) => ({ getArgs: () => [each, {}, context, info] }) as never);
    expect(hosts.map((host) => graphql.callOf(host))).toEqual(references);
    expect(hosts.map((host) => graphql.requestOf(host))).toMatchObject(
      references.map((args) => ({ args, headers: context.req.headers, context })),
    );
  });
});

describe('a context that the application makes', () => {
  it('lets each operation of a connection speak for another user, by the option token', async () => {
    const { acme, globex, tokens, ids, zitadel } = world;
    const token = ({ context }: { readonly context?: unknown }) =>
      (context as { readonly token?: string }).token;
    const app = untilTheEnd(
      await startGraphql('Apollo on Express', zitadel.options({ token }), [SeenResolver], {
        context: (_given: unknown, _id: string, payload: { extensions: { token: string } }) => ({
          token: payload.extensions.token,
        }),
      }),
    );
    const client = subscriberOf(app.url, {});
    const [one, other] = (
      [
        ['owner of acme', acme],
        ['owner of globex', globex],
      ] as const
    ).map(([who, id]) =>
      client.listen(`subscription { sees(id: "${id}") }`, { token: tokens[who] }),
    );
    await expect.poll(() => [one?.ended, other?.ended]).toEqual(['complete', 'complete']);
    await client.close();
    expect([one?.values, other?.values]).toEqual([
      [{ data: { sees: `${ids['owner of acme']} ${acme}` } }],
      [{ data: { sees: `${ids['owner of globex']} ${globex}` } }],
    ]);
  });

  it('is denied if Mercurius shares it between the requests of two clients', async () => {
    const { acme, tokens, ids, zitadel } = world;
    const app = untilTheEnd(
      await startGraphql('Mercurius on Fastify', zitadel.options(), [SeenResolver], {
        context: { shared: true },
      }),
    );
    const query = `{ seen(id: "${acme}") }`;
    expect(await app.ask(tokens['owner of acme'], query)).toEqual({
      data: { seen: `${ids['owner of acme']} ${acme}` },
    });
    expect(await app.ask(tokens.nobody, query)).toMatchObject({
      data: { seen: null },
      errors: [{ extensions: { errorCode: 'unsupported_context' } }],
    });
  });

  it('is found by what compiles queries, too', async () => {
    const { acme, globex, tokens, ids, zitadel } = world;
    const app = untilTheEnd(
      await startGraphql('Mercurius on Fastify', zitadel.options(), [SeenResolver], {
        jit: 1,
      } as object),
    );
    const query = `{ a: seen(id: "${acme}") b: seen(id: "${globex}") }`;
    for (let time = 0; time < 4; time += 1) {
      const answer = await app.ask(tokens['owner of acme'], query);
      expect(answer).toMatchObject({
        data: { a: `${ids['owner of acme']} ${acme}`, b: null },
        errors: [{ extensions: { errorCode: 'role_missing' } }],
      });
    }
  });
});
