import type { Refusal } from '../core/decision.js';
import type { Answered, Trouble } from './exchange.js';
import type { Http } from './http.js';
import type { MembershipListRequest, UserMembershipListRequest } from './membership-row.js';
import type { ServiceToken } from './service-token.js';

/** Membership lists are the one large answer: 8 MiB hold about 17,000 rows. */
const MAX_BYTES = 8 * 2 ** 20;

/** Asks for the manager roles of a token's own user: List My ZITADEL Manager Roles, `POST /auth/v1/memberships/me/_search`. */
export function askMine(
  http: Http,
  token: string,
  who: string,
  request: MembershipListRequest = {},
): Promise<Answered | Trouble> {
  return http({
    family: 'memberships',
    method: 'POST',
    path: '/auth/v1/memberships/me/_search',
    token,
    json: searchOf(request),
    who,
    maxBytes: MAX_BYTES,
    repeatable: true,
  });
}

/** Asks for another user's: List ZITADEL Permissions, `POST /management/v1/users/{userId}/memberships/_search`. */
export function askOfUser(
  serviceToken: ServiceToken,
  request: UserMembershipListRequest,
): Promise<Answered | Trouble | Refusal> {
  return serviceToken.call({
    family: 'userMemberships',
    method: 'POST',
    path: `/management/v1/users/${encodeURIComponent(request.userId)}/memberships/_search`,
    orgId: request.organizationId,
    json: searchOf(request),
    who: request.userId,
    maxBytes: MAX_BYTES,
    repeatable: true,
  });
}

function searchOf({ query, queries }: MembershipListRequest): Readonly<Record<string, unknown>> {
  return {
    ...(query && {
      query: {
        ...(query.offset !== undefined && { offset: String(query.offset) }),
        ...(query.limit !== undefined && { limit: query.limit }),
        ...(query.asc !== undefined && { asc: query.asc }),
      },
    }),
    ...(queries && { queries }),
  };
}
