import { has } from '../own-properties.js';
import { bounded } from '../memory/bounded.js';
import { quietly } from '../tell.js';

/** Whose stored values end: one user's, those that rest on one organization, or all. */
export type StoreTarget = { readonly userId: string } | { readonly orgId: string } | 'everyone';

/** Whose epochs there are. An eviction of one organization also ends the epoch of 'anyOrganization'. */
export type EpochTarget = StoreTarget | 'anyOrganization';

/** How far the clocks of two hosts may be apart. */
export const CLOCK_SKEW_MS = 5_000;
/** A time that is further ahead was made by no eviction. It must not become a floor that nothing can reach. */
const MOST_AHEAD_MS = 3_600_000;
const MOST_FLOORS = 100_000;
/** Less than the millisecond between two evictions: what begins so much later is older than every eviction to come. */
const A_LITTLE_MS = 2 ** -10;

interface Floor {
  at: number;
  /** As long as anything can be used that was stored before, on the monotonic clock. */
  until: number;
}

/** The latest evictions that this process knows. An epoch that is older than that is not the current one, whatever the store says. */
export class Floors {
  #latest = 0;
  #everyone = 0;
  #anyOrganization = 0;
  readonly #floors;

  /** `ttlMs`: how long this process uses what is stored. */
  constructor(private readonly ttlMs: number) {
    this.#floors = bounded<string, Floor>(MOST_FLOORS, undefined, ({ at, until }) => {
      // What cannot be remembered of one holds for everyone.
      if (until > performance.now()) this.#everyone = Math.max(this.#everyone, at);
    });
  }

  /** A time for a new eviction: later than any that this process knows. */
  stamp(): number {
    return (this.#latest = Math.max(Date.now(), Math.floor(this.#latest) + 1));
  }

  /** Notes a time that another process made: the next stamp is later. False: no process can have made it. */
  note(at: number): boolean {
    const isTime = at > 0 && at <= Date.now() + MOST_AHEAD_MS;
    if (isTime) this.#latest = Math.max(this.#latest, at);
    return isTime;
  }

  /** From now on no epoch of the target counts that is older. */
  raise(target: EpochTarget, at: number): void {
    const time = this.note(at) ? at : this.stamp();
    if (target === 'everyone') this.#everyone = Math.max(this.#everyone, time);
    else if (target === 'anyOrganization') {
      this.#anyOrganization = Math.max(this.#anyOrganization, time);
    } else this.#raise(targetKey(target), time);
  }

  /** Another process has evicted at this time. Whatever is known to be as young was there before this was heard, and counts no more. */
  hear(target: EpochTarget, at: number): void {
    const floor = this.of(target);
    this.raise(target, at > floor ? at : floor + A_LITTLE_MS);
  }

  of(target: EpochTarget): number {
    if (target === 'everyone') return this.#everyone;
    if (target === 'anyOrganization') return this.#anyOrganization;
    return this.#floors.peek(targetKey(target))?.at ?? 0;
  }

  /** After the wall clock was set back. Whoever calls this evicts everyone, so that nothing older counts. */
  restart(): void {
    this.#floors.clear();
    if (this.#latest <= Date.now() + MOST_AHEAD_MS) return;
    this.#latest = 0;
    this.#everyone = 0;
    this.#anyOrganization = 0;
  }

  #raise(key: string, at: number): void {
    const until = performance.now() + this.ttlMs + CLOCK_SKEW_MS;
    const known = this.#floors.get(key);
    if (known) Object.assign(known, { at: Math.max(known.at, at), until });
    else this.#floors.set(key, { at, until });
  }
}

/** Whose epochs end with an eviction, in this order: who stores looks at them the other way round. */
export function concernedBy(target: StoreTarget): readonly EpochTarget[] {
  return typeof target === 'object' && has(target, 'orgId')
    ? ['anyOrganization', target]
    : [target];
}

export function targetKey(target: EpochTarget): string {
  if (typeof target === 'string') return target;
  return has(target, 'userId') ? `user ${target.userId}` : `organization ${target.orgId}`;
}

/** By then, whoever wrote at the same time has written. And nobody waits much longer for a store that is back. */
const AFTER_MS = 1_000;
const AT_ONCE = 16;
const MOST_LOOKS = 10_000;

interface Look {
  readonly target: StoreTarget;
  readonly onTaken: (() => void) | undefined;
}

/**
 * Looks again whether the store holds an eviction that it has not taken, or that another process may have overwritten. It does so until the
 * store has it.
 */
export class SecondLooks {
  readonly #open = new Map<string, Look>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `isTaken` sees to it that the store holds an eviction of the target. It never rejects. */
  constructor(private readonly isTaken: (target: StoreTarget) => Promise<boolean>) {}

  /** Looks in a second or two. `onTaken`: is called when the store has it. False: too many are open, and this one may be left out. */
  add(target: StoreTarget, onTaken: (() => void) | undefined, mayLeaveOut: boolean): boolean {
    const key = targetKey(target);
    const before = this.#open.get(key);
    this.#open.delete(key);
    if (this.#open.size >= MOST_LOOKS && mayLeaveOut) return false;
    this.#open.set(key, { target, onTaken: onTaken ?? before?.onTaken });
    this.#wait();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#timer || this.#isClosed || this.#open.size === 0) return;
    const due = [...this.#open.values()];
    this.#timer = setTimeout(() => void this.#look(due), AFTER_MS).unref();
  }

  async #look(due: readonly Look[]): Promise<void> {
    for (let at = 0; at < due.length; at += AT_ONCE) {
      const looks = due.slice(at, at + AT_ONCE).map((look) => this.#lookAt(look));
      // The store fails, so nobody asks it about the others.
      if ((await Promise.all(looks)).every((came) => came === 'refused')) break;
    }
    this.#timer = undefined;
    this.#wait();
  }

  async #lookAt(look: Look): Promise<'taken' | 'refused' | 'outdated'> {
    const key = targetKey(look.target);
    const isCurrent = () => !this.#isClosed && this.#open.get(key) === look;
    const isTaken = isCurrent() && (await this.isTaken(look.target));
    if (!isCurrent()) return 'outdated';
    this.#open.delete(key);
    // Behind those that were not looked at.
    if (!isTaken) this.#open.set(key, look);
    else if (look.onTaken) quietly(look.onTaken);
    return isTaken ? 'taken' : 'refused';
  }
}
