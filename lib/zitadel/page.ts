import { isRecord } from './error-id.js';

/** The longest page that ZITADEL's v2 APIs give by default. */
export const PAGE = 1_000;

/** One page of a v2 list. */
export interface Page {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** How many rows there are in all, also those that the asker may not see: ZITADEL counts first and leaves rows out after that. */
  readonly total: number;
  /** How many rows, seen or not, this page stands for: by so many the next one begins later. At least 1. */
  readonly step: number;
}

/** The part of a v2 request that asks for one page, the oldest row first: what is added while we read comes at the end. */
export function pageRequest(offset: number): Readonly<Record<string, unknown>> {
  return { pagination: { offset: String(offset), limit: PAGE, asc: true } };
}

/** Reads a page, whose rows stand under `name`; undefined when the answer is none. Empty lists and zeros are left out by ZITADEL. */
export function pageFrom(body: unknown, name: string): Page | undefined {
  if (!isRecord(body)) return undefined;
  const { pagination = {}, [name]: rows = [] } = body;
  if (!isRecord(pagination) || !Array.isArray(rows) || !rows.every(isRecord)) return undefined;
  const step = countFrom(pagination['appliedLimit']);
  return {
    rows,
    total: countFrom(pagination['totalResult']),
    // A limit that is none must not make us read without end.
    step: step >= 1 && step <= PAGE ? step : PAGE,
  };
}

/** A number as protojson writes it, a text or a number; 0 for what is none. */
export function countFrom(value: unknown): number {
  const count = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0;
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
