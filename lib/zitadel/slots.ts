import type { Standing } from './pauses.js';

/** Ends the use of a slot. */
export type Release = () => void;

/** How many calls of users of one standing go on at a time, and how many may wait. */
export interface Bounds {
  readonly inFlight: number;
  readonly ofOneUser: number;
  readonly waiting: number;
}

/** How many calls go on at a time. */
export interface SlotBounds extends Readonly<Record<Standing, Bounds>> {
  readonly inFlight: number;
}

interface Waiting {
  readonly who: string;
  readonly turn: () => void;
}

class Queue {
  readonly waiting = new Set<Waiting>();
  inUse = 0;
}

/**
 * Lets so many calls through at a time, so many of them of one user and of each standing, so that nobody's crowd of requests holds up the
 * others. The rest wait their turn, for as long as each can, strangers and those who fail behind all others.
 */
export class Slots {
  readonly #queues: Readonly<Record<Standing, Queue>>;
  readonly #inUse = new Map<string, number>();
  #total = 0;

  constructor(private readonly bounds: SlotBounds) {
    // Whoever is new waits no longer than the others.
    const ordinary = new Queue();
    const [stranger, failing] = [new Queue(), new Queue()];
    this.#queues = { well: ordinary, new: ordinary, stranger, failing };
  }

  /**
   * A slot, or undefined when there was none in time, or too many of this standing wait already. Calls for nobody in particular (`who` is '')
   * share only the total.
   */
  take(who: string, waitMs: number, standing: Standing): Promise<Release | undefined> {
    if (!(waitMs > 0)) return Promise.resolve(undefined);
    if (this.#isFree(who, standing)) return Promise.resolve(this.#occupy(who, standing));
    const { waiting: queue } = this.#queues[standing];
    if (queue.size >= this.bounds[standing].waiting) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        who,
        turn: () => {
          clearTimeout(timer);
          queue.delete(waiting);
          resolve(this.#occupy(who, standing));
        },
      };
      const timer = setTimeout(() => {
        queue.delete(waiting);
        resolve(undefined);
      }, waitMs);
      queue.add(waiting);
    });
  }

  #isFree(who: string, standing: Standing): boolean {
    const { inFlight } = this.bounds;
    const own = this.bounds[standing];
    if (this.#total >= inFlight || this.#queues[standing].inUse >= own.inFlight) return false;
    const held = who === '' ? 0 : (this.#inUse.get(who) ?? 0);
    // The second half is for those who hold none: a few users whose calls hang do not fill it before that is known of them.
    return held === 0 || (held < own.ofOneUser && this.#total < inFlight / 2);
  }

  #occupy(who: string, standing: Standing): Release {
    const queue = this.#queues[standing];
    this.#total += 1;
    queue.inUse += 1;
    this.#inUse.set(who, (this.#inUse.get(who) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      queue.inUse -= 1;
      const left = (this.#inUse.get(who) ?? 1) - 1;
      if (left > 0) this.#inUse.set(who, left);
      else this.#inUse.delete(who);
      this.#next()?.turn();
    };
  }

  #next(): Waiting | undefined {
    for (const standing of ['well', 'stranger', 'failing'] as const) {
      for (const waiting of this.#queues[standing].waiting) {
        if (this.#isFree(waiting.who, standing)) return waiting;
      }
    }
    return undefined;
  }
}
