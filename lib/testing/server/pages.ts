import type { Details, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { ZitadelError } from './answers.js';
import { booleanField, field, type Message, messageField, unsignedField } from './protojson.js';

/** How many rows lists give. */
export interface QueryLimits {
  /** `SystemDefaults.DefaultQueryLimit`: of a list of API v2 that is asked for without a limit. 0: all. @default 100 */
  readonly default?: number;
  /** `SystemDefaults.MaxQueryLimit`: larger limits are refused. 0: none is. @default 1000 */
  readonly max?: number;
  /**
   * The same of API v1, whose lists give as many rows without a limit too. ZITADEL before v4.19.5 knew none there, which is 0.
   * @default as `max`
   */
  readonly v1Max?: number;
}

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
  ofV1(page: V1Page): V1Page {
    const { v1Max } = this.#limits;
    requireAtMost(page.limit, v1Max);
    return {
      ...page,
      limit: unlimited(page.limit) ?? unlimited(v1Max) ?? Number.POSITIVE_INFINITY,
    };
  }

  /** The page that a v2 list gives. The usual limit may be above the largest. */
  ofV2(page: Page): Page {
    requireAtMost(page.limit, this.#limits.max);
    return { ...page, limit: unlimited(page.limit) ?? this.#limits.default };
  }
}

function unlimited(limit: number): number | undefined {
  return limit === 0 ? undefined : limit;
}

function requireAtMost(limit: number, most: number): void {
  if (most > 0 && limit > most) throw new ZitadelError(3, 'QUERY-4M0fs', 'Limit exceeded');
}

/** `query` of the lists of API v1. */
export interface V1Page {
  readonly offset: number;
  /** 0: none is named. */
  readonly limit: number;
}

/** `pagination` of the lists of API v2. Everything is sorted descending unless `asc` is set. */
export interface Page {
  readonly offset: number;
  /** 0: none is named. */
  readonly limit: number;
  readonly asc: boolean;
}

export function paginationOf(message: Message): Page {
  const pagination = messageField(message, 'pagination') ?? {};
  return {
    offset: unsignedField(pagination, 'offset', 'uint64', 2 ** 64),
    limit: unsignedField(pagination, 'limit', 'uint32', 2 ** 32),
    asc: booleanField(pagination, 'asc'),
  };
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
  const cut = sorted.slice(page.offset, page.limit === 0 ? undefined : page.offset + page.limit);
  const shown = cut.filter(visible).map(json);
  const totalResult = cut.length === 0 ? undefined : String(rows.length);
  const appliedLimit = page.limit === 0 ? undefined : String(page.limit);
  const pagination = { totalResult, appliedLimit };
  return { pagination, [name]: shown.length === 0 ? undefined : shown };
}

export function detailsJson(details: Details): object {
  return {
    sequence: String(details.sequence),
    creationDate: isoOf(details.created),
    changeDate: isoOf(details.changed),
    resourceOwner: details.resourceOwner,
  };
}

/** What a command answers when it made something. */
export function createdJson(details: Details): object {
  const { sequence, created, resourceOwner } = details;
  return { sequence: String(sequence), creationDate: isoOf(created), resourceOwner };
}

/** What a command answers when it changed something. */
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
  page: V1Page,
  json: (row: Row) => object,
): object {
  const result = rows.slice(page.offset, page.offset + page.limit).map(json);
  const viewTimestamp = isoOf(state.viewed);
  if (result.length === 0) return { details: { viewTimestamp } };
  return { details: { totalResult: String(rows.length), viewTimestamp }, result };
}
