import { isRefusal, type Refusal } from '../core/decision.js';
import type { Membership, MembershipQuestion, MembershipRows, RowsOn } from '../core/membership.js';
import { MOST_ROWS } from './administrators.js';
import { servedBy, type Tried } from './api-generation.js';
import { askMine, askOfUser } from './ask-memberships.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';
import type { Http } from './http.js';
import {
  membershipsFrom,
  type MembershipListFilter,
  type MembershipListRequest,
  type MembershipRow,
} from './membership-row.js';
import { refusalOf, unfit, type AskedAs } from './reply-refusal.js';
import type { ServiceToken } from './service-token.js';

const WHAT = 'memberships';
const AT_ONCE = 4;
/** Where so many rows as the cap allows are more bytes than are read. */
const FEW_ROWS = 1_000;

type Read = Tried<MembershipRows | Refusal>;
/** A narrowing that v1 has a query for. */
type Narrowed = Exclude<RowsOn, { kind: 'orgsByRoles' }>;

/** v1 lists rows of organizations before all others: those that count are among the rows that came. */
const NOTHING_MORE: Read = { served: undefined, value: { rows: [], complete: true } };

/** Reads the rows of the caller by API v1: over all organizations, and proof that ZITADEL accepts the token. */
export async function readMine(
  http: Http,
  { userId, token, on }: MembershipQuestion,
): Promise<Read> {
  if (on?.kind === 'orgsByRoles') return NOTHING_MORE;
  return readList((request) => askMine(http, token, userId, request), 'caller', userId, on);
}

/** Reads a user's rows as the service user by API v1, one organization a call, and joins them. */
export async function readOfUser(
  serviceToken: ServiceToken,
  { userId, organizations, on }: MembershipQuestion,
): Promise<Read> {
  const asked = organizationsFor(on, organizations);
  const joined: Membership[] = [];
  let complete = true;
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    const reads = asked.slice(from, from + AT_ONCE).map((organizationId) => {
      const ask = (request: MembershipListRequest) =>
        askOfUser(serviceToken, { ...request, userId, organizationId });
      // Each organization has one row of its own at most.
      const narrowed: Narrowed | undefined =
        on?.kind === 'orgsByRoles' ? { kind: 'org', id: organizationId } : on;
      return readList(ask, 'serviceUser', userId, narrowed);
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

/** Rows of the instance come with every organization, those of an organization with it alone. */
function organizationsFor(
  on: RowsOn | undefined,
  organizations: readonly string[],
): readonly string[] {
  if (on?.kind === 'instance') return organizations.slice(0, 1);
  return on?.kind === 'org' ? organizations.filter((id) => id === on.id) : organizations;
}

/** One unordered list, in one call: its pages would overlap. The limit is what makes ZITADEL tell how many there are beyond it. */
async function readList(
  ask: (request: MembershipListRequest) => Promise<Answered | Trouble | Refusal>,
  as: AskedAs,
  userId: string,
  on: Narrowed | undefined,
): Promise<Read> {
  const narrowed = on && { queries: [queryOf(on)] };
  let limit = MOST_ROWS;
  let reply = await ask({ query: { limit }, ...narrowed });
  if (!isRefusal(reply) && isTrouble(reply) && reply.kind === 'tooLarge') {
    limit = FEW_ROWS;
    reply = await ask({ query: { limit }, ...narrowed });
  }
  const served = servedBy(reply);
  if (isRefusal(reply)) return { served, value: reply };
  return { served, value: rowsFrom(reply, as, userId, limit) };
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
      // Rows of grants do not name their two ends here; asked by the project, those of its grants come too.
      return { projectQuery: { projectId: on.projectId } };
  }
}

function rowsFrom(
  reply: Answered | Trouble,
  as: AskedAs,
  userId: string,
  limit: number,
): MembershipRows | Refusal {
  if (isTrouble(reply) || reply.status !== 200) return refusalOf(reply, as, WHAT);
  const list = membershipsFrom(reply.body);
  if (!list) return unfit(WHAT, 'the answer is no list');
  const { rows, total } = list;
  if (rows.some((row) => row.userId !== userId)) {
    return unfit(WHAT, 'the answer is about another user');
  }
  const complete = total <= rows.length;
  if (!complete && rows.length < limit) {
    return unfit(WHAT, 'the answer is incomplete');
  }
  return { rows: rows.flatMap(membershipFrom), complete };
}

/** A row whose kind is not clear says nothing, least of all something global. */
function membershipFrom(row: MembershipRow): readonly Membership[] {
  const { userId, roles, iam, orgId, projectId, projectGrantId, details } = row;
  const named = [iam, orgId, projectId, projectGrantId].filter((each) => each !== undefined);
  if (named.length !== 1) return [];
  const owner = details.resourceOwner;
  const owned = owner === undefined ? {} : { ownerOrgId: owner };
  if (iam) return [{ userId, kind: 'instance', id: owner ?? '', roles }];
  if (orgId !== undefined) return [{ userId, kind: 'org', id: orgId, roles }];
  if (projectId !== undefined) return [{ userId, kind: 'project', id: projectId, roles, ...owned }];
  return [{ userId, kind: 'projectGrant', id: projectGrantId ?? '', roles, ...owned }];
}
