import { isRefusal, type Refusal } from '../../core/decision.js';
import { has } from '../../core/own-properties.js';
import type { ResourceKind } from '../../core/requirement/roles.js';
import {
  haveIds,
  type Instead,
  isId,
  isRecord,
  listFrom,
  listOf,
  listOfTexts,
  PAGE,
  type ReadList,
  textOf,
  textsOf,
} from '../reading.js';
import type { NotDone } from '../refusals.js';
import { type Done, isDone, type Reply, unusableReply } from '../reply.js';

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
const MOST_ROWS = 20_000;
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
    { first, end, mostPages, mostRows: MOST_ROWS },
  );
  return has(list, 'instead') ? list : { ...list, body };
}

/** The key of a row: what it is about, or the whole row if that is not clear. */
function keyOf(row: MembershipRow): string {
  return JSON.stringify(row.on ?? row);
}
