import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { expect, it } from 'vitest';
import { Notes } from '../doors/door.js';
import { boot } from '../support/application.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

it('tells functions in the option resolvers of GraphQLModule, and does not start with them if strict', async () => {
  const notes = new Notes();
  const application = () => ({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs: 'type Query { open: String }',
        resolvers: { Query: { open: () => 'open' } },
      }),
    ],
  });
  await boot(world, { ...application(), options: { logger: notes.logger } });
  expect(notes.log).toContain('QUERY open  NOT GUARDED by nestjs-zitadel: an option of GraphQL');
  await expect(boot(world, { ...application(), options: { strict: true } })).rejects.toThrow(
    /QUERY open stands in the option resolvers of GraphQLModule.*write it as a method/,
  );
});
