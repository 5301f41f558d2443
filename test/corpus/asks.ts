// A requirement of the corpus, as an application would write it.
import {
  allOf,
  anyOf,
  authenticated,
  customRole,
  org,
  permission,
  project,
  projectGrant,
  projectRole,
  role,
  type IdReaderClass,
  type Requirement,
  type RequestLike,
} from 'nestjs-zitadel';
import type { Asks, Place } from './case.js';

/** Where an id can stand under a name. */
export const SOURCES = ['param', 'query', 'body', 'header', 'arg'] as const;
export type Source = (typeof SOURCES)[number];
/** Code that finds an id. */
export type Code = 'function' | 'class';

/** A place in its two parts. Undefined where it is the id itself, or the caller's organization. */
export function partsOf(
  place: string,
): { readonly from: Source | Code | undefined; readonly name: string } | undefined {
  const [, from, name] = /^(param|query|body|header|arg|function|class|):(.+)$/.exec(place) ?? [];
  if (name === undefined) return undefined;
  return { from: from === '' ? undefined : (from as Source | Code), name };
}

/** Every place that a requirement names. */
export function placesOf(asks: Asks): readonly Place[] {
  if ('anyOf' in asks) return asks.anyOf.flatMap(placesOf);
  if ('allOf' in asks) return asks.allOf.flatMap(placesOf);
  if ('authenticated' in asks) return [];
  const { org: ofOrg, project: ofProject, of, grant, between } = asks;
  const all = [ofOrg, ofProject, of, grant, between?.project, between?.to];
  return all.filter((place) => place !== undefined);
}

/** Finds an id as an application's code might: under a name, wherever the request has it. */
function find(name: string, request: RequestLike): string | undefined {
  const { args, body, params, query } = request;
  for (const container of [args, body, params, query]) {
    if (typeof container === 'object' && container !== null && Object.hasOwn(container, name)) {
      return (container as Readonly<Record<string, string>>)[name];
    }
  }
  return undefined;
}

const classes = new Map<string, IdReaderClass>();

/** The class that finds an id by this name. */
function readerOf(name: string): IdReaderClass {
  const known = classes.get(name);
  if (known) return known;
  class Reader {
    readId(request: RequestLike): string | undefined {
      return find(name, request);
    }
  }
  Object.defineProperty(Reader, 'name', { value: name });
  classes.set(name, Reader);
  return Reader;
}

/** The classes that a requirement needs as providers. */
export const readersOf = (asks: Asks): readonly IdReaderClass[] =>
  placesOf(asks)
    .map(partsOf)
    .filter((parts) => parts?.from === 'class')
    .map((parts) => readerOf(parts?.name ?? ''));

interface Builder<R> {
  (id: string): R;
  param(name: string): R;
  query(name: string): R;
  body(name: string): R;
  header(name: string): R;
  arg(name: string): R;
  from(read: ((request: RequestLike) => string | undefined) | IdReaderClass): R;
}

// The signatures let a compiler refuse what does not fit; what a file says is only known when it runs.
const loose = {
  role: role as unknown as (roles: unknown, ...on: unknown[]) => Requirement,
  permission: permission as unknown as (names: unknown, ...on: unknown[]) => Requirement,
  projectRole: projectRole as unknown as (names: unknown, on: object) => Requirement,
};

/** Builds requirements for a door that has ids by name in this place. `filled` puts ids in the place of names. */
export function requirementOf(
  asks: Asks,
  byName: Source,
  filled: (text: string) => string,
): Requirement {
  const ref = <R>(builder: Builder<R>, place: Place): R => {
    const parts = partsOf(place);
    if (!parts) return builder(filled(place));
    const { from = byName, name } = parts;
    if (from === 'function') {
      const read = (request: RequestLike) => find(name, request);
      return builder.from(Object.defineProperty(read, 'name', { value: name }));
    }
    return from === 'class' ? builder.from(readerOf(name)) : builder[from](name);
  };
  const orgAt = (place: Place) => (place === 'ofCaller' ? org.ofCaller() : ref(org, place));
  const build = (each: Asks): Requirement => {
    if ('anyOf' in each) return anyOf(...each.anyOf.map(build));
    if ('allOf' in each) return allOf(...each.allOf.map(build));
    if ('authenticated' in each) {
      const { authenticated: of } = each;
      if (of === true) return authenticated();
      return authenticated({ organizations: of.map(filled) as [string, ...string[]] });
    }
    const { org: ofOrg, project: ofProject, of, grant, between, fresh, acrossOrganizations } = each;
    if ('projectRole' in each) {
      return loose.projectRole(each.projectRole, {
        ...(ofProject !== undefined && { project: ref(project, ofProject) }),
        ...(ofOrg !== undefined && { org: orgAt(ofOrg) }),
        ...(acrossOrganizations && { acrossOrganizations }),
        ...(fresh && { fresh }),
      });
    }
    const on: unknown[] = [];
    if (ofOrg !== undefined) on.push(orgAt(ofOrg));
    if (ofProject !== undefined) {
      const untied = ref(project, ofProject);
      on.push(of === undefined ? untied : untied.in(orgAt(of)));
    }
    if (grant !== undefined) on.push(ref(projectGrant as Builder<unknown>, grant));
    if (between) {
      const ends = { project: ref(project, between.project), grantedOrg: orgAt(between.to) };
      on.push(projectGrant(ends));
    }
    if (fresh) on.push({ fresh });
    if ('permission' in each) return loose.permission(each.permission, ...on);
    const names = 'role' in each ? each.role : customRole(each.customRole as `ORG_${string}`);
    return loose.role(names, ...on);
  };
  return build(asks);
}
