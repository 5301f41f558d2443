import { isRefusal, type Refusal } from '../core/decision.js';
import type { Discover } from './discovery.js';
import type { Answered, Trouble } from './exchange.js';
import type { Http } from './http.js';

/** Asks ZITADEL about a token, with the token itself: OpenID Connect UserInfo. `who` stands for its user; `stranger`: see `Call`. */
export async function askUserinfo(
  http: Http,
  discover: Discover,
  token: string,
  who: string,
  stranger = false,
): Promise<Answered | Trouble | Refusal> {
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
