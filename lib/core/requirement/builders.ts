import { ZitadelRequirementError } from '../errors.js';
import { askedAbout } from '../unfilled.js';
import { own, withoutInheritance } from '../own-properties.js';
import { type PermissionName, permissionOf } from './permissions.js';
import {
  orgRef,
  projectGrantRef,
  projectRef,
  type ResourceRef,
  type TiedProjectRef,
  org,
  type OrgRef,
  type UntiedProjectRef,
} from './refs.js';
import {
  type AllOf,
  type AnyOf,
  type AuthenticatedRequirement,
  type PermissionRef,
  type PermissionRequirement,
  type Requirement,
  type RoleRequirement,
  someOf,
  type ProjectRoleRequirement,
  freshOf,
  type FreshOptions,
} from './requirement.js';
import type { FittingRoles, OnArgs, WrittenRoles } from './role-args.js';
import { type ResourceKind, roleOf, isManagerRole } from './roles.js';

/**
 * A manager role on a resource. Of several roles in a list, any one is enough.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown role, roles of several scopes, or a ref of another scope
 * @example `role('ORG_OWNER', org.param('orgId'))`
 * @example `role('IAM_OWNER', { fresh: true })`
 */
export function role<const L extends WrittenRoles>(
  roles: FittingRoles<L>,
  ...on: OnArgs<L>
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
  if (first.kind === 'instance' && isOfResource(on[0])) {
    throw new ZitadelRequirementError(
      `a role on the instance takes no ref: write only { fresh: true | false }, or nothing, behind ${first.name}`,
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

/** Whether it names a resource, by an id or a ref. */
function isOfResource(given: unknown): boolean {
  return typeof given === 'string' || own(given, 'kind') !== undefined;
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

/**
 * All of the requirements must hold.
 *
 * @throws ZitadelRequirementError when empty
 * @example `allOf(role('ORG_OWNER', org.param('orgId')), projectRole('editor', { org: org.param('orgId') }))`
 */
export function allOf(...of: readonly Requirement[]): AllOf {
  return Object.freeze({ type: 'allOf', of: someOf(of, 'allOf()') });
}

/**
 * At least one of the requirements must hold. An id that the request does not name makes only its own branch false.
 *
 * @throws ZitadelRequirementError when empty
 * @example `anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER_VIEWER'))`
 */
export function anyOf(...of: readonly Requirement[]): AnyOf {
  return Object.freeze({ type: 'anyOf', of: someOf(of, 'anyOf()') });
}

const AUTHENTICATED: AuthenticatedRequirement = Object.freeze({ type: 'authenticated' });

/** Which callers are let in. */
export interface AuthenticatedOptions {
  /**
   * Ids of organizations. Users who belong to one of them are let in. It is read from the claim `urn:zitadel:iam:user:resourceowner:id`,
   * for which tokens need the scope `urn:zitadel:iam:user:resourceowner`.
   *
   * @default any account of the instance
   */
  readonly organizations?: readonly [string, ...string[]];
}

/**
 * A caller whose token ZITADEL accepts, and nothing more. Any account of the instance is let in, unless `organizations` names the home
 * organizations of those who are.
 *
 * @throws ZitadelRequirementError when `organizations` is not a list of ids
 * @example `authenticated({ organizations: ['69629023906488334'] })`
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
      `authenticated({ organizations }) takes a list of ids of organizations, at least one${askedAbout(organizations)}`,
    );
  }
  return Object.freeze({
    type: 'authenticated',
    organizations: Object.freeze([...(ids as readonly string[])]),
  });
}

/** Whether a route does without a caller. */
export interface OptionalCaller {
  /**
   * Also let in requests without a token. A token that is sent must be good: a bad one is 401. It stands alone on a route: nothing else may
   * be asked for there.
   *
   * @default false
   */
  readonly optional?: boolean;
}

/** Reads the setting `optional`. @throws ZitadelRequirementError when it is no boolean, or organizations are asked for as well */
export function isOptional(settings: OptionalCaller & AuthenticatedOptions): boolean {
  const { optional = false, organizations } = withoutInheritance(settings);
  if (typeof optional === 'boolean' && !(optional && organizations)) return optional;
  throw new ZitadelRequirementError(
    'optional is true or false, and stands without organizations: a route that asks for an organization needs a caller',
  );
}

/** What the granted organization may do with a grant, and what can be read. Everything else is for the owner of the project. */
const ON_GRANTS = /^project\.grant\.member\.|^user\.grant\.|\.read$/;

/**
 * A permission on a resource. ZITADEL itself evaluates it, so custom roles count. Of several permissions in a list, any one is enough.
 *
 * - On an organization the permission must be held on all of it.
 * - On a project it must be held on the organization that owns it, or on exactly this project.
 * - On a project grant it must be held on the organization to which it is granted, or on exactly this grant. Only the owner may change or
 *   remove a grant: ask for that on the project.
 *
 * ZITADEL is asked with the caller's token, for one organization at a time (List My ZITADEL Permissions,
 * `POST /auth/v1/permissions/zitadel/me/_search`, API v1 only). What it says is remembered like memberships.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown permission, a project without `.in(org...)`, or a permission
 * on a project grant that only the owner of the project can have
 * @example `permission('project.grant.write', org.param('orgId'))`
 * @example `permission('project.write', project.param('projectId').in(org.param('orgId')))`
 */
export function permission(
  permissions: PermissionName | readonly [PermissionName, ...PermissionName[]],
  on: PermissionRef | string,
  options?: FreshOptions,
): PermissionRequirement {
  const list: readonly unknown[] = Array.isArray(permissions) ? permissions : [permissions];
  const names = list.map(permissionOf);
  if (names.length === 0) {
    throw new ZitadelRequirementError(
      'an empty list of permissions allows nobody: name at least one',
    );
  }
  const ref = permissionRefOf(on);
  const ofOwner = names.find((each) => ref.kind === 'projectGrant' && !ON_GRANTS.test(each));
  if (ofOwner !== undefined) {
    throw new ZitadelRequirementError(
      `${ofOwner} on a project grant is the owner's: write permission('${ofOwner}', project.param(...).in(org.param(...)))`,
    );
  }
  return Object.freeze({
    type: 'permission',
    permissions: Object.freeze(names),
    ref,
    fresh: freshOf(options),
  });
}

function permissionRefOf(on: unknown): PermissionRef {
  const kind: unknown = Object(on).kind;
  if (kind === 'projectGrant') return projectGrantRef(on);
  if (kind !== 'project') return orgRef(on);
  const ref = projectRef(on);
  if (ref.owner) return ref as TiedProjectRef;
  throw new ZitadelRequirementError(
    'a permission on a project is asked in the organization that owns it: write project.param(...).in(org.param(...))',
  );
}

/** Where a project role must be held. */
export interface ProjectRoleOn extends FreshOptions {
  /** The project that has the role. @default the option `projectId` */
  readonly project?: UntiedProjectRef | string;
  /** The organization that gave the role. @default org.ofCaller() */
  readonly org?: OrgRef | string;
  /**
   * Also count roles that the organization gave to users of other organizations. Otherwise a role counts only in the caller's home
   * organization, because the organization in a claim says who wrote the authorization, not whom to trust.
   *
   * @default false
   */
  readonly acrossOrganizations?: boolean;
}

const SETTINGS: ReadonlySet<string> = new Set(['project', 'org', 'acrossOrganizations', 'fresh']);

/**
 * A role of a project (not a manager role). It is read from the role claims of the token or of its introspection. Of several roles in a
 * list, any one is enough. Roles of one project never count for another. The client must request the scopes
 * `urn:zitadel:iam:org:projects:roles` and `urn:zitadel:iam:user:resourceowner`: without the claim of the second no role counts. With the
 * option `projectRoles: 'api'`, ZITADEL's authorizations are asked where a token lacks one of these claims. `org.ofCaller()` needs the claim.
 *
 * @throws ZitadelRequirementError on an empty list, a manager role, a project tied with `.in()`, or `acrossOrganizations` without another
 * organization than the caller's own
 * @example `projectRole('editor')`
 * @example `projectRole('editor', { org: org.param('orgId') })`
 */
export function projectRole(
  roles: string | readonly [string, ...string[]],
  on: ProjectRoleOn = {},
): ProjectRoleRequirement {
  const list: readonly unknown[] = Array.isArray(roles) ? roles : [roles];
  if (list.length === 0 || !list.every((each) => typeof each === 'string' && each !== '')) {
    throw new ZitadelRequirementError('projectRole() takes keys of project roles, at least one');
  }
  const manager = list.find((each) => isManagerRole(each));
  if (manager !== undefined) {
    throw new ZitadelRequirementError(
      `${String(manager)} is a manager role and never in a token: write role('${String(manager)}', ...) or @RequireRole()`,
    );
  }
  const settings = withoutInheritance(Object(on) as object) as Partial<
    Record<keyof ProjectRoleOn, unknown>
  >;
  const { acrossOrganizations = false, fresh = false } = settings;
  const isKnown = Object.keys(settings).every((name) => SETTINGS.has(name));
  if (!isKnown || typeof acrossOrganizations !== 'boolean' || typeof fresh !== 'boolean') {
    throw new ZitadelRequirementError(
      'projectRole() takes { project, org, acrossOrganizations: true | false, fresh: true | false } and nothing else',
    );
  }
  const project = Object.hasOwn(settings, 'project') ? projectRef(settings.project) : undefined;
  if (project?.owner) {
    throw new ZitadelRequirementError(
      'projectRole() takes a project without .in(): the claim itself says the organization',
    );
  }
  const of = Object.hasOwn(settings, 'org') ? orgRef(settings.org) : org.ofCaller();
  if (acrossOrganizations && of.source.from === 'caller') {
    throw new ZitadelRequirementError(
      'acrossOrganizations counts roles that another organization gave: name it, e.g. { org: org.param(...) }',
    );
  }
  return Object.freeze({
    type: 'projectRole',
    roles: Object.freeze([...(list as readonly string[])]),
    ...(project && { project }),
    org: of,
    acrossOrganizations,
    fresh,
  });
}
