import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { ModuleMetadata } from '@nestjs/common';
import { GraphQLModule, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { GraphQLScalarType } from 'graphql';
import { expect, it } from 'vitest';
import { Public } from '../../lib/index.js';
import { Notes } from '../doors/door.js';
import { type Application, boot, GLOBAL } from '../support/application.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

const typeDefs = `
  scalar Day
  enum Colour { RED }
  interface Named { name: String }
  type Org implements Named { name: String secret(day: Day, colour: Colour): String }
  type Query { open: String, org: Org }
`;
const open = () => 'open';

const apollo = (resolvers: NonNullable<ApolloDriverConfig['resolvers']>): ModuleMetadata => ({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, resolvers }),
  ],
});

async function logOf(application: Application): Promise<string> {
  const notes = new Notes();
  await boot(world, { ...application, options: { logger: notes.logger } });
  return notes.log;
}

it.each<[string, string, string, Application]>([
  ['of a root', 'QUERY open', 'resolvers', apollo({ Query: { open } })],
  ['of a type', 'FIELD Org.secret', 'resolvers', apollo({ Org: { secret: open } })],
  [
    'with settings',
    'FIELD Org.secret',
    'resolvers',
    apollo([{ Org: { secret: { resolve: open } } }]),
  ],
  [
    'that names types',
    'FIELD Named.__resolveType',
    'resolvers',
    apollo({ Named: { __resolveType: () => 'Org' } }),
  ],
  [
    'that loads many at once',
    'FIELD Org.secret',
    'loaders',
    {
      platform: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          typeDefs,
          loaders: { Org: { secret: { loader: () => Promise.resolve(['open']), opts: {} } } },
        }),
      ],
    },
  ],
])(
  'tells a function %s in an option of GraphQLModule, and does not start with it if strict',
  async (_, name, option, application) => {
    expect(await logOf(application)).toContain(
      `${name}  NOT GUARDED by nestjs-zitadel: an option of GraphQL`,
    );
    const strict = { ...application, options: { strict: true } };
    await expect(boot(world, strict)).rejects.toThrow(
      new RegExp(`${name} stands in the option ${option} of GraphQLModule.*write it as a method`),
    );
  },
);

it('takes scalars and values of enumerations for no such functions', async () => {
  const Day = new GraphQLScalarType({ name: 'Day', serialize: String });
  const application = apollo({ Day, Colour: { RED: '#f00' } });
  await expect(boot(world, { ...application, options: { strict: true } })).resolves.toBeDefined();
});

it('tells what of a class works before the guard', async () => {
  @Resolver('Named')
  class Names {
    @ResolveField()
    __resolveType() {
      return 'Org';
    }
    @Subscription('added', { filter: () => true })
    @Public()
    async *added() {
      yield { added: '' };
    }
  }
  const log = await logOf({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs: `${typeDefs} type Subscription { added: String }`,
      }),
    ],
    providers: [GLOBAL, Names],
  });
  expect(log).toContain(
    'TYPE Names.__resolveType  NOT GUARDED by nestjs-zitadel: it says of which',
  );
  expect(log).toContain('FILTER Names.added  NOT GUARDED by nestjs-zitadel: it can see a value');
});
