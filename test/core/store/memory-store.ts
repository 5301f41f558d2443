import type { SharedCache } from '../../../lib/core/store/signed-cache.js';

/** A store that is shared between caches, as Redis would be: entries end when their time is over. */
export class MemoryStore implements SharedCache {
  readonly entries = new Map<string, { value: unknown; until: number }>();
  /** What is waited for before anything is read or written. */
  beforeGet: (key: string) => Promise<void> | undefined = () => undefined;
  /** What is waited for with what was read already in hand. */
  afterGet: (key: string) => Promise<void> | undefined = () => undefined;
  beforeSet: (key: string) => Promise<void> | undefined = () => undefined;
  gets = 0;

  async get(key: string): Promise<unknown> {
    this.gets += 1;
    await this.beforeGet(key);
    const entry = this.entries.get(key);
    await this.afterGet(key);
    return entry && entry.until > Date.now() ? entry.value : undefined;
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    await this.beforeSet(key);
    this.entries.set(key, { value, until: Date.now() + ttlMs });
  }

  /** The keys of stored memberships, without those of epochs. */
  rowKeys(): string[] {
    return [...this.entries.keys()].filter((key) => key.includes(':rows:'));
  }
}
