import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Membership } from '../caller.js';
import { jsonFrom, own } from '../own-properties.js';
import type { ResourceKind } from '../requirement/roles.js';
import { quietly } from '../tell.js';
import type { StoreTarget } from './epochs.js';
import { within } from './flight.js';

/** The part of Nest's `CACHE_MANAGER` that is used. Any object with these two methods works. The TTL is in milliseconds. */
export interface SharedCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
}

/** What some process read from ZITADEL. */
export interface Stored<T> {
  readonly value: T;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  readonly expiresAt: number;
}

/** A kind of values that can be stored: its name in the store, and how it is read back. Anything odd is a miss. */
export interface StoredKind<T> {
  readonly name: 'rows' | 'permissions' | 'projectRoles';
  readonly from: (value: unknown, userId: string) => T | undefined;
}

/** Memberships. */
export const ROWS: StoredKind<readonly Membership[]> = {
  name: 'rows',
  from: (value, userId) => {
    const rows = Array.isArray(value) ? value.map(membershipFrom) : [undefined];
    const areTheirs = rows.every((row) => row !== undefined && row.userId === userId);
    return areTheirs ? (rows as readonly Membership[]) : undefined;
  },
};

/** What a user may do in one organization. */
export const PERMISSIONS: StoredKind<readonly string[]> = {
  name: 'permissions',
  from: (value) => (areTexts(value) ? value : undefined),
};

/** The user's home organization ('': not told), and the roles of one project that one organization gave the user. */
export const PROJECT_ROLES: StoredKind<readonly string[]> = {
  name: 'projectRoles',
  from: (value) => (areTexts(value) && value.length > 0 ? value : undefined),
};

/** Is called with each time that a read finds in the store, also again with the same: tokens issued until then are refused. Undefined: those of everyone. */
type IssuedBeforeListener = (userId: string | undefined, time: number) => void;

interface Envelope<T> extends Stored<T> {
  readonly key: string;
  readonly userId: string;
  readonly epoch: string;
}

const DEADLINE_MS = 100;
const CLOCK_SKEW_MS = 5_000;
/** Other processes may have another TTL. This is the longest that the options allow. */
const LONGEST_TTL_MS = 3_600_000;

/** What a read gave: the stored value, if there is one, and the epoch for storing a new one. No epoch: the store did not reply. */
interface SharedRead<T> {
  readonly epoch: string | undefined;
  readonly stored: Stored<T> | undefined;
}

/**
 * The optional layer behind the memory cache. Somebody who can write into the store must not be able to make anybody IAM_OWNER. So each
 * envelope is signed, and names its own key and deadline. One that looks odd is a miss. If the store fails or hangs, that is a miss too.
 */
export class SharedStore {
  readonly #cache: SharedCache;
  /** The first one signs, and each is accepted. Empty: nothing is signed. */
  readonly #secrets: readonly string[];
  readonly #scope: string;

  #distrustedUntil = 0;
  #latest = 0;
  /** By how much the wall clock was ahead of the monotonic clock. */
  #wallAhead = Date.now() - performance.now();

  /** `scope`: everything on which the stored values depend, besides the key. `ttlMs`: how long they live at most. */
  constructor(
    cache: SharedCache,
    secret: string | readonly string[] | false,
    scope: readonly string[],
    private readonly ttlMs: number,
    private readonly onIssuedBefore: IssuedBeforeListener = () => undefined,
  ) {
    this.#cache = cache;
    this.#secrets = secret === false ? [] : [secret].flat();
    this.#scope = JSON.stringify(scope);
  }

  async read<T>(kind: StoredKind<T>, key: string, userId: string): Promise<SharedRead<T>> {
    if (this.#wallWasSetBack()) await this.evict('everyone', this.stamp());
    if (this.#distrustedUntil > performance.now()) return UNKNOWN;
    const name = this.#name(kind.name, key);
    const [sealed, ofUser, ofAll] = await this.#getAll([
      name,
      this.#name('epoch', userId),
      this.#name('epoch of all', ''),
    ]);
    if (sealed === FAILED || ofUser === FAILED || ofAll === FAILED) {
      return UNKNOWN;
    }
    const epoch = JSON.stringify([epochText(ofUser), epochText(ofAll)]);
    const stored = this.#open(kind, sealed, name);
    const usable = stored?.userId === userId && stored.epoch === epoch;
    return { epoch, stored: usable ? stored : undefined };
  }

  /** Stores a value. Nobody waits for it. */
  write<T>(
    kind: StoredKind<T>,
    key: string,
    userId: string,
    epoch: string,
    { value, fetchedAt, expiresAt }: Stored<T>,
  ): void {
    const ttlMs = Math.floor(expiresAt - Date.now());
    if (!(ttlMs > 0)) return;
    const name = this.#name(kind.name, key);
    const envelope = { v: 1, key: name, userId, epoch, fetchedAt, expiresAt, [kind.name]: value };
    quietly(() => this.#cache.set(name, this.#seal(JSON.stringify(envelope)), ttlMs));
  }

  /** A time for a new eviction: later than any that this process knows. */
  stamp(): number {
    return (this.#latest = Math.max(Date.now(), this.#latest + 1));
  }

  /**
   * Makes everything unusable that any process has stored about the target. If the store does not take this, this process does not read the
   * store for as long as its entries can live.
   */
  evict(target: StoreTarget, at: number): Promise<void> {
    this.heard(target, at);
    return typeof target === 'object' && 'userId' in target
      ? this.#renewEpoch('epoch', target.userId)
      : this.#renewEpoch('epoch of all', '');
  }

  /** Another process has evicted the target: what was stored under an earlier epoch is not used here. */
  heard(_target: StoreTarget, at: number): void {
    this.#latest = Math.max(this.#latest, at);
  }

  /** Tells every process that tokens that were issued at this time or before are refused. It evicts as well. Undefined: those of everyone. */
  rejectIssuedBefore(userId: string | undefined, time: number): Promise<void> {
    this.onIssuedBefore(userId, time);
    return this.evict(userId === undefined ? 'everyone' : { userId }, this.stamp());
  }

  /** Whether the wall clock was set back since the last call. Then entries that were stored before would become young again. */
  #wallWasSetBack(): boolean {
    const ahead = Date.now() - performance.now();
    const setBack = ahead < this.#wallAhead - CLOCK_SKEW_MS;
    this.#wallAhead = setBack ? ahead : Math.max(ahead, this.#wallAhead);
    return setBack;
  }

  async #renewEpoch(kind: string, key: string): Promise<void> {
    const ms = LONGEST_TTL_MS + CLOCK_SKEW_MS;
    const set = async () => {
      const [name, epoch] = [this.#name(kind, key), randomUUID()];
      await this.#cache.set(name, epoch, ms);
      // Read it back: a store may swallow its own failure.
      return (await this.#cache.get(name)) === epoch;
    };
    const taken = await within(
      set().catch(() => false),
      DEADLINE_MS,
      false,
    );
    if (!taken) this.#distrustedUntil = performance.now() + this.ttlMs + CLOCK_SKEW_MS;
  }

  #name(kind: string, key: string): string {
    const digest = createHash('sha256').update(JSON.stringify([this.#scope, kind, key]));
    return `nestjs-zitadel:1:${kind}:${digest.digest('base64url')}`;
  }

  #seal(text: string): string {
    const [secret] = this.#secrets;
    return secret === undefined ? text : `${this.#mac(text, secret)}.${text}`;
  }

  #mac(text: string, secret: string): string {
    return createHmac('sha256', secret).update(text).digest('base64url');
  }

  #open<T>(kind: StoredKind<T>, sealed: unknown, name: string): Envelope<T> | undefined {
    if (typeof sealed !== 'string') return undefined;
    let text = sealed;
    if (this.#secrets.length > 0) {
      const dot = sealed.indexOf('.');
      text = sealed.slice(dot + 1);
      const given = Buffer.from(sealed.slice(0, Math.max(dot, 0)));
      const isSigned = this.#secrets.some((secret) => {
        const right = Buffer.from(this.#mac(text, secret));
        return given.length === right.length && timingSafeEqual(given, right);
      });
      if (!isSigned) return undefined;
    }
    const envelope = envelopeFrom(kind, text);
    if (envelope?.key !== name) return undefined;
    const now = Date.now();
    const timely =
      envelope.fetchedAt <= now + CLOCK_SKEW_MS &&
      envelope.expiresAt > now &&
      envelope.expiresAt > envelope.fetchedAt;
    return timely ? envelope : undefined;
  }

  async #getAll(names: readonly string[]): Promise<readonly unknown[]> {
    const reads = Promise.all(names.map((name) => this.#get(name)));
    return (await within(reads, DEADLINE_MS, undefined)) ?? names.map(() => FAILED);
  }

  async #get(name: string): Promise<unknown> {
    try {
      return await this.#cache.get(name);
    } catch {
      return FAILED;
    }
  }
}

const FAILED = Symbol('the store failed');
const UNKNOWN: SharedRead<never> = Object.freeze({ epoch: undefined, stored: undefined });

function epochText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function envelopeFrom<T>(kind: StoredKind<T>, text: string): Envelope<T> | undefined {
  let value: unknown;
  try {
    value = jsonFrom(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { v, key, userId, epoch, fetchedAt, expiresAt, ...more } = value as Record<string, unknown>;
  if (v !== 1 || typeof key !== 'string' || typeof userId !== 'string') return undefined;
  if (typeof epoch !== 'string' || !isTime(fetchedAt) || !isTime(expiresAt)) return undefined;
  const read = kind.from(own(more, kind.name), userId);
  return read && { key, userId, epoch, fetchedAt, expiresAt, value: read };
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

const KINDS: ReadonlySet<unknown> = new Set(['instance', 'org', 'project', 'projectGrant']);

/** Reads a row that was stored outside this process. Undefined for anything odd. */
function membershipFrom(value: unknown): Membership | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { userId, kind, id, roles, ...more } = value as Record<string, unknown>;
  if (typeof userId !== 'string' || userId === '' || !KINDS.has(kind)) return undefined;
  if (typeof id !== 'string' || (id === '' && kind !== 'instance')) return undefined;
  if (!areTexts(roles)) return undefined;
  const also: { ownerOrgId?: string; projectId?: string; grantedOrgId?: string } = {};
  for (const name of ['ownerOrgId', 'projectId', 'grantedOrgId'] as const) {
    const given = more[name];
    if (given === undefined) continue;
    if (typeof given !== 'string' || given === '') return undefined;
    also[name] = given;
  }
  return { userId, kind: kind as ResourceKind, id, roles, ...also };
}
