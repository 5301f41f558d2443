import type { Caller, Membership, RowsOn } from '../../core/caller.js';
import { ZitadelArgumentError, ZitadelError } from '../../core/errors.js';
import { has, own } from '../../core/own-properties.js';
import { TOKEN_68 } from '../../core/request.js';
import { jsonOf } from '../callers/access-token.js';
import type { ApiGeneration } from '../generation.js';
import type { Http } from '../http.js';
import { isId, isRecord, MOST_PAGES, requireId, textsOf } from '../reading.js';
import { changing, errorFrom, READER_REMEDY, tooLongList, unusable } from '../refusals.js';
import { askOrThrow, requireServiceToken, type ServiceToken } from '../service-user.js';
import {
  askMine,
  askOfUser,
  type AskPage,
  type MembershipList,
  type MembershipListRequest,
  type MembershipRow,
  MOST_CALLS,
  readMembershipPages,
  type UserMembershipListRequest,
} from './by-v1.js';
import { type Administrator, listAdministrators, MOST_ROWS, type Send } from './by-v2.js';

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
      return listByPages(askMine(send, ''), what, request, userId);
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
    const send: Send = (call) => serviceToken.call(call);
    return askOrThrow(generation, async (asked) => {
      if (asked === 'v1') {
        return listByPages(askOfUser(send, userId, organizationId), what, request, userId);
      }
      if (organizationId === undefined) {
        throw new ZitadelArgumentError(
          'organizationId',
          'organizationId is missing: API v2 does not use the service user’s own organization, so name one',
        );
      }
      return listByAdministrators(send, what, request);
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
  ask: AskPage,
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

/**
 * Reads a list as API v1 would give it, by `ListAdministrators` of v2. All rows are read, and then filtered and cut here, because v2 does not
 * have the filters of v1.
 *
 * @throws ZitadelArgumentError on a wrong filter
 * @throws ZitadelError `zitadel_unavailable` on a list of more than 10,000 rows, or of fewer if the server allows only short pages
 */
async function listByAdministrators(
  send: Send,
  what: string,
  { userId, organizationId, query, queries = [] }: UserMembershipListRequest,
): Promise<MembershipList> {
  const filters = queries.map(filterFrom);
  const on = filters.find((filter) => filter.on)?.on;
  const list = await listAdministrators(send, userId, on, MOST_PAGES);
  if (has(list, 'instead')) throw errorFrom(list.instead, what);
  if (list.hasMoved) throw changing(what);
  if (list.hidesRows) {
    throw new ZitadelError(
      'service_user_refused',
      `${what}: not all rows of the user may be seen; ${READER_REMEDY}`,
    );
  }
  if (list.goesOn || list.total > MOST_ROWS) throw tooLongList(what, 'an orgQuery or iamQuery');
  const rows = list.rows.filter(
    (row) =>
      (organizationId === undefined || isOf(row.membership, organizationId)) &&
      filters.every(({ fits }) => fits(row.membership)),
  );
  const { offset = 0, limit = 0 } = query ?? {};
  return {
    // As v1 does.
    details: { totalResult: offset < rows.length ? rows.length : 0 },
    result: rows.slice(offset, limit === 0 ? undefined : offset + limit).map(rowFrom),
  };
}

/** The user that a JWT names. It is not verified: it only says whose rows to ask for, and the token itself asks. */
function subjectOf(token: string): string {
  const [, payload, ...more] = token.split('.');
  const subject = more.length === 1 ? own(jsonOf(payload), 'sub') : undefined;
  if (isId(subject)) return subject;
  throw new ZitadelArgumentError(
    'who',
    'who is a token that does not name its user, and API v2 needs the user id: pass the Caller of the request',
  );
}

interface Filter {
  readonly fits: (row: Membership) => boolean;
  /** What the server can narrow the list to, if that gives exactly the same rows. */
  readonly on?: RowsOn;
}

function filterFrom(filter: unknown): Filter {
  const [only, ...more] = isRecord(filter) ? Object.entries(filter) : [];
  const [name, value] = only ?? [];
  const idOf = (member: string): string => {
    const id: unknown = isRecord(value) ? value[member] : undefined;
    if (typeof id === 'string' && id !== '') return id;
    throw noFilter();
  };
  if (more.length > 0) throw noFilter();
  switch (name) {
    case 'orgQuery': {
      const on = { kind: 'org', id: idOf('orgId') } as const;
      return { fits: ({ kind, id }) => kind === 'org' && id === on.id, on };
    }
    case 'projectQuery': {
      const projectId = idOf('projectId');
      return {
        fits: (row) => (row.kind === 'project' ? row.id : row.projectId) === projectId,
      };
    }
    case 'projectGrantQuery': {
      const grantId = idOf('projectGrantId');
      return { fits: ({ kind, id }) => kind === 'projectGrant' && id === grantId };
    }
    case 'iamQuery':
      return { fits: ({ kind }) => kind === 'instance', on: { kind: 'instance' } };
    default:
      throw noFilter();
  }
}

function noFilter(): ZitadelArgumentError {
  return new ZitadelArgumentError(
    'queries',
    'queries must be a list of filters with exactly one of orgQuery, projectQuery, projectGrantQuery, iamQuery each',
  );
}

function isOf({ kind, id, ownerOrgId }: Membership, organizationId: string): boolean {
  return kind === 'instance' || (kind === 'org' ? id : ownerOrgId) === organizationId;
}

function rowFrom({ membership, name, creationDate, changeDate }: Administrator): MembershipRow {
  const { userId, kind, id, roles, ownerOrgId } = membership;
  const resourceOwner = kind === 'org' ? id : ownerOrgId;
  return {
    userId,
    on: { kind, id },
    roles,
    displayName: name,
    details: {
      ...(creationDate !== undefined && { creationDate }),
      ...(changeDate !== undefined && { changeDate }),
      ...(resourceOwner !== undefined && { resourceOwner }),
    },
    ...(kind === 'instance' && { iam: true as const }),
    ...(kind === 'org' && { orgId: id }),
    ...(kind === 'project' && { projectId: id }),
    ...(kind === 'projectGrant' && { projectGrantId: id }),
  };
}
