import type { Caller, MembershipIndex } from '../caller.js';
import type { Allowed, MembershipRead, Refusal } from '../decision.js';
import type { Ids } from '../request.js';
import type { Compiled } from '../requirement/compile.js';
import { earlier, isValid, type Lease, type Validity } from '../validity.js';
import { bounded } from './bounded.js';
import { UserMemory } from './user-memory.js';

/** What is known of a caller's memberships, and until when it may be used. */
export interface CallerRows extends Validity {
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  /** Under which they are remembered. */
  readonly key: string;
  /** The organizations that were read, as the service user in certain ones. */
  readonly organizations: readonly string[];
  /** When they were asked for, on the monotonic clock: the wall clock, by which `read.at` tells it to people, can be set. */
  readonly askedAt: number;
}

/** A credential that is verified, and whom it leads to. */
export interface Verified {
  /** The exact bytes: the Authorization header, or what the option `token` gave. Empty where a bare user id is asked about. */
  readonly credential: string;
  readonly token: string;
  /** What stands for the token in keys. */
  readonly digest: string;
  readonly caller: Caller;
  /** When the credential was verified, on the monotonic clock. */
  readonly verifiedAt: number;
  /** How long the credential counts, however new its memberships are. */
  readonly accepted: Validity;
}

/**
 * What one credential leads to: the verified caller, the prepared memberships, and until when both may be used. Flat, and what every
 * request reads stands first: with a thousand users each object that is looked at costs more than the work on it.
 */
export class KnownCaller implements Validity {
  readonly credential: string;
  readonly validUntil: number;
  readonly wallUntil: number;

  // The last "yes": to what, about which ids, the decision, and what it rests on beside the list.
  #askedFor: Compiled | undefined = undefined;
  #askedAbout: Ids = NO_IDS;
  #yes: Allowed | undefined = undefined;
  #leases: readonly Lease[] | undefined = undefined;

  readonly caller: Caller;
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  readonly userId: string;

  constructor(
    readonly verified: Verified,
    readonly rows: CallerRows,
  ) {
    const { validUntil, wallUntil } = earlier(rows, verified.accepted);
    this.credential = verified.credential;
    this.validUntil = validUntil;
    this.wallUntil = wallUntil;
    this.caller = verified.caller;
    this.index = rows.index;
    this.read = rows.read;
    this.userId = verified.caller.userId;
  }

  /** The ids that the remembered "yes" to this requirement is about. */
  idsOf(compiled: Compiled): Ids {
    return this.#askedFor === compiled ? this.#askedAbout : NO_IDS;
  }

  /** The remembered "yes" to exactly this requirement, about the very ids that `idsOf` gave. Only for one that is valid. */
  yesTo(compiled: Compiled, ids: Ids): Allowed | undefined {
    if (this.#askedFor !== compiled || this.#askedAbout !== ids) return undefined;
    if (this.#leases) {
      for (const lease of this.#leases) if (!lease.runsBeside(this)) return undefined;
    }
    return this.#yes;
  }

  /** Remembers a "yes" for as long as this is remembered and all of the leases run. Nothing else that it rests on may change. */
  remember(compiled: Compiled, ids: Ids, yes: Allowed, leases: readonly Lease[] = []): void {
    this.#askedFor = compiled;
    this.#askedAbout = ids;
    this.#yes = yes;
    this.#leases = leases.length > 0 ? leases : undefined;
  }
}

const NO_IDS: Ids = Object.freeze([]);
const REJECTED_FOR_MS = 5_000;
const TOKENS_PER_USER = 8;

// The end of a signature tells tokens apart; only the full comparison proves one. Hashing 16 characters instead of a whole
// token is what makes a warm request cheap. Whoever knows an end can send it: nothing is forgotten by the end alone.
const tailOf = (credential: string): string => credential.slice(-16);
const wholeOf = (credential: string): string => `whole ${credential}`;

/** The memory in front of the data path: one look-up from the bytes of a credential to the known caller. */
export class RememberedCallers {
  /** By the end of the credential; where another one that ends alike stands there, by the whole of it. */
  readonly #callers: UserMemory<KnownCaller>;
  readonly #rejected = bounded<string, { refusal: Refusal; until: number }>(
    4 * 2 ** 20,
    (_rejected, credential) => credential.length * 2 + 200,
  );

  constructor(maxBytes: number) {
    this.#callers = new UserMemory(
      maxBytes,
      ({ credential, index }) => credential.length * 2 + 600 + index.bytes,
    );
  }

  /** The caller with exactly this credential, if what is known may still be used. */
  get(credential: string): KnownCaller | undefined {
    let known = this.#callers.get(tailOf(credential));
    if (known?.credential !== credential) known = this.#callers.get(wholeOf(credential));
    if (known?.credential !== credential) return undefined;
    return isValid(known) ? known : undefined;
  }

  keep(caller: KnownCaller): void {
    if (!isValid(caller)) return;
    const { credential, verified, rows, userId } = caller;
    const known = this.get(credential);
    const isOlder = known !== undefined && known.rows.askedAt > rows.askedAt;
    const isVerifiedEarlier =
      known !== undefined && known.verified.verifiedAt > verified.verifiedAt;
    // A read that took longer must not replace what a later one brought.
    if (isOlder && known.verified.verifiedAt >= verified.verifiedAt) return;
    this.forget(credential);
    // Each of the two knows something later than the other: neither goes on.
    if (isOlder || isVerifiedEarlier) return;
    const keys = this.#callers.keysOf(userId);
    const [oldest] = keys;
    if (keys.size >= TOKENS_PER_USER && oldest !== undefined) this.#callers.delete(oldest);
    const tail = tailOf(credential);
    this.#callers.set(this.#callers.peek(tail) ? wholeOf(credential) : tail, caller);
  }

  /** Forgets every token of a user. */
  evict(userId: string): void {
    this.#callers.evict(userId);
  }

  evictAll(): void {
    this.#callers.evictAll();
  }

  /** Forgets exactly this credential. */
  forget(credential: string): void {
    for (const key of [tailOf(credential), wholeOf(credential)]) {
      if (this.#callers.peek(key)?.credential === credential) this.#callers.delete(key);
    }
  }

  /** ZITADEL refused exactly these bytes: for a short while it is not asked about them again. */
  reject(credential: string, refusal: Refusal): void {
    this.forget(credential);
    this.#rejected.set(credential, { refusal, until: performance.now() + REJECTED_FOR_MS });
  }

  rejection(credential: string): Refusal | undefined {
    const known = this.#rejected.get(credential);
    return known && known.until > performance.now() ? known.refusal : undefined;
  }
}
