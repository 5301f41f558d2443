import type { Caller } from './caller.js';
import type { Membership } from './membership.js';

/** Why a request was not let through. Stable: it is also the `errorCode` of every answer. */
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

/** A "no" on the way to a decision. `detail` and `remedy` are for the log; only `description` may reach the client. */
export interface Refusal {
  readonly reason: DenyReason;
  readonly detail?: string;
  readonly remedy?: string;
  /** The `error_description` of the challenge: constant text, nothing of the request or of another tenant. */
  readonly description?: string;
  /** After how many milliseconds it is worth asking again. */
  readonly retryAfterMs?: number;
}

/** A resource whose id was read from the request, checked, and used by the branch of the requirement that allowed it. */
export interface CheckedRef {
  readonly kind: 'org' | 'project' | 'projectGrant';
  readonly id: string;
  /** The name of the parameter, header ... it was read from. */
  readonly name: string;
}

/** Where and when the memberships behind a decision were read. */
export interface MembershipRead {
  /** When ZITADEL was asked, in milliseconds since the epoch. */
  readonly at: number;
  readonly from: 'zitadel' | 'shared';
}

/** The request may go on. */
export interface Allowed {
  readonly allowed: true;
  readonly caller: Caller;
  /** The membership that carries the decision; none where no manager role was asked for. */
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

/** The answer to one question. */
export type Decision = Allowed | Denied;

/** Tells a refusal from what was hoped for. */
export function isRefusal<T extends object>(value: T | Refusal): value is Refusal {
  return Object.hasOwn(value, 'reason');
}
