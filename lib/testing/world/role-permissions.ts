/** Which sources of ZITADEL a server is built from: its release branch v4, or its main branch, which is ahead. */
export type ServerLine = 'v4' | 'main';

/**
 * ZITADEL's default mapping of manager roles to permissions, in its order: a list of groups a role, each a
 * prefix and what follows it. Both lines have the same, but for user groups: no role of the v4 line holds
 * anything over them. What roles of the main line hold is recorded of the `ORG_OWNER` and `ORG_OWNER_VIEWER`
 * (and counted of the `IAM_OWNER`); that `IAM_OWNER_VIEWER` and `IAM_ORG_MANAGER` hold the same is supposed.
 */
const ORG_SETTINGS =
  'idp.read idp.write idp.delete action.read action.write action.delete flow.read flow.write ' +
  'flow.delete feature.read feature.write feature.delete';
const ORG_MEMBERS = 'member.read member.write member.delete';
const ORG_READ = 'org: read member.read idp.read action.read flow.read feature.read';

const USERS =
  'user: read global.read write delete grant.read grant.write grant.delete membership.read ' +
  'credential.write passkey.write feature.read feature.write feature.delete';
const USERS_READ = 'user: read global.read grant.read membership.read feature.read';
const USER_GRANTS = 'user: read global.read grant.read grant.write grant.delete';

const POLICY = 'policy: read write delete';
const POLICY_READ = 'policy: read';

const ROLES_OF_PROJECT = 'role.read role.write role.delete';
const GRANTS = 'grant.read grant.write grant.delete';
const GRANT_MEMBERS = 'grant.member.read grant.member.write grant.member.delete';
const PROJECT_PARTS_READ = 'member.read role.read app.read grant.read grant.member.read';
const PROJECT_READ = `project: read ${PROJECT_PARTS_READ}`;

const GROUPS = 'group: create write read delete user.write user.read user.delete';
const GROUPS_READ = 'group: read user.read';

/** With and without the one permission over applications that an `ORG_OWNER` does not have. */
function projects(apps: string): string {
  return (
    `project: read create write delete member.read member.write member.delete ` +
    `${ROLES_OF_PROJECT} ${apps} ${GRANTS} ${GRANT_MEMBERS}`
  );
}

function ownProject(rest: string): string {
  return (
    `project: read write delete member.read member.write member.delete ` +
    `${ROLES_OF_PROJECT} app.read app.write app.delete${rest}`
  );
}

const ALL_APPS = 'app.read app.write app.delete';
const ORGS = `org: read global.read create write delete ${ORG_MEMBERS} ${ORG_SETTINGS}`;

const ROLES: Readonly<Record<string, readonly string[]>> = {
  IAM_OWNER: [
    'iam: read write policy.read policy.write policy.delete',
    `iam: ${ORG_MEMBERS} ${ORG_SETTINGS}`,
    'iam: restrictions.read restrictions.write web_key.write web_key.delete web_key.read',
    'iam: debug.write debug.read',
    ORGS,
    USERS,
    POLICY,
    projects(ALL_APPS),
    'events: read',
    'milestones: read',
    'session: read write delete',
    'action: target.read target.write target.delete execution.read execution.write',
    'userschema: read write delete',
    GROUPS,
  ],
  IAM_OWNER_VIEWER: [
    'iam: read policy.read member.read idp.read action.read flow.read restrictions.read',
    'iam: feature.read web_key.read debug.read',
    ORG_READ,
    USERS_READ,
    POLICY_READ,
    PROJECT_READ,
    'events: read',
    'milestones: read',
    'action: target.read execution.read',
    'userschema: read',
    'session: read',
    GROUPS_READ,
  ],
  IAM_ORG_MANAGER: [ORGS, USERS, POLICY, projects(ALL_APPS), 'session: read delete', GROUPS],
  IAM_USER_MANAGER: [
    'org: read global.read member.read member.delete',
    'user: read global.read write delete grant.read grant.write grant.delete membership.read',
    'user: passkey.write feature.read feature.write feature.delete',
    `project: read member.read role.read app.read ${GRANTS} grant.member.read`,
    'session: read delete',
    GROUPS_READ,
  ],
  IAM_ADMIN_IMPERSONATOR: ['admin: impersonation', 'impersonation'],
  IAM_END_USER_IMPERSONATOR: ['impersonation'],
  IAM_LOGIN_CLIENT: [
    'iam: read policy.read member.read member.write idp.read feature.read restrictions.read',
    'org: read member.read member.write idp.read feature.read',
    'user: read write grant.read grant.write membership.read credential.write passkey.write',
    'user: feature.read',
    POLICY_READ,
    'project: read member.read member.write role.read app.read grant.read grant.member.read',
    'project: grant.member.write',
    'session: read write link delete',
    'userschema: read',
    GROUPS_READ,
  ],
  ORG_OWNER: [
    `org: read global.read write delete ${ORG_MEMBERS} ${ORG_SETTINGS}`,
    USERS,
    POLICY,
    projects('app.read app.write'),
    'session: read delete',
    GROUPS,
  ],
  ORG_OWNER_VIEWER: [
    ORG_READ,
    USERS_READ,
    POLICY_READ,
    `${PROJECT_READ} grant.user.grant.read`,
    GROUPS_READ,
  ],
  ORG_USER_MANAGER: [
    'org: read',
    'user: read global.read write delete grant.read grant.write grant.delete membership.read',
    'user: feature.read feature.write feature.delete',
    POLICY_READ,
    'project: read role.read',
    'session: read delete',
    GROUPS_READ,
  ],
  ORG_SETTINGS_MANAGER: [
    'org: read write member.read idp.read idp.write idp.delete feature.read feature.write',
    'org: feature.delete',
    POLICY,
  ],
  ORG_USER_PERMISSION_EDITOR: [
    'org: read member.read',
    USER_GRANTS,
    POLICY_READ,
    PROJECT_READ,
    GROUPS_READ,
  ],
  ORG_PROJECT_PERMISSION_EDITOR: [
    'org: read member.read',
    USER_GRANTS,
    POLICY_READ,
    `project: read member.read role.read app.read ${GRANTS} grant.member.read`,
  ],
  ORG_PROJECT_CREATOR: ['user: global.read', POLICY_READ, 'project: read:self create'],
  ORG_ADMIN_IMPERSONATOR: ['admin: impersonation', 'impersonation'],
  ORG_END_USER_IMPERSONATOR: ['impersonation'],
  ORG_USER_SELF_MANAGER: [POLICY_READ, 'user: self.delete'],
  SELF_MANAGEMENT_GLOBAL: ['org: create', POLICY_READ, 'user: self.delete'],
  PROJECT_OWNER: [
    'org: global.read',
    POLICY_READ,
    ownProject(` ${GRANTS} ${GRANT_MEMBERS}`),
    `${USER_GRANTS} membership.read`,
  ],
  PROJECT_OWNER_VIEWER: [
    POLICY_READ,
    PROJECT_READ,
    'user: read global.read grant.read membership.read',
  ],
  PROJECT_OWNER_GLOBAL: [
    'org: global.read',
    POLICY_READ,
    ownProject(''),
    'user: global.read grant.read grant.write grant.delete membership.read',
  ],
  PROJECT_OWNER_VIEWER_GLOBAL: [
    POLICY_READ,
    PROJECT_READ,
    'user: global.read grant.read membership.read',
  ],
  PROJECT_GRANT_OWNER: [
    POLICY_READ,
    'org: global.read',
    `project: read grant.read ${GRANT_MEMBERS}`,
    `${USER_GRANTS} membership.read`,
  ],
  PROJECT_GRANT_OWNER_VIEWER: [
    POLICY_READ,
    'project: read grant.read grant.member.read',
    'user: read global.read grant.read membership.read',
  ],
};

/** A mapping that may be changed: the defaults of a new instance. */
export function defaultRolePermissions(line: ServerLine): Map<string, readonly string[]> {
  const has = (group: string) => line === 'main' || !group.startsWith('group: ');
  return new Map(
    Object.entries(ROLES).map(([role, groups]) => [role, groups.filter(has).flatMap(expand)]),
  );
}

/** `org: read write` is `org.read` and `org.write`; a group without a prefix stands for itself. */
function expand(group: string): string[] {
  const [prefix = '', names] = group.split(': ');
  return names === undefined ? [group] : names.split(' ').map((name) => `${prefix}.${name}`);
}
