import { randomUUID } from 'node:crypto';
import { has } from '../own-properties.js';
import { bounded } from '../memory/bounded.js';
import {
  CLOCK_SKEW_MS,
  concernedBy,
  type EpochTarget,
  Floors,
  targetKey,
  type StoreTarget,
  SecondLooks,
} from './epochs.js';
import { SingleFlight } from '../memory/flight.js';
import { inTime, patienceNow } from './patience.js';
import { DEADLINE_MS, FAILED, type FoundFields, type SignedCache } from './signed-cache.js';
import { inTurn, type Turns } from './turns.js';

/** What is stored of an epoch. What was stored under an id that is not the current one is not used any more. */
interface Epoch {
  readonly id: string;
  /** When it began, in milliseconds since the epoch: the epoch after it has a later time, whatever the clocks say. */
  readonly at: number;
  /** Tokens of the user, or of everyone, that were issued then or before are refused. 0: none. */
  readonly issuedBefore: number;
}

/** What the other processes and the rest of this one have to do with epochs. */
export interface EpochSurroundings {
  /** Is called with each time that a read finds. Tokens that were issued at it or before are refused. Undefined: those of everyone. */
  readonly onIssuedBefore?: (userId: string | undefined, time: number) => void;
  /** Where there are turns, one process asks for what the others are about to ask for. */
  readonly turns?: Turns | undefined;
}

/** A token that was refused for good must stay so for as long as it could be used. */
const LIVES_MS = 24 * 3_600_000 + CLOCK_SKEW_MS;
/** How long the store may take to end one epoch. No request waits for it. */
const EVICTION_MS = 100;
/** How long it may take to look whether it did, and to write it again. Nobody waits for that either. */
const LOOK_MS = 1_000;

/**
 * The epochs in the shared store. An eviction begins a new one. None there, or one that is older than an eviction that is known here, never
 * means that nothing was evicted: a new one begins before ZITADEL is asked.
 */
export class EpochStore {
  readonly #renewals = new SingleFlight<string | undefined, string>();
  readonly #issuedBefore = bounded<string, number>(10_000);
  /** The epochs of organizations that were current in one epoch of 'anyOrganization'. */
  #known = { anyOrganization: '', ids: bounded<string, string>(10_000) };
  readonly #floors: Floors;
  readonly #looks = new SecondLooks((target) => this.#isTaken(target));

  /** `ttlMs`: how long this process uses what is stored. */
  constructor(
    private readonly store: SignedCache,
    ttlMs: number,
    private readonly surroundings: EpochSurroundings,
  ) {
    this.#floors = new Floors(ttlMs);
  }

  stamp(): number {
    return this.#floors.stamp();
  }

  name(target: EpochTarget): string {
    if (target === 'everyone') return this.store.name('epoch of all', '');
    if (target === 'anyOrganization') return this.store.name('epoch of organizations', '');
    return has(target, 'userId')
      ? this.store.name('epoch', target.userId)
      : this.store.name('epoch of organization', target.orgId);
  }

  /** The id of the epoch that was read, if it is the current one. */
  current(target: EpochTarget, found: FoundFields): string | undefined {
    const epoch = this.#from(target, found);
    if (!epoch || epoch.at < this.#floors.of(target)) return undefined;
    // Another process that did not know of it has put its own over the one that tells it.
    if (epoch.issuedBefore < this.#refusedUpTo(target)) return undefined;
    // Of these two there is one each, so that it costs nothing to know when it was put back.
    if (typeof target === 'string') this.#floors.raise(target, epoch.at);
    return epoch.id;
  }

  /** The current epoch, or a new one. Undefined: the store does not take it. */
  renew(target: EpochTarget, until: number): Promise<string | undefined> {
    const name = this.name(target);
    return this.#renewals.ask(() => this.#renew(target, name, until), name);
  }

  /** A new epoch, where the store has just said that there is none. */
  begin(target: EpochTarget, until: number): Promise<string | undefined> {
    const name = this.name(target);
    return this.#renewals.ask(() => this.#begin(target, name, until), name);
  }

  /** Raises the floors. What was stored before is not used here, whatever the store says. */
  heard(target: StoreTarget, at: number): void {
    for (const each of concernedBy(target)) this.#floors.hear(each, at);
  }

  /** The wall clock was set back: what was stored before would become young again. */
  restart(): Promise<number> {
    this.#floors.restart();
    return this.evict('everyone', this.stamp());
  }

  /**
   * Begins a new epoch. Resolves with its time when every process finds it, or after the deadline. Then the store is looked at again until it
   * has one: a process that starts later must not find the old one. `onTaken`: is called when it has.
   */
  async evict(target: StoreTarget, at: number, onTaken?: () => void): Promise<number> {
    this.heard(target, at);
    let latest = at;
    let isTaken = true;
    for (const each of concernedBy(target)) {
      const until = patienceNow() + EVICTION_MS;
      const replaced = await this.#replace(each, at, until);
      isTaken &&= replaced !== undefined;
      // The epoch that is still there may be of a process whose clock is ahead. If each that fails counted from `at`, times would run away.
      const since = replaced ?? Math.max(at + 1, Date.now() + CLOCK_SKEW_MS);
      this.#floors.raise(each, since);
      latest = Math.max(latest, since);
    }
    if (!isTaken) this.lookAgain(target, onTaken);
    return latest;
  }

  /** Remembers this time, and stores it with every new epoch of the user, or of everyone. False: it was known. */
  learn(target: EpochTarget, time: number): boolean {
    const isOfUser = typeof target === 'object' && has(target, 'userId');
    if (target !== 'everyone' && !isOfUser) return false;
    // What is ahead of the clock here counts up to now, once: told again, it would count up to a later now.
    if (time <= this.#refusedUpTo(target)) return false;
    this.#issuedBefore.set(targetKey(target), time);
    this.surroundings.onIssuedBefore?.(isOfUser ? target.userId : undefined, time);
    return true;
  }

  /** Sees to it that the store has an eviction, and what was learned of the target: no store takes two epochs that are written at once. */
  lookAgain(target: StoreTarget, onTaken?: () => void): void {
    // An eviction of everyone stands for any other. It does not tell which tokens of a user are refused.
    const mayLeaveOut = target !== 'everyone' && this.#refusedUpTo(target) === 0;
    if (this.#looks.add(target, onTaken, mayLeaveOut)) return;
    this.heard('everyone', this.stamp());
    this.#looks.add('everyone', undefined, false);
  }

  close(): void {
    this.#looks.close();
  }

  /** The ids of several organizations' epochs, all of which were current in one epoch of 'anyOrganization'. Undefined: it has ended. */
  async ofOrganizations(
    orgIds: readonly string[],
    anyOrganization: string,
  ): Promise<readonly (readonly [string, string])[] | undefined> {
    if (this.#known.anyOrganization !== anyOrganization) {
      this.#known = { anyOrganization, ids: bounded(10_000) };
    }
    const { ids } = this.#known;
    const until = patienceNow() + DEADLINE_MS;
    const found = await Promise.all(
      orgIds.map(async (orgId) => {
        const id = ids.get(orgId) ?? (await this.renew({ orgId }, until));
        return [orgId, id] as const;
      }),
    );
    const isComplete = (each: readonly [string, string | undefined]): each is [string, string] =>
      each[1] !== undefined;
    if (!found.every(isComplete)) return undefined;
    if (found.every(([orgId, id]) => ids.get(orgId) === id)) return found;
    // An eviction ends the epoch of 'anyOrganization' first, and then that of the organization. Read the other way round.
    const any = await this.#read(this.name('anyOrganization'), until);
    if (this.current('anyOrganization', any) !== anyOrganization) return undefined;
    for (const [orgId, id] of found) ids.set(orgId, id);
    return found;
  }

  /** Reads it again: another process, or another request here, may have begun it meanwhile. */
  #renew(target: EpochTarget, name: string, until: number): Promise<string | undefined> {
    // If several processes began one that all share, each would take away what the others have stored.
    const turns = typeof target === 'string' ? this.surroundings.turns : undefined;
    const work = {
      name: `turn of ${name}`,
      look: async (lookUntil: number): Promise<string | undefined | typeof FAILED> => {
        const found = await this.#read(name, lookUntil);
        return found === FAILED ? FAILED : this.current(target, found);
      },
      ask: async (endTurn: () => void, askUntil: number) => {
        const current = await this.#currentOrNew(target, name, askUntil);
        endTurn();
        return current;
      },
    };
    return inTurn(turns, work, until);
  }

  async #currentOrNew(
    target: EpochTarget,
    name: string,
    until: number,
  ): Promise<string | undefined> {
    const found = await this.#read(name, until);
    if (found === FAILED) return undefined;
    return this.current(target, found) ?? this.#begin(target, name, until);
  }

  async #isTaken(target: StoreTarget): Promise<boolean> {
    for (const each of concernedBy(target)) {
      const until = patienceNow() + LOOK_MS;
      if ((await this.#currentOrNew(each, this.name(each), until)) === undefined) return false;
    }
    return true;
  }

  async #begin(target: EpochTarget, name: string, until: number): Promise<string | undefined> {
    // Any eviction that is made now, by another process as well, is later. The next one after the floor may be a millisecond later.
    const epoch = this.#next(target, Math.max(Date.now() - 1, this.#floors.of(target)));
    // Whatever is there now: also if another process began it after this one.
    return this.current(target, await this.#put(name, epoch, until));
  }

  /** The time of the epoch that takes the place of what is there. Undefined: the store does not take it. */
  async #replace(target: EpochTarget, at: number, until: number): Promise<number | undefined> {
    const name = this.name(target);
    let found = await this.#read(name, until);
    for (let attempt = 1; attempt <= 2 && found !== FAILED; attempt += 1) {
      const before = this.#from(target, found);
      const epoch = this.#next(target, Math.max(at, Math.floor(before?.at ?? 0) + 1));
      found = await this.#put(name, epoch, until);
      const after = this.#from(target, found);
      const isLater = after && after.id !== before?.id && after.at >= epoch.at;
      if (isLater && after.issuedBefore >= epoch.issuedBefore) return epoch.at;
    }
    return undefined;
  }

  #refusedUpTo(target: EpochTarget): number {
    return this.#issuedBefore.get(targetKey(target)) ?? 0;
  }

  #next(target: EpochTarget, at: number): Epoch {
    return { id: randomUUID(), at, issuedBefore: this.#refusedUpTo(target) };
  }

  /** Returns what is there then: a store may swallow its own failure, and another process may have put its own there. */
  async #put(name: string, epoch: Epoch, until: number): Promise<FoundFields> {
    const write = this.store.write(name, epoch, LIVES_MS).catch(() => FAILED);
    const written = await inTime(write, until, FAILED);
    return written === FAILED ? FAILED : this.#read(name, until);
  }

  async #read(name: string, until: number): Promise<FoundFields> {
    const [found] = await this.store.read([name], until);
    return found;
  }

  #from(target: EpochTarget, found: FoundFields): Epoch | undefined {
    if (found === undefined || found === FAILED) return undefined;
    const { id, at, issuedBefore } = found;
    if (typeof id !== 'string' || id === '' || typeof at !== 'number') return undefined;
    if (typeof issuedBefore !== 'number' || !Number.isFinite(issuedBefore)) return undefined;
    if (!this.#floors.note(at)) return undefined;
    if (issuedBefore > 0) this.learn(target, issuedBefore);
    return { id, at, issuedBefore };
  }
}
