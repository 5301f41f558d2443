import type { MembershipIndex, RowsOn } from './caller.js';
import {
  type Case,
  type Facts,
  type GivenRoles,
  type GrantFact,
  type Hidden,
  type Need,
  openCase,
  type Permissions,
  type RememberedStates,
  type ResourceFacts,
  type ResourceNeed,
  type Deactivable,
  type StateFact,
  type StateOf,
} from './decide/case.js';
import { decide } from './decide/decide.js';
import { isError, isRefusal, type Refusal } from './decision.js';
import type { Toll } from './memory/allowance.js';
import type { CallerLookups } from './memory/caller-facts.js';
import type { KnownCaller } from './memory/remembered-callers.js';

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
export interface StateLookups extends RememberedStates {
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
    for (const need of needs) facts.learn(need, saidOf(need, found));
    return undefined;
  };
  const ask = (need: OtherNeed): Promise<Said | Refusal> => {
    switch (need.fact) {
      case 'rows':
        return callers.rowsOn(known, need.on, notBefore, toll);
      case 'projectRoles':
        return callers.rolesGiven(known, need.projectId, need.orgId, notBefore, toll);
      case 'permissions':
        return callers.permissionsIn(known, need.orgId, notBefore, toll);
      case 'state':
        // Without them no state is missing.
        return (lookups.states as StateLookups).ask(need.of, asking);
    }
  };
  const learn = async (need: OtherNeed): Promise<Refusal | undefined> => {
    const said = await ask(need);
    if (isRefusal(said)) return said;
    facts.learn(need, said);
    return undefined;
  };

  let needs = onceEach(first.needs);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const learned = await Promise.all([
      learnResources(needs.filter(isAboutResource)),
      ...needs.filter((need) => !isAboutResource(need)).map(learn),
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

/** Each of them is asked for by itself. */
type OtherNeed = Exclude<Need, ResourceNeed>;

function isAboutResource(need: Need): need is ResourceNeed {
  return need.fact === 'owner' || need.fact === 'grant' || need.fact === 'grantBetween';
}

/** Several parts of a requirement may miss the same fact. */
function onceEach(needs: readonly Need[]): readonly Need[] {
  return [...new Map(needs.map((need) => [JSON.stringify(need), need])).values()];
}

/** Whether a refusal is about the caller's token, not about ZITADEL or us. Such a token is refused for every question. */
export function isAboutToken({ reason }: Refusal): boolean {
  return !isError(reason);
}

type Said = string | GrantFact | Hidden | MembershipIndex | Permissions | GivenRoles | StateFact;

function saidOf(need: ResourceNeed, facts: ResourceFacts): Said | null {
  switch (need.fact) {
    case 'owner':
      return facts.ownerOf(need.projectId) ?? null;
    case 'grant':
      return facts.grantOf(need.grantId) ?? null;
    case 'grantBetween':
      return facts.grantBetween(need.projectId, need.grantedOrgId) ?? null;
  }
}

/** What is remembered, and over it what was asked for this one decision. */
class AskedFacts implements Facts {
  readonly #asked = new Map<string, Said | null>();
  readonly stateOf: StateOf | undefined;

  constructor(private readonly remembered: Facts) {
    const { stateOf } = remembered;
    this.stateOf = stateOf && ((of) => this.#of({ fact: 'state', of }) ?? stateOf(of));
  }

  ownerOf(projectId: string): string | null | undefined {
    const asked = this.#of<string>({ fact: 'owner', projectId });
    return asked === undefined ? this.remembered.ownerOf(projectId) : asked;
  }

  grantOf(grantId: string): GrantFact | Hidden | null | undefined {
    const asked = this.#of<GrantFact | Hidden>({ fact: 'grant', grantId });
    return asked === undefined ? this.remembered.grantOf(grantId) : asked;
  }

  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined {
    const asked = this.#of<GrantFact>({ fact: 'grantBetween', projectId, grantedOrgId });
    return asked === undefined ? this.remembered.grantBetween(projectId, grantedOrgId) : asked;
  }

  rowsOn(on: RowsOn): MembershipIndex | undefined {
    return this.#of<MembershipIndex>({ fact: 'rows', on }) ?? this.remembered.rowsOn?.(on);
  }

  permissionsIn(orgId: string): Permissions | undefined {
    return (
      this.#of<Permissions>({ fact: 'permissions', orgId }) ??
      this.remembered.permissionsIn?.(orgId)
    );
  }

  rolesGiven(projectId: string, orgId: string): GivenRoles | undefined {
    return (
      this.#of<GivenRoles>({ fact: 'projectRoles', projectId, orgId }) ??
      this.remembered.rolesGiven?.(projectId, orgId)
    );
  }

  learn(need: Need, said: Said | null): void {
    this.#asked.set(keyOf(need), said);
  }

  #of<T extends Said>(need: Named): T | null | undefined {
    return this.#asked.get(keyOf(need)) as T | null | undefined;
  }
}

/** What a need asks for. The organizations under which it is asked for make no difference. */
type Named =
  | OtherNeed
  | { readonly fact: 'owner'; readonly projectId: string }
  | { readonly fact: 'grant'; readonly grantId: string }
  | Extract<ResourceNeed, { readonly fact: 'grantBetween' }>;

function keyOf(need: Named): string {
  switch (need.fact) {
    case 'owner':
      return JSON.stringify([need.fact, need.projectId]);
    case 'grant':
      return JSON.stringify([need.fact, need.grantId]);
    case 'state':
      return JSON.stringify([need.fact, need.of.kind, need.of.id]);
    default:
      return JSON.stringify(need);
  }
}
