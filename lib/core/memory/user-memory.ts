import { type Bounded, bounded, forgetWhere } from './bounded.js';

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

  evict(userId: string): void {
    for (const key of this.keysOf(userId)) this.#entries.delete(key);
  }

  /** Forgets all entries that fit. It walks over everything. */
  evictWhere(fits: (value: V, key: string) => boolean): void {
    forgetWhere(this.#entries, fits);
  }

  evictAll(): void {
    this.#entries.clear();
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
