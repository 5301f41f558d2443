/** Ends the use of a slot. */
export type Release = () => void;

/** How many calls go on at a time, and how many may wait. */
export interface SlotBounds {
  readonly inFlight: number;
  readonly ofOneUser: number;
  /** Calls about tokens that ZITADEL has not accepted lately: what is left is for all others. */
  readonly ofStrangers: number;
  readonly strangersWaiting: number;
}

interface Waiting {
  readonly who: string;
  readonly turn: () => void;
}

/**
 * Lets so many calls through at a time, so many of them of one user and so many for strangers, so that nobody's crowd of requests holds up
 * the others. The rest wait their turn, for as long as each can; strangers wait behind all others, and not in any number.
 */
export class Slots {
  readonly #waiting = new Set<Waiting>();
  readonly #strangers = new Set<Waiting>();
  readonly #inUse = new Map<string, number>();
  #total = 0;
  #ofStrangers = 0;

  constructor(private readonly bounds: SlotBounds) {}

  /**
   * A slot, or undefined when there was none in time, or too many strangers wait already. Calls for nobody in particular (`who` is '')
   * share only the total.
   */
  take(who: string, waitMs: number, stranger = false): Promise<Release | undefined> {
    if (!(waitMs > 0)) return Promise.resolve(undefined);
    if (this.#isFree(who, stranger)) return Promise.resolve(this.#occupy(who, stranger));
    const queue = stranger ? this.#strangers : this.#waiting;
    if (stranger && queue.size >= this.bounds.strangersWaiting) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        who,
        turn: () => {
          clearTimeout(timer);
          queue.delete(waiting);
          resolve(this.#occupy(who, stranger));
        },
      };
      const timer = setTimeout(() => {
        queue.delete(waiting);
        resolve(undefined);
      }, waitMs);
      queue.add(waiting);
    });
  }

  #isFree(who: string, stranger: boolean): boolean {
    const { inFlight, ofOneUser, ofStrangers } = this.bounds;
    if (this.#total >= inFlight || (stranger && this.#ofStrangers >= ofStrangers)) return false;
    return who === '' || (this.#inUse.get(who) ?? 0) < ofOneUser;
  }

  #occupy(who: string, stranger: boolean): Release {
    this.#total += 1;
    if (stranger) this.#ofStrangers += 1;
    this.#inUse.set(who, (this.#inUse.get(who) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      if (stranger) this.#ofStrangers -= 1;
      const left = (this.#inUse.get(who) ?? 1) - 1;
      if (left > 0) this.#inUse.set(who, left);
      else this.#inUse.delete(who);
      this.#next()?.turn();
    };
  }

  #next(): Waiting | undefined {
    for (const waiting of this.#waiting) {
      if (this.#isFree(waiting.who, false)) return waiting;
    }
    for (const waiting of this.#strangers) {
      if (this.#isFree(waiting.who, true)) return waiting;
    }
    return undefined;
  }
}
