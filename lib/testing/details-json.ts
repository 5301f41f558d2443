import { isoOf } from './clock.js';
import type { V1Page } from './pages.js';
import type { Details, State } from './state.js';

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
