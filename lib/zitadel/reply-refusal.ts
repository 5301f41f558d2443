import type { Refusal } from '../core/decision.js';
import { errorIdOf, isRecord } from './error-id.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';

/** In whose name ZITADEL was asked: a refusal of our service user is never the caller's. */
export type AskedAs = 'caller' | 'serviceUser';

/** The scope without which ZITADEL's own API refuses a caller's token, with the same answer as for a revoked one. */
const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** What a reply without the hoped-for body means for a request: outage, refusal of the token, or our own misconfiguration. */
export function refusalOf(reply: Answered | Trouble, as: AskedAs, what: string): Refusal {
  const wait = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs };
  if (isTrouble(reply)) {
    return { reason: 'unavailable', detail: `${what}: ${reply.trouble}`, ...wait };
  }
  const { status, body } = reply;
  const id = errorIdOf(body);
  const answer = `${what}: ZITADEL answered ${status}${id ? ` ${id}` : ''}`;
  if (status === 429 || status >= 500 || status < 400) {
    return { reason: 'unavailable', detail: answer, ...wait };
  }
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
      remedy: 'the login policy asks for a second factor that this session does not have',
    };
  }
  if (as === 'caller' && status === 403 && id !== undefined && IMPERSONATION.has(id)) {
    return { reason: 'impersonated', detail: answer };
  }
  return { reason: 'misconfigured', detail: answer, remedy: remedyOf(status, id, as, body) };
}

const IMPERSONATION: ReadonlySet<string> = new Set(['APP-Shi0J', 'APP-wai8O']);

function remedyOf(status: number, id: string | undefined, as: AskedAs, body: unknown): string {
  if (status === 404 && id === undefined) {
    return isRecord(body) && body['code'] === 5
      ? 'the host serves no ZITADEL instance under this name, or not this API: check issuer and internalUrl'
      : 'something else than ZITADEL answers under this address: check issuer and internalUrl';
  }
  if (id === 'AUTH-Bs7Ds') return 'an organization does not exist: check memberships.organizations';
  if (as === 'serviceUser') {
    return 'give the service user a manager role (ORG_OWNER_VIEWER is enough) in every organization of memberships.organizations, or IAM_OWNER_VIEWER';
  }
  return 'see the error id in ZITADEL’s documentation';
}
