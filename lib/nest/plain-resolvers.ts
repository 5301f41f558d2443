import { own } from '../core/own-properties.js';

const ROOTS = ['Query', 'Mutation', 'Subscription'];

/** What the option `resolvers` of GraphQLModule gives in place of classes: functions, and no guard of Nest ever stands before them. */
export function plainResolvers(optionsOfGraphQL: readonly unknown[]): readonly string[] {
  const all = optionsOfGraphQL.flatMap((each): readonly unknown[] =>
    [own(each, 'resolvers')].flat(),
  );
  return all.flatMap((resolvers) =>
    ROOTS.flatMap((root) => {
      const fields = Object(own(resolvers, root)) as object;
      return Object.keys(fields).map((name) => `${root.toUpperCase()} ${name}`);
    }),
  );
}
