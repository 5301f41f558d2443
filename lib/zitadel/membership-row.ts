import { isRecord } from './error-id.js';
import { countFrom } from './page.js';

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
  return isRecord(details) ? countFrom(details['totalResult']) : 0;
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

/** Those of the named members that are texts and not empty. */
export function textsOf<K extends string>(
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
