import { ZitadelRequirementError } from './errors.js';
import { freshOf, type FreshOptions } from './fresh.js';
import type { PermissionRequirement } from './permission-requirement.js';
import type { ProjectRoleRequirement } from './project-role-requirement.js';
import {
  orgRef,
  projectGrantRef,
  projectRef,
  type OrgRef,
  type ProjectGrantRef,
  type ProjectRef,
  type ResourceRef,
} from './resource.js';
import {
  roleOf,
  type CustomRole,
  type InstanceRole,
  type ManagerRole,
  type OrgRole,
  type ProjectGrantRole,
  type ProjectRole,
  type ResourceKind,
} from './roles.js';

/**
 * What a route, or a question from a service, asks for: a tree of conditions. Built by `role`, `permission`, `projectRole`, `allOf`,
 * `anyOf`, `authenticated`.
 */
export type Requirement =
  | RoleRequirement
  | PermissionRequirement
  | ProjectRoleRequirement
  | AllOf
  | AnyOf
  | AuthenticatedRequirement;

/** Any one of the roles, on the resource that `ref` names (none: the instance). */
export interface RoleRequirement {
  readonly type: 'role';
  readonly roles: readonly string[];
  readonly kind: ResourceKind;
  readonly ref?: ResourceRef;
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
export type SomeRequirements = readonly [Requirement, ...Requirement[]];
/** A caller whose token ZITADEL accepts; no role. */
export interface AuthenticatedRequirement {
  readonly type: 'authenticated';
  /** The caller's home organization is one of these; none: any. */
  readonly organizations?: readonly string[];
}

/** A role as requirements take it. */
export type RoleName = ManagerRole | CustomRole;

// Not distributive on purpose: a list that mixes scopes has no scope, so no ref fits it and it does not compile.
type ScopeOf<R> = [R] extends [InstanceRole | CustomRole<'instance'>]
  ? 'instance'
  : [R] extends [OrgRole | CustomRole<'org'>]
    ? 'org'
    : [R] extends [ProjectRole | CustomRole<'project'>]
      ? 'project'
      : [R] extends [ProjectGrantRole | CustomRole<'projectGrant'>]
        ? 'projectGrant'
        : never;

type ArgsByScope = {
  instance: [options?: FreshOptions];
  org: [on: OrgRef | string, options?: FreshOptions];
  project: [on: ProjectRef | string, options?: FreshOptions];
  projectGrant: [on: ProjectGrantRef | string, options?: FreshOptions];
};

/** One role, or a list of roles of one scope of which any one is enough. */
export type RolesArg = RoleName | readonly [RoleName, ...RoleName[]];

/** What follows the roles: nothing for instance roles, a ref of the roles' own scope otherwise, then the options. */
export type OnArgs<L extends RolesArg> = [ScopeOf<RoleIn<L>>] extends [never]
  ? [on: never]
  : ArgsByScope[ScopeOf<RoleIn<L>>];

type RoleIn<L extends RolesArg> = [L] extends [readonly RoleName[]] ? L[number] : L;

/**
 * A manager role on a resource: `role('ORG_OWNER', org.param('orgId'))`, `role('IAM_OWNER')`. Several roles in a list mean any one of them.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown role, roles of several scopes, or a ref of another scope
 */
export function role<const L extends RolesArg>(roles: L, ...on: OnArgs<L>): RoleRequirement {
  const list: unknown[] = Array.isArray(roles) ? [...roles] : [roles];
  const [first, ...others] = list.map(roleOf);
  if (!first) {
    throw new ZitadelRequirementError('an empty list of roles allows nobody: name at least one');
  }
  if (others.some((other) => other.kind !== first.kind)) {
    throw new ZitadelRequirementError(
      'the roles of one list must be of one scope: write anyOf(role(...), role(...)) for several',
    );
  }
  const [given, options] = (first.kind === 'instance' ? [undefined, ...on] : on) as [
    unknown,
    FreshOptions?,
  ];
  const ref = refOf(first.kind, given);
  return Object.freeze({
    type: 'role',
    roles: Object.freeze([first, ...others].map(({ name }) => name)),
    kind: first.kind,
    ...(ref && { ref }),
    fresh: freshOf(options),
  });
}

function refOf(kind: ResourceKind, given: unknown): ResourceRef | undefined {
  switch (kind) {
    case 'instance':
      return undefined;
    case 'org':
      return orgRef(given);
    case 'project':
      return projectRef(given);
    case 'projectGrant':
      return projectGrantRef(given);
  }
}

/** Every one of the requirements must hold. @throws ZitadelRequirementError when empty */
export function allOf(...of: readonly Requirement[]): AllOf {
  return Object.freeze({ type: 'allOf', of: someOf(of, 'allOf()') });
}

/**
 * At least one of the requirements must hold. A ref that the request does not name makes only its own branch false.
 *
 * @throws ZitadelRequirementError when empty
 */
export function anyOf(...of: readonly Requirement[]): AnyOf {
  return Object.freeze({ type: 'anyOf', of: someOf(of, 'anyOf()') });
}

function someOf(of: unknown, where: string): SomeRequirements {
  const [first, ...others] = (Array.isArray(of) ? of : []).map((each: unknown) =>
    requirementOf(each, where),
  );
  if (first) return Object.freeze([first, ...others] as const);
  throw new ZitadelRequirementError(
    `${where} got no requirements, and an empty requirement allows nobody: name at least one`,
  );
}

const AUTHENTICATED: AuthenticatedRequirement = Object.freeze({ type: 'authenticated' });

/** Whose callers are meant. */
export interface AuthenticatedOptions {
  /**
   * Ids of the home organizations (the one a user belongs to) whose users are let in, by the claim
   * `urn:zitadel:iam:user:resourceowner:id`: tokens need the scope `urn:zitadel:iam:user:resourceowner`. @default any account of the instance
   */
  readonly organizations?: readonly [string, ...string[]];
}

/**
 * A caller whose token ZITADEL accepts, and nothing more: any account of the instance can be one, unless `organizations` says whose.
 *
 * @throws ZitadelRequirementError when `organizations` is no list of ids
 */
export function authenticated(options: AuthenticatedOptions = {}): AuthenticatedRequirement {
  const { organizations, ...rest } = Object(options) as { organizations?: unknown };
  if (typeof options !== 'object' || options === null || Object.keys(rest).length > 0) {
    throw new ZitadelRequirementError('authenticated() takes { organizations: [...] } or nothing');
  }
  if (!Object.hasOwn(options, 'organizations')) return AUTHENTICATED;
  const ids: readonly unknown[] = Array.isArray(organizations) ? organizations : [];
  if (ids.length === 0 || !ids.every((id) => typeof id === 'string' && id !== '')) {
    throw new ZitadelRequirementError(
      'authenticated({ organizations }) takes a list of ids of organizations, at least one',
    );
  }
  return Object.freeze({
    type: 'authenticated',
    organizations: Object.freeze([...(ids as readonly string[])]),
  });
}

/** Refuses what is no requirement, all the way down: JavaScript callers can pass anything. */
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
