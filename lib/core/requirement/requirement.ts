import type { CheckedRef } from '../decision.js';
import { ZitadelRequirementError } from '../errors.js';
import { has } from '../own-properties.js';
import {
  nameOf,
  type OrgRef,
  type ProjectGrantRef,
  type ProjectRef,
  type ResourceRef,
  sourceText,
  type TiedProjectRef,
} from './refs.js';
import type { ResourceKind } from './roles.js';

/**
 * What a route, or a question from a service, asks for: a tree of conditions. Made by `role`, `permission`, `projectRole`, `allOf`, `anyOf`
 * and `authenticated`.
 */
export type Requirement =
  | RoleRequirement
  | PermissionRequirement
  | ProjectRoleRequirement
  | AllOf
  | AnyOf
  | AuthenticatedRequirement;

/** Any one of the roles, on the resource that `ref` names. Without `ref`, on the instance. */
export interface RoleRequirement {
  readonly type: 'role';
  readonly roles: readonly string[];
  readonly kind: ResourceKind;
  readonly ref?: ResourceRef;
  readonly fresh: boolean;
}

/** What a permission can be asked on. A project is tied to its owner: ZITADEL evaluates permissions in one organization at a time. */
export type PermissionRef = OrgRef | TiedProjectRef | ProjectGrantRef;

/** Any one of the permissions, by ZITADEL's own evaluation, on the resource that `ref` names. */
export interface PermissionRequirement {
  readonly type: 'permission';
  readonly permissions: readonly string[];
  readonly ref: PermissionRef;
  readonly fresh: boolean;
}

/** Any one of the roles of a project, given by or in an organization, as the caller's token or ZITADEL's authorizations say it. */
export interface ProjectRoleRequirement {
  readonly type: 'projectRole';
  readonly roles: readonly string[];
  /** Missing: the project of the option `projectId`. */
  readonly project?: ProjectRef;
  readonly org: OrgRef;
  readonly acrossOrganizations: boolean;
  readonly fresh: boolean;
}

/** Every one of the requirements. */
export interface AllOf {
  readonly type: 'allOf';
  readonly of: SomeRequirements;
}
/** At least one of the requirements. */
export interface AnyOf {
  readonly type: 'anyOf';
  readonly of: SomeRequirements;
}
/** At least one. */
type SomeRequirements = readonly [Requirement, ...Requirement[]];
/** A caller whose token ZITADEL accepts. No role is asked for. */
export interface AuthenticatedRequirement {
  readonly type: 'authenticated';
  /** The caller's home organization must be one of these. Missing: any. */
  readonly organizations?: readonly string[];
}

export function someOf(of: unknown, where: string): SomeRequirements {
  const [first, ...others] = (Array.isArray(of) ? of : []).map((each: unknown) =>
    requirementOf(each, where),
  );
  if (first) return Object.freeze([first, ...others] as const);
  throw new ZitadelRequirementError(
    `${where} got no requirements, and an empty requirement allows nobody: name at least one`,
  );
}

/** Refuses what is not a requirement, all the way down. Code without types can pass anything. */
export function requirementOf(value: unknown, where: string): Requirement {
  const { type, of, roles, permissions, organizations } = Object(value) as Record<string, unknown>;
  const isSome = (list: unknown) => Array.isArray(list) && list.length > 0;
  const fits =
    (type === 'authenticated' && (organizations === undefined || isSome(organizations))) ||
    ((type === 'role' || type === 'projectRole') && isSome(roles)) ||
    (type === 'permission' && isSome(permissions)) ||
    ((type === 'allOf' || type === 'anyOf') && someOf(of, where).length > 0);
  if (fits) return value as Requirement;
  throw new ZitadelRequirementError(
    `${where} takes requirements, built by role(), permission(), projectRole(), allOf(), anyOf() or authenticated()`,
  );
}

function refText(ref: ResourceRef | undefined): string {
  if (!ref) return 'the instance';
  if (ref.kind === 'projectGrant' && has(ref, 'project')) {
    return `projectGrant (project ${sourceText(ref.project.source)}, granted to org ${sourceText(ref.grantedOrg.source)})`;
  }
  const owner =
    ref.kind === 'project' && ref.owner ? ` of org ${sourceText(ref.owner.source)}` : '';
  return `${ref.kind} ${sourceText(ref.source)}${owner}`;
}

/**
 * A requirement in words, as the boot report, the log and `explain` write it.
 *
 * @example `requirementText(role('ORG_OWNER', org.param('orgId')))` is `'ORG_OWNER on org param orgId'`
 */
export function requirementText(requirement: Requirement): string {
  switch (requirement.type) {
    case 'authenticated':
      return requirement.organizations
        ? `an accepted caller of org ${requirement.organizations.join(' | ')}`
        : 'any accepted caller';
    case 'permission':
      return `permission ${requirement.permissions.join(' | ')} on ${refText(requirement.ref)}${requirement.fresh ? ' (fresh)' : ''}`;
    case 'projectRole': {
      const { roles, project, org, acrossOrganizations, fresh } = requirement;
      const across = acrossOrganizations ? ', also of other home organizations' : '';
      const of = project ? refText(project) : 'the project of the option projectId';
      return `project role ${roles.join(' | ')} of ${of}, given by ${refText(org)}${across}${fresh ? ' (fresh)' : ''}`;
    }
    case 'role':
      return `${requirement.roles.join(' | ')} on ${refText(requirement.ref)}${requirement.fresh ? ' (fresh)' : ''}`;
    case 'allOf':
    case 'anyOf': {
      const glue = requirement.type === 'allOf' ? ' and ' : ' or ';
      const parts = requirement.of.map(requirementText);
      return parts.length === 1 ? parts.join('') : `(${parts.join(glue)})`;
    }
  }
}

/** Every resource whose id a requirement checks, wherever it stands in the tree. */
export function checkedBy(requirement: Requirement): readonly Omit<CheckedRef, 'id'>[] {
  switch (requirement.type) {
    case 'authenticated':
      return [];
    case 'allOf':
    case 'anyOf':
      return requirement.of.flatMap(checkedBy);
    case 'projectRole': {
      const { project, org } = requirement;
      return [...(project ? checkedByRef(project) : []), ...checkedByRef(org)];
    }
    default:
      return requirement.ref ? checkedByRef(requirement.ref) : [];
  }
}

function checkedByRef(ref: ResourceRef): readonly Omit<CheckedRef, 'id'>[] {
  if (ref.kind === 'projectGrant' && has(ref, 'project')) {
    return [
      { kind: 'project', name: nameOf(ref.project.source) },
      { kind: 'org', name: nameOf(ref.grantedOrg.source) },
    ];
  }
  const own = { kind: ref.kind, name: nameOf(ref.source) };
  const owner = ref.kind === 'project' ? ref.owner : undefined;
  return owner ? [{ kind: 'org', name: nameOf(owner.source) }, own] : [own];
}

/** Whether callers who act as another user are let in. */
export interface ImpersonationSettings {
  /**
   * With the option `allowImpersonation: 'perRoute'`: also let in callers who act as another user (token with the claim `act`). What is
   * required is asked of the user they act as; `Caller.actor` is who acts. With any other value of the option it changes nothing.
   *
   * @default false
   */
  readonly allowImpersonation?: boolean;
}

/** Reads the setting. @throws ZitadelRequirementError when it is no boolean, or there is another setting */
export function lettingActorsIn(settings: unknown): boolean {
  const { allowImpersonation = false, ...rest } = Object(settings) as Record<string, unknown>;
  const isObject = typeof settings === 'object' && settings !== null;
  if (isObject && typeof allowImpersonation === 'boolean' && Object.keys(rest).length === 0) {
    return allowImpersonation && Object.hasOwn(settings, 'allowImpersonation');
  }
  throw new ZitadelRequirementError(
    'the settings beside a requirement are { allowImpersonation: true | false }',
  );
}

/** Settings of one role or permission requirement. */
export interface FreshOptions {
  /**
   * Ask ZITADEL anew instead of using what is remembered. It is for routes where the TTL of the cache is too long. The reply is remembered
   * for later requests with the same token (as the service user: of the same user).
   *
   * @default false
   */
  readonly fresh?: boolean;
}

/** Reads the options of a requirement. @throws ZitadelRequirementError when they are anything else */
export function freshOf(options: unknown): boolean {
  if (options === undefined) return false;
  const { fresh = false, ...rest } = Object(options) as { fresh?: unknown };
  if (typeof options !== 'object' || typeof fresh !== 'boolean' || Object.keys(rest).length > 0) {
    throw new ZitadelRequirementError('the options of a requirement are { fresh: true | false }');
  }
  return fresh;
}
