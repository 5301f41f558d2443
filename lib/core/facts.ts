import { has } from './own-properties.js';
import type { MembershipIndex, RowsOn } from './membership.js';

/** A project, and the organization to which it is granted. */
export interface GrantEnds {
  readonly projectId: string;
  readonly grantedOrgId: string;
}

/** A project grant, as far as decisions need it. */
export interface GrantFact extends GrantEnds {
  /** None where only API v2 was asked: it has no ids of grants. */
  readonly grantId?: string;
}

/** Nobody said that it is not there: these organizations, '' the caller's own, do not let the caller see such things. */
export interface Hidden {
  readonly hiddenIn: readonly string[];
}

/** Tells what is hidden from what is known. */
export function isHidden(fact: GrantFact | Hidden | null | undefined): fact is Hidden {
  return fact !== undefined && fact !== null && has(fact, 'hiddenIn');
}

/** What ZITADEL has said about resources. `undefined`: not asked yet; `null`: asked, and there is no such thing for this caller. */
export interface ResourceFacts {
  ownerOf(projectId: string): string | null | undefined;
  grantOf(grantId: string): GrantFact | Hidden | null | undefined;
  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined;
}

/** What ZITADEL has said about the caller beside the list of memberships. `undefined`: not asked yet. */
export interface CallerFacts {
  /** The rows on one resource, where the list is over its cap. */
  rowsOn(on: RowsOn): MembershipIndex | undefined;
  /** ZITADEL's own evaluation in one organization: `permission`, or `permission:id` of a project or project grant. */
  permissionsIn(orgId: string): Permissions | undefined;
}

/** Permissions that are held somewhere. */
export type Permissions = Pick<ReadonlySet<string>, 'has'>;

/** Everything that decisions need beside the list of memberships; nothing about the caller where nothing is remembered. */
export interface Facts extends ResourceFacts, Partial<CallerFacts> {}

/**
 * A fact about a resource that is missing, and the only organizations under which it may be asked: those whose rows could then satisfy.
 * None: under the caller's own, because the list does not tell them.
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
  /** The caller's right may come from elsewhere than these: that they do not know the grant is no answer. */
  readonly certain?: true;
  /** The list of rows is cut: one of this grant may be missing. */
  readonly cut?: true;
}

/** A fact about the caller that is missing. */
export type CallerNeed =
  | { readonly fact: 'rows'; readonly on: RowsOn }
  | { readonly fact: 'permissions'; readonly orgId: string };

/** A fact that is missing. */
export type Need = ResourceNeed | CallerNeed;
