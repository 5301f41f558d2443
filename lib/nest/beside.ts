import type { HttpAdapterHost } from '@nestjs/core';
import { pathsOfEvents } from './events-route.js';
import type { Inventoried } from './inventory.js';
import {
  isOfGraphQL,
  isOfNest,
  type OwnRoute,
  ownRouteText,
  withoutFallbacks,
} from './own-routes.js';
import { plainResolvers } from './plain-resolvers.js';
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
export function besideHandlers(
  { handlers, guards }: Inventoried,
  adapters: HttpAdapterHost,
): readonly Beside[] {
  return [
    ...handlers
      .flatMap(besideGuards)
      .map(({ name, why }) => ({ name, text: `${NOT_GUARDED}: ${why}`, isMeant: false })),
    ...plainResolvers(guards.optionsOfGraphQL()).map(({ text }) => ({
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
