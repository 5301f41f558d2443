import { kindOfRole, type ResourceKind } from './roles.js';

/** Which roles a role satisfies besides itself. Transitive: what the satisfied role satisfies counts too. */
export type HierarchyTable = Readonly<Record<string, readonly string[]>>;

/**
 * ZITADEL's own hierarchy, read from the permission sets of its default roles. Where a role may be used is the scope model's business
 * (`decide.ts`): an ORG_OWNER satisfies PROJECT_OWNER for the projects of that organization, and PROJECT_GRANT_OWNER for grants *to* it.
 * It holds on servers of the v4 line and of the main one, so what one of them alone includes is left out: on v4 servers
 * ORG_PROJECT_PERMISSION_EDITOR may do everything that ORG_USER_PERMISSION_EDITOR may, on the main line not (user groups).
 * Viewers never satisfy owners; nothing satisfies impersonators, the login client, self management or custom roles.
 */
export const ZITADEL_HIERARCHY: HierarchyTable = {
  IAM_OWNER: ['IAM_ORG_MANAGER', 'IAM_OWNER_VIEWER'],
  IAM_ORG_MANAGER: ['IAM_USER_MANAGER', 'ORG_OWNER'],
  IAM_OWNER_VIEWER: ['ORG_OWNER_VIEWER'],
  ORG_OWNER: [
    'ORG_OWNER_VIEWER',
    'ORG_USER_MANAGER',
    'ORG_SETTINGS_MANAGER',
    'ORG_USER_PERMISSION_EDITOR',
    'ORG_PROJECT_PERMISSION_EDITOR',
    'ORG_PROJECT_CREATOR',
    'PROJECT_OWNER',
    'PROJECT_GRANT_OWNER',
  ],
  ORG_OWNER_VIEWER: ['PROJECT_OWNER_VIEWER', 'PROJECT_GRANT_OWNER_VIEWER'],
  PROJECT_OWNER: ['PROJECT_OWNER_VIEWER'],
  PROJECT_GRANT_OWNER: ['PROJECT_GRANT_OWNER_VIEWER'],
};

/** For one requirement: the roles that satisfy it, by the kind of membership on which they must be held. */
export type Satisfying = Readonly<Record<ResourceKind, ReadonlySet<string>>>;

/** Which rows count for roles of a kind: never those of a project for its grants, whatever a table says. */
const COUNTS_FOR: Readonly<Record<ResourceKind, readonly ResourceKind[]>> = {
  instance: ['instance'],
  org: ['instance', 'org'],
  project: ['instance', 'org', 'project'],
  projectGrant: ['instance', 'org', 'projectGrant'],
};

/** All roles that satisfy at least one of `wanted`, following `table` transitively, where their rows count for it. */
export function satisfying(table: HierarchyTable, wanted: readonly string[]): Satisfying {
  const byKind = {
    instance: new Set<string>(),
    org: new Set<string>(),
    project: new Set<string>(),
    projectGrant: new Set<string>(),
  };
  for (const one of wanted) {
    const of = kindOfRole(one);
    if (!of) continue;
    for (const role of closureOf(table, one)) {
      const kind = kindOfRole(role);
      if (kind && COUNTS_FOR[of].includes(kind)) byKind[kind].add(role);
    }
  }
  return byKind;
}

/** A role, and all that satisfy it. */
function closureOf(table: HierarchyTable, wanted: string): ReadonlySet<string> {
  const roles = new Set([wanted]);
  for (let before = -1; before !== roles.size;) {
    before = roles.size;
    for (const [higher, lower] of Object.entries(table)) {
      if (lower.some((role) => roles.has(role))) roles.add(higher);
    }
  }
  return roles;
}
