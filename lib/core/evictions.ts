import type { ResourceLookups } from './ask.js';
import type { Decider } from './decider.js';
import type { Eviction, EvictionEvent, EvictionListener } from './eviction.js';
import type { CallerSource } from './memory/caller-source.js';
import { quietly } from './tell.js';

interface EvictionsParts {
  readonly callers: CallerSource;
  readonly lookups: ResourceLookups;
  readonly decider: Decider;
  /** Tells the other processes. Undefined: there is no way to. */
  readonly spread: EvictionListener | undefined;
}

/** Ends remembered answers: here at once, then in the other processes and in the shared store. */
export class Evictions {
  readonly #listeners = new Set<EvictionListener>();

  constructor(private readonly parts: EvictionsParts) {}

  /** Resolves when what was remembered cannot come back here. */
  async evict(eviction: Eviction, from: EvictionEvent['from']): Promise<void> {
    const { callers, spread } = this.parts;
    const event: EvictionEvent = Object.freeze({ at: callers.stamp(), eviction, from });
    this.#forget(eviction);
    this.#tell(event);
    if (spread) quietly(() => spread(event));
    if (await callers.evictShared(eviction, event.at)) {
      // What was read meanwhile may come from what the shared store still held.
      this.#forget(eviction);
    }
  }

  /** Forgets what another process has told. */
  hear(event: EvictionEvent): void {
    const { eviction, at } = event;
    this.parts.callers.heard(eviction, at);
    this.#forget(eviction);
    this.#tell(event);
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
