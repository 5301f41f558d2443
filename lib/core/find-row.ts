import { ask, type Case } from './case.js';
import type { GrantEnds, GrantNeed, Hidden } from './facts.js';
import type { Membership, MembershipIndex, RowsOn } from './membership.js';
import type { ResourceKind } from './roles.js';

/** What was said about one resource, where the list is over its cap; undefined where the list is whole, or it is being asked for. */
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
    satisfies(rowIn(open.index, kind, id), roles) ?? satisfies(rowApart(open, kind, id), roles)
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

/** The organizations on which one of the roles is held; undefined while that is being asked for. */
export function orgsByRoles(open: Case, roles: ReadonlySet<string>): readonly string[] | undefined {
  const ids = new Set<string>();
  const add = ({ orgs }: MembershipIndex) => {
    for (const [id, row] of orgs) if (satisfies(row, roles)) ids.add(id);
  };
  add(open.index);
  if (!open.index.complete) {
    const said = apart(open, { kind: 'orgsByRoles', roles: [...roles] });
    if (!said) return undefined;
    add(said);
  }
  return [...ids];
}

/** The row of the grant between a project and an organization, where a row says both ends. */
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

/** The first row of a grant that fits; over the cap also among those that were asked for by these two ends. */
export function findGrantRow(
  open: Case,
  { projectId, grantedOrgId }: GrantEnds,
  fits: (row: Membership) => boolean,
): Membership | undefined {
  const said = apart(open, { kind: 'projectGrantBetween', projectId, grantedOrgId });
  return findRow(said?.projectGrants, fits) ?? findRow(open.index.projectGrants, fits);
}

/** The two ends of a project grant, as a row or ZITADEL says them. `undefined`: not asked yet; `null`: there is no such grant. */
export function endsOfGrant(open: Case, id: string): GrantEnds | Hidden | null | undefined {
  const { projectId, grantedOrgId } = rowOf(open, 'projectGrant', id) ?? {};
  if (projectId !== undefined && grantedOrgId !== undefined) return { projectId, grantedOrgId };
  return open.facts.grantOf(id);
}

/** Asks for a project grant by its id, under these organizations. */
export function grantNeed({ index }: Case, grantId: string, orgIds: readonly string[]): GrantNeed {
  return { fact: 'grant', grantId, orgIds, ...(!index.complete && { cut: true }) };
}

/** The row of a project grant by its two ends, where the list is over its cap: API v2 cannot be asked for it by its id. */
export function rowBeyondCap(open: Case, ends: GrantEnds): Membership | undefined {
  return open.index.complete ? undefined : rowBetween(open, ends.projectId, ends.grantedOrgId);
}

function findRow(
  rows: ReadonlyMap<string, Membership> | undefined,
  fits: (row: Membership) => boolean,
): Membership | undefined {
  for (const row of rows?.values() ?? []) if (fits(row)) return row;
  return undefined;
}

/** The row, if it holds one of the roles. */
export function satisfies(
  row: Membership | undefined,
  roles: ReadonlySet<string>,
): Membership | undefined {
  if (row === undefined) return undefined;
  // Not for-of: over a frozen list it allocates, and this runs on every request.
  for (let i = 0; i < row.roles.length; i += 1) if (roles.has(row.roles[i] ?? '')) return row;
  return undefined;
}
