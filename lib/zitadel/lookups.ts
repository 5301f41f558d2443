import { LRUCache } from 'lru-cache';
import type { Asking, ResourceLookups } from '../core/ask-until-decided.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { ANY_AGE } from '../core/fresh.js';
import type { GrantFact, ResourceFacts, ResourceNeed } from '../core/facts.js';
import { checkId } from '../core/request.js';
import { askGrant, askOwner } from './ask-fact.js';
import { askGrantBetween } from './ask-grant-between.js';
import type { Ask, FactSource } from './fact-source.js';

/** Where facts about resources come from. */
export interface LookupOptions extends FactSource {
  /** The application's own knowledge of who owns a project, asked last. */
  readonly projectOwner: ((projectId: string) => Promise<string | undefined>) | undefined;
  readonly idPattern: RegExp;
  /** How long a project grant is remembered, in milliseconds since it was asked for: grants can be removed. */
  readonly ttlMs: number;
}

const NEGATIVE_MS = 30_000;
/** A caller may hold rows in any number of organizations; more than this are not asked one by one. */
const MOST_ORGS = 100;
const AT_ONCE = 4;
/** Not `max`, which takes all of its memory at once. */
const BOUND = { maxSize: 50_000, sizeCalculation: () => 1 };

interface Known {
  readonly fact: string | GrantFact;
  readonly askedAt: number;
  readonly until: number;
}

/** That there was nothing. */
interface Nothing {
  readonly userId: string;
  readonly askedAt: number;
  readonly until: number;
}

/**
 * What ZITADEL says about projects and project grants. The owner of a project never changes, so it is remembered for long; that there was
 * nothing is remembered per user, since it may be about the user's rights.
 */
export class Lookups implements ResourceLookups {
  readonly #known = new LRUCache<string, Known>(BOUND);
  readonly #nothing = new LRUCache<string, Nothing>(BOUND);
  readonly #flying = new Map<
    string,
    { readonly startedAt: number; readonly asked: Promise<Known | undefined | Refusal> }
  >();
  #generation = 0;
  // Built once: every decision asks for it.
  readonly #remembered: ResourceFacts = factsFrom((key) => this.#get(key, ANY_AGE)?.fact);

  constructor(private readonly options: LookupOptions) {}

  /** What is remembered: whatever never changes, and what was not asked for before `notBefore`. */
  known(notBefore: number): ResourceFacts {
    return notBefore === ANY_AGE
      ? this.#remembered
      : factsFrom((key) => this.#get(key, notBefore)?.fact);
  }

  /** Asks for every need; what is not found is `null` in the facts that come back. */
  async ask(needs: readonly ResourceNeed[], asking: Asking): Promise<ResourceFacts | Refusal> {
    const found = new Map<string, Known>();
    for (const need of needs) {
      const key = keyOf(need);
      if (found.has(key)) continue;
      const known = await this.#find(need, key, asking);
      if (known && isRefusal(known)) return known;
      if (known) found.set(key, known);
    }
    const facts = this.known(asking.notBefore);
    const recall = factsFrom((key) => found.get(key)?.fact);
    return {
      ownerOf: (id) => recall.ownerOf(id) ?? facts.ownerOf(id) ?? null,
      grantOf: (id) => recall.grantOf(id) ?? facts.grantOf(id) ?? null,
      grantBetween: (id, orgId) =>
        recall.grantBetween(id, orgId) ?? facts.grantBetween(id, orgId) ?? null,
    };
  }

  /** Forgets that there was nothing for this user. */
  evict(userId: string): void {
    for (const [key, nothing] of this.#nothing) {
      if (nothing.userId === userId) this.#nothing.delete(key);
    }
    this.#startAnew();
  }

  evictAll(): void {
    this.#startAnew();
    for (const memory of [this.#known, this.#nothing]) memory.clear();
  }

  async #find(
    need: ResourceNeed,
    key: string,
    asking: Asking,
  ): Promise<Known | undefined | Refusal> {
    const { userId, notBefore } = asking;
    const orgIds = this.#seesAll(need) ? [''] : orgIdsOf(need);
    const nothingKey = (orgId: string) => JSON.stringify([key, userId, orgId]);
    const left = orgIds
      .slice(0, MOST_ORGS)
      .filter((orgId) => !this.#isNothing(nothingKey(orgId), notBefore));
    const refused = left.length > 0 ? asking.toll.pay() : undefined;
    if (refused) return refused;
    const generation = this.#generation;
    for (let from = 0; from < left.length; from += AT_ONCE) {
      const batch = left.slice(from, from + AT_ONCE);
      const askedAt = performance.now();
      const answers = await Promise.all(
        batch.map((orgId) => this.#askOnce(need, key, orgId, asking)),
      );
      const answer = answers.find((each) => each && !isRefusal(each)) ?? answers.find(Boolean);
      if (answer) return answer;
      if (generation !== this.#generation) continue;
      const until = performance.now() + NEGATIVE_MS;
      const nothing = { userId, askedAt, until };
      for (const orgId of batch) this.#nothing.set(nothingKey(orgId), nothing);
      // Found out by this very question.
      if (this.#seesAll(need)) {
        this.#nothing.set(nothingKey(''), nothing);
        break;
      }
    }
    if (need.fact !== 'owner') return undefined;
    const owner = await this.#askApplication(need.projectId, key, notBefore);
    if (owner || orgIds.length <= MOST_ORGS) return owner;
    return {
      reason: 'unavailable',
      detail: `the caller could own the project by more than ${MOST_ORGS} organizations`,
      remedy: 'tie the project with .in(org...), or give the option projectOwner',
    };
  }

  /** What our service user is told by v2 does not depend on the organization under which it asks. */
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
  ): Promise<Known | undefined | Refusal> {
    const flight = JSON.stringify([key, userId, token, orgId]);
    const flying = this.#flying.get(flight);
    if (flying && flying.startedAt >= notBefore) return flying.asked;
    const askedAt = performance.now();
    const generation = this.#generation;
    const asked = askFor(need)(this.options, { orgId, userId, token })
      .then((fact) => {
        if (typeof fact === 'string')
          return this.#remember(key, { fact, askedAt, until: Infinity });
        if (fact === undefined || isRefusal(fact)) return fact;
        const known = { fact, askedAt, until: askedAt + this.options.ttlMs };
        // Asked before an eviction: for those who wait, and for nobody else.
        if (generation !== this.#generation) return known;
        if (fact.grantId !== undefined) this.#remember(grantKey(fact.grantId), known);
        return this.#remember(betweenKey(fact.projectId, fact.grantedOrgId), known);
      })
      .finally(() => {
        if (this.#flying.get(flight)?.asked === asked) this.#flying.delete(flight);
      });
    this.#flying.set(flight, { startedAt: askedAt, asked });
    return asked;
  }

  async #askApplication(
    projectId: string,
    key: string,
    notBefore: number,
  ): Promise<Known | undefined | Refusal> {
    const nothing = JSON.stringify(['application', projectId]);
    const { projectOwner, idPattern } = this.options;
    if (!projectOwner || this.#isNothing(nothing, notBefore)) return undefined;
    const askedAt = performance.now();
    let owner: unknown;
    try {
      owner = await projectOwner(projectId);
    } catch {
      return { reason: 'unavailable', detail: 'the option projectOwner threw or rejected' };
    }
    const checked = checkId(owner ?? undefined, idPattern);
    if (typeof checked === 'string') {
      return this.#remember(key, { fact: checked, askedAt, until: Infinity });
    }
    if (checked === undefined) {
      this.#nothing.set(nothing, { userId: '', askedAt, until: performance.now() + NEGATIVE_MS });
      return undefined;
    }
    return { reason: 'misconfigured', detail: 'the option projectOwner answered no id' };
  }

  #remember(key: string, known: Known): Known {
    this.#known.set(key, known);
    return known;
  }

  #get(key: string, notBefore: number): Known | undefined {
    const known = this.#known.get(key);
    if (!known || known.until === Infinity) return known;
    return known.until > performance.now() && known.askedAt >= notBefore ? known : undefined;
  }

  #isNothing(key: string, notBefore: number): boolean {
    const nothing = this.#nothing.get(key);
    return (
      nothing !== undefined && nothing.until > performance.now() && nothing.askedAt >= notBefore
    );
  }

  #startAnew(): void {
    this.#generation += 1;
    this.#flying.clear();
  }
}

/** Under which organizations a need is asked; '' is the asker's own. */
function orgIdsOf(need: ResourceNeed): readonly string[] {
  if (need.fact === 'grantBetween') return [need.grantedOrgId];
  const { orgIds } = need;
  // The list that named them is over its cap, or they are too many to ask them all: then the own one first.
  return orgIds.length === 0 || orgIds.length > MOST_ORGS ? ['', ...orgIds] : orgIds;
}

function keyOf(need: ResourceNeed): string {
  switch (need.fact) {
    case 'owner':
      return ownerKey(need.projectId);
    case 'grant':
      return grantKey(need.grantId);
    case 'grantBetween':
      return betweenKey(need.projectId, need.grantedOrgId);
  }
}

const ownerKey = (projectId: string) => JSON.stringify(['owner', projectId]);
const grantKey = (grantId: string) => JSON.stringify(['grant', grantId]);
const betweenKey = (projectId: string, orgId: string) =>
  JSON.stringify(['between', projectId, orgId]);

function factsFrom(recall: (key: string) => string | GrantFact | undefined): ResourceFacts {
  const grant = (key: string) => {
    const fact = recall(key);
    return typeof fact === 'object' ? fact : undefined;
  };
  return {
    ownerOf: (projectId) => {
      const fact = recall(ownerKey(projectId));
      return typeof fact === 'string' ? fact : undefined;
    },
    grantOf: (grantId) => grant(grantKey(grantId)),
    grantBetween: (projectId, orgId) => grant(betweenKey(projectId, orgId)),
  };
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
