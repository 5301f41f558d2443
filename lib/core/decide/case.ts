import type { Membership, MembershipIndex, RowsOn } from '../caller.js';
import type { CheckedRef, DenyReason } from '../decision.js';
import { has } from '../own-properties.js';
import type { Ids } from '../request.js';
import type { Compiled, RefSlots, Slot } from '../requirement/compile.js';
import type { ResourceKind } from '../requirement/roles.js';
import type { Lease } from '../validity.js';

/** One decision on its way: what it is decided by, and what was found so far. */
export interface Case {
  readonly compiled: Compiled;
  readonly ids: Ids;
  readonly index: MembershipIndex;
  /** The claims of the caller's token. Other people choose some of their names, so only own properties are read. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly facts: Facts;
  /** The row that allows it. */
  by: Membership | undefined;
  /** The resources that were checked. */
  checked: readonly CheckedRef[];
  /** The facts that must be asked for first. */
  needs: readonly Need[];
  /** Why the first part that does not hold fails. */
  missing: DenyReason | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

/** A case in which nothing is found yet. */
export function openCase(
  compiled: Compiled,
  ids: Ids,
  index: MembershipIndex,
  claims: Case['claims'],
  facts: Facts,
): Case {
  // Shared empty lists: most decisions add one entry to one of them, and a growing list costs more than all the rest.
  return {
    compiled,
    ids,
    index,
    claims,
    facts,
    by: undefined,
    checked: NONE,
    needs: NONE,
    missing: undefined,
  };
}

export const NO = 0;
export const YES = 1;
export const ASK = 2;
/** What one part comes to: no, yes, or that more must be asked first. */
export type Verdict = typeof NO | typeof YES | typeof ASK;

/** Notes a resource that was checked. */
export function check(open: Case, kind: CheckedRef['kind'], slot: Slot): void {
  const [id, name] = [open.ids[slot] ?? '', open.compiled.names[slot] ?? ''];
  const one = Object.freeze({ kind, id, name });
  open.checked = open.checked.length === 0 ? [one] : [...open.checked, one];
}

/** Notes every resource that a ref names. */
export function checkRef(open: Case, kind: CheckedRef['kind'], slots: RefSlots): void {
  if (kind === 'projectGrant' && slots.project >= 0) {
    check(open, 'project', slots.project);
    check(open, 'org', slots.grantedOrg);
    return;
  }
  if (slots.owner >= 0) check(open, 'org', slots.owner);
  check(open, kind, slots.id);
}

/** Notes a fact that must be asked for first. */
export function ask(open: Case, need: Need): typeof ASK {
  open.needs = [...open.needs, need];
  return ASK;
}

/** A project, and the organization to which it is granted. */
interface GrantEnds {
  readonly projectId: string;
  readonly grantedOrgId: string;
}

/** A project grant, as far as decisions need it. */
export interface GrantFact extends GrantEnds {
  /** Missing if only API v2 was asked, which has no ids of grants. */
  readonly grantId?: string;
}

/** The grant may be there: in these organizations ('': the caller's own) the caller may not see such things. */
export interface Hidden {
  readonly hiddenIn: readonly string[];
}

/** Whether a grant is hidden, instead of known or not there. */
export function isHidden(fact: GrantFact | Hidden | null | undefined): fact is Hidden {
  return fact !== undefined && fact !== null && has(fact, 'hiddenIn');
}

/** What ZITADEL has said about resources. `undefined`: not asked yet. `null`: asked, and this caller finds no such thing. */
export interface ResourceFacts {
  ownerOf(projectId: string): string | null | undefined;
  grantOf(grantId: string): GrantFact | Hidden | null | undefined;
  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined;
}

/** What ZITADEL has said about the caller beside the list of memberships. `undefined`: not asked yet. */
export interface CallerFacts {
  /** The rows on one resource, if the list is over its cap. */
  rowsOn(on: RowsOn): MembershipIndex | undefined;
  /** ZITADEL's own evaluation in one organization: `permission`, or `permission:id` of a project or project grant. */
  permissionsIn(orgId: string): Permissions | undefined;
  /** What an organization gave the caller of a project. */
  rolesGiven(projectId: string, orgId: string): GivenRoles | undefined;
}

/** The roles of one project that one organization gave a user, as ZITADEL's authorizations say it. */
export interface GivenRoles {
  readonly roles: readonly string[];
  /** The user's home organization. It is only told with an authorization. */
  readonly home: string | undefined;
}

/** The permissions that a caller holds in one organization. */
export type Permissions = Pick<ReadonlySet<string>, 'has'>;

/** Everything that decisions need beside the list of memberships. If nothing is remembered about the caller, that is missing. */
export interface Facts extends ResourceFacts, Partial<CallerFacts> {
  /** Of all that was read here about the caller. */
  readonly leases?: readonly Lease[];
}

/**
 * A missing fact about a resource, and the only organizations under which it may be asked for: those whose rows could then satisfy. An
 * empty list: the caller's own organization, because the list of memberships does not tell the others.
 */
export type ResourceNeed =
  | {
      readonly fact: 'owner';
      readonly projectId: string;
      readonly orgIds: readonly string[];
    }
  | GrantNeed
  | {
      readonly fact: 'grantBetween';
      readonly projectId: string;
      readonly grantedOrgId: string;
    };

/** A project grant by its id. */
interface GrantNeed {
  readonly fact: 'grant';
  readonly grantId: string;
  readonly orgIds: readonly string[];
  /** The right may also come from elsewhere. So it decides nothing if these organizations do not know the grant. */
  readonly certain?: true;
  /** The list of rows is cut, so a row of this grant may be missing. */
  readonly cut?: true;
}

/** A missing fact about the caller. */
export type CallerNeed =
  | { readonly fact: 'rows'; readonly on: RowsOn }
  | { readonly fact: 'permissions'; readonly orgId: string }
  | { readonly fact: 'projectRoles'; readonly projectId: string; readonly orgId: string };

/** A missing fact. */
export type Need = ResourceNeed | CallerNeed;

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

/** The organizations on which one of the roles is held. Undefined if that must be asked for first. */
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
  { projectId, grantedOrgId }: GrantEnds,
  fits: (row: Membership) => boolean,
): Membership | undefined {
  const said = apart(open, { kind: 'projectGrantBetween', projectId, grantedOrgId });
  return findRow(said?.projectGrants, fits) ?? findRow(open.index.projectGrants, fits);
}

/** The two ends of a project grant, as a row or ZITADEL names them. `undefined`: not asked yet. `null`: there is no such grant. */
export function endsOfGrant(open: Case, id: string): GrantEnds | Hidden | null | undefined {
  const { projectId, grantedOrgId } = rowOf(open, 'projectGrant', id) ?? {};
  if (projectId !== undefined && grantedOrgId !== undefined) return { projectId, grantedOrgId };
  return open.facts.grantOf(id);
}

/** Asks for a project grant by its id, under these organizations. */
export function grantNeed({ index }: Case, grantId: string, orgIds: readonly string[]): GrantNeed {
  return { fact: 'grant', grantId, orgIds, ...(!index.complete && { cut: true }) };
}

/** The row of a project grant by its two ends, if the list is over its cap. API v2 cannot be asked for it by its id. */
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
  // Without for-of, which allocates over a frozen list: this runs on every request.
  for (let i = 0; i < row.roles.length; i += 1) if (roles.has(row.roles[i] ?? '')) return row;
  return undefined;
}
