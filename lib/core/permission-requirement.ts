import { ZitadelRequirementError } from './errors.js';
import { freshOf, type FreshOptions } from './fresh.js';
import {
  orgRef,
  projectGrantRef,
  projectRef,
  type OrgRef,
  type ProjectGrantRef,
  type TiedProjectRef,
} from './resource.js';

/** What a permission can be asked on. A project is tied to its owner: ZITADEL evaluates permissions in one organization at a time. */
export type PermissionRef = OrgRef | TiedProjectRef | ProjectGrantRef;

/** Any one of the permissions, by ZITADEL's own evaluation, on the resource that `ref` names. */
export interface PermissionRequirement {
  readonly type: 'permission';
  readonly permissions: readonly string[];
  readonly ref: PermissionRef;
  readonly fresh: boolean;
}

/** A permission as ZITADEL names it. */
export type PermissionName = Lowercase<string>;

/** As ZITADEL writes them: `project.grant.write`. A suffix names a resource, and that is the ref's business. */
const PERMISSION = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;

/** What the granted organization does with a grant, and what can be read. Everything else is the owner's, for whom its managers are nobody. */
const ON_GRANTS = /^project\.grant\.member\.|^user\.grant\.|\.read$/;

/**
 * A permission by ZITADEL's own evaluation, so that custom roles count: `permission('project.grant.write', org.param('orgId'))`. Asked
 * with the caller's token (List My ZITADEL Permissions, `POST /auth/v1/permissions/zitadel/me/_search`, API v1 only), remembered like
 * memberships, for one organization at a time. Several permissions in a list mean any one of them. On a project the permission counts
 * that is held on the whole organization that owns it, or on exactly this project; on a project grant on the whole organization to which
 * it is granted, or on exactly this grant: to change or remove a grant is the owner's, so ask for that on the project.
 *
 * @throws ZitadelRequirementError on an empty list, something that is no permission, a project without `.in(org...)`, or a permission on
 * a project grant that only the owner of the project can have
 */
export function permission(
  permissions: PermissionName | readonly [PermissionName, ...PermissionName[]],
  on: PermissionRef | string,
  options?: FreshOptions,
): PermissionRequirement {
  const list: readonly unknown[] = Array.isArray(permissions) ? permissions : [permissions];
  const names = list.filter(
    (each): each is string => typeof each === 'string' && PERMISSION.test(each),
  );
  if (names.length === 0 || names.length < list.length) {
    throw new ZitadelRequirementError(
      "permission() takes permissions as ZITADEL names them, e.g. 'project.grant.write', at least one",
    );
  }
  const ref = refOf(on);
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

function refOf(on: unknown): PermissionRef {
  const kind: unknown = Object(on).kind;
  if (kind === 'projectGrant') return projectGrantRef(on);
  if (kind !== 'project') return orgRef(on);
  const ref = projectRef(on);
  if (ref.owner) return ref as TiedProjectRef;
  throw new ZitadelRequirementError(
    'a permission on a project is asked in the organization that owns it: write project.param(...).in(org.param(...))',
  );
}
