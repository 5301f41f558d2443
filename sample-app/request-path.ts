import type { Request } from 'express';
import {
  DENIAL,
  requirementText,
  type DenyReason,
  type IdSource,
  type MembershipRead,
  type Requirement,
} from 'nestjs-zitadel';
import { REMEMBERED_MS, type Decided } from './decision-log.js';
import type { Missing } from './what-is-missing.js';
import type { Row } from './remembered-rows.js';

/** The steps that a request passes, in this order. */
export type Step = 'token' | 'caller' | 'memberships' | 'requirement' | 'decision';

/** The path of one request, as the page draws it. Times are milliseconds, or milliseconds since the epoch. */
export interface RequestPath {
  readonly request: string;
  readonly status: number;
  readonly allowed: boolean;
  /** Where the request was refused. */
  readonly stoppedAt?: Step;
  readonly reason?: DenyReason;
  readonly message?: string;
  readonly tookMs: number;
  /** Since when the token is there, and until when, as it says itself. Known once it is verified. */
  readonly token?: TokenTimes;
  readonly caller?: { readonly userId: string };
  readonly memberships?: Memberships;
  /** What the route asks for, and what that is with the ids of this request. */
  readonly requirement?: { readonly text: string; readonly asked: string };
  /** The row that let the request in. */
  readonly by?: Row;
  /** For operators, and only with the emulator. */
  readonly why?: Why;
}

interface TokenTimes {
  readonly ageMs?: number;
  readonly leftMs?: number;
}

interface Memberships {
  readonly ageMs: number;
  readonly leftMs: number;
  readonly from: MembershipRead['from'];
  /** Whether this request had to wait for ZITADEL. */
  readonly anew: boolean;
  /** What the app knows, and what ZITADEL says at this moment. Only with the emulator. */
  readonly rows?: readonly Row[];
  readonly now?: readonly Row[];
}

/** Why it was refused: what the log says, and what would have let it in. A client is never told. */
export interface Why {
  readonly detail?: string;
  readonly remedy?: string;
  readonly missing?: Missing;
}

/** Draws the path. What was known only later stays out of it. */
export function pathOf(
  { request, requirement, decision, startedAt, tookMs }: Decided,
  rows: Pick<Memberships, 'rows' | 'now'>,
): RequestPath {
  const { caller, read } = decision;
  const decidedAt = startedAt + tookMs;
  return {
    request: `${request.method} ${request.path}`,
    allowed: decision.allowed,
    status: decision.allowed ? 200 : DENIAL[decision.reason].status,
    ...(!decision.allowed && {
      stoppedAt: stepOf(decision),
      reason: decision.reason,
      message: DENIAL[decision.reason].message,
    }),
    tookMs: Math.round(tookMs * 100) / 100,
    ...(caller && { caller: { userId: caller.userId }, token: timesOf(caller, decidedAt) }),
    ...(read && {
      memberships: {
        ageMs: Math.max(0, Math.round(decidedAt - read.at)),
        leftMs: Math.max(0, Math.round(read.at + REMEMBERED_MS - decidedAt)),
        from: read.from,
        anew: read.from === 'zitadel' && read.at >= startedAt,
        ...rows,
      },
    }),
    ...(requirement && {
      requirement: {
        text: requirementText(requirement),
        asked: requirementText(boundTo(request, requirement) ?? requirement),
      },
    }),
    ...(decision.allowed && decision.by && { by: rowOf(decision.by) }),
  };
}

function rowOf({ kind, id, roles }: Row): Row {
  return { kind, id, roles };
}

const STEPS: Readonly<Partial<Record<DenyReason, Step>>> = {
  token_missing: 'token',
  token_invalid: 'caller',
  impersonated: 'caller',
  token_rejected: 'memberships',
  mfa_required: 'memberships',
  not_declared: 'requirement',
  unsupported_context: 'requirement',
  resource_missing: 'requirement',
  resource_invalid: 'requirement',
};

/** An outage can come at each step: what is known tells how far the request came. */
function stepOf({ reason, caller, read }: DeniedParts): Step {
  const open = read ? 'decision' : caller ? 'memberships' : 'caller';
  return STEPS[reason] ?? open;
}

type DeniedParts = Pick<
  Extract<Decided['decision'], { allowed: false }>,
  'reason' | 'caller' | 'read'
>;

function timesOf(
  { claims, expiresAt }: NonNullable<Decided['decision']['caller']>,
  at: number,
): TokenTimes {
  const issuedAt = Object.hasOwn(claims, 'iat') ? Number(claims['iat']) * 1_000 : NaN;
  return {
    ...(Number.isFinite(issuedAt) && { ageMs: Math.max(0, Math.round(at - issuedAt)) }),
    ...(expiresAt !== undefined && { leftMs: Math.round(expiresAt - at) }),
  };
}

/** Where Express has what a source names. */
const PLACES = { param: 'params', query: 'query', body: 'body', header: 'headers' } as const;

/**
 * What a route asks for, with the ids of one request in the place of "the parameter orgId", so that it can be asked about again outside the
 * request. Undefined: an id is missing, or only the guard can read it.
 */
export function boundTo(request: Request, requirement: Requirement): Requirement | undefined {
  let isWhole = true;
  const bound = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(bound);
    if (typeof value !== 'object' || value === null) return value;
    if (Object.hasOwn(value, 'from')) {
      const id = idAt(value as IdSource, request);
      isWhole &&= id !== undefined;
      return { from: 'literal', id };
    }
    const parts = Object.entries(value).map(([name, part]) => [name, bound(part)] as const);
    // The question is about what the guard knew, so ZITADEL is not asked anew.
    return { ...Object.fromEntries(parts), ...(Object.hasOwn(value, 'fresh') && { fresh: false }) };
  };
  const whole = bound(requirement) as Requirement;
  return isWhole ? whole : undefined;
}

function idAt(source: IdSource, request: Request): string | undefined {
  if (source.from === 'literal') return source.id;
  const place = Object.entries(PLACES).find(([from]) => from === source.from)?.[1];
  const values = Object(place && request[place]) as Record<string, unknown>;
  const id = values[source.name];
  return typeof id === 'string' ? id : undefined;
}
