import { ZitadelRequirementError } from './errors.js';
import {
  orgRef,
  projectGrantRef,
  projectRef,
  sourceText,
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

/** What a route, or a question from a service, asks for: a tree of conditions. Built by `role`, `allOf`, `anyOf`, `authenticated`. */
export type Requirement = RoleRequirement | AllOf | AnyOf | AuthenticatedRequirement;

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
}

/** Settings of one role requirement. */
export interface RoleOptions {
  /**
   * Ask ZITADEL anew instead of using what is remembered, for the routes where the seconds of the cache are too many. The answer is
   * remembered for others. @default false
   */
  readonly fresh?: boolean;
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
  instance: [options?: RoleOptions];
  org: [on: OrgRef | string, options?: RoleOptions];
  project: [on: ProjectRef | string, options?: RoleOptions];
  projectGrant: [on: ProjectGrantRef | string, options?: RoleOptions];
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
    RoleOptions?,
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

function freshOf(options: unknown): boolean {
  if (options === undefined) return false;
  const { fresh = false, ...rest } = Object(options) as { fresh?: unknown };
  if (typeof options !== 'object' || typeof fresh !== 'boolean' || Object.keys(rest).length > 0) {
    throw new ZitadelRequirementError('the options of a role are { fresh: true | false }');
  }
  return fresh;
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

/** A caller whose token ZITADEL accepts, and nothing more: any account of the instance can be one. */
export function authenticated(): AuthenticatedRequirement {
  return AUTHENTICATED;
}

/** Refuses what is no requirement, all the way down: JavaScript callers can pass anything. */
export function requirementOf(value: unknown, where: string): Requirement {
  const { type, of, roles } = Object(value) as { type?: unknown; of?: unknown; roles?: unknown };
  const fits =
    type === 'authenticated' ||
    (type === 'role' && Array.isArray(roles) && roles.length > 0) ||
    ((type === 'allOf' || type === 'anyOf') && someOf(of, where).length > 0);
  if (fits) return value as Requirement;
  throw new ZitadelRequirementError(
    `${where} takes requirements, built by role(), allOf(), anyOf() or authenticated()`,
  );
}

function refText(ref: ResourceRef | undefined): string {
  if (!ref) return 'the instance';
  if (ref.kind === 'projectGrant' && 'project' in ref) {
    return `projectGrant (project ${sourceText(ref.project.source)}, granted to org ${sourceText(ref.grantedOrg.source)})`;
  }
  const owner =
    ref.kind === 'project' && ref.owner ? ` of org ${sourceText(ref.owner.source)}` : '';
  return `${ref.kind} ${sourceText(ref.source)}${owner}`;
}

/** A requirement in words, for the boot report, logs and `explain`. */
export function requirementText(requirement: Requirement): string {
  switch (requirement.type) {
    case 'authenticated':
      return 'any accepted caller';
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
