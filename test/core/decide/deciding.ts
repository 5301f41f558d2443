import { indexOf, type Membership, type MembershipIndex } from '../../../lib/core/caller.js';
import {
  type CallerFacts,
  type Case,
  type Facts,
  type GrantFact,
  type Need,
  openCase,
} from '../../../lib/core/decide/case.js';
import { decide } from '../../../lib/core/decide/decide.js';
import {
  compile,
  type Compiled,
  type CompileSettings,
} from '../../../lib/core/requirement/compile.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import type { Row } from '../../evidence/oracle.js';
import { GRANTS, OWNERS } from './worlds.js';

const KIND = {
  instance: 'instance',
  org: 'org',
  project: 'project',
  grant: 'projectGrant',
} as const;

export const SETTINGS: CompileSettings = {
  hierarchy: {},
  idPattern: /^[0-9]+$/,
  projectId: undefined,
  permissions: true,
};

/** What rows tell of their resource: as ZITADEL's do, or nothing. */
export type Told = 'all' | 'nothing';

/** A row as the library gets it. */
export function membershipOf({ kind, id, roles }: Row, told: Told): Membership {
  const row: Membership = { userId: 'alice', kind: KIND[kind], id, roles };
  const grant = GRANTS.get(id);
  const owner = OWNERS.get(id);
  if (told === 'nothing') return row;
  if (kind === 'project' && owner !== undefined) return { ...row, ownerOrgId: owner };
  return kind === 'grant' && grant
    ? { ...row, projectId: grant.project, grantedOrgId: grant.grantedOrg }
    : row;
}

function factOf(grantId: string): GrantFact | null {
  const grant = GRANTS.get(grantId);
  return grant ? { grantId, projectId: grant.project, grantedOrgId: grant.grantedOrg } : null;
}

function factBetween(projectId: string, orgId: string): GrantFact | null {
  for (const [id, { project, grantedOrg }] of GRANTS) {
    if (project === projectId && grantedOrg === orgId) return factOf(id);
  }
  return null;
}

/** Everything that ZITADEL knows. */
export const ALL_FACTS: Facts = {
  ownerOf: (id) => OWNERS.get(id) ?? null,
  grantOf: factOf,
  grantBetween: factBetween,
};

/** Nothing is known yet. */
export const NO_FACTS: Facts = {
  ownerOf: () => undefined,
  grantOf: () => undefined,
  grantBetween: () => undefined,
};

/** Facts that were asked for, one need at a time. */
export function factsAfter(needs: readonly Need[], all: Facts): Facts {
  const asked = new Set(needs.map((need) => JSON.stringify(need, sortless)));
  const has = (need: object) => asked.has(JSON.stringify(need, sortless));
  const more: Partial<CallerFacts> = {
    rowsOn: (on) => (has({ fact: 'rows', on }) ? all.rowsOn?.(on) : undefined),
    permissionsIn: (orgId) =>
      has({ fact: 'permissions', orgId }) ? all.permissionsIn?.(orgId) : undefined,
  };
  return {
    ownerOf: (projectId) =>
      has({ fact: 'owner', projectId }) ? all.ownerOf(projectId) : undefined,
    grantOf: (grantId) => (has({ fact: 'grant', grantId }) ? all.grantOf(grantId) : undefined),
    grantBetween: (projectId, grantedOrgId) =>
      has({ fact: 'grantBetween', projectId, grantedOrgId })
        ? all.grantBetween(projectId, grantedOrgId)
        : undefined,
    ...more,
  };
}

/** Under which organizations something is asked, and what a "no" would mean, makes no other fact of it. */
const HOW: ReadonlySet<string> = new Set(['orgIds', 'cut', 'certain']);
const sortless = (name: string, value: unknown) => (HOW.has(name) ? undefined : value);

/** The rows that an index over its cap is asked for apart. */
export function rowsApart(rows: readonly Membership[]): NonNullable<Facts['rowsOn']> {
  return (on) => {
    const fits = (row: Membership): boolean => {
      switch (on.kind) {
        case 'orgsByRoles':
          return row.kind === 'org' && row.roles.some((role) => on.roles.includes(role));
        case 'projectGrantBetween':
          return (
            row.kind === 'projectGrant' &&
            factBetween(on.projectId, on.grantedOrgId)?.grantId === row.id
          );
        case 'instance':
          return row.kind === 'instance';
        default:
          return row.kind === on.kind && row.id === on.id;
      }
    };
    return indexOf(rows.filter(fits));
  };
}

export interface Said {
  readonly verdict: 'yes' | 'no' | 'ask';
  readonly open: Case;
}

/** A requirement as decisions take it. */
export const prepared = (requirement: Requirement, settings: Partial<CompileSettings> = {}) =>
  compile(requirement, { ...SETTINGS, ...settings });

/** The ids of a requirement that names them itself. */
export const idsOf = ({ sources }: Compiled): (string | undefined)[] =>
  sources.map((source) => (source.from === 'literal' ? source.id : undefined));

/** One decision over what is at hand. */
export function decideOnce(
  compiled: Compiled,
  index: MembershipIndex,
  facts: Facts,
  claims: Readonly<Record<string, unknown>> = {},
  ids: readonly (string | undefined)[] = idsOf(compiled),
): Said {
  const open = openCase(compiled, ids, index, claims, facts);
  return { verdict: decide(open), open };
}

/** Asks for what is missing until it is decided; every need that was asked for, in order. */
export function decideByAsking(
  compiled: Compiled,
  index: MembershipIndex,
  all: Facts,
): Said & { readonly needs: readonly Need[]; readonly rounds: readonly (readonly Need[])[] } {
  const needs: Need[] = [];
  const rounds: (readonly Need[])[] = [];
  for (let round = 0; ; round += 1) {
    const said = decideOnce(compiled, index, factsAfter(needs, all));
    if (said.verdict !== 'ask') return { ...said, needs, rounds };
    if (round === 4) throw new Error('more rounds than a request is given');
    needs.push(...said.open.needs);
    rounds.push(said.open.needs);
  }
}
