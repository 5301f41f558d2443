import { type Caller, frozenCaller, hasRolesOf, homeOf, restOnAny } from '../caller.js';
import { isRefusal, type Refusal } from '../decision.js';
import type { Eviction } from '../eviction.js';
import { inUsualSpelling, tokenIn } from '../request.js';
import { notBearer } from '../request-problems.js';
import type { Compiled } from '../requirement/compile.js';
import { digestOf } from '../seal.js';
import { ANEW, earlier, FOR_EVER, isValid, validFor, type Validity } from '../validity.js';
import type { Pay } from './allowance.js';
import { UserMemory } from './bounded.js';
import { type CallerFactsParts, CallerLookups } from './caller-facts.js';
import { type Flight, Flights, mayKeep, within } from './flight.js';
import { RefusedTokens } from './refused-tokens.js';
import { KnownCaller, RememberedCallers, type Verified } from './remembered-callers.js';

/** How a credential becomes a verified caller with memberships. */
export interface CallerSourceParts extends CallerFactsParts {
  /** Whose callers they are. */
  readonly issuer: string;
  readonly verify: (token: string) => Caller | Refusal | Promise<Caller | Refusal>;
  /** How long a verification counts. Infinity: the signature verifies the token, so nothing changes until `exp`. */
  readonly verifiedForMs: number;
  /** Asks ZITADEL whether it still accepts the token, if reading the memberships does not show it. */
  readonly confirm:
    | {
        readonly ask: (caller: Caller, token: string) => Promise<Refusal | undefined>;
        /** How long an acceptance counts, in milliseconds. */
        readonly everyMs: number;
      }
    | undefined;
  /** Whether the credential is the token itself, instead of an Authorization header. */
  readonly bareTokens: boolean;
  /** How long one request waits at most, even if others wait for the same read. */
  readonly budgetMs: number;
}

const LATE: Refusal = {
  reason: 'unavailable',
  detail: 'ZITADEL did not reply within the budget of one request',
  remedy: 'look at its health and latency, or raise the option budgetMs',
};

const EXPIRED: Refusal = {
  reason: 'token_invalid',
  detail: 'access token: expired while memberships were read',
  description: 'the token is expired',
};

/**
 * Finds the verified caller with prepared memberships to which the bytes of a credential lead. Everything that is remembered about callers
 * is behind this class, and every eviction ends here.
 */
export class CallerSource {
  readonly #remembered: RememberedCallers;
  /** Which tokens ZITADEL has accepted, by their digest. */
  readonly #confirmed = new UserMemory<Validity & { readonly userId: string }>(50_000);
  readonly #refusedTokens = new RefusedTokens();
  readonly #flights = new Flights<KnownCaller | Refusal>();
  readonly #verified = new WeakMap<Caller, Verified>();

  /** What can be asked about a caller. */
  readonly lookups: CallerLookups;

  constructor(private readonly parts: CallerSourceParts) {
    const maxBytes = parts.maxBytes / 2;
    this.#remembered = new RememberedCallers(maxBytes);
    this.lookups = new CallerLookups({ ...parts, maxBytes }, ({ verified }, refusal) =>
      this.#refused(verified, verified.caller.userId, refusal),
    );
  }

  /** What is remembered for exactly this token, however a client spells the scheme. */
  warm(sent: string): KnownCaller | undefined {
    // Nearly all clients send the usual spelling, so what was sent is looked for first.
    return this.#remembered.atTail(sent) ?? this.#remembered.get(this.#usual(sent));
  }

  /** Verifies, confirms and reads, in one flight a credential. What was asked for before `notBefore` does not count. */
  resolve(sent: string, notBefore: number, pay?: Pay): Promise<KnownCaller | Refusal> {
    const credential = this.#usual(sent);
    const rejection = this.#remembered.rejection(credential);
    if (rejection) return Promise.resolve(rejection);
    const { budgetMs, bareTokens } = this.parts;
    const underWay = this.#flights.underWay(credential, notBefore);
    if (underWay) return within(underWay, budgetMs, LATE);
    const bearer = tokenIn(credential, bareTokens);
    if (bearer.token === undefined) {
      return Promise.resolve(notBearer(credential, bearer.no, bareTokens));
    }
    const { token } = bearer;
    const unpaid = pay?.();
    if (unpaid) return Promise.resolve(unpaid);
    const load = (flight: Flight) => this.#load(credential, token, notBefore, flight);
    return within(this.#flights.start(credential, undefined, load, budgetMs), budgetMs, LATE);
  }

  #usual(sent: string): string {
    return this.parts.bareTokens ? sent : inUsualSpelling(sent);
  }

  /** The same for the caller of an earlier request. Undefined if the caller was not handed out here. */
  ofCaller(caller: Caller, notBefore: number): Promise<KnownCaller | Refusal> | undefined {
    const verified = this.#verified.get(caller);
    if (!verified) return undefined;
    const warm = notBefore === ANEW ? undefined : this.#remembered.get(verified.credential);
    return warm ? Promise.resolve(warm) : this.resolve(verified.credential, notBefore);
  }

  /** The memberships of a user without a token. Only for memberships that are read as the service user. */
  async ofUser(userId: string, notBefore: number, pay?: Pay): Promise<KnownCaller | Refusal> {
    const bare: Verified = {
      credential: '',
      token: '',
      digest: '',
      caller: frozenCaller({ userId, issuer: this.parts.issuer, claims: {} }),
      verifiedAt: Infinity,
      accepted: FOR_EVER,
    };
    const reading = this.lookups.all(bare, notBefore, pay);
    const rows = await within(reading, this.parts.budgetMs, LATE);
    return isRefusal(rows) ? rows : new KnownCaller(bare, rows);
  }

  /** Whether everything that a requirement reads of a caller was asked for at `notBefore` or later. */
  isNew({ rows, verified }: KnownCaller, compiled: Compiled, notBefore: number): boolean {
    return (
      (rows.askedAt >= notBefore || !compiled.readsRows) &&
      (verified.verifiedAt >= notBefore || !this.#readsWhatChanges(compiled))
    );
  }

  /** Asks again for everything that the requirement reads and that was asked for before `notBefore`. */
  async renew(
    known: KnownCaller,
    compiled: Compiled,
    notBefore: number,
    pay: Pay,
  ): Promise<KnownCaller | Refusal> {
    const { verified, caller, credential, userId } = known;
    if (this.isNew(known, compiled, notBefore)) return known;
    if (credential === '') return this.ofUser(userId, notBefore, pay);
    const warm = this.#remembered.get(credential);
    if (warm && this.isNew(warm, compiled, notBefore)) return warm;
    if (this.#readsWhatChanges(compiled)) return this.resolve(credential, notBefore, pay);
    const rejection = this.#remembered.rejection(credential);
    if (rejection) return rejection;
    return this.#flights.alone(credential, userId, async (flight) => {
      const reading = this.lookups.all(verified, notBefore, pay);
      const rows = await within(reading, this.parts.budgetMs, LATE);
      if (isRefusal(rows)) return this.#refused(verified, userId, rows);
      const refused = this.#refusedTokens.refusal(caller);
      if (refused) return refused;
      const renewed = new KnownCaller(verified, rows);
      // If the token was forgotten or verified anew meanwhile, this verification is not brought back.
      const isCurrent = this.#remembered.get(credential)?.caller === caller;
      if (mayKeep(flight, renewed) && isCurrent) this.#remembered.keep(renewed);
      return renewed;
    });
  }

  #readsWhatChanges({ readsClaims }: Compiled): boolean {
    return readsClaims && this.parts.verifiedForMs !== Infinity;
  }

  /** The token of a caller that was handed out here, for calls to ZITADEL in the caller's name. */
  tokenOf(caller: Caller): string | undefined {
    return this.#verified.get(caller)?.token;
  }

  /** Forgets in this process. */
  forget(eviction: Exclude<Eviction, { readonly type: 'organization' }>): void {
    if (eviction.type === 'token') {
      this.#refusedTokens.id(eviction.id);
      this.#remembered.evictToken(eviction.id);
      return;
    }
    if (eviction.type === 'everyone') return this.#forget(undefined);
    const { userId } = eviction;
    if (eviction.type === 'issuedBefore') this.#refusedTokens.issuedBefore(userId, eviction.time);
    this.#forget(userId);
  }

  /** The shared store has told up to which time tokens are refused. It tells the same again and again. */
  learnIssuedBefore(userId: string | undefined, time: number): void {
    if (this.#refusedTokens.issuedBefore(userId, time)) this.#forget(userId);
  }

  /** Undefined: everyone. */
  #forget(userId: string | undefined): void {
    this.#flights.evict(userId);
    this.#remembered.evict(userId);
    this.#confirmed.evict(userId);
    this.lookups.evict(userId);
  }

  /** Forgets everybody with memberships that rest on these organizations, with roles that they gave, and everybody who is at home there. */
  forgetOrganizations(orgIds: ReadonlySet<string>): void {
    const fits = ({ index, caller }: KnownCaller) =>
      restOnAny(index, orgIds) || orgIds.has(homeOf(caller) ?? '') || hasRolesOf(caller, orgIds);
    this.#flights.doubt((known) => isRefusal(known) || fits(known));
    this.#remembered.evictWhere(fits, ({ userId }) => this.#confirmed.evict(userId));
    this.lookups.evictOrganizations(orgIds);
  }

  /** How long ZITADEL's acceptance of a token counts. */
  async #confirm(
    caller: Caller,
    token: string,
    digest: string,
    notBefore: number,
  ): Promise<Validity | Refusal> {
    const { confirm } = this.parts;
    if (!confirm) return FOR_EVER;
    const known = notBefore === ANEW ? undefined : this.#confirmed.get(digest);
    if (known && isValid(known)) return known;
    const fromNow = validFor(confirm.everyMs);
    return (await confirm.ask(caller, token)) ?? fromNow;
  }

  async #load(
    credential: string,
    token: string,
    notBefore: number,
    flight: Flight,
  ): Promise<KnownCaller | Refusal> {
    const verifiedAt = performance.now();
    const verifiedFor = validFor(this.parts.verifiedForMs);
    const digest = digestOf(token);
    const given = await this.parts.verify(token);
    if (isRefusal(given)) return this.#refused({ credential, digest }, undefined, given);
    const { userId, expiresAt = Infinity } = given;
    this.#flights.learn(flight, userId);
    // Before ZITADEL is asked about it.
    const refused = this.#refusedTokens.refusal(given);
    if (refused) return refused;
    const [confirmed, rows] = await Promise.all([
      this.#confirm(given, token, digest, notBefore),
      this.lookups.all({ caller: given, token, digest }, notBefore),
    ]);
    if (isRefusal(confirmed)) return this.#refused({ credential, digest }, userId, confirmed);
    if (isRefusal(rows)) return this.#refused({ credential, digest }, userId, rows);
    // It may have been refused meanwhile, and the shared store tells it only when the memberships are read.
    const refusedMeanwhile = this.#refusedTokens.refusal(given);
    if (refusedMeanwhile) return refusedMeanwhile;
    const leftMs = expiresAt - Date.now();
    if (!(leftMs > 0)) return EXPIRED;
    const accepted = earlier(validFor(leftMs), earlier(confirmed, verifiedFor));
    const caller = frozenCaller({ ...given, issuer: this.parts.issuer });
    const verified: Verified = { credential, token, digest, caller, verifiedAt, accepted };
    const known = new KnownCaller(verified, rows);
    this.#verified.set(caller, verified);
    if (mayKeep(flight, known)) {
      this.#remembered.keep(known);
      if (this.parts.confirm) this.#confirmed.set(digest, { ...confirmed, userId });
    }
    return known;
  }

  #refused(
    { credential, digest }: Pick<Verified, 'credential' | 'digest'>,
    userId: string | undefined,
    refusal: Refusal,
  ): Refusal {
    if (credential === '') return refusal;
    if (userId === undefined && refusal.reason === 'token_invalid') {
      // Introspection refused the token, so what it said of the token before ends too.
      this.#remembered.forget(credential);
      this.#flights.spoilKey(credential);
    }
    if (refusal.reason !== 'token_rejected') return refusal;
    this.#remembered.reject(credential, refusal);
    this.#confirmed.delete(digest);
    this.#flights.spoilKey(credential);
    if (userId === undefined) return refusal;
    // What was asked for before the refusal must not be kept.
    this.#flights.spoil(userId);
    if (this.parts.memberships.as === 'caller') this.lookups.forget({ digest }, userId);
    return refusal;
  }
}
