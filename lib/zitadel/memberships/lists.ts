import type { Caller } from '../../core/caller.js';
import { ZitadelArgumentError } from '../../core/errors.js';
import { has } from '../../core/own-properties.js';
import { TOKEN_68 } from '../../core/request.js';
import type { ApiGeneration } from '../generation.js';
import type { Http } from '../http.js';
import { requireId, textsOf } from '../reading.js';
import { changing, errorFrom, tooLongList, unusable } from '../refusals.js';
import { askOrThrow, requireServiceToken, type ServiceToken } from '../service-user.js';
import { askMine, askOfUser } from './by-v1.js';
import type { Send } from './by-v2.js';
import { listByAdministrators, subjectOf } from './lists-v2.js';
import {
  MOST_CALLS,
  readMembershipPages,
  type MembershipList,
  type MembershipListRequest,
  type UserMembershipListRequest,
} from './pages.js';

/** What the lists are asked with. */
interface MembershipListParts {
  readonly http: Http;
  readonly serviceToken: ServiceToken | undefined;
  readonly tokenOf: (caller: Caller) => string | undefined;
  readonly idPattern: RegExp;
  /** Of memberships. */
  readonly generation: ApiGeneration;
}

/**
 * Both lists, complete and typed, for those who want the list itself: in as many calls as it takes, each row once, and never a part as if
 * it were all. By API v1 as ZITADEL gives them; where that is not served, by `ListAdministrators` of v2, filtered and cut here: without
 * `viewTimestamp`, `sequence` and the id and name of the instance.
 */
export class MembershipLists {
  constructor(private readonly parts: MembershipListParts) {}

  /**
   * The manager roles of the caller of a request, or of the user behind an access token, over all organizations. API v2 asks for the user's
   * id, which only a JWT names: with an opaque token, pass the Caller.
   *
   * @throws ZitadelApiError when ZITADEL refuses
   * @throws ZitadelUnavailableError when ZITADEL cannot be asked, or the list changes while it is read
   * @throws ZitadelArgumentError when `who` is neither a token nor a caller that the guard or middleware verified, and on a wrong offset,
   * limit or (v2) filter
   * @throws ZitadelError `zitadel_unavailable` when the list is too long: more than 20,000 rows by API v1, 10,000 by v2, fewer where the
   * server allows only short pages. Others can make a list that long: then narrow it
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
      return listByPages((part) => askMine(http, token, '', part), what, request, userId);
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
        const ask = (part: MembershipListRequest) =>
          askOfUser(serviceToken, { ...request, ...part });
        return listByPages(ask, what, request, userId);
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

/** API v1 takes a uint64 and a uint32. API v2 is not asked with them, so they are checked here. */
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

async function listByPages(
  ask: Parameters<typeof readMembershipPages>[0],
  what: string,
  request: MembershipListRequest,
  userId: string | undefined,
): Promise<MembershipList> {
  const list = await readMembershipPages(ask, request, MOST_CALLS);
  if (has(list, 'instead')) throw errorFrom(list.instead, what);
  const { body, rows, total, hasMoved, goesOn } = list;
  if (hasMoved) throw changing(what);
  if (goesOn) throw tooLongList(what, 'queries, or ask for parts by query.limit');
  if (rows.some((row) => row.userId !== (userId ?? rows[0]?.userId))) throw unusable(what);
  return {
    details: {
      totalResult: total,
      ...textsOf(body['details'], ['viewTimestamp', 'processedSequence']),
    },
    result: rows,
  };
}
