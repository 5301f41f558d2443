import { Observable } from 'rxjs';
import type { DecisionEvent } from '../core/decision-news.js';
import type { ZitadelAuthorizer } from '../core/questions.js';

/**
 * Every decision, allowed and denied, as it is made: for audit logs and live views. Costs nothing while nobody listens. What a subscriber throws is rxjs's to report, and rxjs ends the process; `ZitadelAuthorizer.onDecision` swallows it.
 */
export class ZitadelDecisionStream extends Observable<DecisionEvent> {
  constructor(authorizer: ZitadelAuthorizer) {
    super((subscriber) => authorizer.onDecision((event) => subscriber.next(event)));
  }
}
