import type { ResourceLookups } from './ask.js';
import type { Decider } from './decider.js';
import type { Eviction, EvictionEvent, EvictionListener } from './eviction.js';
import type { CallerSource } from './memory/caller-source.js';
import type { StoreTarget } from './memory/epochs.js';
import { believedTime } from './memory/refused-tokens.js';
import type { SharedStore } from './memory/shared-store.js';
import { quietly } from './tell.js';

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

  constructor(private readonly parts: EvictionsParts) {}

  /** Resolves when what was remembered cannot come back here. */
  async evict(asked: Eviction, from: EvictionEvent['from']): Promise<void> {
    const { shared, spread } = this.parts;
    const at = (this.#latest = shared?.stamp() ?? Math.max(Date.now(), this.#latest + 1));
    const eviction = withTime(asked);
    const event: EvictionEvent = Object.freeze({ at, eviction, from });
    this.#forget(eviction);
    this.#tell(event);
    if (spread) quietly(() => spread(event));
    // A token is no part of what is stored.
    if (!shared || eviction.type === 'token') return;
    await (eviction.type === 'issuedBefore'
      ? shared.rejectIssuedBefore(eviction.userId, eviction.time)
      : shared.evict(targetOf(eviction), at));
    // What was read meanwhile may come from what the shared store still held.
    this.#forget(eviction);
  }

  /** Forgets what another process has told. */
  hear(event: EvictionEvent): void {
    const { eviction, at } = event;
    if (eviction.type !== 'token') this.parts.shared?.heard(targetOf(eviction), at);
    this.#forget(eviction);
    this.#tell(event);
  }

  /** Forgets everything, in this process alone: messages of others may have been lost. */
  forgetHere(): void {
    this.#forget({ type: 'everyone' });
  }

  onEviction(listener: EvictionListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #forget(eviction: Eviction): void {
    const { callers, lookups, decider } = this.parts;
    callers.forget(eviction);
    switch (eviction.type) {
      case 'organization':
        lookups.evictOrganizations(new Set([eviction.orgId]));
        break;
      case 'everyone':
        lookups.evictAll();
        decider.forgetAll();
        break;
      case 'user':
      case 'issuedBefore':
        if (eviction.userId === undefined) {
          lookups.evictAll();
          decider.forgetAll();
        } else {
          lookups.evict(eviction.userId);
          decider.forget(eviction.userId);
        }
        break;
      case 'token':
    }
  }

  #tell(event: EvictionEvent): void {
    for (const listener of this.#listeners) quietly(() => listener(event));
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
