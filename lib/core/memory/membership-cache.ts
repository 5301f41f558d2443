import { LRUCache } from 'lru-cache';
import { indexOf, type MembershipIndex, type MembershipRows } from '../caller.js';
import { isRefusal, type MembershipRead, type Refusal } from '../decision.js';
import { isValid, type Validity } from '../validity.js';
import type { Pay } from './allowance.js';
import { type Flight, Flights } from './flight.js';
import type { SharedStore } from './shared-store.js';

/** Memberships, with where they came from and until when they may be used. */
export interface Remembered extends Validity {
  readonly userId: string;
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  /** When the question left, on the monotonic clock. */
  readonly askedAt: number;
}

/** One question to the cache. */
export interface CacheQuestion {
  /** Everything that ZITADEL is asked with, as one string. */
  readonly key: string;
  readonly userId: string;
  /** The answer may not be kept beyond this time (milliseconds since the epoch). */
  readonly notAfter: number;
  /** What was asked for before this does not count, be it kept or under way (monotonic clock). */
  readonly notBefore: number;
  /** Paid before ZITADEL is asked, by the one who starts a read and not by those who join it. */
  readonly pay?: Pay | undefined;
  readonly read: () => Promise<MembershipRows | Refusal>;
}

interface Flying {
  readonly flight: Flight;
  readonly promise: Promise<Remembered | Refusal>;
}

/**
 * Memory, then the shared store, then ZITADEL; one read a key at a time. Expiry counts from when the question left and is never
 * extended. Failures are not kept. What was asked before an eviction is not kept after it.
 */
export class MembershipCache {
  readonly #memory: LRUCache<string, Remembered>;
  readonly #flying = new Map<string, Flying>();
  readonly #flights = new Flights();

  constructor(
    private readonly ttlMs: number,
    maxBytes: number,
    private readonly shared: SharedStore | undefined,
  ) {
    this.#memory = new LRUCache<string, Remembered>({
      maxSize: maxBytes,
      sizeCalculation: ({ index }, key) => key.length * 2 + index.bytes,
    });
  }

  get(question: CacheQuestion): Promise<Remembered | Refusal> {
    const { key, userId, notBefore } = question;
    const kept = this.#kept(key, userId, notBefore);
    if (kept) return Promise.resolve(kept);
    const flying = this.#flying.get(key);
    if (flying?.flight.userId === userId && flying.flight.startedAt >= notBefore) {
      return flying.promise;
    }
    const unpaid = question.pay?.();
    if (unpaid) return Promise.resolve(unpaid);
    const flight = this.#flights.start({ userId });
    const promise = this.#load(question, flight).finally(() => {
      this.#flights.end(flight);
      if (this.#flying.get(key)?.flight === flight) this.#flying.delete(key);
    });
    this.#flying.set(key, { flight, promise });
    return promise;
  }

  /** What is kept in memory, and may still be used. */
  peek(key: string, userId: string, notBefore: number): MembershipIndex | undefined {
    return this.#kept(key, userId, notBefore)?.index;
  }

  /** ZITADEL refused what this answer rests on: it is forgotten, and so is all of the user in the shared store. */
  forget(key: string, userId: string): void {
    this.#flights.spoil(userId);
    this.#flying.delete(key);
    this.#memory.delete(key);
    void this.shared?.evict(userId);
  }

  async evict(userId: string): Promise<void> {
    this.#forgetUser(userId);
    if (!this.shared) return;
    await this.shared.evict(userId);
    // Until the store has acknowledged, a read could bring back what it still held.
    this.#forgetUser(userId);
  }

  async evictAll(): Promise<void> {
    this.#forgetAll();
    if (!this.shared) return;
    await this.shared.evictAll();
    this.#forgetAll();
  }

  #kept(key: string, userId: string, notBefore: number): Remembered | undefined {
    const kept = this.#memory.get(key);
    return kept?.userId === userId && isValid(kept) && kept.askedAt >= notBefore ? kept : undefined;
  }

  #forgetUser(userId: string): void {
    this.#flights.spoil(userId);
    for (const [key, { flight }] of this.#flying) {
      if (flight.userId === userId) this.#flying.delete(key);
    }
    for (const [key, entry] of this.#memory) if (entry.userId === userId) this.#memory.delete(key);
  }

  #forgetAll(): void {
    this.#flights.spoilAll();
    this.#flying.clear();
    this.#memory.clear();
  }

  async #load(question: CacheQuestion, flight: Flight): Promise<Remembered | Refusal> {
    const { key, userId } = question;
    const shared = await this.shared?.read(key, userId);
    if (shared?.stored) {
      const { rows, fetchedAt, expiresAt } = shared.stored;
      const wallUntil = Math.min(expiresAt, fetchedAt + this.ttlMs, question.notAfter);
      const leftMs = wallUntil - Date.now();
      const askedAt = performance.now() - Math.max(0, Date.now() - fetchedAt);
      if (leftMs > 0 && askedAt >= question.notBefore) {
        const entry: Remembered = {
          userId,
          index: indexOf(rows),
          read: Object.freeze({ at: fetchedAt, from: 'shared' }),
          validUntil: performance.now() + leftMs,
          wallUntil,
          askedAt,
        };
        if (!flight.spoiled) this.#keep(key, entry);
        return entry;
      }
    }
    const askedAt = performance.now();
    const fetchedAt = Date.now();
    const read = await question.read();
    if (isRefusal(read)) return read;
    const keepMs = Math.min(this.ttlMs, question.notAfter - fetchedAt);
    const entry: Remembered = {
      userId,
      index: indexOf(read.rows, read.complete),
      read: Object.freeze({ at: fetchedAt, from: 'zitadel' }),
      validUntil: askedAt + keepMs,
      wallUntil: fetchedAt + keepMs,
      askedAt,
    };
    if (flight.spoiled || !(keepMs > 0)) return entry;
    // A list that is over its cap would fill the store, and says nothing without further questions.
    if (this.#keep(key, entry) && shared?.epoch !== undefined && read.complete) {
      const stored = { rows: entry.index.rows, fetchedAt, expiresAt: fetchedAt + keepMs };
      this.shared?.write(key, userId, shared.epoch, stored);
    }
    return entry;
  }

  /** False: something that was asked later is kept already. */
  #keep(key: string, entry: Remembered): boolean {
    const kept = this.#memory.peek(key);
    if (kept && kept.askedAt > entry.askedAt) return false;
    this.#memory.set(key, entry);
    return true;
  }
}
