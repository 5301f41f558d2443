import type { Caller } from '../core/caller.js';
import { ZitadelArgumentError } from '../core/errors.js';
import { TOKEN_68 } from '../core/request.js';
import type { Send } from './administrators.js';
import { bodyOrThrow, unusable } from './api-error.js';
import type { ApiGeneration } from './api-generation.js';
import { requireServiceToken } from './as-service-user.js';
import { askMine, askOfUser } from './ask-memberships.js';
import { askOrThrow } from './ask-or-throw.js';
import type { Http } from './http.js';
import { listByAdministrators, subjectOf } from './membership-list-v2.js';
import {
  membershipsFrom,
  type MembershipList,
  type MembershipListRequest,
  type UserMembershipListRequest,
} from './membership-row.js';
import { requireId } from './require-id.js';
import type { ServiceToken } from './service-token.js';
import { textsOf } from './shape.js';

export type {
  MembershipList,
  MembershipListFilter,
  MembershipListRequest,
  MembershipRow,
  UserMembershipListRequest,
} from './membership-row.js';

/** What the lists are asked with. */
export interface MembershipListParts {
  readonly http: Http;
  readonly serviceToken: ServiceToken | undefined;
  readonly tokenOf: (caller: Caller) => string | undefined;
  readonly idPattern: RegExp;
  /** Of memberships. */
  readonly generation: ApiGeneration;
}

/**
 * Both lists, complete and typed, for those who want the list itself. By API v1 as ZITADEL answers them; where that is not served, by
 * `ListAdministrators` of v2, filtered and cut here: without `viewTimestamp`, `sequence` and the id and name of the instance.
 */
export class MembershipLists {
  constructor(private readonly parts: MembershipListParts) {}

  /**
   * The manager roles of the caller of a request, or of the user behind an access token, over all organizations. By API v2 a token that
   * is no JWT does not say whose it is: pass the Caller.
   *
   * @throws ZitadelApiError when ZITADEL refuses; ZitadelUnavailableError when it cannot be asked; ZitadelArgumentError when it is
   * neither a token nor a caller that the guard or middleware verified, and on an offset, limit or (v2) filter that is none; ZitadelError
   * `zitadel_unavailable` when the user has more than 10,000 rows by API v2, which anybody can give: only an `orgQuery` or `iamQuery`
   * brings an answer then
   */
  async listMine(
    who: Caller | string,
    request: MembershipListRequest = {},
  ): Promise<MembershipList> {
    requirePage(request);
    const { http, generation, tokenOf } = this.parts;
    const token = typeof who === 'string' ? who : tokenOf(who);
    if (token === undefined || !TOKEN_68.test(token)) {
      throw new ZitadelArgumentError(
        'who',
        'who is neither an access token nor the Caller of a request as it was given to you',
      );
    }
    const what = 'List My ZITADEL Manager Roles';
    const send: Send = (call) => http({ ...call, token });
    return askOrThrow(generation, async (asked) => {
      if (asked === 'v2') {
        const userId = typeof who === 'string' ? subjectOf(token) : who.userId;
        return listByAdministrators(send, what, { ...request, userId });
      }
      const userId = typeof who === 'string' ? undefined : who.userId;
      return listFrom(bodyOrThrow(await askMine(http, token, '', request), what), what, userId);
    });
  }

  /**
   * The manager roles of any user, read as the service user: instance rows, and those owned by one organization. By API v2 the
   * organization must be named, and the service user must see all rows of the user (IAM_OWNER_VIEWER).
   *
   * @throws ZitadelError `service_user_refused` without a usable service user; otherwise as {@link listMine}
   */
  async listOfUser(request: UserMembershipListRequest): Promise<MembershipList> {
    requirePage(request);
    const { idPattern, generation } = this.parts;
    const what = 'List ZITADEL Permissions';
    const { userId, organizationId } = request;
    requireId(userId, 'userId', idPattern);
    if (organizationId !== undefined) requireId(organizationId, 'organizationId', idPattern);
    const serviceToken = requireServiceToken(this.parts.serviceToken, what);
    return askOrThrow(generation, async (asked) => {
      if (asked === 'v1') {
        const reply = await askOfUser(serviceToken, request);
        return listFrom(bodyOrThrow(reply, what), what, userId);
      }
      if (organizationId === undefined) {
        throw new ZitadelArgumentError(
          'organizationId',
          'organizationId is missing: API v2 knows no organization of the service user’s own, name one',
        );
      }
      return listByAdministrators((call) => serviceToken.call(call), what, request);
    });
  }
}

/** API v1 refuses what is no such number (uint64, uint32), and v2 is not asked with it. */
function requirePage({ query }: MembershipListRequest): void {
  for (const [name, most] of MOST_OF_PAGE) {
    const value: unknown = query?.[name];
    if (value === undefined) continue;
    if (Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most) continue;
    throw new ZitadelArgumentError(
      'query',
      `query.${name} must be a whole number from 0 to ${most}`,
    );
  }
}

const MOST_OF_PAGE = [
  ['offset', Number.MAX_SAFE_INTEGER],
  ['limit', 2 ** 32 - 1],
] as const;

function listFrom(
  body: Readonly<Record<string, unknown>>,
  what: string,
  userId?: string,
): MembershipList {
  const list = membershipsFrom(body);
  if (!list) throw unusable(what, 'the answer is no list');
  const { rows, total } = list;
  if (rows.some((row) => row.userId !== (userId ?? rows[0]?.userId))) throw unusable(what);
  const details = textsOf(body['details'], ['viewTimestamp', 'processedSequence']);
  return { details: { totalResult: total, ...details }, result: rows };
}
