import { ZitadelArgumentError } from '../core/errors.js';
import { checkId } from '../core/request.js';
/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a member is an id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Whether each of the named members is an id, or left out. */
export function haveIds(
  from: Readonly<Record<string, unknown>>,
  names: readonly string[],
): boolean {
  return names.every((name) => from[name] === undefined || isId(from[name]));
}

/** Reads a list of texts; undefined when it is none. ZITADEL leaves out empty lists. */
export function listOfTexts(value: unknown = []): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? value
    : undefined;
}

/** Reads a number of things as protojson writes it, a text or a number; undefined when it is none. ZITADEL leaves out zeros. */
export function countFrom(value: unknown = 0): number | undefined {
  const isDecimal = typeof value === 'string' ? /^[0-9]{1,16}$/.test(value) : true;
  const count = typeof value === 'string' ? Number(value) : value;
  return isDecimal && Number.isSafeInteger(count) && (count as number) >= 0
    ? (count as number)
    : undefined;
}

/** A text, '' for what is none: for what is shown only. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Those of the named members that are texts and not empty. */
export function textsOf<K extends string>(
  from: unknown,
  names: readonly K[],
): Partial<Record<K, string>> {
  const texts: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = isRecord(from) ? from[name] : undefined;
    if (isId(value)) texts[name] = value;
  }
  return texts;
}

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

/**
 * Follows a list from page to page. Each page begins with the last row of the one before: what is removed, and added at the end, between
 * two pages shifts the rows and leaves the total as it was, so that nothing else would show that one got lost. Of a list without an order
 * (API v1) a row that comes twice shows that another one did not come.
 */
export class PageTrail {
  /** Rows that were counted were not shown: the asker may not see them. */
  hidesRows = false;
  /** The list changed between two pages, or rows of the same moment swapped places: one may be missing. */
  hasMoved = false;
  readonly #keys = new Set<string>();
  readonly #keyAt = new Map<number, string>();
  #total: number | undefined;

  constructor(
    /** Where the next page begins. */
    public offset = 0,
  ) {}

  /** Takes a page and what its rows are known by. False: of so many rows at most, it was the last one. */
  follow({ total, step }: Omit<Page, 'rows'>, keys: readonly string[], most = total): boolean {
    if (this.#total !== undefined && this.#total !== total) this.hasMoved = true;
    this.#total = total;
    // Where rows are left out, nobody knows which place the others have.
    if (keys.length < Math.min(step, total - this.offset)) this.hidesRows = true;
    else keys.forEach((key, at) => this.#take(key, this.offset + at));
    const end = this.offset + step;
    // Pages of one row have none to share.
    this.offset = step > 1 ? end - 1 : end;
    return end < Math.min(total, most);
  }

  #take(key: string, place: number): void {
    const before = this.#keyAt.get(place);
    if (before === undefined ? this.#keys.has(key) : before !== key) this.hasMoved = true;
    this.#keyAt.set(place, key);
    this.#keys.add(key);
  }
}

const ID = /^[A-Za-z0-9]+-[A-Za-z0-9]+$/;
const AT_THE_END = /\(([A-Za-z0-9]+-[A-Za-z0-9]+)\)$/;

/**
 * Reads the error id of an answer. REST (google.rpc.Status): `details[].id`. Connect: `details[].debug.id`, which a server may leave out;
 * in both the message ends with it in brackets. Texts follow Accept-Language, ids do not.
 */
export function errorIdOf(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined;
  const { details, message } = body;
  for (const detail of Array.isArray(details) ? (details as readonly unknown[]) : []) {
    if (!isRecord(detail)) continue;
    const id = detail['id'] ?? (isRecord(detail['debug']) ? detail['debug']['id'] : undefined);
    if (typeof id === 'string' && ID.test(id)) return id;
  }
  return typeof message === 'string' ? AT_THE_END.exec(message)?.[1] : undefined;
}

/** Nothing but ids may reach a URL, a header or a body. @throws ZitadelArgumentError naming the argument */
export function requireId(value: unknown, argument: string, pattern: RegExp): string {
  const id = checkId(value, pattern);
  if (typeof id === 'string') return id;
  throw new ZitadelArgumentError(
    argument,
    `${argument} is not a valid id by the option idPattern: pass the id as ZITADEL shows it`,
  );
}
