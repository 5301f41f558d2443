import { own } from '../core/own-properties.js';

const ROOTS = ['Query', 'Mutation', 'Subscription'];

/** A function that GraphQLModule is given in place of a method of a class. No guard of Nest ever stands before it. */
interface PlainResolver {
  readonly text: string;
  /** The option of GraphQLModule. Only Mercurius knows `loaders`. */
  readonly option: 'resolvers' | 'loaders';
}

/** What these options give for each type and its fields, with those that say of which type an object is. */
export function plainResolvers(optionsOfGraphQL: readonly unknown[]): readonly PlainResolver[] {
  return optionsOfGraphQL.flatMap((options) =>
    (['resolvers', 'loaders'] as const).flatMap((option) =>
      [own(options, option)]
        .flat(Infinity)
        .flatMap(textsOf)
        .map((text) => ({ text, option })),
    ),
  );
}

function textsOf(ofTypes: unknown): readonly string[] {
  return Object.entries(Object(ofTypes) as object).flatMap(([type, fields]) =>
    isScalar(fields)
      ? []
      : Object.entries(Object(fields) as object)
          .filter(([, field]) => isResolver(field))
          .map(([name]) =>
            ROOTS.includes(type) ? `${type.toUpperCase()} ${name}` : `FIELD ${type}.${name}`,
          ),
  );
}

/** A field that is a value resolves nothing: those of an enumeration, for example. */
function isResolver(field: unknown): boolean {
  const parts = [field, ...['resolve', 'subscribe', 'loader'].map((name) => own(field, name))];
  return parts.some((each) => typeof each === 'function');
}

const isScalar = (type: unknown): boolean =>
  Object.prototype.toString.call(type) === '[object GraphQLScalarType]';
