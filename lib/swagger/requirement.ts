import { has, own } from '../core/own-properties.js';
import type { IdSource } from '../core/request.js';
import type { ResourceRef } from '../core/requirement/refs.js';
import type { Requirement } from '../core/requirement/requirement.js';

/** What names a resource. The ids that an application writes into its code are left out: the document may be public. */
export type DescribedResource =
  | { readonly kind: 'instance' }
  | {
      readonly kind: 'org' | 'project' | 'projectGrant';
      /** `literal`: the application names one. `application`: it finds one for the request. `caller`: that of the caller. */
      readonly from:
        | 'param'
        | 'query'
        | 'body'
        | 'header'
        | 'arg'
        | 'caller'
        | 'literal'
        | 'application';
      /** Of what the client sends. */
      readonly name?: string;
      /** Of a project: the organization that must own it. */
      readonly owner?: DescribedResource;
    }
  /** A project grant that is named by its two ends. */
  | {
      readonly kind: 'projectGrant';
      readonly project: DescribedResource;
      readonly grantedOrg: DescribedResource;
    };

/** What a route asks for, for machines. Any one of the names in a list is enough. */
export type DescribedRequirement =
  | { readonly allOf: readonly DescribedRequirement[] }
  | { readonly anyOf: readonly DescribedRequirement[] }
  | { readonly role: readonly string[]; readonly on: DescribedResource }
  | { readonly permission: readonly string[]; readonly on: DescribedResource }
  | {
      readonly projectRole: readonly string[];
      /** Missing: the project of the application. */
      readonly project?: DescribedResource;
      readonly org: DescribedResource;
      readonly acrossOrganizations: boolean;
    }
  | {
      readonly authenticated: true;
      /** Whether the caller must belong to one of some organizations. */
      readonly organizations: boolean;
    };

/** A requirement as `x-zitadel` has it. */
export function described(requirement: Requirement): DescribedRequirement {
  switch (requirement.type) {
    case 'allOf':
      return { allOf: requirement.of.map(described) };
    case 'anyOf':
      return { anyOf: requirement.of.map(described) };
    case 'role':
      return { role: requirement.roles, on: resourceOf(requirement.ref) };
    case 'permission':
      return { permission: requirement.permissions, on: resourceOf(requirement.ref) };
    case 'projectRole': {
      const { roles, project, org, acrossOrganizations } = requirement;
      return {
        projectRole: roles,
        ...(project && { project: resourceOf(project) }),
        org: resourceOf(org),
        acrossOrganizations,
      };
    }
    case 'authenticated':
      return { authenticated: true, organizations: requirement.organizations !== undefined };
  }
}

function resourceOf(ref: ResourceRef | undefined): DescribedResource {
  if (!ref) return { kind: 'instance' };
  if (ref.kind === 'projectGrant' && has(ref, 'project')) {
    const [project, grantedOrg] = [resourceOf(ref.project), resourceOf(ref.grantedOrg)];
    return { kind: 'projectGrant', project, grantedOrg };
  }
  const owner = ref.kind === 'project' ? ref.owner : undefined;
  return { kind: ref.kind, ...placeOf(ref.source), ...(owner && { owner: resourceOf(owner) }) };
}

function placeOf(source: IdSource) {
  switch (source.from) {
    case 'literal':
    case 'caller':
      return { from: source.from };
    case 'function':
    case 'class':
      return { from: 'application' } as const;
    default:
      return { from: source.from, name: source.name };
  }
}

/** Every place where an id stands, wherever it is in the tree. */
export function placesIn(asked: unknown): readonly string[] {
  if (typeof asked !== 'object' || asked === null) return [];
  const from = own(asked, 'from');
  const inner = Object.values(asked).flatMap(placesIn);
  return typeof from === 'string' ? [from, ...inner] : inner;
}

/** What a route asks for, as a reader of the document is told. */
export function inWords(asked: DescribedRequirement): string {
  if (has(asked, 'allOf')) return joined(asked.allOf, ' and ');
  if (has(asked, 'anyOf')) return joined(asked.anyOf, ' or ');
  if (has(asked, 'role')) return `the manager role ${anyOf(asked.role)} on ${resource(asked.on)}`;
  if (has(asked, 'permission')) {
    return `the permission ${anyOf(asked.permission)} on ${resource(asked.on)}`;
  }
  if (has(asked, 'projectRole')) {
    const project = asked.project ? resource(asked.project) : 'the project of this application';
    const across = asked.acrossOrganizations ? ', also of users of other organizations' : '';
    return `the role ${anyOf(asked.projectRole)} of ${project}, given by ${resource(asked.org)}${across}`;
  }
  return asked.organizations
    ? 'an account of one of the organizations that the application accepts'
    : 'any account whose token is accepted';
}

function joined(parts: readonly DescribedRequirement[], glue: string): string {
  const texts = parts.map(inWords);
  return texts.length === 1 ? texts.join('') : `(${texts.join(glue)})`;
}

const anyOf = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' or ');

const KINDS = { org: 'organization', project: 'project', projectGrant: 'project grant' } as const;

function resource(on: DescribedResource): string {
  if (on.kind === 'instance') return 'the instance';
  if (has(on, 'project')) {
    return `the grant of ${resource(on.project)} to ${resource(on.grantedOrg)}`;
  }
  const owner = on.owner ? `, which belongs to ${resource(on.owner)}` : '';
  return `${place(KINDS[on.kind], on)}${owner}`;
}

const PLACES: Readonly<Record<string, string>> = {
  param: 'path parameter',
  query: 'query parameter',
  body: 'property of the body',
  header: 'header',
  arg: 'argument',
};

function place(
  kind: string,
  { from, name }: Extract<DescribedResource, { readonly from: string }>,
): string {
  switch (from) {
    case 'literal':
      return `one ${kind} that the application names`;
    case 'application':
      return `the ${kind} that the application finds for the request`;
    case 'caller':
      return `the ${kind} of the caller`;
    default:
      return `the ${kind} in the ${PLACES[from]} \`${name}\``;
  }
}
