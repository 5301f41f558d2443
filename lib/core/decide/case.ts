import type { Membership, MembershipIndex, RowsOn } from '../caller.js';
import type { CheckedRef, DenyReason } from '../decision.js';
import { has } from '../own-properties.js';
import type { Ids } from '../request.js';
import type { Compiled, RefSlots, Slot } from '../requirement/compile.js';
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

export const NO = 'no';
export const YES = 'yes';
export const ASK = 'ask';
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
export interface BothEnds {
  readonly projectId: string;
  readonly grantedOrgId: string;
}

/** A project grant, as far as decisions need it. */
export interface GrantFact extends BothEnds {
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
  /** The organization that owns the project. It is told with an authorization as well. */
  readonly owner?: string | undefined;
}

/** The permissions that a caller holds in one organization. */
export type Permissions = Pick<ReadonlySet<string>, 'has'>;

/** Something that can be deactivated, and the other ids by which ZITADEL is asked for it, as far as they are known. */
export interface Deactivable {
  readonly kind: 'org' | 'project' | 'projectGrant';
  readonly id: string;
  readonly ownerOrgId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly grantedOrgId?: string | undefined;
}

/** What ZITADEL says about it, with the ids that a row may lack. */
export interface StateFact extends Pick<Deactivable, 'ownerOrgId' | 'projectId' | 'grantedOrgId'> {
  readonly isActive: boolean;
}

/** Whether something is active. `undefined`: not asked yet. */
export type StateOf = (of: Deactivable) => StateFact | undefined;

/** What is remembered of states. That something is inactive counts only if it was asked for since `notBefore`. */
export interface RememberedStates {
  known(
    of: Deactivable,
    notBefore: number,
  ): { readonly fact: StateFact; readonly lease: Lease } | undefined;
}

/** Everything that decisions need beside the list of memberships. If nothing is remembered about the caller, that is missing. */
export interface Facts extends ResourceFacts, Partial<CallerFacts> {
  /** Of all that was read here about the caller. */
  readonly leases?: readonly Lease[];
  /** Missing: what is deactivated counts as it does at ZITADEL. */
  readonly stateOf?: StateOf | undefined;
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
export interface GrantNeed {
  readonly fact: 'grant';
  readonly grantId: string;
  readonly orgIds: readonly string[];
  /** The right may also come from elsewhere. So it decides nothing if these organizations do not know the grant. */
  readonly certain?: true;
  /** The list of rows is cut, so a row of this grant may be missing. */
  readonly cut?: true;
}

/** A missing fact about the caller. */
type CallerNeed =
  | { readonly fact: 'rows'; readonly on: RowsOn }
  | { readonly fact: 'permissions'; readonly orgId: string }
  | { readonly fact: 'projectRoles'; readonly projectId: string; readonly orgId: string };

/** Whether something is active is not known. */
interface StateNeed {
  readonly fact: 'state';
  readonly of: Deactivable;
}

/** A missing fact. */
export type Need = ResourceNeed | CallerNeed | StateNeed;
