import { Authorizer, type Decisions } from './authorizer.js';
import type { Caller } from './caller.js';
import type { Decision, Denied, Refusal } from './decision.js';
import { ZitadelRequirementError } from './errors.js';
import type { Eviction, EvictionListener } from './eviction.js';
import { bounded } from './memory/bounded.js';
import type { KnownCaller } from './memory/remembered-callers.js';
import {
  type ReadFromClass,
  type RequestLike,
  tokenIn,
  credentialOf,
  type TokenFinder,
} from './request.js';
import type { Compiled } from './requirement/compile.js';
import type { Requirement } from './requirement/requirement.js';
import type { HierarchyTable } from './requirement/roles.js';
import type { QuietTelemetry } from './telemetry.js';
import { type BoundedLog, type DecisionListener, DecisionNews } from './tell.js';

interface SeveralParts {
  /** By issuer. */
  readonly instances: ReadonlyMap<string, Authorizer>;
  /** The issuer whose instance must verify a token: one of those above. */
  readonly issuerFor: (token: string) => string | Refusal;
  /** The option of that name. It is the same for all. */
  readonly token: TokenFinder;
  readonly log: BoundedLog;
  /** Hears of what no instance decides. */
  readonly telemetry?: QuietTelemetry | undefined;
}

/** A requirement, ready to be decided by each instance. By itself it tells doors what every instance reads of a request. */
interface CompiledForEach extends Compiled {
  readonly each: ReadonlyMap<Authorizer, Compiled>;
}

/** Bytes for the tokens whose instance is known. */
const MOST_BYTES = 8 * 2 ** 20;

/**
 * Decides as an {@link Authorizer} does, where an application serves callers of several instances. The token names the one that decides. Nothing
 * is shared between instances: each has its own keys, its own memory and its own way to ZITADEL.
 */
export class SeveralAuthorizers implements Decisions {
  /** Where it makes no difference which. */
  readonly #first: Authorizer;
  readonly #news: DecisionNews;
  /** By the end of a credential, as remembered callers are, and proved by all of it. */
  readonly #chosen = bounded<string, { readonly credential: string; readonly by: Authorizer }>(
    MOST_BYTES,
    ({ credential }) => 2 * credential.length + 200,
  );

  constructor(private readonly parts: SeveralParts) {
    const [first] = parts.instances.values();
    this.#first = first as Authorizer;
    this.#news = new DecisionNews(parts.log, parts.telemetry);
  }

  authorize(
    request: RequestLike,
    compiled: Compiled,
    fromClass?: ReadFromClass,
    credential = credentialOf(request, this.parts.token),
  ): Decision | Promise<Decision> {
    const by = typeof credential === 'string' ? this.#choose(credential) : this.#first;
    return by instanceof Authorizer
      ? by.authorize(request, ofInstance(compiled, by), fromClass, credential)
      : this.refuse(by, compiled.requirement);
  }

  async decideFor(who: Caller | string, requirement: Requirement): Promise<Decision> {
    return this.#of(who).decideFor(who, requirement);
  }

  decideOver(known: KnownCaller, requirement: Requirement, since: number) {
    return this.#of(known.caller).decideOver(known, requirement, since);
  }

  knownFor(who: Caller | string, fresh = false): Promise<KnownCaller | Refusal> {
    return this.#of(who).knownFor(who, fresh);
  }

  hierarchyOf(who: Caller | string): HierarchyTable {
    return this.#of(who).hierarchyOf(who);
  }

  bearsToken(request: RequestLike): boolean {
    return this.#first.bearsToken(request);
  }

  /** The shortest. */
  get ttlMs(): number {
    return Math.min(...[...this.parts.instances.values()].map((each) => each.ttlMs));
  }

  leftMs(request: RequestLike, compiled: Compiled): number {
    const credential = credentialOf(request, this.parts.token);
    const by = typeof credential === 'string' ? this.#choose(credential) : undefined;
    return by instanceof Authorizer ? by.leftMs(request, ofInstance(compiled, by)) : 0;
  }

  /** Every instance must be able to check it. */
  prepare(requirement: Requirement, forActors = false): CompiledForEach {
    const all = new Map(
      [...this.parts.instances].map(([issuer, each]) => [
        each,
        preparedBy(each, issuer, requirement, forActors),
      ]),
    );
    return { ...(all.get(this.#first) as Compiled), each: all };
  }

  refuse(refusal: Refusal, requirement?: Requirement): Denied {
    const denied: Denied = { allowed: false, ...refusal };
    this.#news.tell(denied, requirement, 'refused');
    return denied;
  }

  onDecision(listener: DecisionListener): () => void {
    const ends = [...this.parts.instances.values(), this.#news].map((each) =>
      each.onDecision(listener),
    );
    return () => ends.forEach((end) => end());
  }

  /** Forgets the users with this id in all instances: a bare id does not say whose it is. */
  async evict(eviction: Eviction): Promise<void> {
    await Promise.all([...this.parts.instances.values()].map((each) => each.evict(eviction)));
  }

  /** The listener hears of an eviction once for each instance that forgets. */
  onEviction(listener: EvictionListener): () => void {
    const ends = [...this.parts.instances.values()].map((each) => each.onEviction(listener));
    return () => ends.forEach((end) => end());
  }

  #of(who: Caller | string): Authorizer {
    const issuer = typeof who === 'string' ? undefined : who.issuer;
    const found = issuer === undefined ? undefined : this.parts.instances.get(issuer);
    if (found) return found;
    throw new ZitadelRequirementError(
      'with the option instances, a user id alone does not say whose user it is: pass the Caller of a request, or { userId, issuer, claims: {} } with one of the issuers',
    );
  }

  #choose(credential: string): Authorizer | Refusal {
    const tail = credential.slice(-16);
    const known = this.#chosen.get(tail);
    if (known?.credential === credential) return known.by;
    const { token } = tokenIn(credential, this.parts.token !== undefined);
    // No instance asks anybody about what is not a token, and each refuses it in the same words.
    if (token === undefined) return this.#first;
    const issuer = this.parts.issuerFor(token);
    if (typeof issuer !== 'string') return issuer;
    const by = this.parts.instances.get(issuer) as Authorizer;
    this.#chosen.set(tail, { credential, by });
    return by;
  }
}

/** What was prepared by exactly this instance. */
function ofInstance(compiled: Compiled, by: Authorizer): Compiled {
  const found = (compiled as Partial<CompiledForEach>).each?.get(by);
  if (found) return found;
  throw new ZitadelRequirementError('the requirement was prepared by something else');
}

function preparedBy(
  authorizer: Authorizer,
  issuer: string,
  requirement: Requirement,
  forActors: boolean,
): Compiled {
  try {
    return authorizer.prepare(requirement, forActors);
  } catch (error) {
    if (!(error instanceof ZitadelRequirementError)) throw error;
    throw new ZitadelRequirementError(`${error.message} (at the instance ${issuer})`);
  }
}
