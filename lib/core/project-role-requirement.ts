import { ZitadelRequirementError } from './errors.js';
import { withoutInheritance } from './own-properties.js';
import { isManagerRole } from './roles.js';
import {
  orgRef,
  projectRef,
  type OrgRef,
  type ProjectRef,
  type UntiedProjectRef,
} from './resource.js';

/** Any one of the roles of a project, given by or in an organization, as the claims of the caller's token say it. */
export interface ProjectRoleRequirement {
  readonly type: 'projectRole';
  readonly roles: readonly string[];
  /** None: the project of the option `projectId`. */
  readonly project?: ProjectRef;
  readonly org: OrgRef;
  readonly acrossOrganizations: boolean;
}

/** On what a project role must be held. */
export interface ProjectRoleOn {
  /** @default the option `projectId` */
  readonly project?: UntiedProjectRef | string;
  /** The organization that gave the role. */
  readonly org: OrgRef | string;
  /**
   * Count roles that the organization gave to users of other organizations too. Without it a role counts only in the caller's home
   * organization: the organization in a claim says who wrote the authorization, not whom to trust. @default false
   */
  readonly acrossOrganizations?: boolean;
}

const SETTINGS: ReadonlySet<string> = new Set(['project', 'org', 'acrossOrganizations']);

/**
 * A role of a project (not a manager role), from the role claims of the token or its introspection:
 * `projectRole('editor', { org: org.param('orgId') })`. Roles of one project never count for another. The token must have been asked for
 * with scopes `urn:zitadel:iam:org:projects:roles` and `urn:zitadel:iam:user:resourceowner`: no home claim, no role. Several roles in a
 * list mean any one of them.
 *
 * @throws ZitadelRequirementError on an empty list, a missing organization, or a project tied with `.in()`
 */
export function projectRole(
  roles: string | readonly [string, ...string[]],
  on: ProjectRoleOn,
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
  const { acrossOrganizations = false } = settings;
  const unknown = Object.keys(settings).find((name) => !SETTINGS.has(name));
  if (typeof acrossOrganizations !== 'boolean' || unknown !== undefined) {
    throw new ZitadelRequirementError(
      'projectRole() takes { project, org, acrossOrganizations: true | false } and nothing else',
    );
  }
  const ref = Object.hasOwn(settings, 'project') ? projectRef(settings.project) : undefined;
  if (ref?.owner) {
    throw new ZitadelRequirementError(
      'projectRole() takes a project without .in(): the claim itself says the organization',
    );
  }
  return Object.freeze({
    type: 'projectRole',
    roles: Object.freeze([...(list as readonly string[])]),
    ...(ref && { project: ref }),
    org: orgRef(settings.org),
    acrossOrganizations,
  });
}
