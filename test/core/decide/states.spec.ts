import { describe, expect, it } from 'vitest';
import { indexOf, type Membership } from '../../../lib/core/caller.js';
import type { Facts, Deactivable, StateFact, StateOf } from '../../../lib/core/decide/case.js';
import { type Carrier, standingOf } from '../../../lib/core/decide/rows.js';
import { permission, role } from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import { PRINTED } from '../../evidence/oracle.js';
import { ALL_FACTS, decideOnce, NO_FACTS, prepared, rowsApart } from './deciding.js';

const nameOf = ({ kind, id }: Pick<Deactivable, 'kind' | 'id'>) => `${kind} ${id}`;

/** What ZITADEL has said: everything else was not asked yet. */
const saying =
  (said: Readonly<Record<string, StateFact>>): StateOf =>
  (of) =>
    said[nameOf(of)];
const ACTIVE: StateFact = { isActive: true };
const INACTIVE: StateFact = { isActive: false };
const allActive: StateOf = () => ACTIVE;
const without =
  (...names: readonly string[]): StateOf =>
  (of) =>
    names.includes(nameOf(of)) ? INACTIVE : ACTIVE;

const ORG: Carrier = { kind: 'org', id: '1' };
const PROJECT: Carrier = { kind: 'project', id: '1', ownerOrgId: '2' };
const GRANT: Carrier = {
  kind: 'projectGrant',
  id: '2',
  projectId: '1',
  ownerOrgId: '2',
  grantedOrgId: '3',
};
const BARE_PROJECT: Carrier = { kind: 'project', id: '1' };
const BARE_GRANT: Carrier = { kind: 'projectGrant', id: '2' };
const OF_PROJECT: StateFact = { isActive: true, ownerOrgId: '2' };
const OF_GRANT: StateFact = { isActive: true, projectId: '1', ownerOrgId: '2', grantedOrgId: '3' };

describe('what a row rests on', () => {
  it.each<[string, Carrier, readonly Deactivable[]]>([
    ['the instance: nothing that can be deactivated', { kind: 'instance', id: '' }, []],
    ['an organization', ORG, [{ kind: 'org', id: '1' }]],
    ['an organization, whoever owns it', { ...ORG, ownerOrgId: '7' }, [{ kind: 'org', id: '1' }]],
    ['a project and its owner', PROJECT, [PROJECT as Deactivable, { kind: 'org', id: '2' }]],
    [
      'a grant, its project, its owner, and the granted organization',
      GRANT,
      [
        GRANT as Deactivable,
        { kind: 'project', id: '1', ownerOrgId: '2' },
        { kind: 'org', id: '2' },
        { kind: 'org', id: '3' },
      ],
    ],
    ['a project whose owner the row does not name', BARE_PROJECT, [BARE_PROJECT as Deactivable]],
    ['a grant whose ends the row does not name', BARE_GRANT, [BARE_GRANT as Deactivable]],
  ])('is asked for: %s', (_what, row, of) => {
    expect(standingOf(row, saying({}))).toEqual(of);
    expect(standingOf(row, allActive)).toEqual([]);
  });

  it('is learned of ZITADEL where the row does not say it', () => {
    expect(standingOf(BARE_PROJECT, saying({ 'project 1': OF_PROJECT }))).toEqual([
      { kind: 'org', id: '2' },
    ]);
    expect(standingOf(BARE_GRANT, saying({ 'projectGrant 2': OF_GRANT }))).toEqual([
      { kind: 'project', id: '1', ownerOrgId: '2' },
      { kind: 'org', id: '2' },
      { kind: 'org', id: '3' },
    ]);
  });

  it('is what the row says, if it says it', () => {
    const other: StateFact = { isActive: true, projectId: '9', ownerOrgId: '9', grantedOrgId: '9' };
    expect(standingOf(PROJECT, saying({ 'project 1': other }))).toEqual([{ kind: 'org', id: '2' }]);
    expect(standingOf(GRANT, saying({ 'projectGrant 2': other }))).toEqual([
      { kind: 'project', id: '1', ownerOrgId: '2' },
      { kind: 'org', id: '2' },
      { kind: 'org', id: '3' },
    ]);
  });

  it.each<[Carrier, readonly string[]]>([
    [ORG, ['org 1']],
    [PROJECT, ['project 1', 'org 2']],
    [GRANT, ['projectGrant 2', 'project 1', 'org 2', 'org 3']],
  ])('makes %j inactive, whichever part it is, also if others are not known yet', (row, names) => {
    for (const name of names) {
      expect(standingOf(row, without(name))).toBe('inactive');
      expect(standingOf(row, saying({ [name]: INACTIVE }))).toBe('inactive');
    }
    expect(standingOf(row, without('org 9'))).toEqual([]);
  });
});

const row = (carrier: Carrier, ...roles: readonly string[]): Membership => ({
  ...carrier,
  userId: 'alice',
  roles,
});
const OWNS_ORG = row(ORG, 'ORG_OWNER');
const OWNS_PROJECT = row(PROJECT, 'PROJECT_OWNER');
const OWNS_GRANT = row(GRANT, 'PROJECT_GRANT_OWNER');
const OWNS_GRANTED = row({ kind: 'org', id: '3' }, 'ORG_OWNER');
const OWNS_ALL = row({ kind: 'instance', id: '' }, 'IAM_OWNER');

interface Known {
  readonly stateOf?: StateOf;
  /** Permissions by organization. */
  readonly permissions?: Readonly<Record<string, readonly string[]>>;
  readonly facts?: Facts;
  /** More rows, of a list that is over its cap. */
  readonly beyond?: readonly Membership[];
}

function decided(
  requirement: Requirement,
  rows: readonly Membership[],
  { stateOf, permissions, facts = ALL_FACTS, beyond }: Known = {},
) {
  const held = (orgId: string) => permissions?.[orgId] && new Set(permissions[orgId]);
  const all: Facts = {
    ...facts,
    stateOf,
    permissionsIn: held,
    ...(beyond && { rowsOn: rowsApart(beyond) }),
  };
  const { verdict, open } = decideOnce(
    prepared(requirement, { hierarchy: PRINTED }),
    indexOf(rows, !beyond),
    all,
  );
  return { verdict, needs: open.needs };
}
const verdictOf = (...args: Parameters<typeof decided>) => decided(...args).verdict;

const ON_GRANT = projectGrant({ project: '1', grantedOrg: '3' });

describe('a role', () => {
  it.each<[string, Requirement, Membership, readonly string[]]>([
    ['an organization', role('ORG_OWNER', org('1')), OWNS_ORG, ['org 1']],
    ['a project', role('PROJECT_OWNER', project('1')), OWNS_PROJECT, ['project 1', 'org 2']],
    [
      'a grant',
      role('PROJECT_GRANT_OWNER', ON_GRANT),
      OWNS_GRANT,
      ['projectGrant 2', 'project 1', 'org 2', 'org 3'],
    ],
  ])('on %s counts while all of it is active', (_what, requirement, held, names) => {
    expect(verdictOf(requirement, [held], { stateOf: allActive })).toBe('yes');
    for (const name of names) {
      expect(verdictOf(requirement, [held], { stateOf: without(name) })).toBe('no');
    }
    expect(verdictOf(requirement, [held])).toBe('yes');
  });

  it('is not decided before all states are known that it rests on', () => {
    const requirement = role('PROJECT_OWNER', project('1'));
    expect(decided(requirement, [OWNS_PROJECT], { stateOf: saying({}) })).toEqual({
      verdict: 'ask',
      needs: [
        { fact: 'state', of: PROJECT },
        { fact: 'state', of: { kind: 'org', id: '2' } },
      ],
    });
    const stateOf = saying({ 'project 1': ACTIVE });
    expect(decided(requirement, [OWNS_PROJECT], { stateOf })).toEqual({
      verdict: 'ask',
      needs: [{ fact: 'state', of: { kind: 'org', id: '2' } }],
    });
  });

  it('that is inactive leaves another one that is not', () => {
    const requirement = role('PROJECT_GRANT_OWNER', ON_GRANT);
    const rows = [OWNS_GRANT, OWNS_GRANTED];
    expect(verdictOf(requirement, rows, { stateOf: without('project 1') })).toBe('yes');
    expect(verdictOf(requirement, rows, { stateOf: without('org 3') })).toBe('no');
  });

  it('on the instance rests on nothing', () => {
    const requirement = role('PROJECT_OWNER', project('1'));
    expect(verdictOf(requirement, [OWNS_ALL], { stateOf: () => INACTIVE })).toBe('yes');
    expect(decided(requirement, [OWNS_ALL], { stateOf: saying({}) }).needs).toEqual([]);
  });
});

describe('a permission', () => {
  const inOrg = permission('user.read', org('1'));
  const onProject = permission('project.read', project('1').in(org('2')));
  const onGrant = permission('project.grant.read', projectGrant('2'));
  const between = permission('project.grant.read', ON_GRANT);
  const permissions = { '1': ['user.read'] };

  it('in an organization counts while that is active', () => {
    expect(verdictOf(inOrg, [OWNS_ORG], { permissions, stateOf: allActive })).toBe('yes');
    expect(verdictOf(inOrg, [OWNS_ORG], { permissions, stateOf: without('org 1') })).toBe('no');
    expect(verdictOf(inOrg, [OWNS_ORG], { permissions })).toBe('yes');
    expect(decided(inOrg, [OWNS_ORG], { permissions, stateOf: saying({}) })).toEqual({
      verdict: 'ask',
      needs: [{ fact: 'state', of: { kind: 'org', id: '1' } }],
    });
  });

  it('in an inactive organization counts for who has the instance, and no row of that organization', () => {
    const stateOf = without('org 1');
    expect(verdictOf(inOrg, [OWNS_ALL], { permissions, stateOf })).toBe('yes');
    expect(verdictOf(inOrg, [OWNS_ALL, OWNS_ORG], { permissions, stateOf })).toBe('no');
    expect(decided(inOrg, [OWNS_ALL], { permissions, stateOf: saying({}) }).needs).toEqual([]);
  });

  it('is not decided before it is known whether there is a row of the organization', () => {
    const facts: Facts = {
      ...NO_FACTS,
      stateOf: allActive,
      permissionsIn: () => new Set(['user.read']),
    };
    const { verdict, open } = decideOnce(prepared(inOrg), indexOf([OWNS_ALL], false), facts);
    expect(verdict).toBe('ask');
    expect(open.needs).toEqual([{ fact: 'rows', on: { kind: 'org', id: '1' } }]);
  });

  it.each<[string, Requirement, Membership, Record<string, string[]>, readonly string[]]>([
    ['project', onProject, OWNS_PROJECT, { '2': ['project.read:1'] }, ['project 1', 'org 2']],
    [
      'grant that is named by its id',
      onGrant,
      OWNS_GRANT,
      { '3': ['project.grant.read:2'] },
      ['projectGrant 2', 'project 1', 'org 2', 'org 3'],
    ],
    [
      'grant that is named by its ends',
      between,
      OWNS_GRANT,
      { '3': ['project.grant.read:2'] },
      ['projectGrant 2', 'project 1', 'org 2', 'org 3'],
    ],
  ])('on one %s counts while all of it is active', (_what, requirement, held, given, names) => {
    const known = { permissions: { '2': [], '3': [], ...given } };
    expect(verdictOf(requirement, [held], { ...known, stateOf: allActive })).toBe('yes');
    for (const name of names) {
      expect(verdictOf(requirement, [held], { ...known, stateOf: without(name) })).toBe('no');
    }
  });

  it('on one project or grant counts for nothing without a row of it', () => {
    const given = { '2': ['project.read:1'], '3': ['project.grant.read:2'] };
    for (const requirement of [onProject, onGrant, between]) {
      const known = { permissions: given, stateOf: allActive };
      expect(verdictOf(requirement, [OWNS_ALL], known)).toBe('no');
      expect(verdictOf(requirement, [OWNS_ALL], { permissions: given })).toBe('yes');
    }
  });

  it('on a grant finds the row that names no ends, or is beyond the cap', () => {
    const known = { permissions: { '3': ['project.grant.read:2'] }, stateOf: allActive };
    const bare = row(BARE_GRANT, 'PROJECT_GRANT_OWNER');
    expect(verdictOf(between, [OWNS_ALL, bare], known)).toBe('yes');
    for (const requirement of [onGrant, between]) {
      expect(verdictOf(requirement, [OWNS_ALL], { ...known, beyond: [OWNS_GRANT] })).toBe('yes');
    }
  });

  it('on a grant finds the row that ZITADEL tells by the ends alone', () => {
    const facts: Facts = {
      ...ALL_FACTS,
      stateOf: allActive,
      permissionsIn: () => new Set(['project.grant.read:2']),
      rowsOn: ({ kind }) => indexOf(kind === 'projectGrantBetween' ? [OWNS_GRANT] : []),
    };
    const { verdict } = decideOnce(prepared(onGrant), indexOf([OWNS_ALL], false), facts);
    expect(verdict).toBe('yes');
  });

  it('in an organization of which there is no row counts while that is active', () => {
    const known = { permissions: { '2': ['project.read'] } };
    expect(verdictOf(onProject, [OWNS_PROJECT], { ...known, stateOf: allActive })).toBe('yes');
    const stateOf = without('org 2');
    expect(verdictOf(onProject, [OWNS_PROJECT], { ...known, stateOf })).toBe('no');
  });

  it('that the instance gives needs no row of the grant, and asks for none', () => {
    const facts: Facts = {
      ...ALL_FACTS,
      rowsOn: (on) => (on.kind === 'projectGrantBetween' ? undefined : indexOf([])),
    };
    const { verdict, open } = decideOnce(prepared(onGrant), indexOf([OWNS_ALL], false), facts);
    expect(verdict).toBe('ask');
    expect(open.needs).toEqual([{ fact: 'permissions', orgId: '3' }]);
  });

  it('that a row of the grant gives does not ask for rows of its organization', () => {
    const facts: Facts = {
      ...ALL_FACTS,
      rowsOn: (on) => (on.kind === 'instance' ? indexOf([]) : undefined),
    };
    const { open } = decideOnce(prepared(onGrant), indexOf([OWNS_GRANT], false), facts);
    expect(open.needs).toEqual([{ fact: 'permissions', orgId: '3' }]);
  });

  it('in the own organization, where a grant is hidden, says so too', () => {
    const facts: Facts = { ...NO_FACTS, grantOf: () => ({ hiddenIn: [''] }) };
    const permissions = { '': ['project.grant.read'] };
    expect(decided(onGrant, [OWNS_ORG], { permissions, facts, stateOf: saying({}) })).toEqual({
      verdict: 'ask',
      needs: [{ fact: 'grant', grantId: '2', orgIds: ['1'], certain: true }],
    });
  });

  it('in the own organization only says what to ask for, whatever is inactive', () => {
    const known = { permissions: { '': ['project.grant.read'] }, facts: NO_FACTS };
    for (const stateOf of [saying({}), without('org ')]) {
      expect(decided(onGrant, [OWNS_ALL], { ...known, stateOf })).toEqual({
        verdict: 'ask',
        needs: [{ fact: 'grant', grantId: '2', orgIds: [], certain: true }],
      });
    }
  });
});
