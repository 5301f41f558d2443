import { isRefusal, type MembershipRead, type Refusal } from '../decision.js';
import { Lease } from '../validity.js';
import type { Pay } from './allowance.js';
import { type Flight, Flights, mayKeep } from './flight.js';
import type { QuietTelemetry, RememberedKind } from '../telemetry.js';
import type { Stored, StoredKind } from '../store/envelope.js';
import type { SeenAgain, SharedStore } from '../store/shared-store.js';
import { FAILED } from '../store/signed-cache.js';
import { TURN_MS } from '../store/turns.js';
import { UserMemory } from './bounded.js';

/** What ZITADEL said about a user, where it came from, and until when it may be used. */
export interface Remembered<T extends object | string> {
  readonly userId: string;
  readonly value: T;
  readonly read: MembershipRead;
  /** When the question left, on the monotonic clock. */
  readonly askedAt: number;
  /** Ends with its time, and when it is forgotten. */
  readonly lease: Lease;
}

/** One question to the cache. */
export interface CacheQuestion<T extends object | string> {
  /** Everything that ZITADEL is asked with, as one string. */
  readonly key: string;
  readonly userId: string;
  /** The reply may not be kept beyond this time (milliseconds since the epoch). */
  readonly notAfter: number;
  /** What was asked for before this does not count (monotonic clock). */
  readonly notBefore: number;
  /** Paid before ZITADEL is asked: by the request that starts a read, not by those that join it. */
  readonly pay?: Pay | undefined;
  readonly read: () => Promise<T | Refusal>;
}

/** What a cache holds: how large a value is, and how it travels through the shared store. */
export interface CacheKind<T extends object | string, S> extends StoredKind<S> {
  /** How telemetry names it. */
  readonly toldAs: RememberedKind;
  readonly fromStored: (stored: S) => T;
  /** Undefined if the value is not worth storing. */
  readonly toStored: (value: T) => S | undefined;
  readonly bytesOf: (value: T) => number;
}

/** Where a cache shares what it holds. */
interface Sharing {
  readonly store: SharedStore;
  /** Whether every process asks for the same, so that it is enough if one of them does. */
  readonly inTurn: boolean;
}

/**
 * Looks in memory, then in the shared store, then asks ZITADEL, with one read a key at a time. The TTL counts from when the question left,
 * and is never extended. Failures are not kept. What was asked before an eviction is not kept after it.
 */
export class ReadCache<T extends object | string, S> {
  readonly #memory: UserMemory<Remembered<T>>;
  readonly #flights = new Flights<Remembered<T> | Refusal>();

  constructor(
    private readonly kind: CacheKind<T, S>,
    private readonly ttlMs: number,
    maxBytes: number,
    private readonly sharing: Sharing | undefined,
    private readonly telemetry?: QuietTelemetry | undefined,
  ) {
    this.#memory = new UserMemory(
      maxBytes,
      ({ value }, key) => key.length * 2 + kind.bytesOf(value),
      ({ lease }) => lease.end(),
    );
  }

  get(question: CacheQuestion<T>): Promise<Remembered<T> | Refusal> {
    const { key, userId, notBefore, pay } = question;
    const kept = this.kept(key, userId, notBefore);
    if (kept) return Promise.resolve(kept);
    const flight = JSON.stringify([userId, key]);
    const underWay = this.#flights.underWay(flight, notBefore);
    if (underWay) return underWay;
    const unpaid = pay?.();
    if (unpaid) return Promise.resolve(unpaid);
    return this.#flights.start(flight, userId, (started) => this.#load(question, started));
  }

  /** What memory holds under this key, if it may still be used. */
  kept(key: string, userId: string, notBefore: number): Remembered<T> | undefined {
    const kept = this.#memory.get(key);
    const counts = kept?.userId === userId && kept.lease.runs() && kept.askedAt >= notBefore;
    if (!counts) return undefined;
    this.telemetry?.found(this.kind.toldAs, 'memory');
    return kept;
  }

  /** Forgets what is kept under one key. What is being asked for about the user is not kept either. */
  forget(key: string, userId: string): void {
    this.#flights.spoil(userId);
    this.#memory.delete(key);
  }

  /** Forgets a user (undefined: everyone) in this process. Until the shared store has acknowledged an eviction, a read can bring back what it holds. */
  evict(userId?: string): void {
    this.#flights.spoil(userId);
    this.#memory.evict(userId);
  }

  /** Forgets what fits, of any user. What is being asked for is not kept if it fits. */
  evictWhere(fits: (value: T, key: string) => boolean): void {
    this.#flights.doubt((brought, flight) => {
      const [, key] = JSON.parse(flight) as [userId: string, key: string];
      return isRefusal(brought) || fits(brought.value, key);
    });
    this.#memory.evictWhere(({ value }, key) => fits(value, key));
  }

  async #load(question: CacheQuestion<T>, flight: Flight): Promise<Remembered<T> | Refusal> {
    const { sharing } = this;
    // What is not kept is not shared either.
    if (!sharing || !(this.ttlMs > 0)) return (await this.#ask(question, flight)).entry;
    const { store, inTurn } = sharing;
    // What another process is asking for was asked for in its turn. It must not be too old for this question.
    const mayBeOthers = () => inTurn && question.notBefore <= performance.now() - TURN_MS;
    const load = () => this.#loadShared(store, question, flight, mayBeOthers());
    return mayBeOthers() ? store.inQueue(load) : load();
  }

  async #loadShared(
    store: SharedStore,
    question: CacheQuestion<T>,
    flight: Flight,
    inTurn: boolean,
  ): Promise<Remembered<T> | Refusal> {
    const { kind } = this;
    const { key, userId } = question;
    const shared = await store.read(kind, key, userId);
    const found = this.#fromStore(question, flight, shared.stored);
    if (found) return found;
    let seen: SeenAgain<unknown> | undefined;
    const ask = async (
      endTurn: () => void,
      until: number,
      hasLooked: boolean,
    ): Promise<Remembered<T> | Refusal> => {
      const last = hasLooked ? seen : undefined;
      const epochs = shared.epochs && (await store.begin(userId, shared.epochs, until, last));
      const { entry, stored } = await this.#ask(question, flight);
      // Nobody here waits for the store. The others look for it until the turn ends.
      if (epochs && stored) void store.write(kind, key, userId, epochs, stored).then(endTurn);
      else endTurn();
      return entry;
    };
    if (!inTurn || !shared.epochs) return ask(() => undefined, shared.until, false);
    const look = async (until: number) => {
      const again = await store.readAgain(kind, key, userId, until);
      if (again === FAILED) return FAILED;
      seen = again;
      return this.#fromStore(question, flight, again.stored);
    };
    return store.inTurn(kind, key, { look, ask }, shared.until);
  }

  /** What another process has stored, if it is not too old for this question. */
  #fromStore(
    question: CacheQuestion<T>,
    flight: Flight,
    stored: Stored<S> | undefined,
  ): Remembered<T> | undefined {
    if (!stored) return undefined;
    const { value, fetchedAt, expiresAt } = stored;
    const wallUntil = Math.min(expiresAt, fetchedAt + this.ttlMs, question.notAfter);
    const leftMs = wallUntil - Date.now();
    const askedAt = performance.now() - Math.max(0, Date.now() - fetchedAt);
    if (!(leftMs > 0) || askedAt < question.notBefore) return undefined;
    const entry: Remembered<T> = {
      userId: question.userId,
      value: this.kind.fromStored(value),
      read: Object.freeze({ at: fetchedAt, from: 'shared' }),
      askedAt,
      lease: new Lease({ validUntil: performance.now() + leftMs, wallUntil }),
    };
    if (mayKeep(flight, entry)) this.#keep(question.key, entry);
    this.telemetry?.found(this.kind.toldAs, 'shared');
    return entry;
  }

  /** Asks ZITADEL. `stored`: what the other processes may use of it. */
  async #ask(
    { key, userId, notAfter, read }: CacheQuestion<T>,
    flight: Flight,
  ): Promise<{ entry: Remembered<T> | Refusal; stored?: Stored<S> }> {
    const askedAt = performance.now();
    const fetchedAt = Date.now();
    const value = await read();
    if (isRefusal(value)) return { entry: value };
    this.telemetry?.found(this.kind.toldAs, 'zitadel');
    const keepMs = Math.min(this.ttlMs, notAfter - fetchedAt);
    const entry: Remembered<T> = {
      userId,
      value,
      read: Object.freeze({ at: fetchedAt, from: 'zitadel' }),
      askedAt,
      lease: new Lease({ validUntil: askedAt + keepMs, wallUntil: fetchedAt + keepMs }),
    };
    if (!mayKeep(flight, entry) || !(keepMs > 0) || !this.#keep(key, entry)) return { entry };
    const stored = this.sharing && this.kind.toStored(value);
    if (stored === undefined) return { entry };
    return { entry, stored: { value: stored, fetchedAt, expiresAt: fetchedAt + keepMs } };
  }

  /** Returns false if something that was asked later is kept already. */
  #keep(key: string, entry: Remembered<T>): boolean {
    const kept = this.#memory.peek(key);
    if (kept && kept.askedAt > entry.askedAt) return false;
    this.#memory.set(key, entry);
    return true;
  }
}
