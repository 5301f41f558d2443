import { describe, expect, it } from 'vitest';
import { indexOf, type MembershipIndex } from '../../../lib/core/caller.js';
import type { Facts, GivenRoles, Need } from '../../../lib/core/decide/case.js';
import {
  allOf,
  anyOf,
  authenticated,
  role,
  projectRole,
} from '../../../lib/core/requirement/builders.js';
import type { Compiled } from '../../../lib/core/requirement/compile.js';
import { org, project } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import {
  type Demand,
  idsOf,
  isWorthAsking,
  leavesThatCarry,
  PRINTED,
  type Question,
  type Row,
  satisfies,
  type Table,
  type Target,
  verdictOf,
  type World,
} from '../../evidence/oracle.js';
import { seededRandom } from '../../evidence/seeded-random.js';
import {
  ALL_FACTS,
  decideByAsking,
  decideOnce,
  idsOf as idsOfRequirement,
  membershipOf,
  NO_FACTS,
  prepared,
  rowsApart,
  type Told,
} from './deciding.js';
import { LEAVES, permissionFor, requirementOf, targetsOf } from './requirements.js';
import { GRANTS, IDS, KINDS, OWNERS, ROWS, TABLES } from './worlds.js';

const NOTHING = { params: {}, query: {}, body: {}, headers: {} };
const worldOf = (rows: readonly Row[]): World => ({ owners: OWNERS, grants: GRANTS, rows });
const SINGLE = ROWS.map((row) => [row]);
const word = (holds: boolean) => (holds ? 'yes' : 'no');

function questionsOf(need: Need): readonly Question[] {
  switch (need.fact) {
    case 'owner':
      return need.orgIds.map((under) => ({ about: 'owner', project: need.projectId, under }));
    case 'grant':
      return need.orgIds.map((under) => ({ about: 'grant', grant: need.grantId, under }));
    case 'grantBetween':
      return [{ about: 'grant between', project: need.projectId, grantedOrg: need.grantedOrgId }];
    default:
      return [];
  }
}

interface Indexes {
  readonly told: Told;
  readonly whole: MembershipIndex;
  /** Over the cap: one row came, or none. */
  readonly half: MembershipIndex;
  readonly none: MembershipIndex;
  readonly facts: Facts;
}

const INDEXES = new WeakMap<readonly Row[], readonly Indexes[]>();

function indexesOf(rows: readonly Row[]): readonly Indexes[] {
  const known = INDEXES.get(rows);
  if (known) return known;
  const indexes = (['all', 'nothing'] as const).map((told) => {
    const memberships = rows.map((row) => membershipOf(row, told));
    return {
      told,
      whole: indexOf(memberships),
      half: indexOf(memberships.slice(0, 1), false),
      none: indexOf([], false),
      facts: { ...ALL_FACTS, rowsOn: rowsApart(memberships) },
    };
  });
  INDEXES.set(rows, indexes);
  return indexes;
}

/** What is wrong with how a demand is decided over some rows, by everything that is known and by asking, whole and over the cap. */
function wrongWith(
  rows: readonly Row[],
  demand: Demand,
  table: Table,
  compiled: Compiled,
): readonly string[] {
  const wrong: string[] = [];
  const expected = word(verdictOf(worldOf(rows), demand, NOTHING, table) === 'allowed');
  const about = () => `${JSON.stringify(demand)} by ${JSON.stringify(rows)}`;
  const note = (how: string, said: string) => {
    if (said !== expected) wrong.push(`${how}: ${said} and not ${expected}: ${about()}`);
  };
  for (const { told, whole, half, none, facts } of indexesOf(rows)) {
    note(`all known, rows tell ${told}`, decideOnce(compiled, whole, ALL_FACTS).verdict);
    const asked = decideByAsking(compiled, whole, ALL_FACTS);
    note(`asked, rows tell ${told}`, asked.verdict);
    for (const need of asked.needs) {
      if ('orgIds' in need && need.orgIds.length === 0) wrong.push(`asks nobody: ${about()}`);
    }
    for (const question of asked.needs.flatMap(questionsOf)) {
      // A row that tells both ends of another grant is no reason to ask for this one.
      const apart = told === 'all' && question.about === 'grant between';
      const reasons = apart
        ? rows.filter((row) => row.kind !== 'grant' || !GRANTS.has(row.id))
        : rows;
      if (!isWorthAsking(question, reasons, demand, NOTHING, table)) {
        wrong.push(`asks ${JSON.stringify(question)} for nothing: ${about()}`);
      }
    }
    if (asked.needs.some(({ fact }) => fact === 'rows')) wrong.push(`asks for rows: ${about()}`);
    const over = decideByAsking(compiled, none, facts);
    note(`over the cap, rows tell ${told}`, over.verdict);
    // Under which organizations a grant is asked for, the rows say: they come first.
    const isHasty = (round: readonly Need[]) =>
      round.some(({ fact }) => fact === 'grant') &&
      round.some((need) => need.fact === 'rows' && need.on.kind === 'orgsByRoles');
    if (over.rounds.some(isHasty) && !('every' in demand || 'some' in demand)) {
      wrong.push(`asks for a grant too early: ${about()}`);
    }
    note(`half over the cap, rows tell ${told}`, decideByAsking(compiled, half, facts).verdict);
  }
  return wrong;
}

describe('a role', () => {
  it.each(Object.entries(TABLES))(
    'is held where a row of one’s own reaches, and nowhere else, by a hierarchy %s',
    (name, table) => {
      const wrong: string[] = [];
      // Scope is the same by every table: of the others the roles are tried that they name.
      const tried = table === PRINTED ? () => true : mentions(table);
      for (const leaf of LEAVES.filter(tried)) {
        const compiled = prepared(requirementOf(leaf), { hierarchy: table });
        for (const rows of SINGLE.filter(([row]) => row && tried(row))) {
          wrong.push(...wrongWith(rows, leaf, table, compiled));
        }
      }
      expect(wrong.slice(0, 5), name).toEqual([]);
    },
  );

  it('is not held on what a request does not name, and nothing is asked for it', () => {
    const wrong: string[] = [];
    for (const leaf of LEAVES) {
      const compiled = prepared(requirementOf(leaf), { hierarchy: PRINTED });
      const ids = idsOfRequirement(compiled);
      for (const missing of ids.keys()) {
        const left = ids.map((id, at) => (at === missing ? undefined : id));
        for (const [row] of SINGLE) {
          const index = indexOf(row ? [membershipOf(row, 'nothing')] : []);
          const { verdict, open } = decideOnce(compiled, index, NO_FACTS, {}, left);
          if (verdict !== 'no' || open.needs.length > 0) {
            wrong.push(`${verdict}: ${JSON.stringify([leaf, left, row, open.needs])}`);
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  it('is held by any of several rows, in any tree of requirements', () => {
    const random = seededRandom(20_261_128, 0);
    const demandOf = (depth: number): Demand => {
      const dice = random.next();
      if (depth === 0 || dice < 0.4) return random.pick(LEAVES);
      const parts = [demandOf(depth - 1), demandOf(depth - 1), demandOf(depth - 1)];
      return dice < 0.7 ? { every: parts.slice(1) } : { some: parts };
    };
    const wrong: string[] = [];
    const seen = new Map<string, number>();
    for (let turn = 0; turn < 500; turn += 1) {
      const rows = Array.from({ length: random.below(6) }, () => random.pick(ROWS));
      const demand = demandOf(2);
      const compiled = prepared(requirementOf(demand), { hierarchy: PRINTED });
      wrong.push(...wrongWith(rows, demand, PRINTED, compiled));
      const said = decideOnce(
        compiled,
        indexOf(rows.map((row) => membershipOf(row, 'all'))),
        ALL_FACTS,
      );
      seen.set(said.verdict, (seen.get(said.verdict) ?? 0) + 1);
      if (said.verdict !== 'yes') continue;
      const carrying = leavesThatCarry(worldOf(rows), demand, NOTHING, PRINTED);
      const by = said.open.by;
      const same = rows.filter(
        ({ kind, id }) => by?.id === id && by.kind.toLowerCase().endsWith(kind),
      );
      if (!carrying.some((leaf) => satisfies(worldOf(rows), same, leaf, NOTHING, PRINTED))) {
        wrong.push(`carried by ${JSON.stringify(by)}: ${JSON.stringify(demand)}`);
      }
      const ids = new Set(carrying.flatMap(({ target }) => idsOf(target, NOTHING) ?? []));
      for (const { id } of said.open.checked) {
        if (!ids.has(id)) wrong.push(`checked ${id}: ${JSON.stringify(demand)}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    for (const each of ['yes', 'no']) expect(seen.get(each)).toBeGreaterThan(25);
  });
});

function mentions(table: Table): (one: Row | Demand) => boolean {
  const names = new Set(Object.entries(table).flatMap(([role, lower]) => [role, ...lower]));
  const some =
    names.size > 0 ? names : new Set(['ORG_OWNER', 'PROJECT_OWNER', 'PROJECT_GRANT_OWNER']);
  return (one) => 'roles' in one && one.roles.some((each) => some.has(each));
}

describe('a permission', () => {
  const P = 'project.read';
  type Held = ReadonlyMap<string, readonly string[]>;
  const TARGETS = KINDS.flatMap(targetsOf).filter(
    (target) => target.on === 'org' || target.on === 'grant' || 'ownedBy' in target,
  );
  const ANY_ROW = SINGLE.filter(
    ([row]) =>
      row?.roles[0] ===
      {
        instance: 'IAM_OWNER',
        org: 'ORG_USER_MANAGER',
        project: 'PROJECT_OWNER',
        grant: 'PROJECT_GRANT_OWNER',
      }[row?.kind ?? 'org'],
  );
  const HELD: readonly Held[] = [
    new Map(),
    new Map(IDS.map((id) => [id, ['project.write', `project.write:${id}`, `${P}:`, `${P}:9`]])),
    ...IDS.slice(0, 3).flatMap((orgId) => [
      new Map([[orgId, [P]]]),
      ...IDS.map((id) => new Map([[orgId, [`${P}:${id}`]]])),
    ]),
  ];

  /** In words: some row on the resource, on the organization it belongs to, or on the instance; and ZITADEL says so there. */
  function holds(target: Target, rows: readonly Row[], held: Held): boolean {
    const [one = '', two = ''] = idsOf(target, NOTHING) ?? [];
    const on = (kind: Row['kind'], id: string) =>
      rows.some((row) => row.kind === 'instance' || (row.kind === kind && row.id === id));
    const said = (orgId: string, id?: string) =>
      (held.get(orgId) ?? []).some((each) => each === P || each === `${P}:${id ?? 'none'}`);
    if (target.on === 'org') return on('org', one) && said(one);
    if (target.on === 'project') {
      return OWNERS.get(one) === two && (on('project', one) || on('org', two)) && said(two, one);
    }
    for (const [id, { project: of, grantedOrg }] of GRANTS) {
      const isIt = 'id' in target ? id === one : of === one && grantedOrg === two;
      if (isIt) return (on('grant', id) || on('org', grantedOrg)) && said(grantedOrg, id);
    }
    return false;
  }

  it('counts by ZITADEL’s word in the organization of the resource, for those with a row that reaches it', () => {
    const wrong: string[] = [];
    const everything: Held = new Map(IDS.map((id) => [id, [P]]));
    /** Who owns a project, and what a grant is, is asked only of those who may do it there. */
    const reaches = (target: Target, rows: readonly Row[]) => {
      if (target.on !== 'org' && rows.some(({ kind }) => kind === 'instance')) return true;
      if (target.on !== 'project') return holds(target, rows, everything);
      const [one, two] = idsOf(target, NOTHING) ?? [];
      return rows.some(({ kind, id }) => id === (kind === 'org' ? two : one));
    };
    for (const target of TARGETS) {
      // Any one of them is enough.
      const compiled = prepared(permissionFor(['project.role.read', P], target));
      for (const rows of [[], ...ANY_ROW]) {
        for (const held of HELD) {
          const permissionsIn = (orgId: string) => new Set(held.get(orgId));
          const expected = word(holds(target, rows, held));
          for (const { told, whole, none, facts } of indexesOf(rows)) {
            for (const index of [whole, none]) {
              const said = decideByAsking(compiled, index, { ...facts, permissionsIn });
              const about = () => `${JSON.stringify([target, rows, [...held]])}, rows tell ${told}`;
              if (said.verdict !== expected) wrong.push(`not ${expected}: ${about()}`);
              if (rows.length === 0 && index === whole && said.needs.length > 0) {
                wrong.push(`asks for nobody: ${about()}`);
              }
              // Nobody without a row that could count makes us ask.
              const asks = said.needs.some(({ fact }) => fact === 'permissions');
              if (asks && !reaches(target, rows)) wrong.push(`asks: ${about()}`);
            }
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

describe('what a token says', () => {
  const HOME = 'urn:zitadel:iam:user:resourceowner:id';
  const rolesOf = (id: string) => `urn:zitadel:iam:org:project:${id}:roles`;
  const editor = { editor: { '1': 'acme.example' } };
  const table: readonly [string, Requirement, Record<string, unknown>, 'yes' | 'no'][] = [
    [
      'a role at home',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: editor },
      'yes',
    ],
    [
      'a role in a list of claims',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: [{}, editor] },
      'yes',
    ],
    [
      'another role',
      projectRole('admin', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: editor },
      'no',
    ],
    [
      'one of two roles',
      projectRole(['admin', 'editor'], { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: editor },
      'yes',
    ],
    [
      'a role of another project',
      projectRole('editor', { project: '8', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: editor },
      'no',
    ],
    [
      'a role of nobody’s project',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '1', 'urn:zitadel:iam:org:project:roles': editor },
      'no',
    ],
    [
      'a role from another organization',
      projectRole('editor', { project: '7', org: '2' }),
      { [HOME]: '2', [rolesOf('7')]: editor },
      'no',
    ],
    [
      'a role away from home',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '2', [rolesOf('7')]: editor },
      'no',
    ],
    [
      'the same, where that is allowed',
      projectRole('editor', { project: '7', org: '1', acrossOrganizations: true }),
      { [HOME]: '2', [rolesOf('7')]: editor },
      'yes',
    ],
    [
      'a role without a home',
      projectRole('editor', { project: '7', org: '1' }),
      { [rolesOf('7')]: editor },
      'no',
    ],
    [
      'a role that the prototype has',
      projectRole('constructor', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: {} },
      'no',
    ],
    [
      'a role that is no object',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: { editor: true } },
      'no',
    ],
    [
      'a role whose organization has no name',
      projectRole('editor', { project: '7', org: '1' }),
      { [HOME]: '1', [rolesOf('7')]: { editor: { '1': null } } },
      'no',
    ],
    ['the home organization', authenticated({ organizations: ['1', '2'] }), { [HOME]: '2' }, 'yes'],
    ['another home', authenticated({ organizations: ['1', '2'] }), { [HOME]: '3' }, 'no'],
    ['no home', authenticated({ organizations: ['1'] }), {}, 'no'],
    ['a home that is no string', authenticated({ organizations: ['1'] }), { [HOME]: ['1'] }, 'no'],
    ['nothing but a caller', authenticated(), {}, 'yes'],
  ];
  it.each(table)('%s', (_what, requirement, claims, expected) => {
    const compiled = prepared(requirement);
    const said = decideOnce(compiled, indexOf([]), NO_FACTS, claims);
    expect(said.verdict).toBe(expected);
    // An inherited claim is none.
    expect(
      decideOnce(compiled, indexOf([]), NO_FACTS, Object.create(claims) as object as never).verdict,
    ).toBe(requirement === authenticated() ? 'yes' : 'no');
  });

  it('names what it checked: the project only where the requirement did', () => {
    const claims = { [HOME]: '1', [rolesOf('7')]: editor };
    const named = decideOnce(
      prepared(projectRole('editor', { project: '7', org: '1' })),
      indexOf([]),
      NO_FACTS,
      claims,
    );
    expect(named.open.checked.map(({ kind, id }) => [kind, id])).toEqual([
      ['project', '7'],
      ['org', '1'],
    ]);
    const option = prepared(projectRole('editor', { org: '1' }), { projectId: '7' });
    const said = decideOnce(option, indexOf([]), NO_FACTS, claims);
    expect(said.open.checked.map(({ kind, id }) => [kind, id])).toEqual([['org', '1']]);
  });
});

describe('what ZITADEL’s authorizations say', () => {
  const HOME = 'urn:zitadel:iam:user:resourceowner:id';
  const ROLES = 'urn:zitadel:iam:org:project:7:roles';
  const atHome = projectRole('editor', { project: '7', org: '1' });
  const anywhere = projectRole('editor', { project: '7', org: '1', acrossOrganizations: true });
  const oneOfTwo = projectRole(['admin', 'editor'], { project: '7', org: '1' });
  const need = { fact: 'projectRoles', projectId: '7', orgId: '1' };
  const editor = { roles: ['viewer', 'editor'], home: '1' };

  it.each<[string, Requirement, Record<string, unknown>, GivenRoles, 'yes' | 'no']>([
    ['a role at home', atHome, {}, editor, 'yes'],
    ['another role', atHome, {}, { ...editor, roles: ['viewer'] }, 'no'],
    ['one role of two', oneOfTwo, {}, editor, 'yes'],
    ['no role', atHome, {}, { ...editor, roles: [] }, 'no'],
    ['a role away from home', atHome, {}, { ...editor, home: '2' }, 'no'],
    ['a role without a home', atHome, {}, { ...editor, home: undefined }, 'no'],
    ['the same, where that is allowed', anywhere, {}, { ...editor, home: undefined }, 'yes'],
    ['a role, where the token tells the home', atHome, { [HOME]: '1' }, editor, 'yes'],
    [
      'a role, where it tells another home than the token',
      atHome,
      { [HOME]: '1' },
      { ...editor, home: '2' },
      'yes',
    ],
    ['a role, where the token tells no home', atHome, { [ROLES]: {} }, editor, 'yes'],
    ['a role away from home, where that is allowed', anywhere, { [HOME]: '2' }, editor, 'yes'],
  ])('decides where the token does not tell: %s', (_what, asked, claims, given, expected) => {
    const compiled = prepared(asked, { projectRoles: 'api' });
    const first = decideOnce(compiled, indexOf([]), NO_FACTS, claims);
    expect([first.verdict, first.open.needs]).toEqual(['ask', [need]]);
    const rolesGiven = () => given;
    const said = decideOnce(compiled, indexOf([]), { ...NO_FACTS, rolesGiven }, claims);
    expect([said.verdict, said.open.needs]).toEqual([expected, []]);
    const checked = expected === 'yes' ? ['project 7', 'org 1'] : [];
    expect(said.open.checked.map(({ kind, id }) => `${kind} ${id}`)).toEqual(checked);
  });

  it.each<[string, Requirement, Record<string, unknown>, 'yes' | 'no']>([
    ['roles and home', atHome, { [HOME]: '1', [ROLES]: { editor: { '1': 'a.example' } } }, 'yes'],
    ['other roles and home', atHome, { [HOME]: '1', [ROLES]: {} }, 'no'],
    ['another home', atHome, { [HOME]: '2' }, 'no'],
    ['roles, where the home does not matter', anywhere, { [ROLES]: {} }, 'no'],
  ])('is not asked where the token tells %s', (_what, asked, claims, expected) => {
    const compiled = prepared(asked, { projectRoles: 'api' });
    const said = decideOnce(compiled, indexOf([]), NO_FACTS, claims);
    expect([said.verdict, said.open.needs]).toEqual([expected, []]);
  });

  it('is not asked unless the option says so', () => {
    expect(decideOnce(prepared(atHome), indexOf([]), NO_FACTS).verdict).toBe('no');
  });
});

describe('a tree', () => {
  const YES = role('ORG_OWNER', org('1'));
  const NO = role('ORG_OWNER', org('2'));
  const NO_HOME = authenticated({ organizations: ['1'] });
  const ASK = role('PROJECT_OWNER', project('3'));
  const index = indexOf([membershipOf({ kind: 'org', id: '1', roles: ['ORG_OWNER'] }, 'all')]);
  const table: readonly [string, Requirement, 'yes' | 'no' | 'ask', string?][] = [
    ['all of yes and yes', allOf(YES, YES), 'yes'],
    ['all of yes and no', allOf(YES, NO), 'no', 'role_missing'],
    ['all of no and yes', allOf(NO, YES), 'no', 'role_missing'],
    ['all of ask and no', allOf(ASK, NO), 'no', 'role_missing'],
    ['all of no and ask', allOf(NO, ASK), 'no', 'role_missing'],
    ['all of ask and yes', allOf(ASK, YES), 'ask'],
    ['any of no and yes', anyOf(NO, YES), 'yes'],
    ['any of yes and no', anyOf(YES, NO), 'yes'],
    ['any of ask and yes', anyOf(ASK, YES), 'yes'],
    ['any of no and ask', anyOf(NO, ASK), 'ask'],
    ['any of no and no home', anyOf(NO, NO_HOME), 'no', 'role_missing'],
    ['any of no home and no', anyOf(NO_HOME, NO), 'no', 'organization_not_accepted'],
    [
      'all of any (no, yes) and no home',
      allOf(anyOf(NO, YES), NO_HOME),
      'no',
      'organization_not_accepted',
    ],
    ['any of all (yes, no) and all (yes, yes)', anyOf(allOf(YES, NO), allOf(YES, YES)), 'yes'],
  ];
  it.each(table)('%s', (_what, requirement, verdict, missing) => {
    const said = decideOnce(prepared(requirement, { hierarchy: PRINTED }), index, NO_FACTS);
    expect(said.verdict).toBe(verdict);
    if (verdict !== 'ask') expect(said.open.missing).toBe(missing);
    expect(said.open.needs.length > 0).toBe(verdict === 'ask');
    // What is denied, or not known yet, proves nothing.
    if (verdict !== 'yes') expect([said.open.by, said.open.checked]).toEqual([undefined, []]);
    else expect(said.open.by?.id).toBe('1');
  });
});

describe('ids of a request', () => {
  it('that stand in two places under one name are two ids, and one where they are the same', () => {
    const read = (id: () => string) => org.from(id);
    const one = () => '1';
    const compiled = prepared(
      allOf(
        ...[
          org.param('id'),
          org.query('id'),
          org.body('id'),
          org.header('id'),
          read(one),
          read(() => '1'),
          org('1'),
          org('2'),
          // Once more.
          org.param('id'),
          org.query('id'),
          read(one),
          org('2'),
        ].map((ref) => role('ORG_OWNER', ref)),
      ),
    );
    expect(compiled.sources).toHaveLength(8);
  });
});
