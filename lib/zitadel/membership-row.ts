import { listFrom } from './list-answer.js';
import { haveIds, isId, isRecord, listOfTexts, textOf, textsOf } from './shape.js';

/** What a list of manager roles can be asked with (API v1). Without `query` the whole list is read, in no order. */
export interface MembershipListRequest {
  readonly query?: {
    /** How many rows to leave out. ZITADEL promises no order, so pages may overlap. */
    readonly offset?: number;
    /** How many rows at most; more than ZITADEL gives in one answer are read in several. @default 0, which is no limit */
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

/** Reads a list of API v1; undefined when the answer is none. A row without any of the four kinds is one that we do not know yet. */
export function membershipsFrom(
  body: unknown,
): { readonly rows: readonly MembershipRow[]; readonly total: number } | undefined {
  const list = listFrom(body);
  const rows = list?.rows.map(rowFrom);
  return list && rows?.every((row) => row !== undefined) ? { rows, total: list.total } : undefined;
}

const ID_NAMES = ['orgId', 'projectId', 'projectGrantId'] as const;

function rowFrom(row: Readonly<Record<string, unknown>>): MembershipRow | undefined {
  const { userId, iam, details = {} } = row;
  const roles = listOfTexts(row['roles']);
  if (!isId(userId) || !roles || !haveIds(row, ID_NAMES)) return undefined;
  if (iam !== undefined && iam !== true) return undefined;
  if (!isRecord(details) || !haveIds(details, ['resourceOwner'])) return undefined;
  return {
    userId,
    roles,
    displayName: textOf(row['displayName']),
    details: textsOf(details, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']),
    ...(iam && { iam }),
    ...textsOf(row, ID_NAMES),
  };
}
