/** From which sources of ZITADEL a server is built, as its roles show: those of the main branch may do something with user groups. */
export type Line = 'v4' | 'main';

const DIFFERENCES: readonly string[] = [
  'IAM_OWNER includes ORG_OWNER_VIEWER but for project.grant.user.grant.read',
  'IAM_OWNER_VIEWER includes ORG_OWNER_VIEWER but for project.grant.user.grant.read',
  'IAM_ORG_MANAGER includes ORG_OWNER_VIEWER but for project.grant.user.grant.read',
  'ORG_OWNER includes ORG_OWNER_VIEWER but for project.grant.user.grant.read',
  'ORG_OWNER includes PROJECT_OWNER but for project.app.delete',
  'IAM_OWNER > PROJECT_OWNER_GLOBAL',
  'IAM_OWNER > PROJECT_OWNER_VIEWER_GLOBAL',
  'IAM_OWNER_VIEWER > PROJECT_OWNER_VIEWER_GLOBAL',
  'IAM_ORG_MANAGER > PROJECT_OWNER_GLOBAL',
  'IAM_ORG_MANAGER > PROJECT_OWNER_VIEWER_GLOBAL',
  'IAM_ADMIN_IMPERSONATOR > IAM_END_USER_IMPERSONATOR',
  'IAM_ADMIN_IMPERSONATOR > ORG_ADMIN_IMPERSONATOR',
  'IAM_ADMIN_IMPERSONATOR > ORG_END_USER_IMPERSONATOR',
  'IAM_END_USER_IMPERSONATOR > ORG_END_USER_IMPERSONATOR',
  'ORG_OWNER > IAM_USER_MANAGER',
  'ORG_OWNER > PROJECT_OWNER_VIEWER_GLOBAL',
  'ORG_OWNER_VIEWER > PROJECT_OWNER_VIEWER_GLOBAL',
  'ORG_PROJECT_PERMISSION_EDITOR > ORG_USER_PERMISSION_EDITOR',
  'ORG_ADMIN_IMPERSONATOR > IAM_ADMIN_IMPERSONATOR',
  'ORG_ADMIN_IMPERSONATOR > IAM_END_USER_IMPERSONATOR',
  'ORG_ADMIN_IMPERSONATOR > ORG_END_USER_IMPERSONATOR',
  'ORG_END_USER_IMPERSONATOR > IAM_END_USER_IMPERSONATOR',
  'PROJECT_OWNER > PROJECT_OWNER_GLOBAL',
  'PROJECT_OWNER > PROJECT_OWNER_VIEWER_GLOBAL',
  'PROJECT_OWNER > PROJECT_GRANT_OWNER',
  'PROJECT_OWNER > PROJECT_GRANT_OWNER_VIEWER',
  'PROJECT_OWNER_VIEWER > PROJECT_OWNER_VIEWER_GLOBAL',
  'PROJECT_OWNER_VIEWER > PROJECT_GRANT_OWNER_VIEWER',
];

/** Of the v4 line alone: on the main one who edits permissions of users may read user groups, who edits those of projects may not. */
const OF_V4 = 'ORG_PROJECT_PERMISSION_EDITOR > ORG_USER_PERMISSION_EDITOR';

/**
 * Where the roles that ZITADEL comes with differ from the library's table, which leaves out what is no rank (impersonation, the old roles
 * of a project for everybody, roles that are wider in scope) and what holds on one line alone. A server that differs elsewhere is news.
 */
export const KNOWN_DIFFERENCES: Readonly<Record<Line, readonly string[]>> = {
  v4: DIFFERENCES,
  main: DIFFERENCES.filter((entry) => entry !== OF_V4),
};
