import { isRefusal, type Refusal } from '../../core/decision.js';
import { has } from '../../core/own-properties.js';
import { isTrouble, type Answered, type Trouble } from '../call.js';
import {
  haveIds,
  isId,
  isRecord,
  listFrom,
  listOfTexts,
  PAGE,
  PageTrail,
  textOf,
  textsOf,
} from '../reading.js';

/** What a list of manager roles can be asked with (API v1). Without `query` the whole list is read, in no order. */
export interface MembershipListRequest {
  readonly query?: {
    /** How many rows to leave out. ZITADEL promises no order, so pages may overlap. */
    readonly offset?: number;
    /** How many rows at most; more than ZITADEL gives in one answer are read in several. @default 0, which is no limit */
    readonly limit?: number;
    /** Accepted by ZITADEL, without effect on this list. */
    readonly asc?: boolean;
  };
  /** All of them must hold. */
  readonly queries?: readonly MembershipListFilter[];
}

/** One filter. Each object has exactly one key; ZITADEL refuses two in one. */
export type MembershipListFilter =
  | { readonly orgQuery: { readonly orgId: string } }
  | { readonly projectQuery: { readonly projectId: string } }
  | { readonly projectGrantQuery: { readonly projectGrantId: string } }
  | { readonly iamQuery: { readonly iam: boolean } };

/** A list of manager roles as ZITADEL answers it. */
export interface MembershipList {
  readonly details: {
    /** How many rows there are in all; 0 where ZITADEL leaves it out (also for an offset beyond the end). */
    readonly totalResult: number;
    /** RFC 3339: as of when ZITADEL's read side answered. */
    readonly viewTimestamp?: string;
    readonly processedSequence?: string;
  };
  readonly result: readonly MembershipRow[];
}

/** One row: exactly one of `iam`, `orgId`, `projectId`, `projectGrantId` is there. */
export interface MembershipRow {
  readonly userId: string;
  readonly roles: readonly string[];
  /** The name of the instance, organization or project. Written by whoever owns it: text only, never markup. */
  readonly displayName: string;
  readonly details: {
    readonly sequence?: string;
    readonly creationDate?: string;
    readonly changeDate?: string;
    /** The owner of the row: for a project or project grant the organization that owns the project. */
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
  /** Sent as `x-zitadel-orgid`: instance rows and rows owned by this organization are answered. @default the service user's own */
  readonly organizationId?: string;
}

/** Reads a list of API v1; undefined when the answer is none. A row without any of the four kinds is one that we do not know yet. */
export function membershipsFrom(
  body: unknown,
): { readonly rows: readonly MembershipRow[]; readonly total: number } | undefined {
  const list = listFrom(body);
  const rows = list?.rows.map(rowFrom);
  return list && rows?.every((row) => row !== undefined) ? { rows, total: list.total } : undefined;
}

const ID_NAMES = ['orgId', 'projectId', 'projectGrantId'] as const;

function rowFrom(row: Readonly<Record<string, unknown>>): MembershipRow | undefined {
  const { userId, iam, details = {} } = row;
  const roles = listOfTexts(row['roles']);
  if (!isId(userId) || !roles || !haveIds(row, ID_NAMES)) return undefined;
  if (iam !== undefined && iam !== true) return undefined;
  if (!isRecord(details) || !haveIds(details, ['resourceOwner'])) return undefined;
  return {
    userId,
    roles,
    displayName: textOf(row['displayName']),
    details: textsOf(details, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']),
    ...(iam && { iam }),
    ...textsOf(row, ID_NAMES),
  };
}

/** Longer lists are not read to their end. */
const MOST_ROWS = 20_000;
/** In how many pages: a server may allow no more than a hundred rows a page. */
export const MOST_CALLS = 200;

type Reply = Answered | Trouble | Refusal;

/** Rows of a v1 list, as the pages brought them. */
export interface MembershipPages {
  /** The first answer. */
  readonly body: unknown;
  readonly rows: readonly MembershipRow[];
  /** How many rows ZITADEL counts. */
  readonly total: number;
  /** Whether these are all rows that were asked for. Moved: a row may be missing; cut: there are more than so many pages hold. */
  readonly state: 'whole' | 'moved' | 'cut';
}

/**
 * Reads a v1 list in as many pages as it takes, and no more than so many. ZITADEL promises no order, so the list is whole only when the
 * pages fit together and every row that is counted came once; else it is read again. Whatever is no such list comes back as it was answered.
 */
export async function readMembershipPages(
  ask: (request: MembershipListRequest) => Promise<Reply>,
  request: MembershipListRequest,
  mostPages: number,
): Promise<MembershipPages | { readonly reply: Reply }> {
  const list = await readOnce(ask, request, mostPages);
  const hasMoved = !has(list, 'reply') && list.state === 'moved';
  return hasMoved ? readOnce(ask, request, mostPages) : list;
}

async function readOnce(
  ask: (request: MembershipListRequest) => Promise<Reply>,
  { query = {}, ...narrowed }: MembershipListRequest,
  mostPages: number,
): Promise<MembershipPages | { readonly reply: Reply }> {
  const { offset: first = 0, limit: wanted = 0, ...sorted } = query;
  const end = wanted === 0 ? Infinity : first + wanted;
  const trail = new PageTrail(first);
  const rows = new Map<string, MembershipRow>();
  let body: unknown;
  for (let page = 1; ; page += 1) {
    const { offset } = trail;
    const limit = Math.min(PAGE, end - offset);
    const reply = await ask({
      ...narrowed,
      query: { ...sorted, ...(offset > 0 && { offset }), limit },
    });
    if (isRefusal(reply) || isTrouble(reply) || reply.status !== 200) return { reply };
    body ??= reply.body;
    const list = membershipsFrom(reply.body);
    if (!list) return strange('the answer is no list');
    const { total } = list;
    // Asked without a limit, a server may give more than is wanted.
    const keys = list.rows.slice(0, end - offset).map(keyOf);
    keys.forEach((key, at) => rows.set(key, list.rows[at] as MembershipRow));
    const goesOn = trail.follow({ total, step: Math.max(1, keys.length) }, keys, end);
    // Counted and not shown.
    if (trail.hidesRows) return strange('the answer is incomplete');
    const isTooLong = Math.min(total, end) - first > MOST_ROWS;
    if (goesOn && !isTooLong && page < mostPages) continue;
    const state = trail.hasMoved ? 'moved' : goesOn ? 'cut' : 'whole';
    return { body, rows: [...rows.values()], total, state };
  }
}

/** What a row is about; all of it where that is not clear. */
function keyOf(row: MembershipRow): string {
  const { iam, orgId, projectId, projectGrantId } = row;
  const named = [iam, orgId, projectId, projectGrantId];
  const isClear = named.filter((each) => each !== undefined).length === 1;
  return JSON.stringify(isClear ? named : row);
}

function strange(trouble: string): { readonly reply: Trouble } {
  return { reply: { trouble, kind: 'unusable' } };
}
