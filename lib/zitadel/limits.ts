import { bounded } from '../core/memory/bounded.js';
import { OURSELVES } from './call.js';

/** Ends the use of a slot. */
export type Release = () => void;

/** How many calls of users of one standing go on at a time, and how many may wait. */
interface Bounds {
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
 * Lets only so many calls through at a time, of all users, of each standing and of each user: one user's crowd of requests must not hold
 * up the others. The rest wait their turn as long as each can. Strangers and users whose calls fail wait behind all others.
 */
export class Slots {
  readonly #queues: Readonly<Record<Standing, Queue>>;
  readonly #inUse = new Map<string, number>();
  #total = 0;

  constructor(private readonly bounds: SlotBounds) {
    // New users wait in one queue with those who are well.
    const ordinary = new Queue();
    const [stranger, failing] = [new Queue(), new Queue()];
    this.#queues = { well: ordinary, new: ordinary, stranger, failing };
  }

  /**
   * A slot. Undefined if none came free in time, or if too many of this standing wait already. Calls about no user (`who` is '') share only
   * the total.
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
    // The second half is for users who hold no slot. So a few users whose calls hang cannot fill it before anybody notices.
    return held === 0 || (held < own.ofOneUser && this.#total < inFlight / 2);
  }

  #occupy(who: string, standing: Standing): Release {
    const queue = this.#queues[standing];
    this.#total += 1;
    queue.inUse += 1;
    this.#inUse.set(who, (this.#inUse.get(who) ?? 0) + 1);
    return () => {
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

const FAILURES_BEFORE_PAUSE = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const USERS = 20_000;

/**
 * How the last call for a user went. `well`: it got a reply. `new`: there was none yet. `stranger`: ZITADEL has not accepted the token lately.
 * `failing`: it failed. Calls about nobody in particular are `well`.
 */
export type Standing = 'well' | 'new' | 'stranger' | 'failing';

interface Known {
  /** How many calls failed in a row. 0: the last call got a reply. */
  readonly failures: number;
  readonly until: number;
  /** When the last failure came. Calls that left before it are part of it. */
  readonly at: number;
}

/** What a call may do, and what `settle` needs to know of it. */
export interface Pass {
  readonly leftAt: number;
  readonly standing: Standing;
  /** Whether the last call failed. Then this one is not repeated at once: that would only make the trouble worse. */
  readonly failing: boolean;
}

/**
 * Slows down calls that keep failing for one user. The breaker stays closed then, since the failure may be about that user alone. After
 * three failures in a row, the next call must wait a second, then twice as long each time, up to half a minute. A reply ends it.
 */
export class Pauses {
  readonly #users = bounded<string, Known>(USERS);
  // A counter instead of a clock: two calls can leave in the same moment.
  #events = 0;

  /** How long to wait if the call must not be made. Otherwise what is known about it. */
  enter(family: string, who: string, isStranger: boolean): { readonly waitMs: number } | Pass {
    const { failures, until = 0 } = this.#users.get(keyOf(family, who)) ?? {};
    const waitMs = until - performance.now();
    if (waitMs > 0 && !isNobody(who)) return { waitMs };
    const failing = failures !== undefined && failures > 0;
    const known = failures === undefined ? 'new' : failing ? 'failing' : 'well';
    const standing = isNobody(who) ? 'well' : isStranger && !failing ? 'stranger' : known;
    return { leftAt: (this.#events += 1), standing, failing };
  }

  settle(family: string, who: string, { leftAt }: Pass, failed: boolean): void {
    const key = keyOf(family, who);
    const known = this.#users.get(key);
    if (!failed) {
      this.#users.set(key, { failures: 0, until: 0, at: 0 });
      return;
    }
    if (known && leftAt < known.at) return;
    const failures = (known?.failures ?? 0) + 1;
    const doublings = failures - FAILURES_BEFORE_PAUSE;
    const pauseMs = doublings < 0 ? 0 : Math.min(FIRST_MS * 2 ** doublings, LONGEST_MS);
    const until = performance.now() + pauseMs;
    this.#users.set(key, { failures, until, at: (this.#events += 1) });
  }
}

/** Whether a call is about no user, or about many. If it fails for one of them, that must not stop the others. */
export function isNobody(who: string): boolean {
  return who === '' || who === OURSELVES;
}

function keyOf(family: string, who: string): string {
  return `${family} ${who}`;
}

const FOR_MS = 60 * 60_000;
const AT_MOST = 20_000;

/**
 * Remembers digests of tokens that ZITADEL has accepted within the last hour. They decide only whose call goes first: somebody who sends
 * invented tokens must not hold up the others.
 */
export class ProvenTokens {
  readonly #until = bounded<string, number>(AT_MOST);

  has(digest: string): boolean {
    return (this.#until.get(digest) ?? 0) > performance.now();
  }

  add(digest: string): void {
    this.#until.set(digest, performance.now() + FOR_MS);
  }

  remove(digest: string): void {
    this.#until.delete(digest);
  }
}
