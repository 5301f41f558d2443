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
  readonly of: readonly Requirement[];
}
/** At least one of the requirements. */
export interface AnyOf {
  readonly type: 'anyOf';
  readonly of: readonly Requirement[];
}
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
export type RolesArg<R extends RoleName> = R | readonly [R, ...R[]];

/** What follows the roles: nothing for instance roles, a ref of the roles' own scope otherwise, then the options. */
export type OnArgs<R extends RoleName> = [ScopeOf<R>] extends [never]
  ? [on: never]
  : ArgsByScope[ScopeOf<R>];

/**
 * A manager role on a resource: `role('ORG_OWNER', org.param('orgId'))`, `role('IAM_OWNER')`. Several roles in a list mean any one of them.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown role, roles of several scopes, or a ref of another scope
 */
export function role<const R extends RoleName>(
  roles: RolesArg<R>,
  ...on: OnArgs<R>
): RoleRequirement {
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

function listOf(name: string, of: readonly unknown[]): readonly Requirement[] {
  if (of.length === 0) {
    throw new ZitadelRequirementError(`${name}() without requirements allows nobody: name one`);
  }
  return Object.freeze(of.map((each) => requirementOf(each, `${name}()`)));
}

/** Every one of the requirements must hold. @throws ZitadelRequirementError when empty */
export function allOf(...of: readonly Requirement[]): AllOf {
  return Object.freeze({ type: 'allOf', of: listOf('allOf', of) });
}

/**
 * At least one of the requirements must hold. A ref that the request does not name makes only its own branch false.
 *
 * @throws ZitadelRequirementError when empty
 */
export function anyOf(...of: readonly Requirement[]): AnyOf {
  return Object.freeze({ type: 'anyOf', of: listOf('anyOf', of) });
}

const AUTHENTICATED: AuthenticatedRequirement = Object.freeze({ type: 'authenticated' });

/** A caller whose token ZITADEL accepts, and nothing more: any account of the instance can be one. */
export function authenticated(): AuthenticatedRequirement {
  return AUTHENTICATED;
}

/** Refuses what is no requirement, which JavaScript callers can pass. */
export function requirementOf(value: unknown, where: string): Requirement {
  const type = typeof value === 'object' && value !== null && (value as { type?: unknown }).type;
  if (type === 'role' || type === 'allOf' || type === 'anyOf' || type === 'authenticated') {
    return value as Requirement;
  }
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
