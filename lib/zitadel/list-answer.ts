import { countFrom, isId, isRecord } from './shape.js';

/** The longest page that ZITADEL's APIs give by default. */
export const PAGE = 1_000;
/**
 * No list that is read page by page has nearly so many. Also a bound for a server that gives shorter pages than were asked for, or whose
 * list grows as fast as it is read.
 */
export const MOST_PAGES = 100;

/** The lists of one user are the large answers: so many bytes hold about 17,000 rows. */
export const MOST_BYTES = 8 * 2 ** 20;

/** The rows of an answer, not read yet, and how many the server says there are in all. */
export interface ListAnswer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** On v2 also those that the asker may not see: ZITADEL counts first and leaves rows out after that. */
  readonly total: number;
}

/** One page of a v2 list. */
export interface Page extends ListAnswer {
  /** How many rows, seen or not, this page stands for. At least 1. */
  readonly step: number;
}

/**
 * Reads a list of API v1; undefined when the answer is none. `details` stand in every list, empty lists and zeros are left out. What has
 * no rows is a list only by what ZITADEL always says of one: taken for an empty list, an answer of somebody else would be a denial.
 */
export function listFrom(body: unknown): ListAnswer | undefined {
  if (!isRecord(body)) return undefined;
  const { details, result } = body;
  return answerFrom(details, result, isRecord(details) && isId(details['viewTimestamp']));
}

/**
 * Reads a page of API v2, whose rows stand under `name`; undefined when the answer is none. `pagination` stands in every page. Of no rows
 * it names the limit that was applied; where that is none (DefaultQueryLimit 0, and no limit asked for), there is nothing in it at all.
 */
export function pageFrom(body: unknown, name: string): Page | undefined {
  if (!isRecord(body)) return undefined;
  const { pagination, [name]: rows } = body;
  if (!isRecord(pagination)) return undefined;
  const isPage = isId(pagination['appliedLimit']) || Object.keys(pagination).length === 0;
  const answer = answerFrom(pagination, rows, isPage);
  if (!answer) return undefined;
  const step = countFrom(pagination['appliedLimit']) ?? 0;
  // A limit that is none must not make us read without end.
  return { ...answer, step: step >= 1 && step <= PAGE ? step : PAGE };
}

/** The part of a v2 request that asks for one page, the oldest row first: what is added while we read comes at the end. Of `most` rows in all, no more. */
export function pageRequest(offset: number, most = Infinity): Readonly<Record<string, unknown>> {
  const limit = Math.min(PAGE, most - offset);
  return { pagination: { offset: String(offset), limit, asc: true } };
}

/** `isAnswer`: of a list without rows, that it is one. */
function answerFrom(about: unknown, rows: unknown = [], isAnswer: boolean): ListAnswer | undefined {
  if (!isRecord(about) || !Array.isArray(rows) || !rows.every(isRecord)) return undefined;
  const total = countFrom(about['totalResult']);
  return total === undefined || (rows.length === 0 && !isAnswer) ? undefined : { rows, total };
}
