import type { Caller } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { askUserinfo } from './ask-userinfo.js';
import type { Discover } from './discovery.js';
import { isTrouble } from './exchange.js';
import type { Http } from './http.js';
import { refusalOf, unfit } from './reply-refusal.js';
import { isRecord } from './shape.js';

/**
 * Asks whether ZITADEL still accepts a token that is valid by its signature: after a deactivation, a lock, the end of a session or a
 * revocation it is not. OpenID Connect UserInfo, with the caller's token.
 */
export function createConfirmation(
  http: Http,
  discover: Discover,
): (caller: Caller, token: string) => Promise<Refusal | undefined> {
  return async ({ userId }, token) => {
    const reply = await askUserinfo(http, discover, token, userId);
    if (isRefusal(reply)) return reply;
    if (isTrouble(reply) || reply.status !== 200) return refusalOf(reply, 'caller', 'userinfo');
    return isRecord(reply.body) && reply.body['sub'] === userId
      ? undefined
      : unfit('userinfo', 'the answer is about another user');
  };
}
