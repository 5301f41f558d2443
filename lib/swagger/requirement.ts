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
