import type { Caller, Membership } from './caller.js';

/** Why a request was not let through. These names are stable: clients see them as `errorCode`. */
export type DenyReason =
  | 'unsupported_context'
  | 'not_declared'
  | 'token_missing'
  | 'token_invalid'
  | 'impersonated'
  | 'token_rejected'
  | 'mfa_required'
  | 'resource_invalid'
  | 'resource_missing'
  | 'role_missing'
  | 'permission_missing'
  | 'project_role_missing'
  | 'organization_not_accepted'
  | 'unavailable'
  | 'misconfigured';

/** A "no" on the way to a decision. `detail`, `got` and `remedy` are for the log. Only `description` may reach the client. */
export interface Refusal {
  readonly reason: DenyReason;
  /** Why, without anything from the request: it is the same for everybody. */
  readonly detail?: string;
  /** What came, and what was expected. It shows nothing that may be a secret. */
  readonly got?: string;
  readonly remedy?: string;
  /** The `error_description` of the challenge. It is a constant text, without anything from the request or from another tenant. */
  readonly description?: string;
  /** After how many milliseconds it is worth asking again. */
  readonly retryAfterMs?: number;
}

/** A resource that was checked: its id was read from the request, and it belongs to the branch of the requirement that allowed it. */
export interface CheckedRef {
  readonly kind: 'org' | 'project' | 'projectGrant';
  readonly id: string;
  /** The name of the parameter, header and so on from which it was read. */
  readonly name: string;
}

/** Where and when the memberships behind a decision were read. */
export interface MembershipRead {
  /** When ZITADEL was asked, in milliseconds since the epoch. */
  readonly at: number;
  /** `application`: nothing was read, because the application itself let the request in. */
  readonly from: 'zitadel' | 'shared' | 'application';
}

/** The request may go on. */
export interface Allowed {
  readonly allowed: true;
  readonly caller: Caller;
  /** The membership that allows the request. Missing if no manager role was asked for. */
  readonly by: Membership | undefined;
  readonly checked: readonly CheckedRef[];
  readonly read: MembershipRead;
}

/** The request must not go on. */
export interface Denied extends Refusal {
  readonly allowed: false;
  readonly caller?: Caller;
  readonly read?: MembershipRead;
}

/** The outcome of one question. */
export type Decision = Allowed | Denied;

/** Whether a value is a refusal. */
export function isRefusal<T extends object | string>(value: T | Refusal): value is Refusal {
  return Object.hasOwn(value as object, 'reason');
}

/** The kinds of resources whose checked ids handlers can be given. */
export type CheckedKind = CheckedRef['kind'];

/** The checked id of this kind. Undefined if there is none, or if there are several and `name` does not say which one. */
export function checkedId(
  { checked }: Allowed,
  kind: CheckedKind,
  name: string | undefined,
): string | undefined {
  const ids = new Set<string>();
  for (const each of checked) {
    if (each.kind === kind && (name === undefined || each.name === name)) ids.add(each.id);
  }
  const [id] = ids;
  return ids.size === 1 ? id : undefined;
}

/** What a refusal looks like over HTTP. */
interface DenialRow {
  readonly status: 400 | 401 | 403 | 500 | 503;
  /** Reason phrase of the status. */
  readonly error: string;
  /** What the client reads. It never says more than the reason. */
  readonly message: string;
  /** The challenge of RFC 6750, section 3: bare, or with an error code. */
  readonly challenge?: 'bare' | 'invalid_token' | 'insufficient_scope';
  readonly retryAfter?: true;
}

const BAD_REQUEST = { status: 400, error: 'Bad Request' } as const;
const UNAUTHORIZED = { status: 401, error: 'Unauthorized' } as const;
const INVALID_TOKEN = { ...UNAUTHORIZED, challenge: 'invalid_token' } as const;
const FORBIDDEN = { status: 403, error: 'Forbidden' } as const;
const INSUFFICIENT = { ...FORBIDDEN, challenge: 'insufficient_scope' } as const;

/**
 * The HTTP answer of every reason. A reason without a row does not compile.
 *
 * @example `DENIAL.role_missing.status` is `403`
 */
export const DENIAL = {
  unsupported_context: { ...FORBIDDEN, message: 'This kind of request is not supported here.' },
  not_declared: { ...FORBIDDEN, message: 'This route declares no requirement.' },
  token_missing: { ...UNAUTHORIZED, message: 'An access token is required.', challenge: 'bare' },
  token_invalid: { ...INVALID_TOKEN, message: 'The access token is not valid.' },
  impersonated: { ...INVALID_TOKEN, message: 'Impersonation tokens are not accepted.' },
  token_rejected: { ...INVALID_TOKEN, message: 'ZITADEL does not accept the access token.' },
  mfa_required: { ...FORBIDDEN, message: 'A second factor is required.' },
  resource_invalid: { ...BAD_REQUEST, message: 'The request contains an invalid resource id.' },
  resource_missing: { ...BAD_REQUEST, message: 'The request does not name the resource.' },
  role_missing: { ...INSUFFICIENT, message: 'A manager role is missing.' },
  permission_missing: { ...INSUFFICIENT, message: 'A permission is missing.' },
  project_role_missing: { ...INSUFFICIENT, message: 'A role of the project is missing.' },
  organization_not_accepted: {
    ...INSUFFICIENT,
    message: 'The home organization of the caller is not accepted here.',
  },
  unavailable: {
    status: 503,
    error: 'Service Unavailable',
    message: 'Authorization is not available at the moment.',
    retryAfter: true,
  },
  misconfigured: {
    status: 500,
    error: 'Internal Server Error',
    message: 'Authorization is not set up correctly.',
  },
} as const satisfies Record<DenyReason, DenialRow>;

/** An outage and a mistake are errors. Any other "no" is an answer. */
export function isError(reason: DenyReason): boolean {
  return reason === 'unavailable' || reason === 'misconfigured';
}

/** The body of every refusal. */
export interface DenialBody {
  readonly statusCode: number;
  readonly error: string;
  readonly message: string;
  readonly errorCode: DenyReason;
}

/** A refusal, ready for any HTTP door. */
export interface DenialAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: DenialBody;
}

/**
 * Turns a refusal into an HTTP answer: status, challenge, `Retry-After`, body.
 *
 * @example `const { status, headers, body } = denialAnswer(denied)`
 */
export function denialAnswer(denied: {
  readonly reason: DenyReason;
  readonly description?: string;
  readonly retryAfterMs?: number;
}): DenialAnswer {
  const { status, error, message, challenge, retryAfter }: DenialRow = DENIAL[denied.reason];
  const headers: Record<string, string> = {};
  if (challenge) {
    const parts = challenge === 'bare' ? [] : [`error="${challenge}"`];
    if (denied.description) parts.push(`error_description="${denied.description}"`);
    headers['WWW-Authenticate'] = ['Bearer', parts.join(', ')].filter(Boolean).join(' ');
  }
  if (retryAfter) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil((denied.retryAfterMs ?? 1_000) / 1_000)));
  }
  const body = { statusCode: status, error, message, errorCode: denied.reason };
  return { status, headers, body };
}
