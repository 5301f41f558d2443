import { has } from '../own-properties.js';
import { bounded } from '../memory/bounded.js';

/** Whose stored values end: one user's, those that rest on one organization, or all. */
export type StoreTarget = { readonly userId: string } | { readonly orgId: string } | 'everyone';

/** Whose epochs there are. An eviction of one organization also ends the epoch of 'anyOrganization'. */
export type EpochTarget = StoreTarget | 'anyOrganization';

/** How far the clocks of two hosts may be apart. */
export const CLOCK_SKEW_MS = 5_000;
/** A time that is further ahead was made by no eviction. It must not become a floor that nothing can reach. */
const MOST_AHEAD_MS = 3_600_000;
const MOST = 100_000;
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
    this.#floors = bounded<string, Floor>(MOST, undefined, ({ at, until }) => {
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
