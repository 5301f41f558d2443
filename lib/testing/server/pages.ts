import type { QueryLimits } from '../model.js';
import type { Details, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { booleanField, field, type Message, messageField, unsignedField } from './protojson.js';
import { ZitadelError } from './replies.js';

/** What a server allows. */
export class PageLimits {
  #limits: Required<QueryLimits> = { default: 100, max: 1000, v1Max: 1000 };

  set(limits: QueryLimits): void {
    const { default: usual = 100, max = 1000, v1Max = max } = limits;
    for (const limit of [usual, max, v1Max]) {
      if (Number.isSafeInteger(limit) && limit >= 0) continue;
      throw new TypeError(`queryLimits are whole numbers from 0, not ${String(limit)}`);
    }
    this.#limits = { default: usual, max, v1Max };
  }

  /** The page that a v1 list gives. */
  ofV1(page: Page): Page {
    const { v1Max } = this.#limits;
    return limited(page, v1Max, v1Max);
  }

  /** The page that a v2 list gives. The default may be above the maximum. */
  ofV2(page: Page): Page {
    return limited(page, this.#limits.max, this.#limits.default);
  }
}

function limited(page: Page, most: number, usual: number): Page {
  if (most > 0 && page.limit > most) throw new ZitadelError(3, 'QUERY-4M0fs', 'Limit exceeded');
  return { ...page, limit: page.limit === 0 ? usual : page.limit };
}

/** Which rows of a list are asked for. */
export interface Page {
  readonly offset: number;
  /** 0: no limit. */
  readonly limit: number;
  /** Lists of API v2 are sorted descending unless it is set. */
  readonly asc: boolean;
}

/** The page that a message asks for: in `query` of API v1, in `pagination` of API v2. */
export function pageIn(message: Message, name: 'query' | 'pagination'): Page {
  const page = messageField(message, name);
  return {
    offset: unsignedField(page, 'offset', 'uint64', 2 ** 64),
    limit: unsignedField(page, 'limit', 'uint32', 2 ** 32),
    asc: booleanField(page, 'asc'),
  };
}

function cut<Row>(rows: readonly Row[], { offset, limit }: Page): Row[] {
  return rows.slice(offset, limit === 0 ? undefined : offset + limit);
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
  // What older lists of API v2 call it.
  about: 'pagination' | 'details' = 'pagination',
): object {
  const { name, rows, order, visible, json } = list;
  const sorted = [...rows].sort((left, right) => (page.asc ? 1 : -1) * order(left, right));
  const given = cut(sorted, page);
  const shown = given.filter(visible).map(json);
  const totalResult = given.length === 0 ? undefined : String(rows.length);
  const appliedLimit = page.limit === 0 ? undefined : String(page.limit);
  const pagination = { totalResult, appliedLimit };
  return { [about]: pagination, [name]: shown.length === 0 ? undefined : shown };
}

export function detailsJson(details: Details): object {
  return {
    sequence: String(details.sequence),
    creationDate: isoOf(details.created),
    changeDate: isoOf(details.changed),
    resourceOwner: details.resourceOwner,
  };
}

/** What a command of API v1 says of something it made. */
export function createdJson(details: Details): object {
  const { sequence, created, resourceOwner } = details;
  return { sequence: String(sequence), creationDate: isoOf(created), resourceOwner };
}

/** What a command of API v1 says of something it changed. */
export function changedJson(details: Details): object {
  const { sequence, changed, resourceOwner } = details;
  return { sequence: String(sequence), changeDate: isoOf(changed), resourceOwner };
}

/**
 * A page of a list. ZITADEL reads the total from the rows, so a page beyond the end has none; zero and
 * empty values are left out.
 */
export function listJson<Row>(
  state: State,
  rows: readonly Row[],
  page: Page,
  json: (row: Row) => object,
): object {
  const result = cut(rows, page).map(json);
  const viewTimestamp = isoOf(state.viewed);
  if (result.length === 0) return { details: { viewTimestamp } };
  return { details: { totalResult: String(rows.length), viewTimestamp }, result };
}
