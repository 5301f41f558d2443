import type { HttpAdapterHost } from '@nestjs/core';
import { own } from '../core/own-properties.js';
import { pathsOfEvents } from './events-route.js';
import type { Inventoried } from './inventory.js';
import {
  isOfGraphQL,
  isOfNest,
  type OwnRoute,
  ownRouteText,
  withoutFallbacks,
} from './own-routes.js';
import { besideGuards } from './ways.js';

/** What answers clients, and no guard of Nest stands before it. */
export interface Beside {
  readonly name: string;
  readonly text: string;
  /** Whether it is meant to be so. */
  readonly isMeant: boolean;
}

const NOT_GUARDED = 'NOT GUARDED by nestjs-zitadel';

/** What stands beside the handlers that guards check, and before them. */
export function besideHandlers(found: Inventoried, adapters: HttpAdapterHost): readonly Beside[] {
  return [
    ...found.handlers
      .flatMap(besideGuards)
      .map(({ name, why }) => ({ name, text: `${NOT_GUARDED}: ${why}`, isMeant: false })),
    ...plainResolvers(found).map(({ text }) => ({
      name: text,
      text: `${NOT_GUARDED}: an option of GraphQLModule`,
      isMeant: false,
    })),
    ...pathsOfEvents(adapters).map((path) => ({
      name: `POST ${path}`,
      text: 'events of ZITADEL, by their signature (option events)',
      isMeant: true,
    })),
  ];
}

/** What stands on the HTTP adapter itself. */
export function besideNest(
  found: readonly OwnRoute[],
  { reached, guards }: Inventoried,
  prefix: string,
  openPaths: readonly string[] = [],
): readonly Beside[] {
  const routes = reached.flatMap(({ places }) => places.flatMap(({ path }) => path ?? []));
  const graphQL = guards.optionsOfGraphQL();
  return withoutFallbacks(found, routes)
    .filter((each) => !isOfNest(each, routes, prefix) && !isOfGraphQL(each, graphQL, prefix))
    .map((each) => {
      const isMeant = openPaths.some((path) => each.matches(path));
      const text = isMeant ? 'open (option openPaths)' : `${NOT_GUARDED}: no route of Nest`;
      return { name: ownRouteText(each), text, isMeant };
    });
}

const ROOTS = ['Query', 'Mutation', 'Subscription'];

/** A function that GraphQLModule is given in place of a method of a class. No guard of Nest ever stands before it. */
interface PlainResolver {
  readonly text: string;
  /** The option of GraphQLModule. Only Mercurius knows `loaders`. */
  readonly option: 'resolvers' | 'loaders';
}

/** What the options of GraphQLModule give for each type and its fields, with those that say of which type an object is. */
export function plainResolvers({ guards }: Inventoried): readonly PlainResolver[] {
  return guards.optionsOfGraphQL().flatMap((options) =>
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
