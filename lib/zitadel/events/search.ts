import { isRefusal, type Refusal } from '../../core/decision.js';
import { OURSELVES } from '../call.js';
import { isRecord, LIST_CALL } from '../reading.js';
import { refusalOfOurs, unfit } from '../refusals.js';
import { isDone, isTrouble } from '../reply.js';
import type { ServiceToken } from '../service-user.js';
import { dateOf, type Entry, microsFrom, type Range } from './cursor.js';
import { EVENT_TYPES } from './event.js';

/** What questions about events are called in the log. */
export const EVENTS = 'events of ZITADEL';
/** More than this ZITADEL gives in no page. */
export const LARGEST_PAGE = 1_000;
/** ZITADEL takes no more types in one question. */
const MOST_TYPES = 30;
const REMEDY =
  'make the service user of events.tail an IAM_OWNER_VIEWER of the instance, and look whether its credential is still good';

/** The types of events that end something, as many as one question can name. */
export const QUESTIONS: readonly (readonly string[])[] = Array.from(
  { length: Math.ceil(EVENT_TYPES.length / MOST_TYPES) },
  (_, at) => EVENT_TYPES.slice(at * MOST_TYPES, (at + 1) * MOST_TYPES),
);

/** Why there is no page. `notServed`: this server has no Event API. */
export type NoPage = Refusal | 'notServed';

type Page = { readonly entries: readonly Entry[] } | NoPage;

/** Whoever asks, as a service user. */
export type Asker = Pick<ServiceToken, 'call'>;

export function isNoPage(page: Page): page is NoPage {
  return page === 'notServed' || isRefusal(page);
}

/** Events of these types within a range, the oldest push first. A page that is not full has all of them. */
export async function askEvents(
  asker: Asker,
  types: readonly string[] | undefined,
  { since, until = Infinity }: Range,
): Promise<Page> {
  const range = {
    ...(since > 0 && { since: dateOf(since) }),
    ...(until < Infinity && { until: dateOf(until) }),
  };
  const page = await ask(asker, { asc: true, limit: LARGEST_PAGE, range, eventTypes: types });
  const isFit = isNoPage(page) || page.entries.every(({ at }) => at > since && at < until);
  return isFit ? page : unfit(EVENTS, 'the reply has events that were not asked for');
}

/** The last event of any type, whose date says how late it is at ZITADEL at least. */
export function askLastEvent(asker: Asker): Promise<Page> {
  return ask(asker, { asc: false, limit: 1 });
}

/** POST /admin/v1/events/_search. It waits for what is being written, and keeps writers waiting for a moment. */
async function ask(asker: Asker, question: object): Promise<Page> {
  const reply = await asker.call({
    ...LIST_CALL,
    family: 'events',
    path: '/admin/v1/events/_search',
    json: question,
    who: OURSELVES,
  });
  if (isRefusal(reply)) return reply;
  if (!isDone(reply)) {
    const isServed = isTrouble(reply) || reply.says !== 'notServed';
    return isServed ? refusalOfOurs(reply, EVENTS, REMEDY) : 'notServed';
  }
  // An empty list is left out.
  const { events = [] } = reply.body;
  const entries = Array.isArray(events) ? events.map(entryFrom) : [undefined];
  return entries.includes(undefined)
    ? unfit(EVENTS, 'the reply has no list of dated events')
    : { entries: entries as readonly Entry[] };
}

function entryFrom(json: unknown): Entry | undefined {
  if (!isRecord(json)) return undefined;
  const { aggregate, sequence, creationDate } = json;
  const at = microsFrom(creationDate);
  if (at === undefined) return undefined;
  const { id, type } = isRecord(aggregate) ? aggregate : {};
  const key = JSON.stringify([isRecord(type) ? type['type'] : type, id, sequence]);
  return { at, key, json };
}
