import type { Caller, Membership, MembershipIndex, MembershipRows } from '../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../lib/core/decision.js';

/** A row of an organization. */
export function orgRow(userId: string, orgId: string, ...roles: string[]): Membership {
  return { userId, kind: 'org', id: orgId, roles: roles.length > 0 ? roles : ['ORG_OWNER'] };
}

export function callerOf(userId: string, more: Partial<Caller> = {}): Caller {
  return { userId, claims: { sub: userId }, ...more };
}

/** The organizations that an index has rows of. */
export function orgsOf({ index }: { readonly index: MembershipIndex }): string[] {
  return [...index.orgs.keys()];
}

/** Rows that are all there are. */
export function wholeOf(rows: readonly Membership[] | Refusal): MembershipRows | Refusal {
  return isRefusal(rows) ? rows : { rows, complete: true };
}
