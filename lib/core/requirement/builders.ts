import { ZitadelRequirementError } from '../errors.js';
import { own, withoutInheritance } from '../own-properties.js';
import { askedAbout } from '../unfilled.js';
import { freshOf, type FreshOptions } from './fresh.js';
import { type PermissionName, permissionOf } from './permissions.js';
import {
  orgRef,
  projectGrantRef,
  projectRef,
  type ResourceRef,
  type TiedProjectRef,
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
} from './requirement.js';
import type { FittingRoles, OnArgs, WrittenRoles } from './role-args.js';
import { type ResourceKind, roleOf } from './roles.js';

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
