import type { ZitadelLogger } from '../core/tell.js';
import { type Answered, type Call, isTrouble, type Trouble } from './call.js';
import type { Http } from './http.js';
import { errorIdOf, isRecord, PAGE } from './reading.js';

/** Where a list is told how many rows it may give: API v1, API v2. */
const PLACES = ['query', 'pagination'] as const;

/**
 * Sends lists with the limit that they name, and without it where the server allows fewer rows: then it gives as many as it likes, and says
 * how many there are in all. What a server allows is learnt from its refusal, for all lists and for good; the list that met the refusal
 * is asked again.
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
    const isAboutTheLimit = errorIdOf(reply.body) === 'QUERY-4M0fs';
    if (isAboutTheLimit) learn(limit);
    const again = await http(withoutLimit(call));
    if (!isAboutTheLimit && !isTrouble(again) && again.status === 200) learn(limit);
    return again;
  };
}

/** By its id, or where the server leaves ids out. */
function mayBeAboutTheLimit(reply: Answered | Trouble): reply is Answered {
  if (isTrouble(reply) || reply.status !== 400 || !isRecord(reply.body)) return false;
  const id = errorIdOf(reply.body);
  if (id !== undefined) return id === 'QUERY-4M0fs';
  const { code } = reply.body;
  return code === 3 || code === 'invalid_argument';
}

/** 0 where none is named. */
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
