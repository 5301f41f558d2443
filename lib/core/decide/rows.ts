import type { Membership, MembershipIndex, RowsOn } from '../caller.js';
import type { ResourceKind } from '../requirement/roles.js';
import {
  ask,
  ASK,
  type Case,
  type Deactivable,
  type BothEnds,
  type GrantNeed,
  type Hidden,
  NO,
  type StateOf,
  type Verdict,
  YES,
} from './case.js';

/** The rows on one resource, if the list is over its cap. Undefined if the list is whole, or the rows must be asked for first. */
function apart(open: Case, on: RowsOn): MembershipIndex | undefined {
  if (open.index.complete) return undefined;
  const said = open.facts.rowsOn?.(on);
  if (!said) ask(open, { fact: 'rows', on });
  return said;
}

/** The row of the instance, an organization, a project or a project grant. */
export function rowOf(open: Case, kind: ResourceKind, id: string): Membership | undefined {
  return rowIn(open.index, kind, id) ?? rowApart(open, kind, id);
}

/** The same, if it holds one of the roles. */
export function held(
  open: Case,
  kind: ResourceKind,
  id: string,
  roles: ReadonlySet<string>,
): Membership | undefined {
  return (
    satisfies(open, rowIn(open.index, kind, id), roles) ??
    satisfies(open, rowApart(open, kind, id), roles)
  );
}

function rowApart(open: Case, kind: ResourceKind, id: string): Membership | undefined {
  if (open.index.complete) return undefined;
  const said = apart(open, kind === 'instance' ? { kind } : { kind, id });
  return said && rowIn(said, kind, id);
}

function rowIn(index: MembershipIndex, kind: ResourceKind, id: string): Membership | undefined {
  switch (kind) {
    case 'instance':
      return index.instance;
    case 'org':
      return index.orgs.get(id);
    case 'project':
      return index.projects.get(id);
    case 'projectGrant':
      return index.projectGrants.get(id);
  }
}

/** The organizations on which one of the roles is held. Undefined if that must be asked for first. */
export function orgsByRoles(open: Case, roles: ReadonlySet<string>): readonly string[] | undefined {
  const ids = new Set<string>();
  const add = ({ orgs }: MembershipIndex) => {
    for (const [id, row] of orgs) if (satisfies(open, row, roles)) ids.add(id);
  };
  add(open.index);
  if (!open.index.complete) {
    const said = apart(open, { kind: 'orgsByRoles', roles: [...roles] });
    if (!said) return undefined;
    add(said);
  }
  return [...ids];
}

/** The row of the grant between a project and an organization, if a row names both ends. */
export function rowBetween(
  open: Case,
  projectId: string,
  grantedOrgId: string,
): Membership | undefined {
  return findGrantRow(
    open,
    { projectId, grantedOrgId },
    (row) => row.projectId === projectId && row.grantedOrgId === grantedOrgId,
  );
}

/** The first row of a grant that fits. Over the cap, the rows that were asked for by these two ends count too. */
export function findGrantRow(
  open: Case,
  { projectId, grantedOrgId }: BothEnds,
  fits: (row: Membership) => boolean,
): Membership | undefined {
  const said = apart(open, { kind: 'projectGrantBetween', projectId, grantedOrgId });
  return findRow(said?.projectGrants, fits) ?? findRow(open.index.projectGrants, fits);
}

/** The two ends of a project grant, as a row or ZITADEL names them. `undefined`: not asked yet. `null`: there is no such grant. */
export function endsOfGrant(open: Case, id: string): BothEnds | Hidden | null | undefined {
  const { projectId, grantedOrgId } = rowOf(open, 'projectGrant', id) ?? {};
  if (projectId !== undefined && grantedOrgId !== undefined) return { projectId, grantedOrgId };
  return open.facts.grantOf(id);
}

/** Asks for a project grant by its id, under these organizations. */
export function grantNeed({ index }: Case, grantId: string, orgIds: readonly string[]): GrantNeed {
  return { fact: 'grant', grantId, orgIds, ...(!index.complete && { cut: true }) };
}

/** The row of a project grant by its two ends, if the list is over its cap. API v2 cannot be asked for it by its id. */
export function rowBeyondCap(open: Case, ends: BothEnds): Membership | undefined {
  return open.index.complete ? undefined : rowBetween(open, ends.projectId, ends.grantedOrgId);
}

function findRow(
  rows: ReadonlyMap<string, Membership> | undefined,
  fits: (row: Membership) => boolean,
): Membership | undefined {
  for (const row of rows?.values() ?? []) if (fits(row)) return row;
  return undefined;
}

/** The row, if it holds one of the roles, and nothing that it rests on is known to be inactive. */
export function satisfies(
  open: Case,
  row: Membership | undefined,
  roles: ReadonlySet<string>,
): Membership | undefined {
  if (row === undefined) return undefined;
  // Without for-of, which allocates over a frozen list: this runs on every request.
  for (let i = 0; i < row.roles.length; i += 1) {
    if (!roles.has(row.roles[i] ?? '')) continue;
    const { stateOf } = open.facts;
    return stateOf && standingOf(row, stateOf) === 'inactive' ? undefined : row;
  }
  return undefined;
}

/** Whether a row counts, because all that it rests on is active. */
export function stands(open: Case, row: Carrier): Verdict {
  const { stateOf } = open.facts;
  if (!stateOf) return YES;
  const missing = standingOf(row, stateOf);
  if (missing === 'inactive') return NO;
  for (const of of missing) ask(open, { fact: 'state', of });
  return missing.length > 0 ? ASK : YES;
}

/** A row, as far as it says what it rests on. */
export type Carrier = Pick<Membership, 'kind' | 'id' | 'ownerOrgId' | 'projectId' | 'grantedOrgId'>;

/** Whether all that a row rests on is active. A list: what must be asked for first. If that is empty, the row counts. */
export function standingOf(row: Carrier, stateOf: StateOf): 'inactive' | readonly Deactivable[] {
  const missing: Deactivable[] = [];
  for (const of of restingOn(row, stateOf)) {
    const state = stateOf(of);
    if (state?.isActive === false) return 'inactive';
    if (!state) missing.push(of);
  }
  return missing;
}

/** In ZITADEL an organization, its projects and their grants are deactivated apart. The instance cannot be deactivated. */
function restingOn(row: Carrier, stateOf: StateOf): readonly Deactivable[] {
  const { kind, id } = row;
  if (kind === 'instance') return [];
  if (kind === 'org') return [{ kind, id }];
  const { projectId, grantedOrgId } = row;
  const itself = { kind, id, ownerOrgId: row.ownerOrgId, projectId, grantedOrgId };
  const said = stateOf(itself);
  const ownerOrgId = row.ownerOrgId ?? said?.ownerOrgId;
  if (kind === 'project') return [itself, ...named('org', ownerOrgId)];
  return [
    itself,
    ...named('project', projectId ?? said?.projectId, ownerOrgId),
    ...named('org', ownerOrgId),
    ...named('org', grantedOrgId ?? said?.grantedOrgId),
  ];
}

function named(
  kind: Deactivable['kind'],
  id: string | undefined,
  ownerOrgId?: string,
): readonly Deactivable[] {
  return id === undefined ? [] : [{ kind, id, ownerOrgId }];
}
