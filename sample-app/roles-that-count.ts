import { ZITADEL_HIERARCHY } from 'nestjs-zitadel';
import type { Row } from './remembered-rows.js';

type Kind = Row['kind'];

/** Which rows count for roles of a kind: those of the resource itself, and those of what it belongs to. */
const COUNT_FOR: Readonly<Record<Kind, readonly Kind[]>> = {
  instance: ['instance'],
  org: ['org', 'instance'],
  project: ['project', 'org', 'instance'],
  projectGrant: ['projectGrant', 'org', 'instance'],
};

/**
 * Who has a permission by ZITADEL's defaults. ZITADEL alone decides that, and the library asks it; this table is for the page, and only has
 * what the routes of the sample ask for.
 */
const PERMITTED: Readonly<Record<string, readonly string[]>> = {
  'user.write': [
    'ORG_USER_MANAGER',
    'ORG_OWNER',
    'IAM_OWNER',
    'IAM_ORG_MANAGER',
    'IAM_USER_MANAGER',
    'IAM_LOGIN_CLIENT',
  ],
};

/** The kind of membership on which a role is held. */
export function kindOf(role: string): Kind {
  if (role.startsWith('IAM_')) return 'instance';
  if (role.startsWith('ORG_')) return 'org';
  return role.startsWith('PROJECT_GRANT_') ? 'projectGrant' : 'project';
}

/** The roles that are as good as one of these on a resource of this kind: first these, then those above them. */
export function rolesThatCount(asked: readonly string[], kind: Kind): readonly string[] {
  const roles = new Set(asked);
  // A set that grows while it is walked is walked to its new end.
  for (const lower of roles) {
    for (const [higher, satisfied] of Object.entries(ZITADEL_HIERARCHY)) {
      if (satisfied.includes(lower)) roles.add(higher);
    }
  }
  return [...roles].filter((role) => COUNT_FOR[kind].includes(kindOf(role)));
}

/** The roles that have one of these permissions. */
export function rolesPermitted(permissions: readonly string[]): readonly string[] {
  return [...new Set(permissions.flatMap((permission) => PERMITTED[permission] ?? []))];
}
