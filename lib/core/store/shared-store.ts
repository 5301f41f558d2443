import { own } from '../own-properties.js';
import { EpochStore, type EpochSurroundings } from './epoch-store.js';
import {
  type Envelope,
  envelopeFrom,
  type Epochs,
  MOST_ORGANIZATIONS,
  type Stored,
  type StoredKind,
} from './envelope.js';
import { CLOCK_SKEW_MS, type StoreTarget } from './epochs.js';
import { DEADLINE_MS, FAILED, type SharedCache, SignedCache } from './signed-cache.js';
import { inTime, patienceNow } from './patience.js';
import { inTurn, type Work, StoreQueue } from './turns.js';

/** The epochs that a read found or began. It begins none of a user. */
type FoundEpochs = Omit<Epochs, 'user'> & { readonly user: string | undefined };

/** What a read gave: the stored value, if there is one, and the epochs for storing a new one. No epochs: nothing can be stored. */
interface SharedRead<T> {
  readonly epochs: FoundEpochs | undefined;
  readonly stored: Stored<T> | undefined;
  /** How long this question may go on waiting for the store, by the clock of patience. */
  readonly until: number;
}

/** What a look at the store finds: what another process has stored, and the epoch of the user. Undefined: there is none. */
export interface SeenAgain<T> {
  readonly stored: Stored<T> | undefined;
  readonly user: string | undefined;
}

/** A note is of use for so long. */
const NOTED_MS = 7 * 86_400_000;

/**
 * The optional layer behind the memory cache. Somebody who can write into the store must not be able to make anybody IAM_OWNER. So each
 * envelope is signed, and names its own key and deadline. One that looks odd is a miss. If the store fails or hangs, that is a miss too.
 */
export class SharedStore {
  readonly #cache: SignedCache;
  readonly #epochs: EpochStore;
  readonly #queue = new StoreQueue();
  /** By how much the wall clock was ahead of the monotonic clock. */
  #wallAhead = Date.now() - performance.now();

  /** `scope`: everything on which the stored values depend, besides the key. `ttlMs`: how long they live at most. */
  constructor(
    cache: SharedCache,
    secret: string | readonly string[] | false,
    scope: readonly string[],
    ttlMs: number,
    private readonly surroundings: EpochSurroundings = {},
  ) {
    this.#cache = new SignedCache(cache, secret, scope);
    this.#epochs = new EpochStore(this.#cache, ttlMs, surroundings);
  }

  async read<T>(
    kind: StoredKind<T>,
    key: string,
    userId: string,
    until = this.#cache.deadline(),
  ): Promise<SharedRead<T>> {
    if (this.#wallWasSetBack()) await this.#epochs.restart();
    const targets = ['everyone', { userId }, 'anyOrganization'] as const;
    const names = targets.map((target) => this.#epochs.name(target));
    const found = await this.#cache.read([this.#cache.name(kind.name, key), ...names], until);
    const hasFailed = found.includes(FAILED);
    this.#queue.settle(this.#cache.isFailing);
    if (hasFailed) return { epochs: undefined, stored: undefined, until };
    const [envelope, ...others] = found;
    const current = targets.map((target, at) => this.#epochs.current(target, others[at]));
    // All wait for these two. So they begin before anybody has a turn.
    const [everyone, anyOrganization] = await Promise.all([
      current[0] ?? this.#epochs.renew('everyone', until),
      current[2] ?? this.#epochs.renew('anyOrganization', until),
    ]);
    if (everyone === undefined || anyOrganization === undefined) {
      return { epochs: undefined, stored: undefined, until };
    }
    const epochs = { everyone, user: current[1], anyOrganization };
    const stored = envelopeFrom(kind, envelope, userId);
    const isCurrent = stored !== undefined && (await this.#areCurrent(stored, epochs, until));
    return { epochs, stored: isCurrent ? stored : undefined, until };
  }

  /** What another process has stored meanwhile, and the epoch of the user. One look costs little, as long as nothing is there. */
  async readAgain<T>(
    kind: StoredKind<T>,
    key: string,
    userId: string,
    until: number,
  ): Promise<SeenAgain<T> | typeof FAILED> {
    const names = [this.#cache.name(kind.name, key), this.#epochs.name({ userId })];
    const [found, epoch] = await this.#cache.read(names, until);
    this.#queue.settle(this.#cache.isFailing);
    if (found === FAILED || epoch === FAILED) return FAILED;
    if (!envelopeFrom(kind, found, userId)) {
      return { stored: undefined, user: this.#epochs.current({ userId }, epoch) };
    }
    const { epochs, stored } = await this.read(kind, key, userId, until);
    return epochs ? { stored, user: epochs.user } : FAILED;
  }

  /**
   * Begins the epoch of the user if there is none. What is asked for from now on can be stored. Undefined: nothing can. `seen`: what the store
   * has just said.
   */
  async begin(
    userId: string,
    epochs: FoundEpochs,
    until: number,
    seen?: SeenAgain<unknown>,
  ): Promise<Epochs | undefined> {
    const user = seen
      ? (seen.user ?? (await this.#epochs.begin({ userId }, until)))
      : (epochs.user ?? (await this.#epochs.renew({ userId }, until)));
    return user === undefined ? undefined : { ...epochs, user };
  }

  /** Stores what was asked for in these epochs. Nobody has to wait for it. It never rejects. */
  async write<T>(
    kind: StoredKind<T>,
    key: string,
    userId: string,
    epochs: Epochs,
    { value, fetchedAt, expiresAt }: Stored<T>,
  ): Promise<void> {
    const touched = kind.organizationsOf(value);
    const isFew = touched !== undefined && touched.length <= MOST_ORGANIZATIONS;
    const organizations = isFew
      ? await this.#epochs.ofOrganizations(touched, epochs.anyOrganization)
      : undefined;
    if (isFew && !organizations) return;
    const ttlMs = Math.floor(expiresAt - Date.now());
    if (!(ttlMs > 0)) return;
    const fields = { userId, epochs, organizations, fetchedAt, expiresAt, [kind.name]: value };
    await this.#cache.write(this.#cache.name(kind.name, key), fields, ttlMs).catch(() => undefined);
  }

  /** Carries out what asks the store, not too much at a time. Without turns, at once. */
  inQueue<A>(work: () => Promise<A>): Promise<A> {
    return this.surroundings.turns ? this.#queue.join(work) : work();
  }

  /** Asks while the other processes wait for what this one stores, or the other way round. */
  inTurn<A>(
    kind: Pick<StoredKind<unknown>, 'name'>,
    key: string,
    work: Omit<Work<A>, 'name'>,
    until: number,
  ): Promise<A> {
    const name = `turn of ${this.#cache.name(kind.name, key)}`;
    return inTurn(this.surroundings.turns, { ...work, name }, until);
  }

  /** A time for a new eviction: later than any that this process knows. */
  stamp(): number {
    return this.#epochs.stamp();
  }

  /**
   * Makes everything unusable that any process has stored about the target. If the store does not take this, this process begins new epochs
   * before it stores anything again, uses nothing older, and tries again until the store has it. Resolves with the time before which no epoch
   * counts: later than `at` where the clock of another process may be ahead. `onTaken`: is called if the store takes it later.
   */
  evict(target: StoreTarget, at: number, onTaken?: () => void): Promise<number> {
    return this.#epochs.evict(target, at, onTaken);
  }

  /** Another process has evicted the target: what was stored in an earlier epoch is not used here. */
  heard(target: StoreTarget, at: number): void {
    this.#epochs.heard(target, at);
  }

  /** Tells every process that tokens that were issued at this time or before are refused. It evicts as well. Undefined: those of everyone. */
  rejectIssuedBefore(
    userId: string | undefined,
    time: number,
    at = this.stamp(),
    onTaken?: () => void,
  ): Promise<number> {
    const target = targetOf(userId);
    this.#epochs.learn(target, time);
    this.#epochs.lookAgain(target);
    return this.evict(target, at, onTaken);
  }

  /**
   * Some process refuses tokens. This one says so with each epoch that it begins. If it did not know, it sees to it that the store says so: who
   * told may have ended.
   */
  learn(userId: string | undefined, time: number): void {
    const target = targetOf(userId);
    if (this.#epochs.learn(target, time)) this.#epochs.lookAgain(target);
  }

  /** Leaves a note for the other processes, and for those that come later. Stores may lose it. It never rejects. */
  async note(name: string, text: string): Promise<void> {
    const written = this.#cache.write(this.#cache.name('note', name), { text }, NOTED_MS);
    const until = patienceNow() + DEADLINE_MS;
    await inTime(
      written.catch(() => undefined),
      until,
      undefined,
    );
  }

  /** The last note of this name. Undefined: there is none, or the store does not say. */
  async noted(name: string): Promise<string | undefined> {
    const until = patienceNow() + DEADLINE_MS;
    const [found] = await this.#cache.read([this.#cache.name('note', name)], until);
    const text = found === FAILED ? undefined : own(found, 'text');
    return typeof text === 'string' ? text : undefined;
  }

  /** Asks the store for nothing more by itself. */
  close(): void {
    this.#epochs.close();
  }

  async #areCurrent(
    { epochs, organizations }: Envelope<unknown>,
    current: FoundEpochs,
    until: number,
  ): Promise<boolean> {
    if (epochs.everyone !== current.everyone || epochs.user !== current.user) return false;
    // No organization was evicted since.
    if (epochs.anyOrganization === current.anyOrganization) return true;
    if (!organizations) return false;
    const names = organizations.map(([orgId]) => this.#epochs.name({ orgId }));
    const found = await this.#cache.read(names, until);
    return organizations.every(
      ([orgId, id], at) => this.#epochs.current({ orgId }, found[at]) === id,
    );
  }

  /** Whether the wall clock was set back since the last call. Then entries that were stored before would become young again. */
  #wallWasSetBack(): boolean {
    const ahead = Date.now() - performance.now();
    const setBack = ahead < this.#wallAhead - CLOCK_SKEW_MS;
    this.#wallAhead = setBack ? ahead : Math.max(ahead, this.#wallAhead);
    return setBack;
  }
}

function targetOf(userId: string | undefined): StoreTarget {
  return userId === undefined ? 'everyone' : { userId };
}
