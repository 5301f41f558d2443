import { createHash } from 'node:crypto';
import type { Caller } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { Discover } from '../discovery.js';
import type { Http } from '../http.js';
import { ProvenTokens } from '../limits.js';
import { refusalOf, unfit } from '../refusals.js';
import { isDone, isTrouble, type Reply } from '../reply.js';
import { isName, jsonOf, ownClaim, tooLong } from './access-token.js';

/** Asks ZITADEL about a token, with the token itself: OpenID Connect UserInfo. `who` stands for its user. For `stranger` see `Call`. */
async function askUserinfo(
  http: Http,
  discover: Discover,
  token: string,
  who: string,
  stranger = false,
): Promise<Reply | Refusal> {
  const endpoints = await discover();
  if (isRefusal(endpoints)) return endpoints;
  return http({
    family: 'userinfo',
    method: 'GET',
    path: endpoints.userinfo,
    token,
    who,
    stranger,
    repeatable: true,
  });
}

/**
 * Learns from ZITADEL whose token it is (OpenID Connect UserInfo), with the token itself. The reply does not show whom the token is for, when
 * it ends, or whether somebody else holds it. So a caller counts only after ZITADEL's API has accepted the token too.
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
          'the token is expired or revoked, its user or session is gone, or it is not an access token',
        description: 'expired, revoked, or not an access token',
      };
    }
    if (!isDone(reply)) return refusalOf(reply, 'caller', 'userinfo');
    const userId = ownClaim(reply.body, 'sub');
    if (!isName(userId)) return unfit('userinfo', 'the reply names no user');
    proven.add(who);
    return { userId, claims: claimsOf(token, reply.body) };
  };
}

/**
 * What userinfo says, and of a JWT its id and when it was issued: ZITADEL has just accepted the token, so what it says is true. Userinfo never says
 * these two, but other people can add claims to it.
 */
function claimsOf(token: string, body: Caller['claims']): Caller['claims'] {
  const { iat: _iat, jti: _jti, ...said } = body;
  const [, payload, ...rest] = token.split('.');
  const { iat, jti } = (rest.length === 1 && jsonOf(payload)) || {};
  return { ...said, ...(iat !== undefined && { iat }), ...(jti !== undefined && { jti }) };
}

/**
 * Asks whether ZITADEL still accepts a token whose signature is valid, by OpenID Connect UserInfo with that token. After a deactivation, a
 * lock, the end of a session or a revocation ZITADEL refuses it.
 */
export function createConfirmation(
  http: Http,
  discover: Discover,
): (caller: Caller, token: string) => Promise<Refusal | undefined> {
  return async ({ userId }, token) => {
    const reply = await askUserinfo(http, discover, token, userId);
    if (isRefusal(reply)) return reply;
    if (!isDone(reply)) return refusalOf(reply, 'caller', 'userinfo');
    return reply.body['sub'] === userId
      ? undefined
      : unfit('userinfo', 'the reply is about another user');
  };
}
