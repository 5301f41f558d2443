import type { Membership, MembershipRows, RowsOn } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { MembershipQuestion } from '../../core/memory/caller-facts.js';
import { has } from '../../core/own-properties.js';
import type { ResourceKind } from '../../core/requirement/roles.js';
import type { Call } from '../call.js';
import { servedBy, type Tried } from '../generation.js';
import {
  haveIds,
  type Instead,
  isId,
  isRecord,
  LIST_CALL,
  listFrom,
  listOf,
  listOfTexts,
  PAGE,
  type ReadList,
  textOf,
  textsOf,
} from '../reading.js';
import { type AskedAs, type NotDone, refusalOf, unfit } from '../refusals.js';
import { type Done, isDone, type Reply, unusableReply } from '../reply.js';
import { MOST_ROWS, type Send } from './by-v2.js';

/** A request for a list of manager roles (API v1). Without `query` the whole list is read, in no order. */
export interface MembershipListRequest {
  readonly query?: {
    /** How many rows to leave out. ZITADEL promises no order, so pages may overlap. */
    readonly offset?: number;
    /** How many rows at most. If ZITADEL gives fewer in one reply, several are read. @default 0: all of them */
    readonly limit?: number;
    /** ZITADEL accepts it, but it has no effect on this list. */
    readonly asc?: boolean;
  };
  /** All of them must hold. */
  readonly queries?: readonly MembershipListFilter[];
}

/** One filter. Each object has exactly one key. ZITADEL refuses two in one. */
export type MembershipListFilter =
  | { readonly orgQuery: { readonly orgId: string } }
  | { readonly projectQuery: { readonly projectId: string } }
  | { readonly projectGrantQuery: { readonly projectGrantId: string } }
  | { readonly iamQuery: { readonly iam: boolean } };

/** A list of manager roles as ZITADEL gives it. */
export interface MembershipList {
  readonly details: {
    /** How many rows there are in all. 0 if ZITADEL leaves it out, as it does for an offset beyond the end. */
    readonly totalResult: number;
    /** RFC 3339: as of when ZITADEL's read side replied. */
    readonly viewTimestamp?: string;
    readonly processedSequence?: string;
  };
  readonly result: readonly MembershipRow[];
}

/** One row. As ZITADEL gives it, it has exactly one of `iam`, `orgId`, `projectId` and `projectGrantId`; `on` says the same. */
export interface MembershipRow {
  readonly userId: string;
  /** What the roles are on. The id of the instance is '' if ZITADEL did not tell it. Missing if the row names none, or several. */
  readonly on?: { readonly kind: ResourceKind; readonly id: string };
  readonly roles: readonly string[];
  /** The name of the instance, organization or project. Its owner writes it: show it as text, never as markup. */
  readonly displayName: string;
  readonly details: {
    readonly sequence?: string;
    readonly creationDate?: string;
    readonly changeDate?: string;
    /** The owner of the row. For a project or project grant, the organization that owns the project. */
    readonly resourceOwner?: string;
  };
  readonly iam?: true;
  readonly orgId?: string;
  readonly projectId?: string;
  readonly projectGrantId?: string;
}

/** A user whose manager roles are listed by the service user, in the context of one organization. */
export interface UserMembershipListRequest extends MembershipListRequest {
  readonly userId: string;
  /** Sent as `x-zitadel-orgid`: instance rows and rows owned by this organization are listed. @default the service user's own */
  readonly organizationId?: string;
}

const ID_NAMES = ['orgId', 'projectId', 'projectGrantId'] as const;

function rowFrom(row: Readonly<Record<string, unknown>>): MembershipRow | undefined {
  const { userId, iam, details = {} } = row;
  const roles = listOfTexts(row['roles']);
  if (!isId(userId) || !roles || !haveIds(row, ID_NAMES)) return undefined;
  if (iam !== undefined && iam !== true) return undefined;
  if (!isRecord(details) || !haveIds(details, ['resourceOwner'])) return undefined;
  const ids = textsOf(row, ID_NAMES);
  const ofRow = textsOf(details, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']);
  const on = resourceOf(iam, ids, ofRow.resourceOwner);
  return {
    userId,
    ...(on && { on }),
    roles,
    displayName: textOf(row['displayName']),
    details: ofRow,
    ...(iam && { iam }),
    ...ids,
  };
}

function resourceOf(
  iam: true | undefined,
  { orgId, projectId, projectGrantId }: Pick<MembershipRow, (typeof ID_NAMES)[number]>,
  owner = '',
): MembershipRow['on'] {
  const named = [iam, orgId, projectId, projectGrantId].filter((each) => each !== undefined);
  if (named.length !== 1) return undefined;
  if (orgId !== undefined) return { kind: 'org', id: orgId };
  if (projectId !== undefined) return { kind: 'project', id: projectId };
  if (projectGrantId !== undefined) return { kind: 'projectGrant', id: projectGrantId };
  return { kind: 'instance', id: owner };
}

/** Longer lists are not read to their end. */
const LONGEST_LIST = 20_000;
/** The most pages of a list: a server may allow no more than a hundred rows a page. */
export const MOST_CALLS = 200;

/** Asks for one page. What is searched for is written as API v1 reads it. */
export type AskPage = (search: object) => Promise<Reply | Refusal>;

/** Rows of a v1 list. */
type MembershipPages = ReadList<MembershipRow> & {
  /** The first reply. */
  readonly body: Done['body'];
};

/**
 * Reads a v1 list in as many pages as it takes, up to `mostPages`. ZITADEL promises no order, so the list is whole only if the pages fit
 * together and every row that is counted came once.
 */
export async function readMembershipPages(
  ask: AskPage,
  { query = {}, queries }: MembershipListRequest,
  mostPages: number,
): Promise<MembershipPages | Instead<NotDone>> {
  const { offset: first = 0, limit: wanted = 0, asc } = query;
  const end = wanted === 0 ? Infinity : first + wanted;
  let body: Done['body'] = {};
  const list = await listOf<MembershipRow, NotDone>(
    async (offset) => {
      const limit = Math.min(PAGE, end - offset);
      const part = {
        ...(asc !== undefined && { asc }),
        ...(offset > 0 && { offset: String(offset) }),
        limit,
      };
      const reply = await ask({ query: part, ...(queries && { queries }) });
      if (isRefusal(reply) || !isDone(reply)) return { instead: reply };
      if (offset === first) body = reply.body;
      const page = listFrom(reply.body);
      // Without a limit, a server may give more rows than are wanted.
      const rows = page?.rows.slice(0, end - offset).map(rowFrom);
      if (!page || !rows?.every((row) => row !== undefined)) {
        return { instead: unusableReply('the reply is not a list') };
      }
      const { total } = page;
      // Counted and not shown.
      if (rows.length === 0 && total > offset) {
        return { instead: unusableReply('the reply is incomplete') };
      }
      return { rows, total };
    },
    keyOf,
    { first, end, mostPages, mostRows: LONGEST_LIST },
  );
  return has(list, 'instead') ? list : { ...list, body };
}

/** The key of a row: what it is about, or the whole row if that is not clear. */
function keyOf(row: MembershipRow): string {
  return JSON.stringify(row.on ?? row);
}

/** Asks for the manager roles of the token's own user: List My ZITADEL Manager Roles, `POST /auth/v1/memberships/me/_search`. */
export function askMine(send: Send, who: string): AskPage {
  return asking(send, { family: 'memberships', path: '/auth/v1/memberships/me/_search', who });
}

/** Asks for those of another user: List ZITADEL Permissions, `POST /management/v1/users/{userId}/memberships/_search`. */
export function askOfUser(send: Send, userId: string, orgId: string | undefined): AskPage {
  const path = `/management/v1/users/${encodeURIComponent(userId)}/memberships/_search`;
  return asking(send, { family: 'userMemberships', path, orgId, who: userId });
}

function asking(send: Send, call: Omit<Call, keyof typeof LIST_CALL>): AskPage {
  return (json) => send({ ...LIST_CALL, ...call, json });
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
