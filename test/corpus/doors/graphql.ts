import type { DynamicModule } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import type { CorpusDoor, Route } from '../door.js';
import { headersOf, httpClient } from './http.js';
import { handlersOf, methodOf, startNest } from './nest.js';

/** Arguments take any value: what is no id must be refused by the guard, not by the schema. */
function schemaOf(routes: readonly Route[]): string {
  const fields = routes.map(({ args }, index) => {
    const named = args.map((name) => `${name}: Any`).join(', ');
    return `  ${methodOf(index)}${named === '' ? '' : `(${named})`}: Any`;
  });
  return ['scalar Any', 'type Query {', ...fields, '}'].join('\n');
}

const doorOf = (
  name: CorpusDoor['name'],
  platform: 'express' | 'fastify',
  moduleOf: (typeDefs: string) => DynamicModule,
): CorpusDoor => ({
  name,
  byName: 'arg',
  has: ['arg', 'header', 'function', 'class'],
  hasHeader: true,
  async open(wanted) {
    const { type, ran } = handlersOf(wanted.routes, (_, index) => [Query(methodOf(index))], [
      Resolver() as ClassDecorator,
    ]);
    const { url, authorizer, close } = await startNest(platform, wanted, {
      imports: [moduleOf(schemaOf(wanted.routes))],
      providers: [type],
    });
    const client = httpClient(url);
    return {
      authorizer,
      ran,
      async ask(question) {
        const { route, values } = question;
        const names = Object.keys(values.arg);
        const typed = names.map((name) => `$${name}: Any`).join(', ');
        const passed = names.map((name) => `${name}: $${name}`).join(', ');
        const [head, call] = names.length === 0 ? ['', ''] : [`(${typed})`, `(${passed})`];
        const { json } = await client.post('/graphql', headersOf(question), {
          query: `query${head} { ${methodOf(route)}${call} }`,
          variables: values.arg,
        });
        const { data, errors } = json as {
          data?: Readonly<Record<string, { caller?: unknown } | null>> | null;
          errors?: readonly { message: string; extensions?: { errorCode?: unknown } }[];
        };
        const [error] = errors ?? [];
        const said = data?.[methodOf(route)];
        if (!error) return said ? { code: 'allowed', caller: said.caller } : { code: 'nothing' };
        const { errorCode } = error.extensions ?? {};
        return { code: typeof errorCode === 'string' ? errorCode : error.message };
      },
      async close() {
        client.close();
        await close();
      },
    };
  },
});

export const apolloDoor = doorOf('GraphQL', 'express', (typeDefs) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, playground: false }),
);

export const mercuriusDoor = doorOf('GraphQL with Mercurius', 'fastify', (typeDefs) =>
  GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, typeDefs }),
);
