import type { ResourceLookups } from './ask.js';
import type { Decider } from './decider.js';
import type { Eviction, EvictionEvent, EvictionListener } from './eviction.js';
import type { CallerSource } from './memory/caller-source.js';
import type { StoreTarget } from './store/epochs.js';
import { believedTime } from './memory/refused-tokens.js';
import type { SharedStore } from './store/shared-store.js';
import { quietly } from './tell.js';

/** A walk that takes less is no burden. */
const SHORT_MS = 0.2;
/** Nothing waits longer for the next walk. */
const MOST_MS = 100;

/**
 * Walks over the memory to forget organizations. The walks take a tenth of the time at most: organizations that come faster wait for the next
 * one together. When a project is granted to thousands, they all come at once.
 */
export class OrganizationWalks {
  #waiting = new Set<string>();
  #next: Promise<void> | undefined;
  /** When the next walk may begin, on the monotonic clock. */
  #from = -Infinity;

  constructor(private readonly walk: (orgIds: ReadonlySet<string>) => void) {}

  /** Undefined: it is done already. */
  over(orgId: string): Promise<void> | undefined {
    if (this.#next === undefined && performance.now() >= this.#from) {
      this.#walk(new Set([orgId]));
      return undefined;
    }
    this.#waiting.add(orgId);
    return (this.#next ??= this.#later());
  }

  async #later(): Promise<void> {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, Math.max(0, this.#from - performance.now()));
    });
    const orgIds = this.#waiting;
    this.#waiting = new Set();
    this.#next = undefined;
    this.#walk(orgIds);
  }

  #walk(orgIds: ReadonlySet<string>): void {
    const startedAt = performance.now();
    this.walk(orgIds);
    const endedAt = performance.now();
    const took = endedAt - startedAt;
    this.#from = took < SHORT_MS ? endedAt : endedAt + Math.min(9 * took, MOST_MS);
  }
}

interface EvictionsParts {
  readonly callers: CallerSource;
  readonly lookups: ResourceLookups;
  readonly decider: Decider;
  readonly shared: SharedStore | undefined;
  /** Tells the other processes. Undefined: there is no way to. */
  readonly spread: EvictionListener | undefined;
}

/** Ends remembered answers: here at once, then in the other processes and in the shared store. */
export class Evictions {
  readonly #listeners = new Set<EvictionListener>();
  /** When something was evicted last, without a shared store. */
  #latest = 0;

  readonly #walks: OrganizationWalks;

  constructor(private readonly parts: EvictionsParts) {
    const { callers, lookups } = parts;
    this.#walks = new OrganizationWalks((orgIds) => {
      callers.forgetOrganizations(orgIds);
      lookups.evictOrganizations(orgIds);
    });
  }

  /** Resolves when what was remembered cannot come back here. */
  async evict(asked: Eviction, from: EvictionEvent['from']): Promise<void> {
    const { shared, spread } = this.parts;
    const at = (this.#latest = shared?.stamp() ?? Math.max(Date.now(), this.#latest + 1));
    const eviction = withTime(asked);
    let event: EvictionEvent = Object.freeze({ at, eviction, from });
    const tellOthers = () => spread && quietly(() => spread(event));
    const forgetting = this.#forgetAndTell(event);
    tellOthers();
    await forgetting;
    // A token is no part of what is stored.
    if (!shared || eviction.type === 'token') return;
    // What failed the store has often failed the messages as well, and others may have taken from the store what had ended.
    const latest = await (eviction.type === 'issuedBefore'
      ? shared.rejectIssuedBefore(eviction.userId, eviction.time, at, tellOthers)
      : shared.evict(targetOf(eviction), at, tellOthers));
    // By their time, the epoch that has ended counted still. What they have taken from it meanwhile is forgotten as well.
    if (latest > at) {
      event = Object.freeze({ ...event, at: latest });
      tellOthers();
    }
    // What was read meanwhile may come from what the shared store still held.
    await this.#forget(eviction);
  }

  /** Forgets what another process has told. */
  hear(event: EvictionEvent): void {
    const { eviction, at } = event;
    const { shared } = this.parts;
    if (eviction.type !== 'token') shared?.heard(targetOf(eviction), at);
    if (eviction.type === 'issuedBefore') shared?.learn(eviction.userId, eviction.time);
    void this.#forgetAndTell(event);
  }

  /** Forgets everything, in this process alone: messages of others may have been lost. */
  forgetHere(): void {
    void this.#forget({ type: 'everyone' });
  }

  onEviction(listener: EvictionListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Synchronous, unless a burst of organizations waits for the next walk over the memory. */
  #forgetAndTell(event: EvictionEvent): Promise<void> | undefined {
    const forgetting = this.#forget(event.eviction);
    if (forgetting) {
      return forgetting.then(() => {
        this.#tell(event);
      });
    }
    this.#tell(event);
    return undefined;
  }

  #forget(eviction: Eviction): Promise<void> | undefined {
    if (eviction.type === 'organization') return this.#walks.over(eviction.orgId);
    const { callers, lookups, decider } = this.parts;
    callers.forget(eviction);
    if (eviction.type === 'token') return undefined;
    const userId = eviction.type === 'everyone' ? undefined : eviction.userId;
    decider.forget(userId);
    if (userId === undefined) lookups.evictAll();
    else lookups.evict(userId);
    return undefined;
  }

  #tell(event: EvictionEvent): void {
    // A copy: a listener can end, and begin again.
    for (const listener of [...this.#listeners]) quietly(() => listener(event));
  }
}

/** Whose stored values an eviction ends. */
function targetOf(eviction: Exclude<Eviction, { readonly type: 'token' }>): StoreTarget {
  if (eviction.type === 'organization') return { orgId: eviction.orgId };
  const { userId } = eviction as Partial<Record<'userId', string>>;
  return userId === undefined ? 'everyone' : { userId };
}

/** No token was issued in the future, and a time that is far ahead would refuse those that are issued until then. */
function withTime(eviction: Eviction): Eviction {
  if (eviction.type !== 'issuedBefore') return eviction;
  return { ...eviction, time: believedTime(eviction.time) };
}
