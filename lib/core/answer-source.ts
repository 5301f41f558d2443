import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Answers, type Answer } from './answers.js';
import { CallerLookups } from './caller-lookups.js';
import { frozenCaller, type Caller } from './caller.js';
import { within } from './deadline.js';
import { isRefusal, type Refusal } from './decision.js';
import { Flights, type Flight } from './flights.js';
import { MembershipCache, type Remembered } from './membership-cache.js';
import type { ReadMemberships } from './membership.js';
import { bearerToken } from './request.js';
import type { SharedStore } from './shared-store.js';
import { isValid, validFor, type Validity } from './validity.js';

/** How a credential becomes a verified caller with memberships. */
export interface AnswerSourceParts {
  readonly verify: (token: string) => Caller | Refusal | Promise<Caller | Refusal>;
  /** How long ZITADEL's own answer about a token counts; Infinity: what is verified by signature holds until `exp`. */
  readonly verifiedForMs: number;
  /** Asks ZITADEL whether it still accepts the token, where reading the memberships does not show it. */
  readonly confirm:
    | {
        readonly ask: (caller: Caller, token: string) => Promise<Refusal | undefined>;
        readonly everyMs: number;
      }
    | undefined;
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
  readonly #confirmed = new LRUCache<string, Validity & { userId: string }>({
    // Not `max`, which takes all of its memory at once.
    maxSize: 50_000,
    sizeCalculation: () => 1,
  });
  readonly #flying = new Map<string, { flight: Flight; promise: Promise<Answer | Refusal> }>();
  readonly #flights = new Flights();
  readonly #credentials = new WeakMap<Caller, { credential: string; token: string }>();

  /** What can be asked about a caller beside the list of memberships. */
  readonly lookups: CallerLookups;

  constructor(private readonly parts: AnswerSourceParts) {
    this.#answers = new Answers(parts.maxBytes / 2);
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

  /** Verifies, confirms and reads; one flight a credential. `fresh` never joins an earlier one. */
  resolve(credential: string, fresh: boolean): Promise<Answer | Refusal> {
    const rejection = this.#answers.rejection(credential);
    if (rejection) return Promise.resolve(rejection);
    const flying = fresh ? undefined : this.#flying.get(credential)?.promise;
    if (flying) return within(flying, this.parts.budgetMs, LATE);
    const bearer = bearerToken(this.parts.bareTokens ? `Bearer ${credential}` : credential);
    if (bearer.token === undefined) {
      return Promise.resolve({ reason: bearer.no === 'none' ? 'token_missing' : 'token_invalid' });
    }
    const flight = this.#flights.start({ credential });
    const promise = this.#load(credential, bearer.token, fresh, flight);
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
  ofCaller(caller: Caller, fresh: boolean): Promise<Answer | Refusal> | undefined {
    const known = this.#credentials.get(caller);
    if (!known) return undefined;
    const warm = fresh ? undefined : this.#answers.get(known.credential);
    return warm ? Promise.resolve(warm) : this.resolve(known.credential, fresh);
  }

  /** The memberships of a user without a token; only where they are read as the service user. */
  async ofUser(userId: string, fresh: boolean): Promise<Answer | Refusal> {
    const reading = this.#membershipsOf(userId, '', Infinity, fresh);
    const read = await within(reading, this.parts.budgetMs, LATE);
    if (isRefusal(read)) return read;
    return { ...read, credential: '', caller: frozenCaller({ userId, claims: {} }) };
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
    for (const [key, known] of this.#confirmed) {
      if (known.userId === userId) this.#confirmed.delete(key);
    }
  }

  #forgetAll(): void {
    this.#flights.spoilAll();
    this.#flying.clear();
    this.#answers.evictAll();
    this.#confirmed.clear();
  }

  async #load(
    credential: string,
    token: string,
    fresh: boolean,
    flight: Flight,
  ): Promise<Answer | Refusal> {
    const verified = validFor(this.parts.verifiedForMs);
    const caller = await this.parts.verify(token);
    if (isRefusal(caller)) return this.#refused(credential, token, undefined, caller);
    this.#flights.learn(flight, caller.userId);
    const expiresAt = caller.expiresAt ?? Infinity;
    const [confirmed, read] = await Promise.all([
      this.#confirm(caller, token, fresh),
      this.#membershipsOf(caller.userId, token, expiresAt, fresh),
    ]);
    if (isRefusal(confirmed)) return this.#refused(credential, token, caller, confirmed);
    if (isRefusal(read)) return this.#refused(credential, token, caller, read);
    if (!(expiresAt > Date.now())) return EXPIRED;
    const answer: Answer = {
      credential,
      caller: frozenCaller(caller),
      index: read.index,
      read: read.read,
      key: read.key,
      organizations: read.organizations,
      askedAt: read.askedAt,
      validUntil: Math.min(
        read.validUntil,
        confirmed.validUntil,
        verified.validUntil,
        performance.now() + (expiresAt - Date.now()),
      ),
      wallUntil: Math.min(read.wallUntil, confirmed.wallUntil, verified.wallUntil, expiresAt),
    };
    this.#credentials.set(answer.caller, { credential, token });
    if (!flight.spoiled) {
      this.#answers.keep(answer);
      if (this.parts.confirm) {
        this.#confirmed.set(digest(token), { ...confirmed, userId: caller.userId });
      }
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
    this.#flights.spoilOf(credential);
    if (!caller) return refusal;
    // An answer that was asked for before the refusal must not be kept after it.
    this.#flights.spoil(caller.userId);
    if (this.parts.memberships.as === 'caller') {
      this.#memberships.forget(tokenKey(token), caller.userId);
    }
    return refusal;
  }

  /** Until when ZITADEL's acceptance of the token counts. */
  async #confirm(caller: Caller, token: string, fresh: boolean): Promise<Validity | Refusal> {
    const { confirm } = this.parts;
    if (!confirm) return validFor(Infinity);
    const known = fresh ? undefined : this.#confirmed.get(digest(token));
    if (known && isValid(known)) return known;
    const fromNow = validFor(confirm.everyMs);
    return (await confirm.ask(caller, token)) ?? fromNow;
  }

  async #membershipsOf(
    userId: string,
    token: string,
    notAfter: number,
    fresh: boolean,
  ): Promise<
    (Remembered & { readonly key: string; readonly organizations: readonly string[] }) | Refusal
  > {
    const { as, read } = this.parts.memberships;
    const organizations = await this.parts.memberships.organizations();
    if (isRefusal(organizations)) return organizations;
    const key = as === 'caller' ? tokenKey(token) : JSON.stringify(['user', userId, organizations]);
    const remembered = await this.#memberships.get({
      key,
      userId,
      notAfter: as === 'caller' ? notAfter : Infinity,
      fresh,
      read: () => read({ userId, token, organizations }),
    });
    return isRefusal(remembered) ? remembered : { ...remembered, key, organizations };
  }
}

function tokenKey(token: string): string {
  return JSON.stringify(['token', digest(token)]);
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
