import { isRefusal, type Refusal } from '../core/decision.js';
import type { MembershipQuestion, MembershipRows } from '../core/membership.js';
import { listAdministrators, MOST_ROWS, type Send } from './administrators.js';
import { servedBy, type Tried } from './api-generation.js';
import { READER_REMEDY, refusalOf } from './reply-refusal.js';

const WHAT = 'memberships';

/**
 * Reads a user's rows by API v2. The caller always sees the own rows. A service user sees only those that it has the right to see, while
 * ZITADEL counts them all: fewer than are counted, twice, is a right that it lacks, and never a short list. Of a list that moves twice,
 * what came counts and what did not is asked for apart: others can move a user's list as long as they like, and lock nobody out by it.
 */
export async function readAdministrators(
  send: Send,
  as: 'caller' | 'instanceReader',
  { userId, on }: MembershipQuestion,
): Promise<Tried<MembershipRows | Refusal>> {
  // v2 knows a project grant by its two ends, and not by its id: what it has is asked for when they are known.
  if (on?.kind === 'projectGrant') {
    return { served: undefined, value: { rows: [], complete: true } };
  }
  for (let again = true; ; again = false) {
    const list = await listAdministrators(send, userId, on);
    if ('reply' in list) {
      const { reply } = list;
      const value = isRefusal(reply) ? reply : refusalOf(reply, as, WHAT);
      return { served: servedBy(reply), value };
    }
    const { rows, total, hidesRows, hasMoved } = list;
    if (again && (hidesRows || hasMoved)) continue;
    if (hasMoved || !hidesRows) {
      const memberships = rows.map(({ membership }) => membership);
      const complete = !hasMoved && total <= MOST_ROWS;
      return { served: true, value: { rows: memberships, complete } };
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
