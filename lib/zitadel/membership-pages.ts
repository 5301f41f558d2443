import { isRefusal, type Refusal } from '../core/decision.js';
import { has } from '../core/own-properties.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';
import { PAGE } from './list-answer.js';
import {
  membershipsFrom,
  type MembershipListRequest,
  type MembershipRow,
} from './membership-row.js';
import { PageTrail } from './page-trail.js';

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
    if (!list) return unusable('the answer is no list');
    const { total } = list;
    // Asked without a limit, a server may give more than is wanted.
    const keys = list.rows.slice(0, end - offset).map(keyOf);
    keys.forEach((key, at) => rows.set(key, list.rows[at] as MembershipRow));
    const goesOn = trail.follow({ total, step: Math.max(1, keys.length) }, keys, end);
    // Counted and not shown.
    if (trail.hidesRows) return unusable('the answer is incomplete');
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

function unusable(trouble: string): { readonly reply: Trouble } {
  return { reply: { trouble, kind: 'unusable' } };
}
