import { describe, expect, it } from 'vitest';
import { indexOf, type Membership, type RowsOn } from '../../../lib/core/caller.js';
import {
  type Facts,
  type GrantFact,
  type Hidden,
  isHidden,
  type Need,
} from '../../../lib/core/decide/case.js';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import { decideOnce, prepared } from './deciding.js';

/** What is known: of project 3, of grant 7, of the grant of project 3 to organization 1, of the caller. */
interface Known {
  readonly rows?: readonly Membership[];
  readonly owner?: string | null;
  readonly grant?: GrantFact | Hidden | null;
  readonly between?: GrantFact | null;
  readonly held?: Readonly<Record<string, readonly string[]>>;
  /** The list is over its cap; by what was asked for, the rows that came. */
  readonly apart?: Readonly<Record<string, readonly Membership[]>>;
  /** The list is over its cap, and nothing is remembered of the caller. */
  readonly cut?: true;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Instead of all. */
  readonly ids?: Readonly<Record<string, string>>;
}

function textOfRows(on: RowsOn): string {
  if (on.kind === 'projectGrantBetween') return `grant ${on.projectId}/${on.grantedOrgId}`;
  if (on.kind === 'orgsByRoles') return `orgs with ${on.roles.join('|')}`;
  return 'id' in on ? `${on.kind} ${on.id}` : on.kind;
}

function textOf(need: Need): string {
  switch (need.fact) {
    case 'owner':
      return `owner of ${need.projectId} under ${need.orgIds.join()}`;
    case 'grant': {
      const how = [need.certain ? ' certain' : '', need.cut ? ' cut' : ''].join('');
      return `grant ${need.grantId} under ${need.orgIds.join() || 'their own'}${how}`;
    }
    case 'grantBetween':
      return `grant of ${need.projectId} to ${need.grantedOrgId}`;
    case 'rows':
      return `rows of ${textOfRows(need.on)}`;
    case 'permissions':
      return `permissions in '${need.orgId}'`;
    case 'projectRoles':
      return `roles of ${need.projectId} by ${need.orgId}`;
    case 'state':
      return `state of ${need.of.kind} ${need.of.id}`;
  }
}

function factsOf({ owner, grant, between, held, apart }: Known): Facts {
  return {
    ownerOf: (id) => (id === '3' ? owner : undefined),
    grantOf: (id) => (id === '7' ? grant : undefined),
    grantBetween: (id, orgId) => (id === '3' && orgId === '1' ? between : undefined),
    ...(held && {
      permissionsIn: (orgId) => (Object.hasOwn(held, orgId) ? new Set(held[orgId]) : undefined),
    }),
    ...(apart && {
      rowsOn: (on) => {
        const rows = apart[textOfRows(on)];
        return rows && indexOf(rows);
      },
    }),
  };
}

const TABLE = {
  IAM_OWNER: ['ORG_OWNER'],
  ORG_OWNER: ['PROJECT_OWNER', 'PROJECT_GRANT_OWNER'],
};

/** A decision in words: yes by a row and for which resources, no with the reason, or what must be asked first. */
function said(requirement: Requirement, known: Known): string {
  const compiled = prepared(requirement, { hierarchy: TABLE });
  const { rows = [], apart, cut, claims, ids = { o: '1', p: '3', g: '7' } } = known;
  const index = indexOf(rows, apart === undefined && !cut);
  const given = compiled.sources.map((source) => ('name' in source ? ids[source.name] : source.id));
  const { verdict, open } = decideOnce(compiled, index, factsOf(known), claims, given);
  const by = open.by && ` by ${open.by.kind} ${open.by.id}`;
  const checked = open.checked.map(({ kind, id, name }) => ` ${kind} ${name}=${id}`).join();
  const needs = open.needs.map(textOf).join('; ');
  return [
    verdict,
    by,
    checked && `:${checked}`,
    verdict === 'no' && ` ${String(open.missing)}`,
    needs && `: ${needs}`,
  ]
    .filter(Boolean)
    .join('');
}

const row = (
  kind: Membership['kind'],
  id: string,
  roles: string | readonly string[],
  more: Partial<Membership> = {},
): Membership => ({ userId: 'alice', kind, id, roles: [roles].flat(), ...more });

const ON_ORG = role('ORG_OWNER', org.param('o'));
const ON_PROJECT = role('PROJECT_OWNER', project.param('p'));
const ON_PROJECT_OF = role('PROJECT_OWNER', project.param('p').in(org.param('o')));
const ON_GRANT = role('PROJECT_GRANT_OWNER', projectGrant.param('g'));
const ENDS = projectGrant({ project: project.param('p'), grantedOrg: org.param('o') });
const BETWEEN = role('PROJECT_GRANT_OWNER', ENDS);

const R = 'project.read';
const G = 'project.grant.read';
const MAY_ORG = permission('org.read', org.param('o'));
const MAY_PROJECT = permission(R, project.param('p').in(org.param('o')));
const MAY_GRANT = permission(G, projectGrant.param('g'));
const MAY_BETWEEN = permission(G, ENDS);

const iam = row('instance', 'i', 'IAM_OWNER');
const viewer = row('instance', 'i', 'X');
const org1 = row('org', '1', 'ORG_OWNER');
const org2 = row('org', '2', 'ORG_OWNER');
const org1x = row('org', '1', 'X');
const org2x = row('org', '2', 'X');
const project3 = row('project', '3', 'PROJECT_OWNER');
const project3x = row('project', '3', 'X');
const project3of1 = row('project', '3', 'PROJECT_OWNER', { ownerOrgId: '1' });
const project3of2 = row('project', '3', 'PROJECT_OWNER', { ownerOrgId: '2' });
const grant7 = row('projectGrant', '7', 'PROJECT_GRANT_OWNER');
const grant7x = row('projectGrant', '7', 'X');
const grant7ends = row('projectGrant', '7', 'PROJECT_GRANT_OWNER', {
  projectId: '3',
  grantedOrgId: '1',
});
const grant7xEnds = row('projectGrant', '7', 'X', { projectId: '3', grantedOrgId: '1' });
const grant8 = row('projectGrant', '8', 'PROJECT_GRANT_OWNER');
const grant8ends = row('projectGrant', '8', 'PROJECT_GRANT_OWNER', {
  projectId: '3',
  grantedOrgId: '2',
});
const grant7of9 = row('projectGrant', '7', 'X', { ownerOrgId: '9' });
const ends: GrantFact = { grantId: '7', projectId: '3', grantedOrgId: '1' };

const ROLES: readonly [string, Requirement, Known, string][] = [
  ['instance: a row of it', role('IAM_OWNER'), { rows: [iam] }, 'yes by instance i'],
  ['instance: another role', role('IAM_OWNER'), { rows: [viewer] }, 'no role_missing'],
  ['instance: no row', role('IAM_OWNER'), { rows: [org1] }, 'no role_missing'],
  ['org: a row of it', ON_ORG, { rows: [org1] }, 'yes by org 1: org o=1'],
  ['org: a row of the instance', ON_ORG, { rows: [iam, org1] }, 'yes by instance i: org o=1'],
  ['org: another role', ON_ORG, { rows: [org1x] }, 'no role_missing'],
  ['org: another organization', ON_ORG, { rows: [org2] }, 'no role_missing'],
  ['org: not named', ON_ORG, { rows: [iam], ids: {} }, 'no role_missing'],
  ['project: a row of it', ON_PROJECT, { rows: [project3] }, 'yes by project 3: project p=3'],
  [
    'project: a row of the instance',
    ON_PROJECT,
    { rows: [iam, project3] },
    'yes by instance i: project p=3',
  ],
  ['project: not named', ON_PROJECT, { rows: [iam], ids: {} }, 'no role_missing'],
  [
    'project: its owner is asked for under those whose rows could count',
    ON_PROJECT,
    { rows: [org1, org2, row('org', '9', 'X')] },
    'ask: owner of 3 under 1,2',
  ],
  [
    'project: its owner is not asked for where no row could count',
    ON_PROJECT,
    { rows: [org1x, project3x] },
    'no role_missing',
  ],
  [
    'project: a row of its owner',
    ON_PROJECT,
    { rows: [org1], owner: '1' },
    'yes by org 1: project p=3',
  ],
  [
    'project: a row of its owner, which a row of the project says',
    ON_PROJECT,
    { rows: [org1, row('project', '3', 'X', { ownerOrgId: '1' })], owner: '2' },
    'yes by org 1: project p=3',
  ],
  [
    'project: a row of another than its owner',
    ON_PROJECT,
    { rows: [org1], owner: '2' },
    'no role_missing',
  ],
  [
    'project: another role on its owner',
    ON_PROJECT,
    { rows: [org1x], owner: '1' },
    'no role_missing',
  ],
  ['project: it is not there', ON_PROJECT, { rows: [org1], owner: null }, 'no role_missing'],
  [
    'project of an organization: a row of it, which says the owner',
    ON_PROJECT_OF,
    { rows: [project3of1] },
    'yes by project 3: org o=1, project p=3',
  ],
  [
    'project of an organization: a row that says another owner',
    ON_PROJECT_OF,
    { rows: [project3of2, org1], owner: '1' },
    'no role_missing',
  ],
  [
    'project of an organization: a row of it, the owner is asked for',
    ON_PROJECT_OF,
    { rows: [project3] },
    'ask: owner of 3 under 1',
  ],
  [
    'project of an organization: a row of the organization',
    ON_PROJECT_OF,
    { rows: [org1], owner: '1' },
    'yes by org 1: org o=1, project p=3',
  ],
  [
    'project of an organization: a row of the instance comes first',
    ON_PROJECT_OF,
    { rows: [iam, project3, org1], owner: '1' },
    'yes by instance i: org o=1, project p=3',
  ],
  [
    'project of an organization: a row of the project before one of the organization',
    ON_PROJECT_OF,
    { rows: [project3, org1], owner: '1' },
    'yes by project 3: org o=1, project p=3',
  ],
  [
    'project of an organization: another owner',
    ON_PROJECT_OF,
    { rows: [org1, project3], owner: '2' },
    'no role_missing',
  ],
  [
    'project of an organization: it is not there',
    ON_PROJECT_OF,
    { rows: [org1], owner: null },
    'no role_missing',
  ],
  [
    'project of an organization: no row asks nothing',
    ON_PROJECT_OF,
    { rows: [org2, org1x, project3x] },
    'no role_missing',
  ],
  [
    'project of an organization: the project is not named',
    ON_PROJECT_OF,
    { rows: [iam], owner: '1', ids: { o: '1' } },
    'no role_missing',
  ],
  [
    'project of an organization: the organization is not named',
    ON_PROJECT_OF,
    { rows: [iam, project3], ids: { p: '3' } },
    'no role_missing',
  ],
  ['grant: a row of it', ON_GRANT, { rows: [grant7] }, 'yes by projectGrant 7: projectGrant g=7'],
  [
    'grant: a row of the instance',
    ON_GRANT,
    { rows: [iam, grant7] },
    'yes by instance i: projectGrant g=7',
  ],
  ['grant: not named', ON_GRANT, { rows: [iam], ids: {} }, 'no role_missing'],
  [
    'grant: it is asked for under those whose rows could count',
    ON_GRANT,
    { rows: [org1, org2x] },
    'ask: grant 7 under 1',
  ],
  [
    'grant: it is not asked for where no row could count',
    ON_GRANT,
    { rows: [org1x, grant7x] },
    'no role_missing',
  ],
  [
    'grant: over the cap it is asked for where no row could count, too',
    ON_GRANT,
    { rows: [], apart: { instance: [], 'projectGrant 7': [], 'orgs with ORG_OWNER': [] } },
    'ask: grant 7 under their own cut',
  ],
  [
    'grant: over the cap the organizations come first',
    ON_GRANT,
    { apart: { instance: [], 'projectGrant 7': [] } },
    'ask: rows of orgs with ORG_OWNER',
  ],
  [
    'grant: over the cap the organizations that were asked for count, too',
    ON_GRANT,
    { rows: [org1], apart: { instance: [], 'projectGrant 7': [], 'orgs with ORG_OWNER': [org2] } },
    'ask: grant 7 under 1,2 cut',
  ],
  [
    'grant: over the cap, whose ends are known, by the row between them',
    ON_GRANT,
    {
      grant: ends,
      apart: { instance: [], 'projectGrant 7': [], 'grant 3/1': [grant7ends], 'org 1': [] },
    },
    'yes by projectGrant 7: projectGrant g=7',
  ],
  [
    'grant: over the cap, whose ends are known, by another role between them',
    ON_GRANT,
    {
      grant: ends,
      apart: { instance: [], 'projectGrant 7': [], 'grant 3/1': [grant7xEnds], 'org 1': [org1x] },
    },
    'no role_missing',
  ],
  [
    'grant: over the cap, whose ends are known, by the organization',
    ON_GRANT,
    {
      grant: ends,
      apart: { instance: [], 'projectGrant 7': [], 'grant 3/1': [], 'org 1': [org1] },
    },
    'yes by org 1: projectGrant g=7',
  ],
  [
    'grant: over the cap, whose ends are known, the rows are asked for',
    ON_GRANT,
    { grant: ends, apart: {} },
    'ask: rows of instance; rows of projectGrant 7; rows of projectGrant 7; rows of grant 3/1; rows of org 1',
  ],
  [
    'grant: a row of the organization it is granted to',
    ON_GRANT,
    { rows: [org1], grant: ends },
    'yes by org 1: projectGrant g=7',
  ],
  [
    'grant: a row of it that says its ends',
    ON_GRANT,
    { rows: [org1, grant7xEnds], grant: null },
    'yes by org 1: projectGrant g=7',
  ],
  [
    'grant: a row that says one end is not enough',
    ON_GRANT,
    { rows: [org1, row('projectGrant', '7', 'X', { projectId: '3' })] },
    'ask: grant 7 under 1',
  ],
  [
    'grant: a row that says the other end is not enough',
    ON_GRANT,
    { rows: [org1, row('projectGrant', '7', 'X', { grantedOrgId: '1' })] },
    'ask: grant 7 under 1',
  ],
  [
    'grant: another role on the organization it is granted to',
    ON_GRANT,
    { rows: [org1x], grant: ends },
    'no role_missing',
  ],
  [
    'grant: a row of another organization',
    ON_GRANT,
    { rows: [org2], grant: ends },
    'no role_missing',
  ],
  ['grant: it is not there', ON_GRANT, { rows: [org1], grant: null }, 'no role_missing'],
  [
    'grant: hidden from an organization whose row could count',
    ON_GRANT,
    { rows: [org1, org2x], grant: { hiddenIn: ['9', '1'] } },
    'ask: grant 7 under 1 certain',
  ],
  [
    'grant: hidden from an organization whose row could not count',
    ON_GRANT,
    { rows: [org1, org2x], grant: { hiddenIn: ['2'] } },
    'no role_missing',
  ],
  [
    'grant: over the cap, hidden',
    ON_GRANT,
    {
      grant: { hiddenIn: ['1'] },
      apart: { instance: [], 'projectGrant 7': [], 'orgs with ORG_OWNER': [org1] },
    },
    'ask: grant 7 under 1 certain cut',
  ],
  [
    'grant: over the cap, hidden from another',
    ON_GRANT,
    {
      grant: { hiddenIn: ['2'] },
      apart: { instance: [], 'projectGrant 7': [], 'orgs with ORG_OWNER': [org1] },
    },
    'no role_missing',
  ],
  [
    'grant between: a row that says both ends',
    BETWEEN,
    { rows: [grant8ends, grant7ends] },
    'yes by projectGrant 7: project p=3, org o=1',
  ],
  [
    'grant between: a row that says both ends, with another role',
    BETWEEN,
    { rows: [grant7xEnds] },
    'no role_missing',
  ],
  [
    'grant between: a row of the instance',
    BETWEEN,
    { rows: [iam, grant7ends] },
    'yes by instance i: project p=3, org o=1',
  ],
  [
    'grant between: the project is not named',
    BETWEEN,
    { rows: [iam], ids: { o: '1' } },
    'no role_missing',
  ],
  [
    'grant between: the organization is not named',
    BETWEEN,
    { rows: [iam], ids: { p: '3' } },
    'no role_missing',
  ],
  [
    'grant between: a row of the organization asks whether there is one',
    BETWEEN,
    { rows: [org1] },
    'ask: grant of 3 to 1',
  ],
  [
    'grant between: a row of the organization',
    BETWEEN,
    { rows: [org1, grant7], between: ends },
    'yes by org 1: project p=3, org o=1',
  ],
  [
    'grant between: a row of a grant that says no ends asks whether it is that one',
    BETWEEN,
    { rows: [grant8] },
    'ask: grant of 3 to 1',
  ],
  [
    'grant between: a row of a grant that says other ends asks nothing',
    BETWEEN,
    { rows: [grant8ends, org2] },
    'no role_missing',
  ],
  [
    'grant between: another role asks nothing',
    BETWEEN,
    { rows: [grant7x, org1x] },
    'no role_missing',
  ],
  [
    'grant between: the row of the grant that it is',
    BETWEEN,
    { rows: [grant8, grant7], between: ends },
    'yes by projectGrant 7: project p=3, org o=1',
  ],
  [
    'grant between: the row of another grant',
    BETWEEN,
    { rows: [grant8], between: ends },
    'no role_missing',
  ],
  [
    'grant between: there is none',
    BETWEEN,
    { rows: [org1, grant7], between: null },
    'no role_missing',
  ],
  [
    'grant between: over the cap everything is asked for',
    BETWEEN,
    { apart: {} },
    'ask: rows of instance; rows of grant 3/1; rows of org 1; rows of grant 3/1',
  ],
  [
    'grant between: over the cap, the row that was asked for',
    BETWEEN,
    { apart: { instance: [], 'grant 3/1': [grant7ends], 'org 1': [] } },
    'yes by projectGrant 7: project p=3, org o=1',
  ],
  [
    'grant between: over the cap, the row that was asked for says no ends',
    BETWEEN,
    { rows: [grant8], apart: { instance: [], 'grant 3/1': [grant7], 'org 1': [] }, between: ends },
    'yes by projectGrant 7: project p=3, org o=1',
  ],
  [
    'grant between: over the cap, no row',
    BETWEEN,
    { apart: { instance: [], 'grant 3/1': [], 'org 1': [] } },
    'no role_missing',
  ],
  [
    'over the cap: a row that came counts at once',
    ON_ORG,
    { rows: [org1], apart: { instance: [] } },
    'yes by org 1: org o=1',
  ],
  [
    'over the cap: a row that was asked for',
    ON_ORG,
    { apart: { instance: [], 'org 1': [org1] } },
    'yes by org 1: org o=1',
  ],
  [
    'over the cap: two rows of a resource, the second holds it',
    ON_ORG,
    { rows: [org1x], apart: { instance: [], 'org 1': [org1] } },
    'yes by org 1: org o=1',
  ],
  [
    'over the cap: the row of the instance',
    ON_ORG,
    { apart: { instance: [iam] } },
    'yes by instance i: org o=1',
  ],
  [
    'over the cap: a project',
    ON_PROJECT,
    { apart: { instance: [], 'project 3': [project3] } },
    'yes by project 3: project p=3',
  ],
  [
    'over the cap: a project, the organizations that could count are asked for',
    ON_PROJECT,
    { apart: { instance: [], 'project 3': [] } },
    'ask: rows of orgs with ORG_OWNER',
  ],
  [
    'over the cap: a row that came counts, whatever was not asked',
    ON_ORG,
    { rows: [org1], apart: {} },
    'yes by org 1: org o=1',
  ],
  [
    'over the cap: everything is asked for where nothing is remembered of the caller',
    ON_ORG,
    { cut: true },
    'ask: rows of instance; rows of org 1',
  ],
  [
    'over the cap: a project that is not there',
    ON_PROJECT,
    { owner: null, apart: { instance: [], 'project 3': [] } },
    'no role_missing',
  ],
  [
    'grant: a row of another grant between the same ends',
    ON_GRANT,
    {
      rows: [
        row('projectGrant', '8', 'PROJECT_GRANT_OWNER', { projectId: '3', grantedOrgId: '1' }),
      ],
      grant: ends,
    },
    'no role_missing',
  ],
  [
    'over the cap: a project grant',
    ON_GRANT,
    { apart: { instance: [], 'projectGrant 7': [grant7] } },
    'yes by projectGrant 7: projectGrant g=7',
  ],
];

const PERMISSIONS: readonly [string, Requirement, Known, string][] = [
  ['org: no row asks nothing', MAY_ORG, { rows: [org2] }, 'no permission_missing'],
  ['org: a row of it asks', MAY_ORG, { rows: [org1x] }, "ask: permissions in '1'"],
  ['org: a row of the instance asks', MAY_ORG, { rows: [viewer] }, "ask: permissions in '1'"],
  ['org: held', MAY_ORG, { rows: [org1x], held: { 1: ['a.b', 'org.read'] } }, 'yes: org o=1'],
  [
    'org: not held',
    MAY_ORG,
    { rows: [org1x], held: { 1: ['org.read:1', 'org.write'] } },
    'no permission_missing',
  ],
  ['org: not named', MAY_ORG, { rows: [viewer], ids: {} }, 'no permission_missing'],
  [
    'org: one of several',
    permission(['org.write', 'org.read'], org.param('o')),
    { rows: [org1x], held: { 1: ['org.read'] } },
    'yes: org o=1',
  ],
  ['project: no row asks nothing', MAY_PROJECT, { rows: [org2] }, 'no permission_missing'],
  [
    'project: the project is not named',
    MAY_PROJECT,
    { rows: [viewer], ids: { o: '1' } },
    'no permission_missing',
  ],
  [
    'project: the organization is not named',
    MAY_PROJECT,
    { rows: [viewer, project3of1], ids: { p: '3' } },
    'no permission_missing',
  ],
  [
    'project: the organization is not named, the owner is not known',
    MAY_PROJECT,
    { rows: [viewer], ids: { p: '3' } },
    'no permission_missing',
  ],
  [
    'grant: a row of another grant between the same ends',
    MAY_GRANT,
    {
      rows: [row('projectGrant', '8', 'X', { projectId: '3', grantedOrgId: '1' })],
      grant: ends,
      held: { 1: [G] },
    },
    'no permission_missing',
  ],
  [
    'grant: hidden, what its row is worth comes first',
    MAY_GRANT,
    { rows: [grant7of9, org1x], grant: { hiddenIn: ['1'] } },
    "ask: permissions in '9'",
  ],
  ['project: first whether it is held', MAY_PROJECT, { rows: [org1x] }, "ask: permissions in '1'"],
  [
    'project: then who owns it',
    MAY_PROJECT,
    { rows: [org1x], held: { 1: [R] } },
    'ask: owner of 3 under 1',
  ],
  [
    'project: then who owns it, where held on it alone',
    MAY_PROJECT,
    { rows: [project3x], held: { 1: [`${R}:3`] } },
    'ask: owner of 3 under 1',
  ],
  [
    'project: not where it is not held',
    MAY_PROJECT,
    { rows: [viewer], held: { 1: [`${R}:4`] } },
    'no permission_missing',
  ],
  [
    'project: held everywhere',
    MAY_PROJECT,
    { rows: [org1x], held: { 1: [R] }, owner: '1' },
    'yes: org o=1, project p=3',
  ],
  [
    'project: held on it',
    MAY_PROJECT,
    { rows: [project3of1], held: { 1: [`${R}:3`] } },
    'yes: org o=1, project p=3',
  ],
  [
    'project: owned, and asked for',
    MAY_PROJECT,
    { rows: [project3of1] },
    "ask: permissions in '1'",
  ],
  [
    'project: owned, and held on another',
    MAY_PROJECT,
    { rows: [project3of1], held: { 1: [`${R}:4`] } },
    'no permission_missing',
  ],
  [
    'project: a row says another owner',
    MAY_PROJECT,
    { rows: [project3of2, org1], held: { 1: [R] }, owner: '1' },
    'no permission_missing',
  ],
  [
    'project: another owner',
    MAY_PROJECT,
    { rows: [org1], held: { 1: [R] }, owner: '2' },
    'no permission_missing',
  ],
  [
    'project: it is not there',
    MAY_PROJECT,
    { rows: [org1], held: { 1: [R] }, owner: null },
    'no permission_missing',
  ],
  ['grant: not named', MAY_GRANT, { rows: [viewer], ids: {} }, 'no permission_missing'],
  ['grant: no row asks nothing', MAY_GRANT, { rows: [grant8] }, 'no permission_missing'],
  [
    'grant: over the cap the rows come first',
    MAY_GRANT,
    { rows: [org1], apart: {} },
    'ask: rows of projectGrant 7; rows of instance',
  ],
  [
    'grant: over the cap without a row it is asked for',
    MAY_GRANT,
    { apart: { instance: [], 'projectGrant 7': [] } },
    'ask: grant 7 under their own cut',
  ],
  [
    'grant: by a row that says its ends',
    MAY_GRANT,
    { rows: [grant7xEnds], held: { 1: [`${G}:7`] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: by a row that says its ends, asked',
    MAY_GRANT,
    { rows: [grant7xEnds] },
    "ask: permissions in '1'",
  ],
  [
    'grant: by a row that says its ends, not held',
    MAY_GRANT,
    { rows: [grant7xEnds], held: { 1: [`${G}:8`] } },
    'no permission_missing',
  ],
  [
    'grant: by its organization',
    MAY_GRANT,
    { rows: [org1x], grant: ends, held: { 1: [G] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: by the instance',
    MAY_GRANT,
    { rows: [viewer], grant: ends, held: { 1: [G] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: by its bare row',
    MAY_GRANT,
    { rows: [grant7x], grant: ends, held: { 1: [`${G}:7`] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: by a row of another organization',
    MAY_GRANT,
    { rows: [org2x], grant: ends, held: { 1: [G], 2: [G] } },
    'no permission_missing',
  ],
  [
    'grant: over the cap by the row between its ends',
    MAY_GRANT,
    {
      grant: ends,
      held: { 1: [G] },
      apart: { instance: [], 'projectGrant 7': [], 'org 1': [], 'grant 3/1': [grant7ends] },
    },
    'yes: projectGrant g=7',
  ],
  [
    'grant: over the cap without any row',
    MAY_GRANT,
    {
      grant: ends,
      held: { 1: [G] },
      apart: { instance: [], 'projectGrant 7': [], 'org 1': [], 'grant 3/1': [] },
    },
    'no permission_missing',
  ],
  [
    'grant: by a row that says the owner, asked',
    MAY_GRANT,
    { rows: [grant7of9] },
    "ask: permissions in '9'",
  ],
  [
    'grant: by a row that says the owner',
    MAY_GRANT,
    { rows: [grant7of9], held: { 9: [`${G}:7`] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: by a row that says the owner, held everywhere only',
    MAY_GRANT,
    { rows: [grant7of9], held: { 9: [G] } },
    'no permission_missing',
  ],
  [
    'grant: by a row that says the owner, beside a row of an organization',
    MAY_GRANT,
    { rows: [grant7of9, org1x], held: { 9: [] } },
    'ask: grant 7 under 1',
  ],
  [
    'grant: by a row that says the owner, beside one that knows no such grant',
    MAY_GRANT,
    { rows: [grant7of9, org1x], grant: null },
    "ask: permissions in '9'",
  ],
  [
    'grant: a bare row asks for it with certainty',
    MAY_GRANT,
    { rows: [grant7x] },
    'ask: grant 7 under their own certain',
  ],
  [
    'grant: a bare row beside organizations',
    MAY_GRANT,
    { rows: [grant7x, org1x, org2x] },
    'ask: grant 7 under 1,2 certain',
  ],
  [
    'grant: a bare row of no such grant',
    MAY_GRANT,
    { rows: [grant7x], grant: null },
    'no permission_missing',
  ],
  [
    'grant: a bare row of no such grant, beside an organization',
    MAY_GRANT,
    { rows: [grant7x, org1x], grant: null },
    'no permission_missing',
  ],
  [
    'grant: an organization asks for it',
    MAY_GRANT,
    { rows: [org1x, org2x] },
    'ask: grant 7 under 1,2',
  ],
  [
    'grant: an organization knows no such grant',
    MAY_GRANT,
    { rows: [org1x], grant: null, held: { 1: [G] } },
    'no permission_missing',
  ],
  [
    'grant: the instance asks what is held first, and for the grant',
    MAY_GRANT,
    { rows: [viewer] },
    "ask: permissions in ''; grant 7 under their own",
  ],
  [
    'grant: the instance holds it, the grant is not known',
    MAY_GRANT,
    { rows: [viewer, org1x], held: { '': [G] } },
    'ask: grant 7 under 1 certain',
  ],
  [
    'grant: the instance holds it, no such grant',
    MAY_GRANT,
    { rows: [viewer], grant: null, held: { '': [G] } },
    'ask: grant 7 under their own certain',
  ],
  [
    'grant: the instance does not hold it, no such grant',
    MAY_GRANT,
    { rows: [viewer], grant: null, held: { '': [] } },
    'no permission_missing',
  ],
  [
    'grant: the instance does not hold it, the grant is not known',
    MAY_GRANT,
    { rows: [viewer], held: { '': [] } },
    'ask: grant 7 under their own',
  ],
  [
    'grant: the instance is asked, no such grant',
    MAY_GRANT,
    { rows: [viewer], grant: null },
    "ask: permissions in ''",
  ],
  [
    'grant: hidden from an organization, asked',
    MAY_GRANT,
    { rows: [org1x], grant: { hiddenIn: ['1'] } },
    "ask: permissions in '1'",
  ],
  [
    'grant: hidden from an organization in which it is held',
    MAY_GRANT,
    { rows: [org1x, org2x], grant: { hiddenIn: ['2', '1'] }, held: { 1: [G], 2: [] } },
    'ask: grant 7 under 1,2 certain',
  ],
  [
    'grant: hidden from an organization in which it is not held',
    MAY_GRANT,
    { rows: [org1x], grant: { hiddenIn: ['1'] }, held: { 1: [`${G}:7`] } },
    'no permission_missing',
  ],
  [
    'grant: hidden, by a row that says the owner',
    MAY_GRANT,
    { rows: [grant7of9], grant: { hiddenIn: ['1'] }, held: { 9: [`${G}:7`], 1: [G] } },
    'yes: projectGrant g=7',
  ],
  [
    'grant: hidden, and the instance asked',
    MAY_GRANT,
    { rows: [viewer], grant: { hiddenIn: ['1'] } },
    "ask: permissions in ''",
  ],
  [
    'grant: hidden from a bare row',
    MAY_GRANT,
    { rows: [grant7x], grant: { hiddenIn: ['1'] }, held: { 1: [G] } },
    'no permission_missing',
  ],
  [
    'grant: over the cap, hidden from an organization in which it is held',
    MAY_GRANT,
    { grant: { hiddenIn: ['1'] }, held: { 1: [G] }, apart: { instance: [], 'projectGrant 7': [] } },
    'ask: grant 7 under their own certain cut',
  ],
  [
    'grant between: no row asks nothing',
    MAY_BETWEEN,
    { rows: [org2x, grant8ends] },
    'no permission_missing',
  ],
  [
    'grant between: the project is not named',
    MAY_BETWEEN,
    { rows: [viewer], ids: { o: '1' } },
    'no permission_missing',
  ],
  [
    'grant between: the organization is not named',
    MAY_BETWEEN,
    { rows: [viewer], ids: { p: '3' } },
    'no permission_missing',
  ],
  [
    'grant between: a row that says both ends asks',
    MAY_BETWEEN,
    { rows: [grant8ends, grant7xEnds] },
    "ask: permissions in '1'",
  ],
  [
    'grant between: a row that says both ends, held on it',
    MAY_BETWEEN,
    { rows: [grant7xEnds], held: { 1: [`${G}:7`] } },
    'yes: project p=3, org o=1',
  ],
  [
    'grant between: a row that says both ends, held on another',
    MAY_BETWEEN,
    { rows: [grant7xEnds], held: { 1: [`${G}:8`] } },
    'no permission_missing',
  ],
  [
    'grant between: a row that says one end',
    MAY_BETWEEN,
    { rows: [row('projectGrant', '8', 'X', { projectId: '4', grantedOrgId: '1' })] },
    'no permission_missing',
  ],
  [
    'grant between: a row of the organization asks whether there is one',
    MAY_BETWEEN,
    { rows: [org1x] },
    'ask: grant of 3 to 1',
  ],
  [
    'grant between: a row of the instance asks whether there is one',
    MAY_BETWEEN,
    { rows: [viewer] },
    'ask: grant of 3 to 1',
  ],
  [
    'grant between: a bare row asks whether it is that one',
    MAY_BETWEEN,
    { rows: [grant8] },
    'ask: grant of 3 to 1',
  ],
  [
    'grant between: it is that one',
    MAY_BETWEEN,
    { rows: [grant8, grant7], between: ends, held: { 1: [`${G}:7`] } },
    'yes: project p=3, org o=1',
  ],
  [
    'grant between: it is not that one',
    MAY_BETWEEN,
    { rows: [grant8], between: ends, held: { 1: [G] } },
    'no permission_missing',
  ],
  [
    'grant between: there is none',
    MAY_BETWEEN,
    { rows: [org1x], between: null, held: { 1: [G] } },
    'no permission_missing',
  ],
  [
    'grant between: by the organization',
    MAY_BETWEEN,
    { rows: [org1x], between: ends, held: { 1: [G] } },
    'yes: project p=3, org o=1',
  ],
  [
    'grant between: whose id is not known, by the organization',
    MAY_BETWEEN,
    { rows: [org1x], between: { projectId: '3', grantedOrgId: '1' }, held: { 1: [G] } },
    'yes: project p=3, org o=1',
  ],
  [
    'grant between: whose id is not known, held on some',
    MAY_BETWEEN,
    {
      rows: [org1x],
      between: { projectId: '3', grantedOrgId: '1' },
      held: { 1: [`${G}:`, `${G}:undefined`] },
    },
    'no permission_missing',
  ],
  [
    'grant between: over the cap, the row that was asked for',
    MAY_BETWEEN,
    { apart: { instance: [], 'grant 3/1': [grant7ends], 'org 1': [] }, held: { 1: [`${G}:7`] } },
    'yes: project p=3, org o=1',
  ],
];

const TREES: readonly [string, Requirement, Known, string][] = [
  [
    'any: what a part asks does not matter beside a yes',
    anyOf(ON_PROJECT, ON_ORG),
    { rows: [org1] },
    'yes by org 1: org o=1',
  ],
  [
    'any: a no keeps what was asked',
    anyOf(ON_PROJECT, MAY_ORG),
    { rows: [org2] },
    'ask: owner of 3 under 2',
  ],
  [
    'any: both ask',
    anyOf(ON_PROJECT, MAY_ORG),
    { rows: [org1, org2] },
    "ask: owner of 3 under 1,2; permissions in '1'",
  ],
  [
    'all: both ask',
    allOf(ON_PROJECT, MAY_ORG),
    { rows: [org1] },
    "ask: owner of 3 under 1; permissions in '1'",
  ],
  [
    'all: checks of both',
    allOf(ON_PROJECT, ON_ORG, ON_GRANT),
    { rows: [project3, org1, grant7] },
    'yes by projectGrant 7: project p=3, org o=1, projectGrant g=7',
  ],
  [
    'all: an organization, and a project of it',
    allOf(ON_ORG, ON_PROJECT_OF),
    { rows: [org1, project3of1] },
    'yes by project 3: org o=1, org o=1, project p=3',
  ],
  [
    'all: a part that held counts for nothing where another asks',
    allOf(ON_ORG, ON_PROJECT),
    { rows: [org1] },
    'ask: owner of 3 under 1',
  ],
  [
    'all: a part that held counts for nothing where another is denied',
    allOf(ON_ORG, MAY_ORG),
    { rows: [org1], held: { 1: [] } },
    'no permission_missing',
  ],
  [
    'any: a part of which a part held counts for nothing',
    anyOf(allOf(ON_ORG, ON_PROJECT), ON_GRANT),
    { rows: [org1, grant7], owner: null },
    'yes by projectGrant 7: projectGrant g=7',
  ],
  [
    'any: the first that holds ends it',
    anyOf(ON_ORG, ON_GRANT),
    { rows: [org1, grant7] },
    'yes by org 1: org o=1',
  ],
  [
    'all: the first that is denied is the reason',
    allOf(MAY_ORG, ON_GRANT),
    { rows: [org1x], held: { 1: [] } },
    'no permission_missing',
  ],
  [
    'all: one that comes first asks, one that is denied ends it',
    allOf(ON_PROJECT, MAY_ORG, ON_GRANT),
    { rows: [org1], held: { 1: [] } },
    'no permission_missing',
  ],
  [
    'any: one that was denied is no reason where another held',
    allOf(anyOf(ON_GRANT, ON_ORG), MAY_ORG),
    { rows: [org1], held: { 1: [] }, grant: null },
    'no permission_missing',
  ],
  [
    'any: nothing is missing of a yes',
    anyOf(ON_GRANT, ON_ORG),
    { rows: [org1], grant: null },
    'yes by org 1: org o=1',
  ],
  [
    'a home',
    allOf(authenticated({ organizations: ['1'] }), ON_ORG),
    { rows: [org1], claims: { 'urn:zitadel:iam:user:resourceowner:id': '1' } },
    'yes by org 1: org o=1',
  ],
  [
    'no home',
    authenticated({ organizations: ['1'] }),
    { claims: { 'urn:zitadel:iam:user:resourceowner:id': 1 } },
    'no organization_not_accepted',
  ],
  [
    'a project role: the project is not named',
    projectRole('a', {
      project: project.param('p'),
      org: org.param('o'),
      acrossOrganizations: true,
    }),
    {
      ids: { o: '1' },
      claims: { 'urn:zitadel:iam:org:project:undefined:roles': { a: { 1: 'x' } } },
    },
    'no project_role_missing',
  ],
  [
    'a project role: the organization is not named',
    projectRole('a', {
      project: project.param('p'),
      org: org.param('o'),
      acrossOrganizations: true,
    }),
    {
      ids: { p: '3' },
      claims: { 'urn:zitadel:iam:org:project:3:roles': { a: { undefined: 'x' } } },
    },
    'no project_role_missing',
  ],
  [
    'a project role: held',
    projectRole('a', {
      project: project.param('p'),
      org: org.param('o'),
      acrossOrganizations: true,
    }),
    { claims: { 'urn:zitadel:iam:org:project:3:roles': { a: { 1: 'x' } } } },
    'yes: project p=3, org o=1',
  ],
  [
    'a project role: not held',
    projectRole(['a', 'b'], {
      project: project.param('p'),
      org: org.param('o'),
      acrossOrganizations: true,
    }),
    { claims: { 'urn:zitadel:iam:org:project:3:roles': [{ c: { 1: 'x' } }, { a: { 2: 'x' } }] } },
    'no project_role_missing',
  ],
];

describe.each([
  ['a role', ROLES],
  ['a permission', PERMISSIONS],
  ['several conditions', TREES],
])('%s on', (_of, table) => {
  it.each(table)('%s', (_what, requirement, known, expected) => {
    expect(said(requirement, known)).toBe(expected);
  });
});

describe('what is hidden', () => {
  it('says from whom', () => {
    expect([{ hiddenIn: [] }, ends, null, undefined].map(isHidden)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
