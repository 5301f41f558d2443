import type { Caller } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { ZitadelArgumentError, ZitadelError } from '../core/errors.js';
import { requireId } from './require-id.js';
import { TOKEN_68 } from '../core/request.js';
import { bodyOrThrow, ZitadelUnavailableError } from './api-error.js';
import { isRecord } from './error-id.js';
import type { Answered, Trouble } from './exchange.js';
import type { Http } from './http.js';
import type { ServiceToken } from './service-token.js';

/** What a list of manager roles can be asked with (API v1). Without `query` ZITADEL answers everything, in no order. */
export interface MembershipListRequest {
  readonly query?: {
    /** How many rows to leave out. ZITADEL promises no order, so pages may overlap. */
    readonly offset?: number;
    /** How many rows at most. @default 0, which is no limit */
    readonly limit?: number;
    /** Accepted by ZITADEL, without effect on this list. */
    readonly asc?: boolean;
  };
  /** All of them must hold. */
  readonly queries?: readonly MembershipListFilter[];
}

/** One filter. Each object has exactly one key; ZITADEL refuses two in one. */
export type MembershipListFilter =
  | { readonly orgQuery: { readonly orgId: string } }
  | { readonly projectQuery: { readonly projectId: string } }
  | { readonly projectGrantQuery: { readonly projectGrantId: string } }
  | { readonly iamQuery: { readonly iam: boolean } };

/** A list of manager roles as ZITADEL answers it. */
export interface MembershipList {
  readonly details: {
    /** How many rows there are in all; 0 where ZITADEL leaves it out (also for an offset beyond the end). */
    readonly totalResult: number;
    /** RFC 3339: as of when ZITADEL's read side answered. */
    readonly viewTimestamp?: string;
    readonly processedSequence?: string;
  };
  readonly result: readonly MembershipRow[];
}

/** One row: exactly one of `iam`, `orgId`, `projectId`, `projectGrantId` is there. */
export interface MembershipRow {
  readonly userId: string;
  readonly roles: readonly string[];
  /** The name of the instance, organization or project. Written by whoever owns it: text only, never markup. */
  readonly displayName: string;
  readonly details: {
    readonly sequence?: string;
    readonly creationDate?: string;
    readonly changeDate?: string;
    /** The owner of the row: for a project or project grant the organization that owns the project. */
    readonly resourceOwner?: string;
  };
  readonly iam?: true;
  readonly orgId?: string;
  readonly projectId?: string;
  readonly projectGrantId?: string;
}

/** A user whose manager roles are listed by the service user, in the context of one organization. */
export interface UserMembershipListRequest extends MembershipListRequest {
  readonly userId: string;
  /** Sent as `x-zitadel-orgid`: instance rows and rows owned by this organization are answered. @default the service user's own */
  readonly organizationId?: string;
}

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

/** Both lists, complete and typed, for those who want the list itself. */
export class MembershipLists {
  constructor(
    private readonly http: Http,
    private readonly serviceToken: ServiceToken | undefined,
    private readonly tokenOf: (caller: Caller) => string | undefined,
    private readonly idPattern: RegExp,
  ) {}

  /**
   * The manager roles of the caller of a request, or of the user behind an access token, over all organizations.
   *
   * @throws ZitadelApiError when ZITADEL refuses; ZitadelUnavailableError when it cannot be asked; ZitadelArgumentError when it is
   * neither a token nor a caller that the guard or middleware verified
   */
  async listMine(
    who: Caller | string,
    request: MembershipListRequest = {},
  ): Promise<MembershipList> {
    const token = typeof who === 'string' ? who : this.tokenOf(who);
    if (token === undefined || !TOKEN_68.test(token)) {
      throw new ZitadelArgumentError(
        'who',
        'who is neither an access token nor the Caller of a request as it was given to you',
      );
    }
    const reply = await askMine(this.http, token, '', request);
    const what = 'List My ZITADEL Manager Roles';
    return listFrom(bodyOrThrow(reply, what), what);
  }

  /**
   * The manager roles of any user, read as the service user.
   *
   * @throws ZitadelError `service_user_refused` without a usable service user; otherwise as {@link listMine}
   */
  async listOfUser(request: UserMembershipListRequest): Promise<MembershipList> {
    const what = 'List ZITADEL Permissions';
    const { userId, organizationId } = request;
    requireId(userId, 'userId', this.idPattern);
    if (organizationId !== undefined) requireId(organizationId, 'organizationId', this.idPattern);
    const reply = await askOfUser(requireServiceToken(this.serviceToken, what), request);
    return listFrom(bodyOrThrow(answerOrThrow(reply, what), what), what);
  }
}

/** The service user's token source. @throws ZitadelError `service_user_refused` where none is set up */
export function requireServiceToken(
  serviceToken: ServiceToken | undefined,
  what: string,
): ServiceToken {
  if (serviceToken) return serviceToken;
  throw new ZitadelError(
    'service_user_refused',
    `${what}: no service user is set up; give the option serviceUser, e.g. keyFile('./service-user.json')`,
  );
}

/** A reply, or the error for a service user that ZITADEL does not sign in. */
export function answerOrThrow(
  reply: Answered | Trouble | Refusal,
  what: string,
): Answered | Trouble {
  if (!isRefusal(reply)) return reply;
  if (reply.reason === 'unavailable') {
    const wait = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs };
    return { trouble: reply.detail ?? 'ZITADEL is not available', kind: 'notSent', ...wait };
  }
  throw new ZitadelError(
    'service_user_refused',
    `${what}: ${[reply.detail, reply.remedy].filter(Boolean).join('; ')}`,
  );
}

/** The rows of an answer; undefined when it is not a list. Empty lists and zeros are left out by ZITADEL. */
export function rowsOf(body: unknown): readonly MembershipRow[] | undefined {
  if (!isRecord(body)) return undefined;
  const { result = [] } = body;
  if (!Array.isArray(result) || !result.every(isRecord)) return undefined;
  return result.map(rowFrom);
}

/** How many rows the server says there are. */
export function totalOf(body: unknown): number {
  const details: unknown = isRecord(body) ? body['details'] : undefined;
  const total = isRecord(details) ? Number(details['totalResult'] ?? 0) : 0;
  return Number.isSafeInteger(total) && total > 0 ? total : 0;
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

function listFrom(body: Readonly<Record<string, unknown>>, what: string): MembershipList {
  const rows = rowsOf(body);
  if (!rows?.every(({ userId }) => userId !== '')) {
    throw new ZitadelUnavailableError(what, 'the answer is no list');
  }
  const details = isRecord(body['details']) ? body['details'] : {};
  return {
    details: {
      totalResult: totalOf(body),
      ...textsOf(details, ['viewTimestamp', 'processedSequence']),
    },
    result: rows,
  };
}

function rowFrom(row: Readonly<Record<string, unknown>>): MembershipRow {
  const roles: readonly unknown[] = Array.isArray(row['roles']) ? row['roles'] : [];
  const details = isRecord(row['details']) ? row['details'] : {};
  return {
    userId: textOf(row['userId']),
    roles: roles.filter((role) => typeof role === 'string'),
    displayName: textOf(row['displayName']),
    details: textsOf(details, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']),
    ...(row['iam'] === true && { iam: true as const }),
    ...textsOf(row, ['orgId', 'projectId', 'projectGrantId']),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf<K extends string>(
  from: Readonly<Record<string, unknown>>,
  names: readonly K[],
): Partial<Record<K, string>> {
  const texts: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = from[name];
    if (typeof value === 'string' && value !== '') texts[name] = value;
  }
  return texts;
}
