import { LRUCache } from 'lru-cache';

const FOR_MS = 60 * 60_000;
const AT_MOST = 20_000;

/**
 * Digests of tokens that ZITADEL has accepted within the last hour. It decides about nobody, only about whose call goes first: whoever
 * sends tokens that were never any must not hold up those whose were.
 */
export class ProvenTokens {
  // Not `max`, which takes all of its memory at once.
  readonly #until = new LRUCache<string, number>({ maxSize: AT_MOST, sizeCalculation: () => 1 });

  has(digest: string): boolean {
    return (this.#until.get(digest) ?? 0) > performance.now();
  }

  add(digest: string): void {
    this.#until.set(digest, performance.now() + FOR_MS);
  }

  remove(digest: string): void {
    this.#until.delete(digest);
  }
}
