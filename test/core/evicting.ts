import type { Eviction } from '../../lib/core/eviction.js';
import { Evictions } from '../../lib/core/evictions.js';
import type { CallerSource } from '../../lib/core/memory/caller-source.js';
import type { SharedStore } from '../../lib/core/store/shared-store.js';

const nothing = () => undefined;

/** Evicts from a source, and from the store through which it reads. */
export function evictFrom(
  callers: CallerSource,
  eviction: Eviction,
  shared?: SharedStore,
): Promise<void> {
  const lookups = { evict: nothing, evictAll: nothing, evictOrganizations: nothing } as never;
  const decider = { forget: nothing } as never;
  const evictions = new Evictions({ callers, lookups, decider, shared, spread: undefined });
  return evictions.evict(eviction, 'application');
}
