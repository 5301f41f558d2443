import { type Bounded, bounded } from './bounded.js';

/** A bounded map whose entries belong to users. The entries of one user are found and forgotten without a walk over all. */
export class UserMemory<V extends { readonly userId: string }> {
  readonly #entries: Bounded<string, V>;
  readonly #keysOf = new Map<string, Set<string>>();

  /** `gone` hears of every entry that leaves, also of one that another takes the place of. */
  constructor(most: number, sizeOf?: (value: V, key: string) => number, gone?: (value: V) => void) {
    this.#entries = bounded(most, sizeOf, (value, key) => {
      this.#forgetKey(value.userId, key);
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
    const keys = this.#keysOf.get(value.userId) ?? new Set();
    this.#keysOf.set(value.userId, keys.add(key));
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** The keys of one user, the oldest first. */
  keysOf(userId: string): ReadonlySet<string> {
    return this.#keysOf.get(userId) ?? NONE;
  }

  evict(userId: string): void {
    for (const key of this.keysOf(userId)) this.#entries.delete(key);
  }

  evictAll(): void {
    this.#entries.clear();
  }

  #forgetKey(userId: string, key: string): void {
    const keys = this.#keysOf.get(userId);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(userId);
  }
}

const NONE: ReadonlySet<string> = new Set();
