import type { Caller } from './caller.js';
import { Decider, type DeciderParts, denied } from './decider.js';
import { type Decision, type Denied, isRefusal, type Refusal } from './decision.js';
import { ZitadelArgumentError, ZitadelRequirementError } from './errors.js';
import { within } from './memory/flight.js';
import type { Eviction, EvictionEvent, EvictionListener } from './eviction.js';
import { Evictions } from './evictions.js';
import { own } from './own-properties.js';
import type { KnownCaller } from './memory/remembered-callers.js';
import type { SharedStore } from './store/shared-store.js';
import {
  tokenIn,
  checkId,
  type IdsRead,
  INVALID,
  NO_CLASSES,
  type ReadFromClass,
  readIds,
  type RequestLike,
  THREW,
  credentialOf,
  type CredentialRead,
  type TokenFinder,
} from './request.js';
import { invalidId, LATE_IDS, noCredential, threwAt } from './request-problems.js';
import { compile, type Compiled, type CompileSettings } from './requirement/compile.js';
import { ANEW, ANY_AGE } from './validity.js';
import type { Requirement } from './requirement/requirement.js';
import type { HierarchyTable } from './requirement/roles.js';
import { takingTime } from './telemetry.js';
import { type BoundedLog, type DecisionListener, DecisionNews } from './tell.js';
import { askAgainBy } from './review.js';

type Awaitable<T> = T | Promise<T>;

/** What decisions need besides what is known about the caller. */
interface AuthorizerParts extends CompileSettings, DeciderParts {
  readonly issuer: string;
  readonly token: TokenFinder;
  /** `perRoute`: callers who act as another user are let in only where the door says so. */
  readonly allowImpersonation: boolean | 'perRoute';
  readonly log: BoundedLog;
  /** How long memberships count. */
  readonly ttlMs: number;
  /** The one that the callers are read through. */
  readonly shared?: SharedStore | undefined;
  /** Tells the other processes. Undefined: there is no way to. */
  readonly spread?: EvictionListener | undefined;
}

const NOTHING: RequestLike = Object.freeze({ headers: {} });

/** What doors and services ask. The rest is for the fleet of one instance. */
export type Decisions = Pick<Authorizer, Exclude<keyof Authorizer, 'hear' | 'forgetHere'>>;

/** The whole data path: `authorize(request, compiled)` gives a Decision in every foreseeable case. */
export class Authorizer {
  readonly #compiled = new WeakMap<Requirement, Compiled>();
  /** The same requirements, where nobody may act as another user. A "yes" to one is no "yes" to the other. */
  readonly #refusingActors = new WeakMap<Requirement, Compiled>();
  readonly #decider: Decider;
  readonly #news: DecisionNews;
  readonly #evictions: Evictions;

  constructor(private readonly parts: AuthorizerParts) {
    const { callers, lookups, shared, spread } = parts;
    this.#news = new DecisionNews(parts.log, parts.telemetry);
    this.#decider = new Decider(parts);
    this.#evictions = new Evictions({ callers, lookups, decider: this.#decider, shared, spread });
  }

  /**
   * Decides one request by a requirement that `prepare` has prepared. Synchronous if the caller is remembered and no fact is missing.
   *
   * @example `await decisions.authorize(request, decisions.prepare(requirement))`
   */
  authorize(
    request: RequestLike,
    compiled: Compiled,
    fromClass: ReadFromClass = NO_CLASSES,
    credential: CredentialRead = credentialOf(request, this.parts.token),
  ): Awaitable<Decision> {
    const { requirement } = compiled;
    if (credential === THREW) return this.refuse(threwAt(request), requirement);
    if (credential === undefined) {
      return this.refuse(noCredential(request, this.parts.token !== undefined), requirement);
    }
    const known = compiled.fresh ? undefined : this.parts.callers.warm(credential);
    if (!known) return this.#resolveAndDecide(credential, request, compiled, fromClass);
    const yes = known.yesTo(compiled, request);
    if (yes) return this.#news.tell(yes, requirement);
    const decision = this.#decide(known, compiled, request, fromClass, undefined);
    return decision instanceof Promise
      ? this.#news.tellLater(decision, requirement)
      : this.#news.tell(decision, requirement);
  }

  /**
   * The same for the caller of a request, or for a bare user id if memberships are read as the service user.
   *
   * @throws ZitadelRequirementError when the requirement reads an id from a request, or nothing can be asked about the caller
   */
  decideFor(who: Caller | string, requirement: Requirement): Promise<Decision> {
    return takingTime(this.parts.telemetry, 'question', async () => {
      const since = performance.now();
      const known = await this.knownFor(who, this.prepare(requirement).fresh);
      const decision: Decision = isRefusal(known)
        ? { allowed: false, ...known }
        : await this.decideOver(known, requirement, since);
      return this.#news.tell(decision, requirement, 'question');
    });
  }

  /**
   * Decides about a known caller, without telling anybody. `since`: when somebody began to wait for it.
   *
   * @throws ZitadelRequirementError as `decideFor`
   */
  decideOver(known: KnownCaller, requirement: Requirement, since: number): Awaitable<Decision> {
    // The route that let the caller in has decided whether somebody may act as another user.
    const compiled = this.prepare(requirement, true);
    if (compiled.sources.some(({ from }) => from !== 'literal' && from !== 'caller')) {
      throw new ZitadelRequirementError(
        "outside a request only literal ids and org.ofCaller() can be asked about: write org('...') instead of org.param('...')",
      );
    }
    if (known.credential === '' && compiled.needsToken) {
      throw new ZitadelRequirementError(
        'only a token tells permissions, project roles and home organizations: ask with the Caller of a request, not with a bare user id',
      );
    }
    return this.#decide(known, compiled, NOTHING, NO_CLASSES, since);
  }

  /**
   * What is known about a caller, or about a bare user id.
   *
   * @throws ZitadelRequirementError when nothing can be asked about the caller
   * @throws ZitadelArgumentError when it is not a user id
   */
  knownFor(who: Caller | string, fresh = false): Promise<KnownCaller | Refusal> {
    const notBefore = fresh ? ANEW : ANY_AGE;
    const known = typeof who === 'string' ? undefined : this.parts.callers.ofCaller(who, notBefore);
    if (known) return known;
    const of = typeof who === 'string' ? undefined : own(who, 'issuer');
    if (of !== undefined && of !== this.parts.issuer) {
      throw new ZitadelArgumentError(
        'who',
        'who is a user of another instance of ZITADEL: ask the authorizer of that instance',
      );
    }
    if (this.parts.readsAs === 'caller') {
      throw new ZitadelRequirementError(
        "memberships are read with the caller's own token: pass the Caller of the request as it was given to you, or set the option memberships to { as: 'serviceUser' }",
      );
    }
    const userId = typeof who === 'string' ? who : who.userId;
    if (checkId(userId, this.parts.idPattern) !== userId) {
      throw new ZitadelArgumentError('who', 'who is not a valid user id by the option idPattern');
    }
    return this.parts.callers.ofUser(userId, notBefore);
  }

  /** Which role satisfies which other roles, for this caller or user. */
  hierarchyOf(_who: Caller | string): HierarchyTable {
    return this.parts.hierarchy;
  }

  get ttlMs(): number {
    return this.parts.ttlMs;
  }

  /** For how many more milliseconds the memory says the same about a request. At most 0: it holds nothing. */
  leftMs(request: RequestLike, compiled: Compiled): number {
    const credential = credentialOf(request, this.parts.token);
    const known = typeof credential === 'string' ? this.parts.callers.warm(credential) : undefined;
    return known?.leftMs(compiled) ?? 0;
  }

  /** Whether a request carries a token at all, be it good or bad. For routes that do without one. */
  bearsToken(request: RequestLike): boolean {
    const credential = credentialOf(request, this.parts.token);
    if (typeof credential !== 'string') return credential === THREW;
    const bearer = tokenIn(credential, this.parts.token !== undefined);
    return bearer.token !== undefined || bearer.no === 'malformed';
  }

  /**
   * Prepares a requirement, once. `forActors`: with the option `allowImpersonation: 'perRoute'`, callers who act as another user are let in.
   *
   * @throws ZitadelRequirementError when it cannot be checked
   */
  prepare(requirement: Requirement, forActors = false): Compiled {
    const refusesActors = this.parts.allowImpersonation === 'perRoute' && !forActors;
    const all = refusesActors ? this.#refusingActors : this.#compiled;
    const known = all.get(requirement);
    if (known) return known;
    const compiled = askAgainBy(this, compile(requirement, this.parts, refusesActors));
    all.set(requirement, compiled);
    return compiled;
  }

  /** Tells and logs a "no" like any other decision, though it came from a door, or before the caller was known. */
  refuse(refusal: Refusal, requirement?: Requirement): Denied {
    const denied: Denied = { allowed: false, ...refusal };
    this.#news.tell(denied, requirement, 'refused');
    return denied;
  }

  /** Calls the listener with every decision. If it throws or rejects, nothing changes. Returns the function that ends it. */
  onDecision(listener: DecisionListener): () => void {
    return this.#news.onDecision(listener);
  }

  /** Forgets what an eviction names, here, in the shared store and in the other processes. Resolves when it cannot come back here. */
  evict(eviction: Eviction, from: EvictionEvent['from'] = 'application'): Promise<void> {
    return this.#evictions.evict(eviction, from);
  }

  /** Forgets here what another process has told. */
  hear(event: EvictionEvent): void {
    this.#evictions.hear(event);
  }

  /** Forgets everything here, and nowhere else. */
  forgetHere(): void {
    this.#evictions.forgetHere();
  }

  /** Calls the listener with every eviction, made here or heard, as soon as the memory has forgotten. Returns the function that ends it. */
  onEviction(listener: EvictionListener): () => void {
    return this.#evictions.onEviction(listener);
  }

  #resolveAndDecide(
    credential: string,
    request: RequestLike,
    compiled: Compiled,
    fromClass: ReadFromClass,
  ): Promise<Decision> {
    return takingTime(this.parts.telemetry, 'decision', async () => {
      const since = performance.now();
      const notBefore = compiled.fresh ? ANEW : ANY_AGE;
      const known = await this.parts.callers.resolve(credential, notBefore);
      if (isRefusal(known)) return this.refuse(known, compiled.requirement);
      const decision = this.#decide(known, compiled, request, fromClass, since);
      return this.#news.tell(await decision, compiled.requirement, 'asked');
    });
  }

  #decide(
    known: KnownCaller,
    compiled: Compiled,
    request: RequestLike,
    fromClass: ReadFromClass,
    since: number | undefined,
  ): Awaitable<Decision> {
    const { idPattern } = this.parts;
    const ids = readIds(compiled.sources, request, known.caller, idPattern, fromClass);
    return ids instanceof Promise
      ? this.#decideLater(known, compiled, request, ids, since ?? performance.now())
      : this.#decideWith(known, compiled, request, ids, since);
  }

  async #decideLater(
    known: KnownCaller,
    compiled: Compiled,
    request: RequestLike,
    reading: Promise<IdsRead>,
    since: number,
  ): Promise<Decision> {
    // What is left of the one budget of a request.
    const leftMs = Math.max(0, this.parts.budgetMs - (performance.now() - since));
    const ids = await within(reading, leftMs, LATE_IDS);
    return typeof ids === 'object' && !Array.isArray(ids) && isRefusal(ids)
      ? denied(known, ids)
      : this.#decideWith(known, compiled, request, ids, since);
  }

  #decideWith(
    known: KnownCaller,
    compiled: Compiled,
    request: RequestLike,
    ids: IdsRead,
    since: number | undefined,
  ): Awaitable<Decision> {
    if (ids === THREW) return denied(known, threwAt(request));
    if (ids === INVALID) {
      return denied(known, invalidId(compiled.sources, request, this.parts.idPattern));
    }
    return this.#decider.decide(known, compiled, ids, since);
  }
}
