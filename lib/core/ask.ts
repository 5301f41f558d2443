import type { MembershipIndex, RowsOn } from './caller.js';
import {
  type CallerNeed,
  type Case,
  type Facts,
  type GivenRoles,
  type GrantFact,
  type Hidden,
  type Need,
  openCase,
  type Permissions,
  type ResourceFacts,
  type ResourceNeed,
  type StateNeed,
  type Deactivable,
  type StateFact,
  type StateOf,
} from './decide/case.js';
import { decide } from './decide/decide.js';
import { isRefusal, type Refusal } from './decision.js';
import type { Toll } from './memory/allowance.js';
import type { CallerLookups } from './memory/caller-facts.js';
import type { KnownCaller } from './memory/remembered-callers.js';
import type { Lease } from './validity.js';

/** In whose name facts are asked for. */
export interface Asking {
  readonly userId: string;
  readonly token: string;
  /** What was asked for before this does not count (monotonic clock). */
  readonly notBefore: number;
  /** Paid before each call to ZITADEL. */
  readonly toll: Toll;
}

/** Asks for facts about resources. */
export interface ResourceLookups {
  /** What is remembered for all, since it never changes. */
  known(): ResourceFacts;
  /** The same, and what this user was told, unless it was asked for before `notBefore`. What other users were told decides nothing. */
  knownTo(userId: string, notBefore: number): ResourceFacts;
  /** Asks for what is missing. The facts that come back settle every need, with `null` where there is nothing. */
  ask(needs: readonly ResourceNeed[], asked: Asking): Promise<ResourceFacts | Refusal>;
  /** Forgets that there was nothing for this user. */
  evict(userId: string): void;
  /** Forgets project grants of these organizations and to them, and that there was nothing. */
  evictOrganizations(orgIds: ReadonlySet<string>): void;
  evictAll(): void;
  /** Whether resources are active. Missing: what is deactivated counts as it does at ZITADEL. */
  readonly states?: StateLookups | undefined;
}

/** Asks whether resources are active, and remembers it for all. */
export interface StateLookups {
  /** What is remembered. That something is inactive counts only if it was asked for since `notBefore`. */
  known(
    of: Deactivable,
    notBefore: number,
  ): { readonly fact: StateFact; readonly lease: Lease } | undefined;
  /** Never undefined: what is not known is a refusal. */
  ask(of: Deactivable, asking: Asking): Promise<StateFact | Refusal>;
}

/**
 * The longest chain of questions: who owns a project, what the caller has on it and on its owner, what ZITADEL evaluates there. Each row
 * that would count may lead to a question whether it stands. No requirement asks for more.
 */
const MOST_ROUNDS = 8;

/** Asks for what a decision misses and decides again, until nothing is missing. */
export async function askUntilDecided(
  callers: CallerLookups,
  lookups: ResourceLookups,
  known: KnownCaller,
  first: Case,
  notBefore: number,
  toll: Toll,
  readsAs: 'caller' | 'serviceUser',
): Promise<{ readonly open: Case; readonly verdict: 'yes' | 'no' } | Refusal> {
  const { compiled, ids, index, claims } = first;
  const { userId, verified } = known;
  const asking: Asking = { userId, token: verified.token, notBefore, toll };
  const facts = new AskedFacts(first.facts);

  const learnResources = async (needs: readonly ResourceNeed[]): Promise<Refusal | undefined> => {
    if (needs.length === 0) return undefined;
    const found = await lookups.ask(needs, asking);
    if (isRefusal(found)) return found;
    for (const need of needs) facts.learn(need, found);
    return undefined;
  };
  const learnState = async ({ of }: StateNeed): Promise<Refusal | undefined> => {
    const state = await (lookups.states?.ask(of, asking) ?? NOBODY_TO_ASK);
    if (isRefusal(state)) return state;
    facts.learnState(of, state);
    return undefined;
  };
  const learnCaller = async (need: CallerNeed): Promise<Refusal | undefined> => {
    if (need.fact === 'rows') {
      const rows = await callers.rowsOn(known, need.on, notBefore, toll);
      if (isRefusal(rows)) return rows;
      facts.learnRows(need.on, rows);
      return undefined;
    }
    if (need.fact === 'projectRoles') {
      const { projectId, orgId } = need;
      const given = await callers.rolesGiven(known, projectId, orgId, notBefore, toll);
      if (isRefusal(given)) return given;
      facts.learnRoles(projectId, orgId, given);
      return undefined;
    }
    const permissions = await callers.permissionsIn(known, need.orgId, notBefore, toll);
    if (isRefusal(permissions)) return permissions;
    facts.learnPermissions(need.orgId, permissions);
    return undefined;
  };

  let needs = onceEach(first.needs);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const learned = await Promise.all([
      learnResources(needs.filter(isAboutResource)),
      ...needs.filter(isAboutState).map(learnState),
      ...needs.filter(isAboutCaller).map(learnCaller),
    ]);
    const refusal = learned.find((each) => each !== undefined);
    if (refusal && readsAs === 'caller' && isAboutToken(refusal)) return refusal;
    const open = openCase(compiled, ids, index, claims, facts);
    const verdict = decide(open);
    if (verdict !== 'ask') return { open, verdict };
    // What could not be asked decides only where nothing else does.
    if (refusal) return refusal;
    needs = onceEach(open.needs);
  }
  return ENDLESS;
}

const ENDLESS: Refusal = {
  reason: 'unavailable',
  detail: 'each reply of ZITADEL led to another question',
};

const ABOUT_CALLER: ReadonlySet<string> = new Set([
  'rows',
  'permissions',
  'projectRoles',
] satisfies CallerNeed['fact'][]);

const NOBODY_TO_ASK: Refusal = {
  reason: 'misconfigured',
  detail: "states are asked for without memberships.inactive: 'deny'",
};

function isAboutCaller(need: Need): need is CallerNeed {
  return ABOUT_CALLER.has(need.fact);
}

function isAboutState(need: Need): need is StateNeed {
  return need.fact === 'state';
}

function isAboutResource(need: Need): need is ResourceNeed {
  return !isAboutCaller(need) && !isAboutState(need);
}

/** Several parts of a requirement may miss the same fact. */
function onceEach(needs: readonly Need[]): readonly Need[] {
  return [...new Map(needs.map((need) => [JSON.stringify(need), need])).values()];
}

/** Whether a refusal is about the caller's token, not about ZITADEL or us. Such a token is refused for every question. */
export function isAboutToken({ reason }: Refusal): boolean {
  return reason !== 'unavailable' && reason !== 'misconfigured';
}

type Said =
  | string
  | GrantFact
  | Hidden
  | MembershipIndex
  | Permissions
  | GivenRoles
  | StateFact
  | null;

/** What is remembered, and over it what was asked for this one decision. */
class AskedFacts implements Facts {
  readonly #asked = new Map<string, Said>();
  readonly stateOf: StateOf | undefined;

  constructor(private readonly remembered: Facts) {
    const { stateOf } = remembered;
    this.stateOf = stateOf && ((of) => this.#of(['state', of.kind, of.id], () => stateOf(of)));
  }

  ownerOf(projectId: string): string | null | undefined {
    return this.#of(['owner', projectId], () => this.remembered.ownerOf(projectId));
  }

  grantOf(grantId: string): GrantFact | Hidden | null | undefined {
    return this.#of(['grant', grantId], () => this.remembered.grantOf(grantId));
  }

  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined {
    return this.#of(['between', projectId, grantedOrgId], () =>
      this.remembered.grantBetween(projectId, grantedOrgId),
    );
  }

  rowsOn(on: RowsOn): MembershipIndex | undefined {
    return this.#of(['rows', on], () => this.remembered.rowsOn?.(on));
  }

  permissionsIn(orgId: string): Permissions | undefined {
    return this.#of(['permissions', orgId], () => this.remembered.permissionsIn?.(orgId));
  }

  rolesGiven(projectId: string, orgId: string): GivenRoles | undefined {
    return this.#of(['roles', projectId, orgId], () =>
      this.remembered.rolesGiven?.(projectId, orgId),
    );
  }

  /** Takes what was found for a need about a resource. */
  learn(need: ResourceNeed, facts: ResourceFacts): void {
    switch (need.fact) {
      case 'owner':
        this.#set(['owner', need.projectId], facts.ownerOf(need.projectId));
        break;
      case 'grant':
        this.#set(['grant', need.grantId], facts.grantOf(need.grantId));
        break;
      case 'grantBetween': {
        const { projectId, grantedOrgId } = need;
        this.#set(
          ['between', projectId, grantedOrgId],
          facts.grantBetween(projectId, grantedOrgId),
        );
      }
    }
  }

  learnRows(on: RowsOn, rows: MembershipIndex): void {
    this.#set(['rows', on], rows);
  }

  learnPermissions(orgId: string, permissions: Permissions): void {
    this.#set(['permissions', orgId], permissions);
  }

  learnRoles(projectId: string, orgId: string, given: GivenRoles): void {
    this.#set(['roles', projectId, orgId], given);
  }

  learnState({ kind, id }: Deactivable, state: StateFact): void {
    this.#set(['state', kind, id], state);
  }

  #of<T extends Said>(key: readonly unknown[], remembered: () => T | undefined): T | undefined {
    const asked = this.#asked.get(JSON.stringify(key));
    return asked === undefined ? remembered() : (asked as T);
  }

  #set(key: readonly unknown[], answer: Said | undefined): void {
    this.#asked.set(JSON.stringify(key), answer ?? null);
  }
}
