import type { Instance } from '../instance.js';
import type { Details, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import {
  booleanField,
  type Condition,
  conditionsIn,
  field,
  type Message,
  messageField,
  type Oneof,
  unsignedField,
} from './protojson.js';
import { type Exchange, ZitadelError } from './replies.js';

/** Which rows of a list are asked for. */
interface Page {
  readonly offset: number;
  /** 0: no limit. */
  readonly limit: number;
  /** Lists of API v2 are sorted descending unless it is set. */
  readonly asc: boolean;
  /** `sortingColumn`: the number or the name of an enum. */
  readonly column: unknown;
}

/** The page that a message asks for: in `query` of API v1, in `pagination` of API v2. */
export function pageIn(message: Message, name: 'query' | 'pagination'): Page {
  const page = messageField(message, name);
  return {
    offset: unsignedField(page, 'offset', 64),
    limit: unsignedField(page, 'limit', 32),
    asc: booleanField(page, 'asc'),
    column: field(message, 'sortingColumn'),
  };
}

/** A limit above what the server allows is refused; the limit that is usual without one may be above it. */
function limited(page: Page, most: number, usual: number): Page {
  if (most > 0 && page.limit > most) throw new ZitadelError(3, 'QUERY-4M0fs', 'Limit exceeded');
  return { ...page, limit: page.limit === 0 ? usual : page.limit };
}

function cut<Row>(rows: readonly Row[], { offset, limit }: Page): Row[] {
  return rows.slice(offset, limit === 0 ? undefined : offset + limit);
}

/** What a list is asked for. */
interface Search<Row> {
  readonly page: Page;
  /** All have to hold. What parses but is not valid throws here, which is for after the token. */
  readonly conditions?: () => readonly Condition<Row>[];
}

/** Lists of API v1 have `queries`, most of API v2 have `filters`. */
export function searchIn<Row>(
  message: Message,
  { body }: Exchange,
  request: string,
  oneof: Oneof<Row>,
): Search<Row> {
  const [list, place, page] =
    oneof.field === 'query'
      ? (['queries', 'Queries', 'query'] as const)
      : (['filters', 'Filters', 'pagination'] as const);
  const conditions = conditionsIn(message, list, body, oneof, `${request}.${place}`);
  return { page: pageIn(message, page), conditions };
}

/**
 * A list of API v1. ZITADEL reads the total from the rows, so a page beyond the end has none; zero and
 * empty values are left out.
 */
export function listJson<Row>(
  { world: { reads: state }, limits }: Instance,
  { page, conditions }: Search<Row>,
  rows: readonly Row[],
  json: (row: Row, state: State) => object,
): object {
  const wanted = fitting(rows, conditions, state);
  const result = cut(wanted, limited(page, limits.v1Max, limits.v1Max));
  const viewTimestamp = isoOf(state.viewed);
  if (result.length === 0) return { details: { viewTimestamp } };
  return {
    details: { totalResult: String(wanted.length), viewTimestamp },
    result: result.map((row) => json(row, state)),
  };
}

function fitting<Row>(
  rows: readonly Row[],
  conditions: Search<Row>['conditions'],
  state: State,
): Row[] {
  const all = conditions?.() ?? [];
  return rows.filter((row) => all.every((holds) => holds(row, state)));
}

type SortKey<Row> = (row: Row) => string | number;

/** The columns of most lists, as enums of API v2 name them. */
export const CREATION_DATE = ({ details }: { readonly details: Details }) => details.created;
export const CHANGE_DATE = ({ details }: { readonly details: Details }) => details.changed;

/**
 * A list of API v2. Rows that the reader may not see are taken out when the page is cut and the rows are
 * counted; the total is read from the rows of the page, so a page beyond the end has none.
 */
export function pagedJson<Row extends { readonly details: Details }>(
  { world: { reads: state }, limits }: Instance,
  { page: asked, conditions }: Search<Row>,
  list: {
    readonly name: string;
    readonly rows: readonly Row[];
    /** What it may be sorted by, in the order of the numbers of the enum. */
    readonly columns?: Readonly<Record<string, SortKey<Row>>>;
    readonly visible?: (row: Row) => boolean;
    readonly json: (row: Row, state: State) => object;
  },
  // What older lists of API v2 call it.
  about: 'pagination' | 'details' = 'pagination',
): object {
  const { name, rows, columns = {}, visible = () => true, json } = list;
  const wanted = fitting(rows, conditions, state);
  const page = limited(asked, limits.max, limits.default);
  const key = sortKeyOf(page.column, columns) ?? CREATION_DATE;
  const sorted = wanted.sort(
    (left, right) =>
      (page.asc ? 1 : -1) *
      (compare(key(left), key(right)) || left.details.created - right.details.created),
  );
  const given = cut(sorted, page);
  const shown = given.filter(visible).map((row) => json(row, state));
  const totalResult = given.length === 0 ? undefined : String(wanted.length);
  const appliedLimit = page.limit === 0 ? undefined : String(page.limit);
  const pagination = { totalResult, appliedLimit };
  return { [about]: pagination, [name]: shown.length === 0 ? undefined : shown };
}

/** By the number or the last words of an enum's name, where it is one of the known. */
function sortKeyOf<Row>(
  column: unknown,
  columns: Readonly<Record<string, SortKey<Row>>>,
): SortKey<Row> | undefined {
  const known = Object.entries(columns);
  if (typeof column === 'number') return known[column - 1]?.[1];
  return known.find(([name]) => String(column).endsWith(`_FIELD_NAME_${name}`))?.[1];
}

function compare<Key extends string | number>(left: Key, right: Key): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What API v2 says of when something was made and changed. */
export function datesJson({ created, changed }: Details): object {
  return { creationDate: isoOf(created), changeDate: isoOf(changed) };
}

export function detailsJson(details: Details): object {
  const { sequence, resourceOwner } = details;
  return { sequence: String(sequence), ...datesJson(details), resourceOwner };
}

/** What a command of API v1 says of something it made. */
export function createdJson({ sequence, created, resourceOwner }: Details): object {
  return { sequence: String(sequence), creationDate: isoOf(created), resourceOwner };
}

/** What a command of API v1 says of something it changed. */
export function changedJson({ sequence, changed, resourceOwner }: Details): object {
  return { sequence: String(sequence), changeDate: isoOf(changed), resourceOwner };
}
