import type { Caller, MembershipIndex } from '../caller.js';
import type { Allowed, MembershipRead, Refusal } from '../decision.js';
import { type Ids, namesAgain, type RequestLike } from '../request.js';
import type { Compiled } from '../requirement/compile.js';
import { earlier, endsBefore, isValid, type Lease, type Validity } from '../validity.js';
import { bounded, UserMemory } from './bounded.js';
import { isRefusedBy, sessionIn, tokenIdOf } from './refused-tokens.js';

/** A caller's memberships, and until when they may be used. */
export interface CallerRows extends Validity {
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  /** The key under which they are remembered. */
  readonly key: string;
  /** The organizations that were read, if the service user reads them one by one. */
  readonly organizations: readonly string[];
  /** When they were asked for, on the monotonic clock. `read.at` tells people the same on the wall clock, which can be set. */
  readonly askedAt: number;
}

/** A verified credential, and the caller to whom it leads. */
export interface Verified {
  /** The exact bytes: the Authorization header in its usual spelling, or what the option `token` gave. Empty for a bare user id. */
  readonly credential: string;
  readonly token: string;
  /** Stands for the token in keys. */
  readonly digest: string;
  readonly caller: Caller;
  /** When the credential was verified, on the monotonic clock. */
  readonly verifiedAt: number;
  /** How long the credential counts, however new its memberships are. */
  readonly accepted: Validity;
}

/**
 * What one credential leads to: the verified caller, the prepared memberships, and until when both may be used. It is flat, and begins with
 * what every request reads: with a thousand users, reading one more object costs more than the work on it.
 */
export class KnownCaller implements Validity {
  readonly credential: string;
  readonly validUntil: number;
  readonly wallUntil: number;

  // The last "yes": its requirement, its ids, the decision, and what it rests on beside the list.
  #askedFor: Compiled | undefined = undefined;
  #askedAbout: Ids = NO_IDS;
  #yes: Allowed | undefined = undefined;
  #lease: Lease | undefined = undefined;
  /** Whether that lease ends before this does. */
  #endsEarly = false;
  /** All of them, if there are several. */
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

  /** The remembered "yes", if a request asks for it again: by exactly this requirement, about the same ids. This caller must be valid. */
  yesTo(compiled: Compiled, request: RequestLike): Allowed | undefined {
    return this.#isYesTo(compiled) && namesAgain(this.#askedAbout, compiled.sources, request)
      ? this.#yes
      : undefined;
  }

  /** The same about ids that were read. */
  yesAbout(compiled: Compiled, ids: Ids): Allowed | undefined {
    return this.#isYesTo(compiled) && this.#askedAbout.every((id, slot) => id === ids[slot])
      ? this.#yes
      : undefined;
  }

  #isYesTo(compiled: Compiled): boolean {
    return this.#askedFor === compiled && (this.#lease === undefined || this.#runs(this.#lease));
  }

  /** Whether what the "yes" rests on still counts. While this counts, what ends later need not be compared with the clocks. */
  #runs(lease: Lease): boolean {
    if (lease.isOver || (this.#endsEarly && !isValid(lease))) return false;
    return this.#leases === undefined || this.#leases.every((each) => each.runs());
  }

  /** Remembers a "yes" for as long as this is remembered and all of the leases run. Nothing else that it rests on may change. */
  remember(compiled: Compiled, ids: Ids, yes: Allowed, leases: readonly Lease[] = []): void {
    this.#askedFor = compiled;
    this.#askedAbout = ids;
    this.#yes = yes;
    const [lease] = leases;
    this.#lease = lease;
    this.#endsEarly = lease !== undefined && endsBefore(lease, this);
    this.#leases = leases.length > 1 ? leases : undefined;
  }

  /** For how many more milliseconds this counts, with what the "yes" to a requirement rests on if that is the last one. */
  leftMs(compiled: Compiled): number {
    const leases = this.#askedFor === compiled ? (this.#leases ?? [this.#lease ?? this]) : [];
    const { validUntil, wallUntil } = leases.reduce<Validity>(earlier, this);
    return Math.min(validUntil - performance.now(), wallUntil - Date.now());
  }
}

const NO_IDS: Ids = Object.freeze([]);
const REJECTED_FOR_MS = 5_000;
const TOKENS_PER_USER = 8;

// The key is the end of the credential: hashing 12 characters instead of a whole token makes a request cheap. From 13 on V8 makes no copy
// but a slice, which it compares twice as slowly. The end tells tokens apart, and only the full comparison proves one. Anybody may send an
// end, so nothing is forgotten because of an end alone.
const tailOf = (credential: string): string => credential.slice(-12);
const wholeOf = (credential: string): string => `whole ${credential}`;

/** Where the tokens of a session are found. No user id has a space. */
const groupOf = (id: string): string => `session ${sessionIn(id)}`;

/** A JWT is longer than its claims. What introspection says of a short token can be a thousand times as long. */
function lengthOf(claims: Caller['claims']): number {
  try {
    return JSON.stringify(claims).length;
  } catch {
    // A function in the option callers can put anything there.
    return 0;
  }
}

/** The memory in front of the data path: one look-up from the bytes of a credential to the known caller. */
export class RememberedCallers {
  /** By the end of the credential. If another one with the same end stands there, by the whole credential. */
  readonly #callers: UserMemory<KnownCaller>;
  readonly #rejected = bounded<string, { refusal: Refusal; until: number }>(
    4 * 2 ** 20,
    (_rejected, credential) => credential.length * 2 + 200,
  );

  constructor(maxBytes: number) {
    this.#callers = new UserMemory(
      maxBytes,
      ({ credential, caller, index }) =>
        2 * Math.max(credential.length, lengthOf(caller.claims)) + 600 + index.bytes,
      undefined,
      ({ caller }) => {
        const id = tokenIdOf(caller);
        return id === undefined ? undefined : groupOf(id);
      },
    );
  }

  /** The caller with exactly this credential, if the entry may still be used. */
  get(credential: string): KnownCaller | undefined {
    return this.atTail(credential) ?? this.#at(wholeOf(credential), credential);
  }

  /** The same, unless another credential with the same end stood there before it. It costs little, also if there is none. */
  atTail(credential: string): KnownCaller | undefined {
    return this.#at(tailOf(credential), credential);
  }

  // Compared once: a token has a thousand characters. And nothing is noted: what was kept first makes room, which mostly ends first.
  #at(key: string, credential: string): KnownCaller | undefined {
    const known = this.#callers.peek(key);
    return known?.credential === credential && isValid(known) ? known : undefined;
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
    // Each of the two has something newer than the other, so neither is kept.
    if (isOlder || isVerifiedEarlier) return;
    const keys = this.#callers.keysOf(userId);
    const [oldest] = keys;
    if (keys.size >= TOKENS_PER_USER && oldest !== undefined) this.#callers.delete(oldest);
    const tail = tailOf(credential);
    this.#callers.set(this.#callers.peek(tail) ? wholeOf(credential) : tail, caller);
  }

  /** Forgets every token of a user. Undefined: of everyone. */
  evict(userId?: string): void {
    this.#callers.evict(userId);
  }

  /** Forgets a token by its id, or all tokens of a session. */
  evictToken(id: string): void {
    for (const key of this.#callers.keysOf(groupOf(id))) {
      const known = this.#callers.peek(key);
      if (known && isRefusedBy(tokenIdOf(known.caller), id)) this.#callers.delete(key);
    }
  }

  /** Forgets all callers that fit, and calls `gone` with each. */
  evictWhere(fits: (caller: KnownCaller) => boolean, gone: (caller: KnownCaller) => void): void {
    this.#callers.evictWhere((caller) => {
      const does = fits(caller);
      if (does) gone(caller);
      return does;
    });
  }

  /** Forgets exactly this credential. */
  forget(credential: string): void {
    for (const key of [tailOf(credential), wholeOf(credential)]) {
      if (this.#callers.peek(key)?.credential === credential) this.#callers.delete(key);
    }
  }

  /** ZITADEL refused exactly these bytes. For a short while it is not asked about them again. */
  reject(credential: string, refusal: Refusal): void {
    this.forget(credential);
    this.#rejected.set(credential, { refusal, until: performance.now() + REJECTED_FOR_MS });
  }

  rejection(credential: string): Refusal | undefined {
    const known = this.#rejected.get(credential);
    return known && known.until > performance.now() ? known.refusal : undefined;
  }
}
