import type { ZitadelLogger } from '../core/tell.js';
import type { Call } from './call.js';
import type { Http } from './http.js';
import { isRecord, PAGE } from './reading.js';
import { isDone, isTrouble, type No, type Reply } from './reply.js';

/** Where a list is told how many rows it may give: API v1, API v2. */
const PLACES = ['query', 'pagination'] as const;

/**
 * Sends lists with the limit that they name. If the server allows fewer rows, it sends them without a limit: then the server gives as many
 * rows as it likes, and says how many there are in all. The first refusal tells this, for all lists and for good. The list that was
 * refused is asked for again.
 */
export function withPageLimit(http: Http, log: ZitadelLogger): Http {
  /** The smallest limit that was refused. */
  let refused = Infinity;
  const learn = (limit: number) => {
    const isNews = refused === Infinity;
    refused = Math.min(refused, limit);
    if (!isNews) return;
    log.warn(
      `ZITADEL refuses lists of ${limit} rows a page (QUERY-4M0fs). They are read in shorter pages, and long ones take more calls: set SystemDefaults.MaxQueryLimit of the server to ${PAGE}`,
    );
  };
  return async (call) => {
    const limit = limitOf(call);
    if (limit >= refused) return http(withoutLimit(call));
    const reply = await http(call);
    if (limit === 0 || !mayBeAboutTheLimit(reply)) return reply;
    const isAboutTheLimit = reply.id !== undefined;
    if (isAboutTheLimit) learn(limit);
    const again = await http(withoutLimit(call));
    if (!isAboutTheLimit && isDone(again)) learn(limit);
    return again;
  };
}

/** Its id tells, or there is no id: some servers leave ids out. */
function mayBeAboutTheLimit(reply: Reply): reply is No {
  if (isDone(reply) || isTrouble(reply)) return false;
  return reply.status === 400 && (reply.id === undefined || reply.id === 'QUERY-4M0fs');
}

/** The limit that a call names. 0: none. */
function limitOf({ json }: Call): number {
  for (const place of PLACES) {
    const page = isRecord(json) ? json[place] : undefined;
    const limit = isRecord(page) ? page['limit'] : undefined;
    if (typeof limit === 'number') return limit;
  }
  return 0;
}

function withoutLimit(call: Call): Call {
  const json: Record<string, unknown> = { ...(call.json as Readonly<Record<string, unknown>>) };
  for (const place of PLACES) {
    const page = json[place];
    if (!isRecord(page)) continue;
    const { limit: _limit, ...rest } = page;
    json[place] = rest;
  }
  return { ...call, json };
}
