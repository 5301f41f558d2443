/** Ends the use of a slot. */
export type Release = () => void;

interface Waiting {
  readonly who: string;
  readonly turn: () => void;
}

/**
 * Lets `most` calls through at a time, and `mostEach` of one user, so that nobody's crowd of requests holds up the others. The rest wait
 * their turn, for as long as each can.
 */
export class Slots {
  readonly #waiting = new Set<Waiting>();
  readonly #inUse = new Map<string, number>();
  #total = 0;

  constructor(
    private readonly most: number,
    private readonly mostEach: number,
  ) {}

  /** A slot, or undefined when there was none in time. Calls for nobody in particular (`who` is '') share only the total. */
  take(who: string, waitMs: number): Promise<Release | undefined> {
    if (!(waitMs > 0)) return Promise.resolve(undefined);
    if (this.#isFree(who)) return Promise.resolve(this.#occupy(who));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        who,
        turn: () => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve(this.#occupy(who));
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        resolve(undefined);
      }, waitMs);
      this.#waiting.add(waiting);
    });
  }

  #isFree(who: string): boolean {
    return this.#total < this.most && (who === '' || (this.#inUse.get(who) ?? 0) < this.mostEach);
  }

  #occupy(who: string): Release {
    this.#total += 1;
    this.#inUse.set(who, (this.#inUse.get(who) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      const left = (this.#inUse.get(who) ?? 1) - 1;
      if (left > 0) this.#inUse.set(who, left);
      else this.#inUse.delete(who);
      for (const waiting of this.#waiting) {
        if (!this.#isFree(waiting.who)) continue;
        waiting.turn();
        return;
      }
    };
  }
}
