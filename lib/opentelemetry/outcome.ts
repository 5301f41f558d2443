import type { Attributes } from '@opentelemetry/api';
import type { DenyReason } from '../core/decision.js';
import { isError } from '../core/telemetry.js';

/** The outcome of a decision, in attributes. An outage and a mistake are no denials. */
export function outcomeOf(reason: DenyReason | undefined): Attributes {
  if (reason === undefined) return { 'zitadel.decision.outcome': 'allowed' };
  return {
    'zitadel.decision.outcome': isError(reason) ? 'failed' : 'denied',
    'zitadel.decision.reason': reason,
  };
}
