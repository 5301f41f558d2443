import type { Eviction } from '../../lib/core/eviction.js';
import type { CallerSource } from '../../lib/core/memory/caller-source.js';

/** Evicts from a source alone, as `Evictions` does with everything around it. */
export async function evictFrom(source: CallerSource, eviction: Eviction): Promise<void> {
  source.forget(eviction);
  if (await source.evictShared(eviction, source.stamp())) source.forget(eviction);
}
