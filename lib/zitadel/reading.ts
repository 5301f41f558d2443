import { ZitadelArgumentError } from '../core/errors.js';
import { has } from '../core/own-properties.js';
import { checkId } from '../core/request.js';

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a member is an id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Whether each of the named members is an id, or missing. */
export function haveIds(
  from: Readonly<Record<string, unknown>>,
  names: readonly string[],
): boolean {
  return names.every((name) => from[name] === undefined || isId(from[name]));
}

/** Reads a list of texts. Undefined if it is not one. ZITADEL leaves out empty lists. */
export function listOfTexts(value: unknown = []): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? value
    : undefined;
}

/** Reads a count as protojson writes it: a text or a number. Undefined if it is not one. ZITADEL leaves out zeros. */
export function countFrom(value: unknown = 0): number | undefined {
  const isDecimal = typeof value === 'string' ? /^[0-9]{1,16}$/.test(value) : true;
  const count = typeof value === 'string' ? Number(value) : value;
  return isDecimal && Number.isSafeInteger(count) && (count as number) >= 0
    ? (count as number)
    : undefined;
}

/** A text. '' for anything else, so it is only for what is shown. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The named members that are texts and not empty. */
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
 * Far more pages than a list has that is read page by page. It bounds servers that give shorter pages than were asked for, or whose list
 * grows as fast as it is read.
 */
export const MOST_PAGES = 100;

/** The part of a call for a list. Those of one user are the largest replies: so many bytes hold about 17,000 rows. */
export const LIST_CALL = { method: 'POST', maxBytes: 8 * 2 ** 20, repeatable: true } as const;

/** Rows, and how many there are in all. On v2 that includes rows that the asker may not see, because ZITADEL counts first. */
export interface Page<R = Readonly<Record<string, unknown>>> {
  readonly rows: readonly R[];
  readonly total: number;
  /** How many rows, seen or not, this page stands for. At least 1. @default the rows that came */
  readonly step?: number;
}

/**
 * Reads a list of API v1. Undefined if it is not one. Every list has `details`. Empty lists and zeros are left out. A reply without rows must
 * have what ZITADEL always says of a list: if another server's reply passed for an empty list, that would be a denial.
 */
export function listFrom({ details, result }: Body): Page | undefined {
  return rowsFrom(details, result, isRecord(details) && isId(details['viewTimestamp']));
}

/**
 * Reads a page of API v2, whose rows stand under `name`. Undefined if it is not one. Every page has `pagination`. In a page without rows it
 * names the limit that was applied. If there is no limit (DefaultQueryLimit 0, and none was asked for), it is empty.
 */
export function pageFrom(body: Body, name: string): Page | undefined {
  const { pagination, [name]: rows } = body;
  if (!isRecord(pagination)) return undefined;
  const isPage = isId(pagination['appliedLimit']) || Object.keys(pagination).length === 0;
  const page = rowsFrom(pagination, rows, isPage);
  const step = countFrom(pagination['appliedLimit']) ?? 0;
  // Without a limit, reading must end all the same.
  return page && { ...page, step: step >= 1 && step <= PAGE ? step : PAGE };
}

type Body = Readonly<Record<string, unknown>>;

/** `isList`: whether a reply without rows is a list. */
function rowsFrom(about: unknown, rows: unknown = [], isList: boolean): Page | undefined {
  if (!isRecord(about) || !Array.isArray(rows) || !rows.every(isRecord)) return undefined;
  const total = countFrom(about['totalResult']);
  return total === undefined || (rows.length === 0 && !isList) ? undefined : { rows, total };
}

/** The part of a v2 request that asks for one page of at most `most` rows in all. The oldest row comes first, so new rows come at the end. */
export function pageRequest(offset: number, most = Infinity): Body {
  const limit = Math.min(PAGE, most - offset);
  return { pagination: { offset: String(offset), limit, asc: true } };
}

/** Which part of a list is read. */
interface Bounds {
  /** Where the first page begins. @default 0 */
  readonly first?: number;
  /** Rows from this place on are not wanted. */
  readonly end?: number;
  readonly mostPages?: number;
  /** If more rows are wanted than this, only one page is read. */
  readonly mostRows?: number;
}

/** How far a list was read. */
interface Progress {
  readonly total: number;
  /** Whether there are more rows that are wanted. */
  readonly goesOn: boolean;
  /** Whether the pages reached the end of the list. */
  readonly isWhole: boolean;
  /** Whether rows were counted and not shown, because the asker may not see them. */
  readonly hidesRows: boolean;
  /** Whether a row stood at another place than before. Then one may be missing. */
  readonly hasShifted: boolean;
  /** Whether it has shifted, or the number of rows changed. */
  readonly hasMoved: boolean;
}

/** What came instead of a page. */
export interface Instead<E> {
  readonly instead: E;
}

/**
 * Reads a list page by page. `fresh` are the rows that did not come before. Each page begins with the last row of the page before. If between
 * two pages one row is removed and another one is added at the end, the rows shift and the total stays. Only the shared row shows then that
 * a row got lost. In a list without an order (API v1), a row that comes twice shows that another one did not come.
 */
export async function* pagesOf<R, E>(
  ask: (offset: number) => Promise<Page<R> | Instead<E>>,
  keyOf: (row: R) => string,
  { first = 0, end = Infinity, mostPages = MOST_PAGES, mostRows = Infinity }: Bounds = {},
): AsyncGenerator<(Progress & { readonly fresh: readonly R[] }) | Instead<E>, void, undefined> {
  const came = new Set<string>();
  const placed = new Set<string>();
  const keyAt = new Map<number, string>();
  let [hidesRows, hasShifted, hasMoved] = [false, false, false];
  let totalBefore: number | undefined;
  for (let [count, offset] = [1, first]; ; count += 1) {
    const page = await ask(offset);
    if (has(page, 'instead')) {
      yield page;
      return;
    }
    const { rows, total } = page;
    const step = page.step ?? Math.max(1, rows.length);
    const keys = rows.map(keyOf);
    const isShort = rows.length < Math.min(step, total - offset);
    // The page before counted rows that begin here: some were removed.
    hasShifted ||= count > 1 && offset >= total;
    // If rows are left out, the places of the others are not known.
    for (const [at, key] of isShort ? [] : keys.entries()) {
      const before = keyAt.get(offset + at);
      hasShifted ||= before === undefined ? placed.has(key) : before !== key;
      keyAt.set(offset + at, key);
      placed.add(key);
    }
    hidesRows ||= isShort;
    hasMoved ||= hasShifted || (totalBefore !== undefined && totalBefore !== total);
    totalBefore = total;
    const fresh = rows.filter((_row, at) => !came.has(keys[at] ?? ''));
    for (const key of keys) came.add(key);
    const next = offset + step;
    const goesOn = next < Math.min(total, end);
    yield { fresh, total, goesOn, isWhole: next >= total, hidesRows, hasShifted, hasMoved };
    const isTooLong = Math.min(total, end) - first > mostRows;
    if (!goesOn || isTooLong || count >= mostPages) return;
    // Pages of one row cannot share one.
    offset = step > 1 ? next - 1 : next;
  }
}

/** A list that was read as far as its bounds allow. */
export type ReadList<R> = Progress & { readonly rows: readonly R[] };

/** Reads a list, and reads it once more if its pages do not fit together. */
export async function listOf<R, E>(
  ...question: Parameters<typeof pagesOf<R, E>>
): Promise<ReadList<R> | Instead<E>> {
  for (let again = true; ; again = false) {
    const rows: R[] = [];
    let list: ReadList<R> | undefined;
    for await (const page of pagesOf<R, E>(...question)) {
      if (has(page, 'instead')) return page;
      const { fresh, ...progress } = page;
      rows.push(...fresh);
      list = { ...progress, rows };
    }
    if (!list) throw new Error('a list has at least one page');
    if (!again || !(list.hasMoved || list.hidesRows)) return list;
  }
}

/** Checks an id before it reaches a URL, a header or a body. @throws ZitadelArgumentError naming the argument */
export function requireId(value: unknown, argument: string, pattern: RegExp): string {
  const id = checkId(value, pattern);
  if (typeof id === 'string') return id;
  throw new ZitadelArgumentError(
    argument,
    `${argument} is not a valid id by the option idPattern: pass the id as ZITADEL shows it`,
  );
}
