import { ZitadelError } from './errors.js';
import { type Message, booleanField, field, messageField, unsignedField } from './protojson.js';

const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 1000;

/** `pagination` of the lists of API v2. Everything is sorted descending unless `asc` is set. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly asc: boolean;
}

export function paginationOf(message: Message): Page {
  const pagination = messageField(message, 'pagination') ?? {};
  const limit = unsignedField(pagination, 'limit', 'uint32', 2 ** 32);
  return {
    offset: unsignedField(pagination, 'offset', 'uint64', 2 ** 64),
    limit: limit === 0 ? DEFAULT_LIMIT : limit,
    asc: booleanField(pagination, 'asc'),
  };
}

export function requireLimit(page: Page): void {
  if (page.limit > LARGEST_LIMIT) throw new ZitadelError(3, 'QUERY-4M0fs', 'Limit exceeded');
}

/** `sortingColumn`: the number or the last words of an enum's name, where it is one of the known. */
export function sortingColumnOf(message: Message, columns: readonly string[]): string | undefined {
  const value = field(message, 'sortingColumn');
  if (typeof value === 'number') return columns[value - 1];
  const name = typeof value === 'string' ? value : '';
  return columns.find((column) => name.endsWith(`_FIELD_NAME_${column}`));
}

/**
 * A page of a list. Rows that the reader may not see are taken out when the page is cut and the rows are
 * counted; the total is read from the rows of the page, so a page beyond the end has none.
 */
export function pagedJson<Row>(
  list: {
    readonly name: string;
    readonly rows: readonly Row[];
    readonly order: (left: Row, right: Row) => number;
    readonly visible: (row: Row) => boolean;
    readonly json: (row: Row) => object;
  },
  page: Page,
): object {
  const { name, rows, order, visible, json } = list;
  const sorted = [...rows].sort((left, right) => (page.asc ? 1 : -1) * order(left, right));
  const cut = sorted.slice(page.offset, page.offset + page.limit);
  const shown = cut.filter(visible).map(json);
  const totalResult = cut.length === 0 ? undefined : String(rows.length);
  const pagination = { totalResult, appliedLimit: String(page.limit) };
  return { pagination, [name]: shown.length === 0 ? undefined : shown };
}
