import { LRUCache } from 'lru-cache';

/** A map that never outgrows its bound: the entry that was set or got longest ago makes room. `peek` does not count. */
export type Bounded<K extends {}, V extends {}> = LRUCache<K, V>;

/** Makes a bounded map. `most` limits the number of entries, or the sum of what `sizeOf` says. `gone` is called with each entry that leaves. */
export function bounded<K extends {}, V extends {}>(
  most: number,
  sizeOf: (value: V, key: K) => number = () => 1,
  gone?: (value: V, key: K) => void,
): Bounded<K, V> {
  // Not the option `max`, which takes all of its memory at once.
  return new LRUCache<K, V>({
    maxSize: Math.max(1, Math.floor(most)),
    sizeCalculation: sizeOf,
    ...(gone && { dispose: gone }),
  });
}

/** Forgets all entries that fit. It walks over everything. */
export function forgetWhere<K extends {}, V extends {}>(
  entries: Bounded<K, V>,
  fits: (value: V, key: K) => boolean,
): void {
  // First the walk: an entry that is deleted leads nowhere.
  const found: K[] = [];
  for (const [key, value] of entries.entries()) if (fits(value, key)) found.push(key);
  for (const key of found) entries.delete(key);
}
