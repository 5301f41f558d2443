/** An event as the Event API tells it, with what reading needs of it. */
export interface Entry {
  /** Its `creationDate`, in microseconds since the epoch. All events of one push share it. */
  readonly at: number;
  /** What tells it from all others: aggregate type, aggregate id, sequence. */
  readonly key: string;
  readonly json: unknown;
}

/** What is asked for next, in microseconds since the epoch. Both bounds are exclusive. */
export interface Range {
  readonly since: number;
  readonly until: number | undefined;
}

/** What a page brought. */
interface Taken {
  /** The entries that did not come before. */
  readonly fresh: readonly Entry[];
  /** There is more to read now. */
  readonly goesOn: boolean;
  /** One push has more events than a page. The rest of them cannot be asked for. */
  readonly isCrowded: boolean;
}

/** An event may become visible this much later than its date says, and not longer: a push takes so long at most. */
const OVERLAP_MS = 5_000;

/**
 * How far one question about events has been read. It knows no clock but ZITADEL's, which it sees in the dates of events: how old they are by
 * our clock does not matter.
 *
 * A page is full, or it has all there is. Events come by the order of their pushes, and their dates follow another order. So what a full page
 * left out is not known, and a full page proves nothing: the same range is asked again up to a date by which it must fit into one page.
 */
export class Cursor {
  /** Everything up to here has been read, late pushes too. */
  #floor: number;
  /** Everything up to here has been read in this round. */
  #since: number;
  #until: number | undefined;
  /** What came after the floor, by key. */
  readonly #seen = new Map<string, number>();
  /** The latest date known when a reply came, by our monotonic clock. */
  #marks: readonly { readonly cameAt: number; readonly latest: number }[] = [];

  /** `since`: everything up to this date is taken as read. */
  constructor(since: number) {
    this.#floor = Math.max(0, since);
    this.#since = this.#floor;
  }

  /** From here a new cursor may go on. */
  get since(): number {
    return this.#floor;
  }

  get range(): Range {
    return { since: this.#since, until: this.#until };
  }

  /** Takes the page for {@link range}. `isFull`: it has as many entries as were asked for. */
  take(page: readonly Entry[], isFull: boolean): Taken {
    const fresh = page.filter(({ key, at }) => {
      if (this.#seen.has(key)) return false;
      this.#seen.set(key, at);
      return true;
    });
    const { since, until } = this.range;
    if (isFull) {
      if (until === since + 2) {
        this.#moveTo(since + 1);
        return { fresh, goesOn: true, isCrowded: true };
      }
      const dates = page.map(({ at }) => at).sort((one, other) => one - other);
      const cut = until === undefined ? dates.at(-1) : dates[dates.length >> 1];
      // At least one moment is left to ask about.
      this.#until = Math.max(cut ?? 0, since + 2);
    } else if (until !== undefined) {
      this.#moveTo(until - 1);
    }
    return { fresh, goesOn: isFull || until !== undefined, isCrowded: false };
  }

  /**
   * The end was reached. `leftAt`, `cameAt`: when the last question left and its reply came, by our monotonic clock in milliseconds. `latest`:
   * the latest date of any event that was known by then.
   */
  rest(leftAt: number, cameAt: number, latest: number): void {
    // What was not visible when this question left is younger than all that was known that long before.
    const at = this.#marks.findLastIndex((mark) => mark.cameAt <= leftAt - OVERLAP_MS);
    this.#raise(Math.max(latest - OVERLAP_MS * 1_000, this.#marks[at]?.latest ?? 0));
    const isNew = latest > (this.#marks.at(-1)?.latest ?? -1);
    this.#marks = [...this.#marks.slice(Math.max(0, at)), ...(isNew ? [{ cameAt, latest }] : [])];
    this.#since = this.#floor;
  }

  #moveTo(since: number): void {
    this.#since = since;
    this.#until = undefined;
    this.#raise(since - OVERLAP_MS * 1_000);
  }

  #raise(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const [key, at] of this.#seen) if (at <= floor) this.#seen.delete(key);
  }
}

/** Reads a date of ZITADEL's as microseconds since the epoch. Undefined if it is not one. */
export function microsFrom(date: unknown): number | undefined {
  const parts =
    typeof date === 'string'
      ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(date)
      : null;
  if (!parts) return undefined;
  const [, seconds = '', fraction = ''] = parts;
  const micros = Date.parse(`${seconds}Z`) * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
  return micros >= 0 ? micros : undefined;
}

export function dateOf(micros: number): string {
  const date = new Date(Math.floor(micros / 1_000)).toISOString();
  return date.replace('Z', `${String(micros % 1_000).padStart(3, '0')}Z`);
}
