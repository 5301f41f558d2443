import { ZitadelRequirementError } from '../errors.js';
import { withoutInheritance } from '../own-properties.js';
import { org, type OrgRef, orgRef, projectRef, type UntiedProjectRef } from './refs.js';
import type { ProjectRoleRequirement } from './requirement.js';
import { isManagerRole } from './roles.js';

/** Where a project role must be held. */
export interface ProjectRoleOn {
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

const SETTINGS: ReadonlySet<string> = new Set(['project', 'org', 'acrossOrganizations']);

/**
 * A role of a project (not a manager role). It is read from the role claims of the token or of its introspection. Of several roles in a
 * list, any one is enough. Roles of one project never count for another. The client must request the scopes
 * `urn:zitadel:iam:org:projects:roles` and `urn:zitadel:iam:user:resourceowner`: without the claim of the second no role counts.
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
  const { acrossOrganizations = false } = settings;
  const unknown = Object.keys(settings).find((name) => !SETTINGS.has(name));
  if (typeof acrossOrganizations !== 'boolean' || unknown !== undefined) {
    throw new ZitadelRequirementError(
      'projectRole() takes { project, org, acrossOrganizations: true | false } and nothing else',
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
  });
}
