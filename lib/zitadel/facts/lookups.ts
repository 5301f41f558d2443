import type { Asking, ResourceLookups } from '../../core/ask.js';
import type { GrantFact, ResourceFacts, ResourceNeed } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { bounded, forgetWhere, UserMemory } from '../../core/memory/bounded.js';
import { SingleFlight } from '../../core/memory/flight.js';
import { checkId } from '../../core/request.js';
import { isValid, validFor, type Validity } from '../../core/validity.js';
import { threwIn } from '../../core/thrown.js';
import { type Ask, askGrant, askOwner, type FactSource, HIDDEN } from './ask-fact.js';
import { askGrantBetween } from './grant-between.js';
import {
  betweenKey,
  factsFrom,
  grantKey,
  HIDDEN_GRANT,
  HIDDEN_OWNER,
  keyOf,
  MOST_ORGS,
  type ResourceFact,
  TOO_MANY_OWNERS,
  UNKNOWN_GRANT,
  unseen,
} from './known-facts.js';
import type { States } from './states.js';

/** Where facts about resources come from. */
interface LookupOptions extends FactSource {
  /** The application's own knowledge of who owns a project, asked last. */
  readonly projectOwner: ((projectId: string) => Promise<string | undefined>) | undefined;
  /** Whether the row of a grant is found only by its two ends: API v2 reads the rows. */
  readonly knowsRowsByEnds: boolean;
  readonly idPattern: RegExp;
  /** Missing: what is deactivated counts as it does at ZITADEL. */
  readonly states?: States | undefined;
  /** How long a project grant is remembered, in milliseconds since it was asked for. Grants can be removed. */
  readonly ttlMs: number;
}

const NEGATIVE_MS = 30_000;
const AT_ONCE = 4;
const MOST_REMEMBERED = 50_000;

/** A grant, and until when it may be used. */
interface KnownGrant extends Validity {
  readonly fact: GrantFact;
  /** On the monotonic clock. */
  readonly askedAt: number;
}

interface Nothing extends Validity {
  readonly userId: string;
  readonly askedAt: number;
  readonly hidden: boolean;
  /** Under which organization ('': the asker's own, or none). */
  readonly orgId: string;
}

type OwnerNeed = Extract<ResourceNeed, { readonly fact: 'owner' }>;
type Found = ResourceFact | undefined | Refusal;

/**
 * Remembers what ZITADEL says about projects and project grants. The owner of a project never changes, so all users share it for long. A
 * project grant depends on the rights of the user who asked, and so does that nothing was found. Both are remembered for that user alone.
 * What the service user was told counts for all.
 */
export class Lookups implements ResourceLookups {
  /** By the id of the project, in a map of their own: every decision about a project looks here. */
  readonly #owners = bounded<string, string>(MOST_REMEMBERED);
  readonly #grants = bounded<string, KnownGrant>(MOST_REMEMBERED);
  readonly #nothing = new UserMemory<Nothing>(MOST_REMEMBERED);
  readonly #flights = new SingleFlight<Found, string>();
  #generation = 0;
  readonly #unchanging: ResourceFacts = {
    ownerOf: (projectId) => this.#owners.get(projectId),
    grantOf: () => undefined,
    grantBetween: () => undefined,
  };

  readonly states: States | undefined;

  constructor(private readonly options: LookupOptions) {
    this.states = options.states;
  }

  /** What never changes, for all. */
  known(): ResourceFacts {
    return this.#unchanging;
  }

  /** The same, and the project grants that the user was told of, unless they were asked for before `notBefore`. */
  knownTo(userId: string, notBefore: number): ResourceFacts {
    const grants = factsFrom(this.#askerFor(userId), (key) => this.#grant(key, notBefore));
    return { ...grants, ownerOf: (projectId) => this.#owners.get(projectId) };
  }

  /** Asks for every need. In the facts that come back, `null` stands for what was not found. */
  async ask(needs: readonly ResourceNeed[], asking: Asking): Promise<ResourceFacts | Refusal> {
    const found = new Map<string, ResourceFact>();
    const asker = this.#askerFor(asking.userId);
    for (const need of needs) {
      const key = keyOf(need, asker);
      if (found.has(key)) continue;
      const fact = await this.#find(need, key, asking);
      if (fact && isRefusal(fact)) return fact;
      if (fact) found.set(key, fact);
    }
    const facts = this.knownTo(asking.userId, asking.notBefore);
    const recall = factsFrom(asker, (key) => found.get(key));
    return {
      ownerOf: (id) => recall.ownerOf(id) ?? facts.ownerOf(id) ?? null,
      grantOf: (id) => recall.grantOf(id) ?? facts.grantOf(id) ?? null,
      grantBetween: (id, orgId) =>
        recall.grantBetween(id, orgId) ?? facts.grantBetween(id, orgId) ?? null,
    };
  }

  /** Forgets that there was nothing for this user. */
  evict(userId: string): void {
    this.#nothing.evict(userId);
    this.#startAnew();
  }

  /** Forgets projects and grants of these organizations, grants to them, and that there was nothing under them. */
  evictOrganizations(orgIds: ReadonlySet<string>): void {
    const isOne = (orgId: string | undefined) => orgId === undefined || orgIds.has(orgId);
    forgetWhere(
      this.#grants,
      ({ fact }) => isOne(this.#owners.get(fact.projectId)) || orgIds.has(fact.grantedOrgId),
    );
    forgetWhere(this.#owners, isOne);
    this.#nothing.evictWhere(({ orgId }) => orgId === '' || orgIds.has(orgId));
    this.states?.evictOrganizations(orgIds);
    this.#startAnew();
  }

  evictAll(): void {
    this.#startAnew();
    this.#owners.clear();
    this.#grants.clear();
    this.#nothing.evict();
    this.states?.evictAll();
  }

  async #find(need: ResourceNeed, key: string, asking: Asking): Promise<Found> {
    const { userId, notBefore } = asking;
    const orgIds = this.#seesAll(need) ? [''] : orgIdsOf(need);
    const nothingKey = (orgId: string) => JSON.stringify([key, userId, orgId]);
    const hiddenIn: string[] = [];
    const left = orgIds.slice(0, MOST_ORGS).filter((orgId) => {
      const nothing = this.#nothingKnown(nothingKey(orgId), notBefore);
      if (nothing?.hidden) hiddenIn.push(orgId);
      return nothing === undefined;
    });
    const refused = left.length > 0 ? asking.toll.pay() : undefined;
    if (refused) return refused;
    const generation = this.#generation;
    for (let from = 0; from < left.length; from += AT_ONCE) {
      const batch = left.slice(from, from + AT_ONCE);
      const askedAt = performance.now();
      const answers = await Promise.all(
        batch.map((orgId) => this.#askOnce(need, key, orgId, asking)),
      );
      const isHidden = (each: (typeof answers)[number]) => each === HIDDEN;
      const answer =
        answers.find((each) => each && !isRefusal(each)) ??
        answers.find((each) => each && !isHidden(each));
      if (answer) return answer;
      for (const [at, orgId] of batch.entries()) {
        const hidden = isHidden(answers[at]);
        if (hidden) hiddenIn.push(orgId);
        if (generation !== this.#generation) continue;
        const nothing = { userId, askedAt, hidden, orgId, ...validFor(NEGATIVE_MS) };
        this.#nothing.set(nothingKey(orgId), nothing);
        // This very question may have found out that v2 is served.
        if (this.#seesAll(need)) this.#nothing.set(nothingKey(''), { ...nothing, orgId: '' });
      }
      if (this.#seesAll(need)) break;
    }
    const [isCut, hides] = [orgIds.length > MOST_ORGS, hiddenIn.length > 0];
    switch (need.fact) {
      case 'owner': {
        const owner = await this.#askApplication(need.projectId, notBefore);
        return owner ?? unseen(isCut ? TOO_MANY_OWNERS : hides && HIDDEN_OWNER, asking);
      }
      case 'grant':
        if (need.certain || isCut || (need.cut && this.options.knowsRowsByEnds)) {
          return unseen(UNKNOWN_GRANT, asking);
        }
        return hides ? { hiddenIn } : undefined;
      case 'grantBetween':
        return unseen(hides && HIDDEN_GRANT, asking);
    }
  }

  /** In whose name grants are remembered. */
  #askerFor(userId: string): string {
    return this.options.serviceToken ? '' : userId;
  }

  /** What v2 tells our service user does not depend on the organization under which it asks. */
  #seesAll({ fact }: ResourceNeed): boolean {
    const { serviceToken, generation } = this.options;
    return fact === 'owner' && serviceToken !== undefined && generation.current === 'v2';
  }

  /** One question at a time for the same fact, in the same name, under the same organization. */
  #askOnce(
    need: ResourceNeed,
    key: string,
    orgId: string,
    { userId, token, notBefore }: Asking,
  ): Promise<Found> {
    const flight = JSON.stringify([key, userId, token, orgId]);
    const ask = async (): Promise<Found> => {
      const askedAt = performance.now();
      const validity = validFor(this.options.ttlMs);
      const generation = this.#generation;
      const fact = await askFor(need)(this.options, { orgId, userId, token });
      if (fact === undefined || isRefusal(fact)) return fact;
      if (typeof fact === 'string') {
        this.#owners.set((need as OwnerNeed).projectId, fact);
        return fact;
      }
      // If it was asked before an eviction, only those who wait get it.
      if (generation !== this.#generation) return fact;
      const known = { fact, askedAt, ...validity };
      const asker = this.#askerFor(userId);
      if (fact.grantId !== undefined) this.#grants.set(grantKey(asker, fact.grantId), known);
      this.#grants.set(betweenKey(asker, fact.projectId, fact.grantedOrgId), known);
      return fact;
    };
    return this.#flights.ask(ask, flight, notBefore);
  }

  async #askApplication(projectId: string, notBefore: number): Promise<Found> {
    const nothing = JSON.stringify(['application', projectId]);
    const { projectOwner, idPattern } = this.options;
    if (!projectOwner || this.#nothingKnown(nothing, notBefore)) return undefined;
    const askedAt = performance.now();
    let owner: unknown;
    try {
      owner = await projectOwner(projectId);
    } catch (error) {
      return threwIn('the option projectOwner', error);
    }
    const checked = checkId(owner ?? undefined, idPattern);
    if (typeof checked === 'string') {
      this.#owners.set(projectId, checked);
      return checked;
    }
    if (checked === undefined) {
      const none = { userId: '', askedAt, hidden: false, orgId: '', ...validFor(NEGATIVE_MS) };
      this.#nothing.set(nothing, none);
      return undefined;
    }
    return { reason: 'misconfigured', detail: 'the option projectOwner did not return an id' };
  }

  #grant(key: string, notBefore: number): GrantFact | undefined {
    const known = this.#grants.get(key);
    return known && isValid(known) && known.askedAt >= notBefore ? known.fact : undefined;
  }

  #nothingKnown(key: string, notBefore: number): Nothing | undefined {
    const nothing = this.#nothing.get(key);
    return nothing && isValid(nothing) && nothing.askedAt >= notBefore ? nothing : undefined;
  }

  #startAnew(): void {
    this.#generation += 1;
    this.#flights.dropAll();
  }
}

/** The organizations under which a need is asked ('': the asker's own). */
function orgIdsOf(need: ResourceNeed): readonly string[] {
  if (need.fact === 'grantBetween') return [need.grantedOrgId];
  const { orgIds } = need;
  // If none is known (the list is over its cap), or there are too many to ask them all, the own one comes first.
  return orgIds.length === 0 || orgIds.length > MOST_ORGS ? ['', ...orgIds] : orgIds;
}

function askFor(need: ResourceNeed): Ask {
  switch (need.fact) {
    case 'owner':
      return askOwner(need.projectId);
    case 'grant':
      return askGrant(need.grantId);
    case 'grantBetween':
      return askGrantBetween(need.projectId);
  }
}
