import type { Page } from './list-answer.js';

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
