import { type Caller, frozenCaller, type ReadMemberships } from '../caller.js';
import { isRefusal, type Refusal } from '../decision.js';
import { bearerToken } from '../request.js';
import type { Compiled } from '../requirement/compile.js';
import { ANEW } from '../requirement/fresh.js';
import { earlier, FOR_EVER, validFor } from '../validity.js';
import type { Pay } from './allowance.js';
import { CallerLookups, tokenKey } from './caller-facts.js';
import { Confirmations, type Confirming } from './confirmations.js';
import { type Flight, Flights, within } from './flight.js';
import { MembershipCache } from './membership-cache.js';
import { type Answer, Answers } from './remembered-callers.js';
import type { SharedStore } from './shared-store.js';

/** How a credential becomes a verified caller with memberships. */
export interface AnswerSourceParts {
  readonly verify: (token: string) => Caller | Refusal | Promise<Caller | Refusal>;
  /** How long what was said about a token counts; Infinity: it is verified by its signature, and says the same until `exp`. */
  readonly verifiedForMs: number;
  readonly confirm: Confirming | undefined;
  readonly memberships: {
    /** 'serviceUser': one answer serves all tokens of a user, and a bare user id can be asked about. */
    readonly as: 'caller' | 'serviceUser';
    /** The organizations that are asked, for the service user: a part of the question, so a part of the key. */
    readonly organizations: () => Promise<readonly string[] | Refusal>;
    readonly read: ReadMemberships;
  };
  /** ZITADEL's own evaluation in one organization, with the caller's token. */
  readonly permissions: (
    userId: string,
    token: string,
    orgId: string,
  ) => Promise<readonly string[] | Refusal>;
  /** The credential is the token itself, not an Authorization header. */
  readonly bareTokens: boolean;
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** How long one request waits at most, whoever else waits for the same. */
  readonly budgetMs: number;
  readonly shared: SharedStore | undefined;
}

const LATE: Refusal = {
  reason: 'unavailable',
  detail: 'ZITADEL did not answer within the budget of one request',
  remedy: 'look at its health and latency, or raise the option budgetMs',
};

const EXPIRED: Refusal = {
  reason: 'token_invalid',
  detail: 'access token: expired while memberships were read',
  description: 'the token is expired',
};

/**
 * From the bytes of a credential to a verified caller with prepared memberships. What is remembered about callers is remembered here,
 * and every eviction ends here.
 */
export class AnswerSource {
  readonly #answers: Answers;
  readonly #memberships: MembershipCache;
  readonly #confirmations: Confirmations;
  readonly #flying = new Map<string, { flight: Flight; promise: Promise<Answer | Refusal> }>();
  readonly #flights = new Flights();
  readonly #credentials = new WeakMap<Caller, { credential: string; token: string }>();

  /** What can be asked about a caller. */
  readonly lookups: CallerLookups;

  constructor(private readonly parts: AnswerSourceParts) {
    this.#answers = new Answers(parts.maxBytes / 2);
    this.#confirmations = new Confirmations(parts.confirm);
    this.#memberships = new MembershipCache(parts.ttlMs, parts.maxBytes / 2, parts.shared);
    this.lookups = new CallerLookups({
      cache: this.#memberships,
      memberships: parts.memberships,
      permissions: parts.permissions,
      tokenOf: (caller) => this.tokenOf(caller),
      refused: ({ credential, caller }, refusal) =>
        this.#refused(credential, this.tokenOf(caller) ?? '', caller, refusal),
    });
  }

  /** What is remembered for exactly these bytes. */
  warm(credential: string): Answer | undefined {
    return this.#answers.get(credential);
  }

  /** Verifies, confirms and reads; one flight a credential. What was asked for before `notBefore` does not count. */
  resolve(credential: string, notBefore: number, pay?: Pay): Promise<Answer | Refusal> {
    const rejection = this.#answers.rejection(credential);
    if (rejection) return Promise.resolve(rejection);
    const flying = this.#flying.get(credential);
    if (flying && flying.flight.startedAt >= notBefore) {
      return within(flying.promise, this.parts.budgetMs, LATE);
    }
    const bearer = bearerToken(this.parts.bareTokens ? `Bearer ${credential}` : credential);
    if (bearer.token === undefined) {
      return Promise.resolve({ reason: bearer.no === 'none' ? 'token_missing' : 'token_invalid' });
    }
    const unpaid = pay?.();
    if (unpaid) return Promise.resolve(unpaid);
    const flight = this.#flights.start({ credential });
    const promise = this.#load(credential, bearer.token, notBefore, flight);
    const land = () => {
      this.#flights.end(flight);
      if (this.#flying.get(credential)?.flight === flight) this.#flying.delete(credential);
    };
    // A flight that never lands must not keep its credential waiting for good: later requests start anew, and it is not kept.
    const lost = setTimeout(() => {
      flight.spoiled = true;
      land();
    }, this.parts.budgetMs);
    const landed = promise.finally(() => {
      clearTimeout(lost);
      land();
    });
    this.#flying.set(credential, { flight, promise: landed });
    return within(landed, this.parts.budgetMs, LATE);
  }

  /** The same for a caller of an earlier request. `undefined`: the caller is none of ours. */
  ofCaller(caller: Caller, notBefore: number): Promise<Answer | Refusal> | undefined {
    const known = this.#credentials.get(caller);
    if (!known) return undefined;
    const warm = notBefore === ANEW ? undefined : this.#answers.get(known.credential);
    return warm ? Promise.resolve(warm) : this.resolve(known.credential, notBefore);
  }

  /** The memberships of a user without a token; only where they are read as the service user. */
  async ofUser(userId: string, notBefore: number, pay?: Pay): Promise<Answer | Refusal> {
    const reading = this.lookups.all(userId, '', Infinity, notBefore, pay);
    const read = await within(reading, this.parts.budgetMs, LATE);
    if (isRefusal(read)) return read;
    return {
      ...read,
      credential: '',
      caller: frozenCaller({ userId, claims: {} }),
      verifiedAt: Infinity,
      accepted: FOR_EVER,
    };
  }

  /** Whether nothing that a requirement reads of an answer was asked for before `notBefore`. */
  isNew({ askedAt, verifiedAt }: Answer, compiled: Compiled, notBefore: number): boolean {
    return (
      (askedAt >= notBefore || !compiled.readsRows) &&
      (verifiedAt >= notBefore || !this.#readsWhatChanges(compiled))
    );
  }

  /** The answer by what was not asked for before `notBefore`: what is older of it, and read by the requirement, is asked for again. */
  async renew(
    answer: Answer,
    compiled: Compiled,
    notBefore: number,
    pay: Pay,
  ): Promise<Answer | Refusal> {
    const { credential, caller, accepted } = answer;
    if (this.isNew(answer, compiled, notBefore)) return answer;
    if (credential === '') return this.ofUser(caller.userId, notBefore, pay);
    const warm = this.#answers.get(credential);
    if (warm && this.isNew(warm, compiled, notBefore)) return warm;
    if (this.#readsWhatChanges(compiled)) return this.resolve(credential, notBefore, pay);
    const rejection = this.#answers.rejection(credential);
    if (rejection) return rejection;
    const token = this.tokenOf(caller) ?? '';
    const flight = this.#flights.start({ userId: caller.userId, credential });
    try {
      const { expiresAt = Infinity } = caller;
      const reading = this.lookups.all(caller.userId, token, expiresAt, notBefore, pay);
      const read = await within(reading, this.parts.budgetMs, LATE);
      if (isRefusal(read)) return this.#refused(credential, token, caller, read);
      const renewed: Answer = { ...answer, ...read, ...earlier(read, accepted) };
      // Forgotten meanwhile, or verified anew: what this one says of the token is not brought back.
      const isCurrent = this.#answers.get(credential)?.caller === caller;
      if (!flight.spoiled && isCurrent) this.#answers.keep(renewed);
      return renewed;
    } finally {
      this.#flights.end(flight);
    }
  }

  #readsWhatChanges({ readsClaims }: Compiled): boolean {
    return readsClaims && this.parts.verifiedForMs !== Infinity;
  }

  /** The token behind a caller of ours, for calls to ZITADEL in the caller's name. */
  tokenOf(caller: Caller): string | undefined {
    return this.#credentials.get(caller)?.token;
  }

  /** Resolves when nothing that was read before can be used any more, here or through the shared store. */
  async evict(userId: string): Promise<void> {
    this.#forgetUser(userId);
    await this.#memberships.evict(userId);
    // What was answered meanwhile may rest on what the shared store still held.
    this.#forgetUser(userId);
  }

  async evictAll(): Promise<void> {
    this.#forgetAll();
    await this.#memberships.evictAll();
    this.#forgetAll();
  }

  #forgetUser(userId: string): void {
    this.#flights.evict(userId);
    for (const [key, { flight }] of this.#flying) {
      // Whose it is may not be known yet, and what it was asked is older than the eviction.
      if (flight.userId === undefined || flight.userId === userId) this.#flying.delete(key);
    }
    this.#answers.evict(userId);
    this.#confirmations.evict(userId);
  }

  #forgetAll(): void {
    this.#flights.spoilAll();
    this.#flying.clear();
    this.#answers.evictAll();
    this.#confirmations.evictAll();
  }

  async #load(
    credential: string,
    token: string,
    notBefore: number,
    flight: Flight,
  ): Promise<Answer | Refusal> {
    const verifiedAt = performance.now();
    const verified = validFor(this.parts.verifiedForMs);
    const caller = await this.parts.verify(token);
    if (isRefusal(caller)) return this.#refused(credential, token, undefined, caller);
    this.#flights.learn(flight, caller.userId);
    const expiresAt = caller.expiresAt ?? Infinity;
    const [confirmed, read] = await Promise.all([
      this.#confirmations.ask(caller, token, notBefore === ANEW),
      this.lookups.all(caller.userId, token, expiresAt, notBefore),
    ]);
    if (isRefusal(confirmed)) return this.#refused(credential, token, caller, confirmed);
    if (isRefusal(read)) return this.#refused(credential, token, caller, read);
    const leftMs = expiresAt - Date.now();
    if (!(leftMs > 0)) return EXPIRED;
    const accepted = earlier(validFor(leftMs), earlier(confirmed, verified));
    const answer: Answer = {
      ...read,
      credential,
      caller: frozenCaller(caller),
      verifiedAt,
      accepted,
      ...earlier(read, accepted),
    };
    this.#credentials.set(answer.caller, { credential, token });
    if (!flight.spoiled) {
      this.#answers.keep(answer);
      this.#confirmations.keep(caller.userId, token, confirmed);
    }
    return answer;
  }

  #refused(
    credential: string,
    token: string,
    caller: Caller | undefined,
    refusal: Refusal,
  ): Refusal {
    if (credential === '') return refusal;
    if (!caller && refusal.reason === 'token_invalid') {
      // By introspection; what was answered for the same token before does not go on.
      this.#answers.forget(credential);
      this.#flights.spoilOf(credential);
    }
    if (refusal.reason !== 'token_rejected') return refusal;
    this.#answers.reject(credential, refusal);
    this.#confirmations.forget(token);
    this.#flights.spoilOf(credential);
    if (!caller) return refusal;
    // An answer that was asked for before the refusal must not be kept after it.
    this.#flights.spoil(caller.userId);
    if (this.parts.memberships.as === 'caller') {
      this.#memberships.forget(tokenKey(token), caller.userId);
    }
    return refusal;
  }
}
