import { isRefusal, type Refusal } from '../core/decision.js';
import type { MembershipQuestion, MembershipRows, RowsOn } from '../core/membership.js';
import { has } from '../core/own-properties.js';
import { listAdministrators, MOST_ROWS, type Send } from './administrators.js';
import { servedBy, type Tried } from './api-generation.js';
import { isTrouble } from './exchange.js';
import { MOST_PAGES, PAGE } from './list-answer.js';
import { READER_REMEDY, refusalOf } from './reply-refusal.js';

const WHAT = 'memberships';
/** Of a whole list: as many as the cap fills. Others can make a list longer: what is behind them is asked for when it is needed. */
const PAGES_OF_ALL = MOST_ROWS / PAGE + 1;

type AskedBy = 'caller' | 'instanceReader';
type Read = Tried<MembershipRows | Refusal>;

/** Reads a user's rows by API v2, in somebody's name. */
export type ReadAdministrators = (
  send: Send,
  as: AskedBy,
  question: MembershipQuestion,
) => Promise<Read>;

/**
 * The one that reads by API v2. Servers from before January 2026 cannot narrow a list by roles: the first refusal tells, and from then on
 * all pages are read instead.
 */
export function createAdministratorReader(): ReadAdministrators {
  let narrowsByRoles = true;
  return async (send, as, { userId, on }) => {
    // v2 knows a project grant by its two ends, and not by its id: what it has is asked for when they are known.
    if (on?.kind === 'projectGrant') {
      return { served: undefined, value: { rows: [], complete: true } };
    }
    if (on?.kind !== 'orgsByRoles') {
      return readOn(send, as, userId, on, on ? MOST_PAGES : PAGES_OF_ALL);
    }
    if (narrowsByRoles) {
      const { isBadRequest, ...narrowed } = await readOn(send, as, userId, on, MOST_PAGES);
      if (!isBadRequest) return narrowed;
      narrowsByRoles = false;
    }
    const { served, value } = await readOn(send, as, userId, undefined, MOST_PAGES);
    if (isRefusal(value)) return { served, value };
    const rows = value.rows.filter(({ kind }) => kind === 'org');
    return { served, value: { rows, complete: value.complete } };
  };
}

/**
 * The caller always sees the own rows. A service user sees only those that it has the right to see, while ZITADEL counts them all: fewer
 * than are counted, twice, is a right that it lacks, and never a short list. Of a list that moves twice, what came counts and what did not
 * is asked for apart: others can move a user's list as long as they like, and lock nobody out by it.
 */
async function readOn(
  send: Send,
  as: AskedBy,
  userId: string,
  on: RowsOn | undefined,
  mostPages: number,
): Promise<Read & { readonly isBadRequest?: boolean }> {
  for (let again = true; ; again = false) {
    const list = await listAdministrators(send, userId, on, mostPages);
    if (has(list, 'reply')) {
      const { reply } = list;
      if (isRefusal(reply)) return { served: servedBy(reply), value: reply };
      const isBadRequest = !isTrouble(reply) && reply.status === 400;
      return { served: servedBy(reply), value: refusalOf(reply, as, WHAT), isBadRequest };
    }
    const { rows, total, hidesRows, hasMoved, isCut } = list;
    if (again && (hidesRows || hasMoved)) continue;
    if (hasMoved || !hidesRows) {
      const memberships = rows.map(({ membership }) => membership);
      return { served: true, value: { rows: memberships, complete: !hasMoved && !isCut } };
    }
    return {
      served: true,
      value:
        as === 'caller'
          ? { reason: 'unavailable', detail: `${WHAT}: rows of the caller’s own are left out` }
          : {
              reason: 'misconfigured',
              detail: `${WHAT}: the service user may see only ${rows.length} of ${total} rows of a user`,
              remedy: READER_REMEDY,
            },
    };
  }
}
