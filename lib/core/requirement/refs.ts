import { ZitadelRequirementError } from '../errors.js';
import { askedAbout } from '../unfilled.js';
import type { IdReaderClass, IdSource, NamedPlace, ReadId } from '../request.js';

/** Names an organization. Made by {@link org}. */
export interface OrgRef {
  readonly kind: 'org';
  readonly source: IdSource;
}

/** Names a project. With `owner`, ZITADEL must say that this organization owns it. Made by {@link project}. */
export interface ProjectRef {
  readonly kind: 'project';
  readonly source: IdSource;
  readonly owner?: OrgRef;
}

/** A {@link ProjectRef} that is tied to its owner. Made by `project(...).in(...)`. */
export interface TiedProjectRef extends ProjectRef {
  readonly owner: OrgRef;
}

/** Names a project grant, by its id, or by its project and the organization to which it was granted. Made by {@link projectGrant}. */
export type ProjectGrantRef =
  | { readonly kind: 'projectGrant'; readonly source: IdSource }
  | { readonly kind: 'projectGrant'; readonly project: ProjectRef; readonly grantedOrg: OrgRef };

/** Any ref that a requirement may name. */
export type ResourceRef = OrgRef | ProjectRef | ProjectGrantRef;

/** A {@link ProjectRef} that is not tied to its owner yet. */
export interface UntiedProjectRef extends ProjectRef {
  readonly owner?: never;
  /**
   * Ties the project to its owner: if ZITADEL says that another organization owns it, the request is denied.
   *
   * @example `project.param('projectId').in(org.param('orgId'))`
   */
  in(owner: OrgRef | string): TiedProjectRef;
}

/** The ways to say where an id stands. Each reads an own property whose value is a string. Anything else is refused. */
export interface RefBuilder<R> {
  /** From a path parameter. */
  param(name: string): R;
  /** From the query string. */
  query(name: string): R;
  /**
   * From a top-level property of the parsed body, or of the payload of a message. It is the raw value, because guards run before pipes.
   */
  body(name: string): R;
  /** From a header. */
  header(name: string): R;
  /** From an argument of a field of GraphQL. */
  arg(name: string): R;
  /**
   * From a function of the request and its caller, or (in Nest) from an injectable class with `readId(request, caller)`. If it finds nothing,
   * the client is answered as if the resource were there and the caller had no right to it.
   */
  from(read: ReadId | IdReaderClass): R;
}

function nonEmpty(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= 200) return value;
  throw new ZitadelRequirementError(
    `${what} takes a non-empty string of at most 200 characters, got ${value === '' ? 'an empty string' : typeof value}${askedAbout(value)}`,
  );
}

/** Under which the id of a function without a name is known. */
const UNNAMED = 'function';

function sourceFrom(read: unknown, builder: string): IdSource {
  if (typeof read === 'function') {
    const prototype = Object(read.prototype as unknown) as { readonly readId?: unknown };
    if (typeof prototype.readId === 'function') {
      return { from: 'class', name: read.name, type: read as IdReaderClass };
    }
    if (!/^class\b/.test(Function.prototype.toString.call(read))) {
      return { from: 'function', name: read.name || UNNAMED, read: read as ReadId };
    }
  }
  throw new ZitadelRequirementError(
    `${builder}.from() takes a function of the request and its caller, or a class with a method readId(request, caller)`,
  );
}

function builderFor<R>(kind: string, make: (source: IdSource) => R): RefBuilder<R> {
  const named = (from: NamedPlace) => (given: string) => {
    const name = nonEmpty(given, `${kind}.${from}()`);
    if (from === 'param' && name.startsWith(':')) {
      throw new ZitadelRequirementError(
        `${kind}.param('${name}'): the name stands without the colon of the path: write ${kind}.param('${name.slice(1)}')`,
      );
    }
    return make({ from, name: from === 'header' ? name.toLowerCase() : name });
  };
  return {
    param: named('param'),
    query: named('query'),
    body: named('body'),
    header: named('header'),
    arg: named('arg'),
    from: (read) => make(sourceFrom(read, kind)),
  };
}

const literal = (kind: string, id: unknown): IdSource => ({
  from: 'literal',
  id: nonEmpty(id, `${kind}()`),
});

const orgFrom = (source: IdSource): OrgRef =>
  Object.freeze({ kind: 'org', source: Object.freeze(source) });

const OF_CALLER = orgFrom({ from: 'caller', name: 'ofCaller' });

/** The ways to say which organization is meant. */
export interface OrgRefBuilder extends RefBuilder<OrgRef> {
  /**
   * The organization to which the caller belongs. It is read from the claim `urn:zitadel:iam:user:resourceowner:id`, for which tokens need
   * the scope `urn:zitadel:iam:user:resourceowner`. A token without it is answered with 500 `misconfigured`.
   */
  ofCaller(): OrgRef;
}

/**
 * Names the organization on which a role must be held.
 *
 * @throws ZitadelRequirementError on an empty id or name
 * @example `org.param('orgId')`
 * @example `org.header('x-zitadel-orgid')`
 * @example `org('69629023906488334')`
 * @example `org.ofCaller()`
 * @example `org.from((request) => tenants.idOfHost(request.headers['host']))`
 */
export const org: ((id: string) => OrgRef) & OrgRefBuilder = Object.assign(
  (id: string) => orgFrom(literal('org', id)),
  builderFor('org', orgFrom),
  { ofCaller: () => OF_CALLER },
);

const projectFrom = (source: IdSource): UntiedProjectRef =>
  Object.freeze({
    kind: 'project',
    source: Object.freeze(source),
    in: (owner: OrgRef | string) =>
      Object.freeze({ kind: 'project', source, owner: orgRef(owner) } as const),
  });

/**
 * Names the project on which a role must be held. With `.in(...)`, ZITADEL must also say that this organization owns it.
 *
 * @throws ZitadelRequirementError on an empty id or name
 * @example `project.param('projectId')`
 * @example `project.param('projectId').in(org.param('orgId'))`
 */
export const project: ((id: string) => UntiedProjectRef) & RefBuilder<UntiedProjectRef> =
  Object.assign(
    (id: string) => projectFrom(literal('project', id)),
    builderFor('project', projectFrom),
  );

const grantFrom = (source: IdSource): ProjectGrantRef =>
  Object.freeze({ kind: 'projectGrant', source: Object.freeze(source) });

/** The two parts by which a project grant can be named without its id. */
export interface ProjectGrantParts {
  readonly project: UntiedProjectRef | string;
  readonly grantedOrg: OrgRef | string;
}

function grantOf(named: string | ProjectGrantParts): ProjectGrantRef {
  if (typeof named === 'string') return grantFrom(literal('projectGrant', named));
  const parts = { project: projectRef(named?.project), grantedOrg: orgRef(named?.grantedOrg) };
  if (parts.project.owner) {
    throw new ZitadelRequirementError(
      'projectGrant({ project }) takes a project without .in(): the grant already ties project and organization',
    );
  }
  return Object.freeze({ kind: 'projectGrant', ...parts });
}

/**
 * Names the project grant on which a role must be held: by its id, or by its project and the granted organization.
 *
 * @throws ZitadelRequirementError on an empty id or name
 * @example `projectGrant.param('grantId')`
 * @example `projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') })`
 */
export const projectGrant: ((named: string | ProjectGrantParts) => ProjectGrantRef) &
  RefBuilder<ProjectGrantRef> = Object.assign(grantOf, builderFor('projectGrant', grantFrom));

/** Reads a literal id or a ref, as a ref. */
function reading<R>(kind: string, ofId: (id: string) => R, name: string): (value: unknown) => R {
  return (value) => {
    if (typeof value === 'string') return ofId(value);
    if ((Object(value) as { kind?: unknown }).kind === kind) return value as R;
    throw new ZitadelRequirementError(`${name}${askedAbout(value)}`);
  };
}

export const orgRef = reading<OrgRef>(
  'org',
  org,
  "name the organization: its id, or org.param('...'), org.query, org.body, org.header, org.from, org.ofCaller()",
);

export const projectRef = reading<ProjectRef>(
  'project',
  project,
  "name the project: its id, or project.param('...'), project.query, project.body, project.header, project.from",
);

export const projectGrantRef = reading<ProjectGrantRef>(
  'projectGrant',
  projectGrant,
  "name the project grant: its id, projectGrant.param('...'), or projectGrant({ project, grantedOrg })",
);

/** A source in words, for the boot report and the log: `param orgId`. */
export function sourceText(source: IdSource): string {
  if (source.from === 'caller') return 'of the caller';
  if (source.from === 'function' && source.name === UNNAMED) return 'of an unnamed function';
  return source.from === 'literal' ? source.id : `${source.from} ${source.name}`;
}

/** The name under which an id that was read from a source is known. */
export function nameOf(source: IdSource): string {
  return source.from === 'literal' ? source.id : source.name;
}
