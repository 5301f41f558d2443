import { isRefusal, type Refusal } from '../core/decision.js';
import { ZitadelError } from '../core/errors.js';
import type { Answered, Trouble } from './exchange.js';
import type { ServiceToken } from './service-token.js';

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
