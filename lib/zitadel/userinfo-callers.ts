import { createHash } from 'node:crypto';
import type { Caller } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { askUserinfo } from './ask-userinfo.js';
import { isName, ownClaim, tooLong } from './claim-rules.js';
import type { Discover } from './discovery.js';
import { isTrouble } from './exchange.js';
import type { Http } from './http.js';
import { ProvenTokens } from './proven-tokens.js';
import { refusalOf, unfit } from './reply-refusal.js';
import { isRecord } from './shape.js';

/**
 * Learns from ZITADEL whose token it is (OpenID Connect UserInfo), with the token itself. The answer shows neither whom the token is for,
 * nor its end, nor whether somebody else holds it: a caller counts only once ZITADEL's API has taken the token too.
 */
export function createUserinfoVerifier(
  http: Http,
  discover: Discover,
): (token: string) => Promise<Caller | Refusal> {
  const proven = new ProvenTokens();
  return async (token) => {
    const long = tooLong(token);
    if (long) return long;
    const who = createHash('sha256').update(token).digest('base64url');
    const reply = await askUserinfo(http, discover, token, who, !proven.has(who));
    if (isRefusal(reply)) return reply;
    if (!isTrouble(reply) && reply.status === 401) {
      proven.remove(who);
      return {
        reason: 'token_rejected',
        detail: 'userinfo: ZITADEL answered 401',
        remedy:
          'the token is expired or revoked, its user or session is gone, or it is no access token',
        description: 'expired, revoked, or no access token',
      };
    }
    if (isTrouble(reply) || reply.status !== 200) return refusalOf(reply, 'caller', 'userinfo');
    const claims = isRecord(reply.body) ? reply.body : {};
    const userId = ownClaim(claims, 'sub');
    if (!isName(userId)) return unfit('userinfo', 'the answer names no user');
    proven.add(who);
    return { userId, claims };
  };
}
