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

/** A bounded map whose entries belong to users. The entries of one user are found and forgotten without a walk over all. */
export class UserMemory<V extends { readonly userId: string }> {
  readonly #entries: Bounded<string, V>;
  /** Most have one entry. A set for each would take memory for nothing. */
  readonly #keysOf = new Map<string, string | Set<string>>();

  /**
   * `gone` hears of every entry that leaves, also of one that another takes the place of. `groupOf`: under what an entry is found besides its
   * user. No user id may look like it.
   */
  constructor(
    most: number,
    sizeOf?: (value: V, key: string) => number,
    gone?: (value: V) => void,
    private readonly groupOf: (value: V) => string | undefined = () => undefined,
  ) {
    this.#entries = bounded(most, sizeOf, (value, key) => {
      for (const owner of this.#ownersOf(value)) this.#forgetKey(owner, key);
      gone?.(value);
    });
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Reads without changing the order of use. */
  peek(key: string): V | undefined {
    return this.#entries.peek(key);
  }

  set(key: string, value: V): void {
    this.#entries.set(key, value);
    // A value that is larger than the whole bound is not kept.
    if (!this.#entries.has(key)) return;
    for (const owner of this.#ownersOf(value)) {
      const keys = this.#keysOf.get(owner);
      if (keys === undefined || keys === key) this.#keysOf.set(owner, key);
      else if (typeof keys === 'string') this.#keysOf.set(owner, new Set([keys, key]));
      else keys.add(key);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** The keys of one user or group, the oldest first. */
  keysOf(owner: string): ReadonlySet<string> {
    const keys = this.#keysOf.get(owner) ?? NONE;
    return typeof keys === 'string' ? new Set([keys]) : keys;
  }

  /** Forgets a user. Undefined: everyone. */
  evict(userId?: string): void {
    if (userId === undefined) this.#entries.clear();
    else for (const key of this.keysOf(userId)) this.#entries.delete(key);
  }

  /** Forgets all entries that fit. It walks over everything. */
  evictWhere(fits: (value: V, key: string) => boolean): void {
    forgetWhere(this.#entries, fits);
  }

  #ownersOf(value: V): readonly string[] {
    const group = this.groupOf(value);
    return group === undefined ? [value.userId] : [value.userId, group];
  }

  #forgetKey(owner: string, key: string): void {
    const keys = this.#keysOf.get(owner);
    if (typeof keys === 'object') keys.delete(key);
    if (keys === key || (typeof keys === 'object' && keys.size === 0)) this.#keysOf.delete(owner);
  }
}

const NONE: ReadonlySet<string> = new Set();
