import { ZitadelRequirementError } from '../errors.js';
import { askedAbout } from '../unfilled.js';

/** Where a membership, and so a manager role, is held. */
export type ResourceKind = 'instance' | 'org' | 'project' | 'projectGrant';

const BUILT_IN = [
  'IAM_OWNER',
  'IAM_OWNER_VIEWER',
  'IAM_ORG_MANAGER',
  'IAM_USER_MANAGER',
  'IAM_ADMIN_IMPERSONATOR',
  'IAM_END_USER_IMPERSONATOR',
  'IAM_LOGIN_CLIENT',
  'ORG_OWNER',
  'ORG_OWNER_VIEWER',
  'ORG_USER_MANAGER',
  'ORG_SETTINGS_MANAGER',
  'ORG_USER_PERMISSION_EDITOR',
  'ORG_PROJECT_PERMISSION_EDITOR',
  'ORG_PROJECT_CREATOR',
  'ORG_USER_SELF_MANAGER',
  'ORG_ADMIN_IMPERSONATOR',
  'ORG_END_USER_IMPERSONATOR',
  'PROJECT_OWNER',
  'PROJECT_OWNER_VIEWER',
  'PROJECT_OWNER_GLOBAL',
  'PROJECT_OWNER_VIEWER_GLOBAL',
  'PROJECT_GRANT_OWNER',
  'PROJECT_GRANT_OWNER_VIEWER',
] as const;

type BuiltIn = (typeof BUILT_IN)[number];

/** Manager roles of an instance, as ZITADEL defines them by default. */
export type InstanceRole = Extract<BuiltIn, `IAM_${string}`>;

/** Manager roles of an organization. */
export type OrgRole = Extract<BuiltIn, `ORG_${string}`>;

/** Manager roles of a project grant. */
export type ProjectGrantRole = Extract<BuiltIn, `PROJECT_GRANT_${string}`>;

/** Manager roles of a project. */
export type ProjectRole = Exclude<BuiltIn, InstanceRole | OrgRole | ProjectGrantRole>;

/** Every manager role that ZITADEL ships. Roles of your own are named with `customRole`. */
export type ManagerRole = InstanceRole | OrgRole | ProjectRole | ProjectGrantRole;

/** A manager role that an operator added to ZITADEL's configuration. Made by `customRole`. */
export interface CustomRole<K extends ResourceKind = ResourceKind> {
  readonly customRole: string;
  readonly kind: K;
}

/** The kind that ZITADEL derives from a role's prefix. */
type KindOfName<N extends string> = N extends `IAM_${string}`
  ? 'instance'
  : N extends `ORG_${string}`
    ? 'org'
    : N extends `PROJECT_GRANT_${string}`
      ? 'projectGrant'
      : N extends `PROJECT_${string}`
        ? 'project'
        : never;

/**
 * The kind of membership on which a role has a meaning. ZITADEL checks the prefix when a member is added, but it lets members of a project
 * hold `PROJECT_GRANT_*`. There such a role has no meaning, so the kinds of the row and of the role must agree.
 */
export function kindOfRole(role: string): ResourceKind | undefined {
  if (role.startsWith('IAM_')) return 'instance';
  if (role.startsWith('ORG_')) return 'org';
  if (role.startsWith('PROJECT_GRANT_')) return 'projectGrant';
  if (role.startsWith('PROJECT_')) return 'project';
  return undefined;
}

/**
 * Names a manager role that is not one of ZITADEL's defaults. It satisfies no other role, and no other role satisfies it.
 *
 * @throws ZitadelRequirementError when the name lacks a prefix that says where the role can be held, or is one of ZITADEL's own roles
 * @example `@RequireRole(customRole('ORG_AUDITOR'), org.param('orgId'))`
 */
export function customRole<const N extends `${'IAM' | 'ORG' | 'PROJECT'}_${string}`>(
  name: N,
): CustomRole<KindOfName<N>> {
  const kind = typeof name === 'string' && /^[A-Z0-9_]{5,200}$/.test(name) && kindOfRole(name);
  if (!kind) {
    throw new ZitadelRequirementError(
      'customRole() takes the name of a manager role as it stands in ZITADEL: capital letters, digits and underscores, beginning with IAM_, ORG_, PROJECT_ or PROJECT_GRANT_',
    );
  }
  if (isManagerRole(name)) {
    throw new ZitadelRequirementError(
      `${name} is one of ZITADEL's own roles: write '${name}' without customRole()`,
    );
  }
  return Object.freeze({ customRole: name, kind: kind as KindOfName<N> });
}

/** Whether this is one of the manager roles that ZITADEL ships. */
export function isManagerRole(name: unknown): name is ManagerRole {
  return (BUILT_IN as readonly unknown[]).includes(name);
}

/** The plain name and the kind of a role as it is written in a requirement. */
export function roleOf(role: unknown): { readonly name: string; readonly kind: ResourceKind } {
  if (isManagerRole(role)) return { name: role, kind: kindOfRole(role) as ResourceKind };
  if (typeof role === 'object' && role !== null && Object.hasOwn(role, 'customRole')) {
    const { customRole: name, kind } = role as CustomRole;
    return { name, kind };
  }
  const got =
    typeof role === 'string'
      ? `'${role}'`
      : Object(role) === role
        ? `a value of type ${typeof role}`
        : String(role);
  throw new ZitadelRequirementError(
    `${got} is not a manager role that ZITADEL ships: ${insteadOf(role)}`,
  );
}

/** What to write in place of a role that is none. */
function insteadOf(role: unknown): string {
  if (Object(role) === role) {
    return 'write its name, such as ORG_OWNER; a whole requirement stands in @Require() or requireThat()';
  }
  if (typeof role !== 'string' || role === '') {
    return `write its name, such as ORG_OWNER${askedAbout(role)}`;
  }
  const meant = nearest(role, BUILT_IN);
  return meant.length > 0
    ? `correct the name, for example to ${meant.join(' or ')}, or write customRole('...') for one of your own`
    : `write projectRole('...') for a role of your project, customRole('...') for a manager role of your own, or a name such as IAM_OWNER, ORG_OWNER or PROJECT_OWNER`;
}

/**
 * Which roles a role satisfies besides itself. It is transitive: what a satisfied role satisfies counts too.
 *
 * @example `{ ORG_AUDITOR: ['ORG_OWNER_VIEWER'] }`
 */
export type HierarchyTable = Readonly<Record<string, readonly string[]>>;

/**
 * ZITADEL's own hierarchy, read from the permission sets of its default roles. The scope model (`decide.ts`) says where a role counts: an
 * ORG_OWNER satisfies PROJECT_OWNER for the projects of that organization, and PROJECT_GRANT_OWNER for grants *to* it. The table holds on
 * servers of the v4 line and of the main line, so it leaves out what only one of them includes: on v4 servers
 * ORG_PROJECT_PERMISSION_EDITOR may do everything that ORG_USER_PERMISSION_EDITOR may, on the main line it may not (user groups). Viewers
 * never satisfy owners. Nothing satisfies impersonators, the login client, self management or custom roles.
 *
 * @example `hierarchy: { ...ZITADEL_HIERARCHY, ORG_AUDITOR: ['ORG_OWNER_VIEWER'] }`
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

/** The roles that satisfy one requirement, by the kind of membership on which they must be held. */
export type Satisfying = Readonly<Record<ResourceKind, ReadonlySet<string>>>;

/** Which rows count for roles of a kind. Rows of a project never count for its grants, whatever a table says. */
const COUNTS_FOR: Readonly<Record<ResourceKind, readonly ResourceKind[]>> = {
  instance: ['instance'],
  org: ['instance', 'org'],
  project: ['instance', 'org', 'project'],
  projectGrant: ['instance', 'org', 'projectGrant'],
};

/** All roles that satisfy at least one of `wanted` by the table, if their rows count for it. */
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

/** A role, and all roles that satisfy it. */
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

/** Steps from one word to another: a letter more, less or changed. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** The names that a misspelt word may mean: those that differ in the fewest letters, at most three. None if the word is like no name. */
function nearest(word: string, names: readonly string[]): readonly string[] {
  if (word.length > 50) return [];
  const far = names.map((name) => ({ name, steps: distance(word.toUpperCase(), name) }));
  const least = Math.min(3, ...far.map(({ steps }) => steps));
  return far.filter(({ steps }) => steps === least).map(({ name }) => name);
}
