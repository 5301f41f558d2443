// Small worlds that hold every confusion: the same ids for different kinds, an organization that owns one project and is granted another.
import type { Grant, Kind, Row, Table } from '../../evidence/oracle.js';
import { PRINTED } from '../../evidence/oracle.js';

/** Who owns a project. */
export const OWNERS: ReadonlyMap<string, string> = new Map([
  ['1', '2'],
  ['2', '1'],
  ['3', '1'],
]);

/** Which project is granted to whom. Grant 2 is of another project than 2, to another organization than 2. */
export const GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['1', { project: '1', grantedOrg: '1' }],
  ['2', { project: '1', grantedOrg: '3' }],
  ['3', { project: '2', grantedOrg: '2' }],
]);

/** '4' is nothing anywhere. */
export const IDS = ['1', '2', '3', '4'] as const;

/** Roles of each kind that tell the levels of the hierarchy apart, and one that nothing satisfies. */
export const ROLES: Readonly<Record<Kind, readonly string[]>> = {
  instance: ['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_ADMIN_IMPERSONATOR'],
  org: ['ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_ADMIN_IMPERSONATOR'],
  project: ['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER', 'PROJECT_OWNER_GLOBAL'],
  grant: ['PROJECT_GRANT_OWNER', 'PROJECT_GRANT_OWNER_VIEWER'],
};

export const KINDS = ['instance', 'org', 'project', 'grant'] as const;

/** Roles that mean nothing on rows of a kind. */
const MISPLACED: Readonly<Record<Kind, readonly string[]>> = {
  instance: ['ORG_OWNER'],
  org: ['IAM_OWNER', 'PROJECT_OWNER'],
  // ZITADEL lets a project member hold roles of a grant.
  project: ['PROJECT_GRANT_OWNER', 'ORG_OWNER'],
  grant: ['PROJECT_OWNER'],
};

/** One row of each role on each resource. */
export const ROWS: readonly Row[] = KINDS.flatMap((kind) =>
  (kind === 'instance' ? [''] : IDS.slice(0, 3)).flatMap((id) =>
    [...ROLES[kind], ...MISPLACED[kind]].map((role) => ({ kind, id, roles: [role] })),
  ),
);

/** Tables of one's own, with what no one in their right mind writes. */
export const TABLES: Readonly<Record<string, Table>> = {
  printed: PRINTED,
  exact: {},
  'of a project for its grants': { PROJECT_OWNER: ['PROJECT_GRANT_OWNER'] },
  'of a grant for its project': {
    PROJECT_GRANT_OWNER: ['PROJECT_OWNER'],
    PROJECT_OWNER: ['ORG_OWNER'],
  },
  'in a circle': {
    ORG_OWNER: ['PROJECT_OWNER'],
    PROJECT_OWNER: ['PROJECT_GRANT_OWNER'],
    PROJECT_GRANT_OWNER: ['IAM_OWNER'],
    IAM_OWNER: ['ORG_OWNER'],
  },
};
