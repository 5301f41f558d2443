import type { Refusal } from '../core/decision.js';
import type { Answered, Trouble } from './exchange.js';
import type { Http } from './http.js';
import { MOST_BYTES } from './list-answer.js';
import type { MembershipListRequest, UserMembershipListRequest } from './membership-row.js';
import type { ServiceToken } from './service-token.js';

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
    maxBytes: MOST_BYTES,
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
    maxBytes: MOST_BYTES,
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
