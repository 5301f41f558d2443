import { isRefusal, type Refusal } from '../core/decision.js';
import type { Membership } from '../core/membership.js';
import type { Answered, Trouble } from './exchange.js';
import type { Http } from './http.js';
import { askMine, askOfUser, rowsOf, totalOf, type MembershipRow } from './membership-list.js';
import { refusalOf, type AskedAs } from './reply-refusal.js';
import type { ServiceToken } from './service-token.js';

const AT_ONCE = 4;

/** Reads a caller's memberships with the caller's own token: over all organizations, and proof that ZITADEL accepts the token. */
export function readAsCaller(
  http: Http,
): (userId: string, token: string) => Promise<readonly Membership[] | Refusal> {
  return async (userId, token) =>
    membershipsOf(await askMine(http, token, userId), 'caller', userId);
}

/** Reads a user's memberships as the service user, one organization a call (API v1), and joins them. */
export function readAsServiceUser(
  serviceToken: ServiceToken,
): (
  userId: string,
  token: string,
  organizations: readonly string[],
) => Promise<readonly Membership[] | Refusal> {
  return async (userId, _token, organizations) => {
    const joined: Membership[] = [];
    for (let from = 0; from < organizations.length; from += AT_ONCE) {
      const asked = organizations
        .slice(from, from + AT_ONCE)
        .map((organizationId) => askOfUser(serviceToken, { userId, organizationId }));
      for (const reply of await Promise.all(asked)) {
        if (isRefusal(reply)) return reply;
        const rows = membershipsOf(reply, 'serviceUser', userId);
        if (isRefusal(rows)) return rows;
        joined.push(...rows);
      }
    }
    return joined;
  };
}

function membershipsOf(
  reply: Answered | Trouble,
  as: AskedAs,
  userId: string,
): readonly Membership[] | Refusal {
  const what = 'memberships';
  if ('trouble' in reply || reply.status !== 200) return refusalOf(reply, as, what);
  const rows = rowsOf(reply.body);
  if (!rows) return { reason: 'unavailable', detail: `${what}: the answer is no list` };
  if (rows.some((row) => row.userId !== userId)) {
    return { reason: 'unavailable', detail: `${what}: the answer is about another user` };
  }
  if (totalOf(reply.body) > rows.length) {
    return { reason: 'unavailable', detail: `${what}: the answer is incomplete` };
  }
  return rows.flatMap(membershipFrom);
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
