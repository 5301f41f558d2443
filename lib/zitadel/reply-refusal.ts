import type { Refusal } from '../core/decision.js';
import { NO_INSTANCE, NOT_SERVED, remedyFor } from './api-error.js';
import { errorIdOf } from './error-id.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';
import { isOutage, notZitadels, STRAY_REMEDY } from './stray-answer.js';

/**
 * In whose name ZITADEL was asked: a refusal of our service user is never the caller's. The instance reader is a service user that is asked
 * over all organizations at once.
 */
export type AskedAs = 'caller' | 'serviceUser' | 'instanceReader';

/** The scope without which ZITADEL's own API refuses a caller's token, with the same answer as for a revoked one. */
const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** What a reply without the hoped-for body means for a request: outage, refusal of the token, or our own misconfiguration. */
export function refusalOf(reply: Answered | Trouble, as: AskedAs, what: string): Refusal {
  if (isTrouble(reply)) return outage(what, reply);
  const { status, body, says } = reply;
  const answer = answerOf(what, reply);
  if (says === 'notServed') {
    return { reason: 'misconfigured', detail: answer, remedy: NOT_SERVED };
  }
  if (says === 'noInstance') {
    return { reason: 'misconfigured', detail: answer, remedy: NO_INSTANCE };
  }
  if (says === undefined) return unfit(what, notZitadels(status));
  if (isOutage(reply)) return outage(what, reply);
  const id = errorIdOf(body);
  if (as === 'caller' && status === 401) {
    return {
      reason: 'token_rejected',
      detail: answer,
      remedy: `the token is expired or revoked, its user or session is gone, or it was requested without the scope ${API_SCOPE}`,
      description: `revoked, or requested without scope ${API_SCOPE}`,
    };
  }
  if (as === 'caller' && status === 403 && id === 'AUTHZ-Kl3p0') {
    return {
      reason: 'mfa_required',
      detail: answer,
      remedy: remedyFor(id),
    };
  }
  if (as === 'caller' && status === 403 && id !== undefined && IMPERSONATION.has(id)) {
    return { reason: 'impersonated', detail: answer };
  }
  return { reason: 'misconfigured', detail: answer, remedy: remedyOf(status, id, as) };
}

/** Whatever came instead of an answer to what was asked, as a request is told it. */
export function outage(what: string, reply: Answered | Trouble): Refusal {
  const { retryAfterMs } = reply;
  return {
    reason: 'unavailable',
    detail: isTrouble(reply) ? `${what}: ${reply.trouble}` : answerOf(what, reply),
    ...(isTrouble(reply) && reply.kind === 'unusable' && { remedy: STRAY_REMEDY }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** An answer of another shape than ZITADEL's answers to what was asked. */
export function unfit(what: string, why: string): Refusal {
  return outage(what, { trouble: why, kind: 'unusable' });
}

function answerOf(what: string, { status, body }: Answered): string {
  const id = errorIdOf(body);
  return `${what}: ZITADEL answered ${status}${id ? ` ${id}` : ''}`;
}

const IMPERSONATION: ReadonlySet<string> = new Set(['APP-Shi0J', 'APP-wai8O']);

function remedyOf(status: number, id: string | undefined, as: AskedAs): string {
  // About the question, not about a right.
  if (id === undefined || status === 400) return remedyFor(id);
  if (as === 'instanceReader') return READER_REMEDY;
  if (id === 'AUTH-Bs7Ds') return 'an organization does not exist: check memberships.organizations';
  if (as === 'serviceUser') {
    return 'give the service user a manager role (ORG_OWNER_VIEWER is enough) in every organization of memberships.organizations, or IAM_OWNER_VIEWER';
  }
  if (id === 'AUTHZ-cdgFk') {
    return 'the caller holds no manager role in the organization that was asked';
  }
  return remedyFor(id);
}

/** What a service user needs that reads memberships over all organizations. */
export const READER_REMEDY =
  'give the service user IAM_OWNER_VIEWER, or name the organizations in memberships.organizations (API v1)';

/** What cannot be asked on API v2. */
export const NO_GRANT_IDS: Refusal = {
  reason: 'misconfigured',
  detail: 'API v2 does not know project grants by their id',
  remedy: 'name the grant by projectGrant({ project, grantedOrg })',
};
