import type { Membership, MembershipRows, RowsOn } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { MembershipQuestion } from '../../core/memory/caller-facts.js';
import { has } from '../../core/own-properties.js';
import type { Call } from '../call.js';
import { servedBy, type Tried } from '../generation.js';
import { MOST_BYTES } from '../reading.js';
import { type AskedAs, refusalOf, unfit } from '../refusals.js';
import { MOST_ROWS, type Send } from './by-v2.js';
import {
  type AskPage,
  MOST_CALLS,
  readMembershipPages,
  type MembershipListFilter,
  type MembershipRow,
} from './pages.js';

/** Asks for the manager roles of the token's own user: List My ZITADEL Manager Roles, `POST /auth/v1/memberships/me/_search`. */
export function askMine(send: Send, who: string): AskPage {
  return asking(send, { family: 'memberships', path: '/auth/v1/memberships/me/_search', who });
}

/** Asks for those of another user: List ZITADEL Permissions, `POST /management/v1/users/{userId}/memberships/_search`. */
export function askOfUser(send: Send, userId: string, orgId: string | undefined): AskPage {
  const path = `/management/v1/users/${encodeURIComponent(userId)}/memberships/_search`;
  return asking(send, { family: 'userMemberships', path, orgId, who: userId });
}

function asking(send: Send, call: Omit<Call, 'method'>): AskPage {
  return (json) => send({ ...call, method: 'POST', json, maxBytes: MOST_BYTES, repeatable: true });
}

const WHAT = 'memberships';
const AT_ONCE = 4;

type Read = Tried<MembershipRows | Refusal>;
/** What v1 can narrow a list to. */
type Narrowed = Exclude<RowsOn, { kind: 'orgsByRoles' }>;

/** Reads the rows of the caller by API v1, over all organizations. The reply also proves that ZITADEL accepts the token. */
export function readMine(send: Send, { userId, on }: MembershipQuestion): Promise<Read> {
  return readList(askMine(send, userId), 'caller', userId, on);
}

/** Reads a user's rows as the service user by API v1, one organization a call, and joins them. */
export async function readOfUser(
  send: Send,
  { userId, organizations, on }: MembershipQuestion,
): Promise<Read> {
  const asked = organizationsFor(on, organizations);
  const joined: Membership[] = [];
  let complete = true;
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    const reads = asked.slice(from, from + AT_ONCE).map((organizationId) => {
      // Each organization has at most one row of its own.
      const narrowed: Narrowed | undefined =
        on?.kind === 'orgsByRoles' ? { kind: 'org', id: organizationId } : on;
      return readList(askOfUser(send, userId, organizationId), 'serviceUser', userId, narrowed);
    });
    for (const read of await Promise.all(reads)) {
      if (isRefusal(read.value)) return read;
      joined.push(...read.value.rows);
      complete &&= read.value.complete;
    }
    if (joined.length > MOST_ROWS) {
      return { served: true, value: { rows: joined, complete: false } };
    }
  }
  return { served: true, value: { rows: joined, complete } };
}

/** Rows of the instance come with every organization. Rows of an organization come only with it. */
function organizationsFor(
  on: RowsOn | undefined,
  organizations: readonly string[],
): readonly string[] {
  if (on?.kind === 'instance') return organizations.slice(0, 1);
  return on?.kind === 'org' ? organizations.filter((id) => id === on.id) : organizations;
}

/**
 * Reads one list: all pages of a narrowed list, one page of the whole list. Others can make the whole list longer. Rows behind its first page
 * are asked for when they are needed.
 */
async function readList(
  ask: AskPage,
  as: AskedAs,
  userId: string,
  on: RowsOn | undefined,
): Promise<Read> {
  const narrowed = on && on.kind !== 'orgsByRoles' ? { queries: [queryOf(on)] } : {};
  const list = await readMembershipPages(ask, narrowed, on ? MOST_CALLS : 1);
  if (has(list, 'instead')) {
    return { served: servedBy(list.instead), value: refusalOf(list.instead, as, WHAT) };
  }
  if (list.rows.some((row) => row.userId !== userId)) {
    return { served: true, value: unfit(WHAT, 'the reply is about another user') };
  }
  const rows = list.rows.flatMap(membershipFrom);
  // v1 cannot narrow a list by organization or by role.
  const asked = on?.kind === 'orgsByRoles' ? rows.filter(({ kind }) => kind === 'org') : rows;
  return { served: true, value: { rows: asked, complete: !list.hasMoved && !list.goesOn } };
}

function queryOf(on: Narrowed): MembershipListFilter {
  switch (on.kind) {
    case 'instance':
      return { iamQuery: { iam: true } };
    case 'org':
      return { orgQuery: { orgId: on.id } };
    case 'project':
      return { projectQuery: { projectId: on.id } };
    case 'projectGrant':
      return { projectGrantQuery: { projectGrantId: on.id } };
    case 'projectGrantBetween':
      // Rows of grants do not name their two ends here. A question for the project brings the rows of its grants too.
      return { projectQuery: { projectId: on.projectId } };
  }
}

/** A row whose kind is not clear does not count. Above all it must not count everywhere. */
function membershipFrom(row: MembershipRow): readonly Membership[] {
  const { userId, on, roles, details } = row;
  if (!on) return [];
  const owner = details.resourceOwner;
  const isOwned = owner !== undefined && (on.kind === 'project' || on.kind === 'projectGrant');
  return [{ userId, ...on, roles, ...(isOwned && { ownerOrgId: owner }) }];
}
