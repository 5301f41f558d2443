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

/** How the lists are asked for. */
interface MembershipListParts {
  readonly http: Http;
  readonly serviceToken: ServiceToken | undefined;
  readonly tokenOf: (caller: Caller) => string | undefined;
  readonly idPattern: RegExp;
  /** The API generation for memberships. */
  readonly generation: ApiGeneration;
}

/**
 * ZITADEL's two lists of manager roles themselves, complete and typed. A list is read in as many calls as it takes, each row once. A part is
 * never given as if it were the whole list. API v1 gives the lists as they are. If it is not served, `ListAdministrators` of v2 is read, and
 * filtered and cut here. Then `viewTimestamp`, `sequence`, and the id and name of the instance are missing.
 *
 * @example `const { result } = await membershipLists.listMine(caller)`
 */
export class MembershipLists {
  /** @internal */
  constructor(private readonly parts: MembershipListParts) {}

  /**
   * Lists the manager roles of the caller of a request, or of the user of an access token, in all organizations. API v2 needs the user's id,
   * which only a JWT names: if the token is opaque, pass the Caller.
   *
   * @throws ZitadelApiError when ZITADEL refuses
   * @throws ZitadelUnavailableError when ZITADEL cannot be asked, or the list changes while it is read
   * @throws ZitadelArgumentError when `who` is neither a token nor a caller that the guard or middleware verified
   * @throws ZitadelArgumentError on a wrong offset, limit or (v2) filter
   * @throws ZitadelError `zitadel_unavailable` when the list is too long: more than 20,000 rows by API v1, 10,000 by v2, fewer if the server
   * allows only short pages. Others can make a list that long. Then narrow it
   * @example `const { result } = await membershipLists.listMine(caller, { query: { limit: 20 } })`
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
   * Lists the manager roles of any user as the service user: rows of the instance, and rows owned by one organization. By API v2 the
   * organization must be named, and the service user must see all rows of the user (`IAM_OWNER_VIEWER`).
   *
   * @throws ZitadelError `service_user_refused` when there is no usable service user
   * @throws ZitadelArgumentError on a wrong id
   * @throws ZitadelError what {@link listMine} throws
   * @example `const { result } = await membershipLists.listOfUser({ userId, organizationId })`
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
          'organizationId is missing: API v2 does not use the service user’s own organization, so name one',
        );
      }
      return listByAdministrators((call) => serviceToken.call(call), what, request);
    });
  }
}

/** Checks what API v1 would refuse: it takes a uint64 and a uint32. API v2 does not get them. */
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
