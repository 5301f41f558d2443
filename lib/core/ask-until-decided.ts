import type { Toll } from './allowance.js';
import type { AnswerSource } from './answer-source.js';
import type { Answer } from './answers.js';
import { AskedFacts } from './asked-facts.js';
import { openCase, type Case } from './case.js';
import { decide } from './decide.js';
import { isRefusal, type Refusal } from './decision.js';
import type { CallerNeed, Need, ResourceFacts, ResourceNeed } from './facts.js';

/** In whose name facts are asked for. */
export interface Asking {
  readonly userId: string;
  readonly token: string;
  /** Do not use what is remembered. */
  readonly fresh: boolean;
  /** Paid before each call to ZITADEL. */
  readonly toll: Toll;
}

/** Asks for facts about resources. */
export interface ResourceLookups {
  /** What is remembered for all, since it never changes. */
  known(): ResourceFacts;
  /** The same, and what this user was told: what somebody else may see decides nothing. */
  knownTo(userId: string): ResourceFacts;
  /** Asks for what is missing. The facts that come back answer every need, with `null` where there is nothing. */
  ask(needs: readonly ResourceNeed[], asked: Asking): Promise<ResourceFacts | Refusal>;
  /** Forgets that there was nothing for this user. */
  evict(userId: string): void;
  evictAll(): void;
}

/** Who owns a project, what the caller has on it and on its owner, what ZITADEL evaluates there: no requirement asks for more, one after another. */
const MOST_ROUNDS = 4;

/** Asks for what a decision misses and decides again, until nothing is missing. */
export async function askUntilDecided(
  answers: AnswerSource,
  lookups: ResourceLookups,
  answer: Answer,
  first: Case,
  toll: Toll,
  readsAs: 'caller' | 'serviceUser',
): Promise<{ readonly open: Case; readonly verdict: 'yes' | 'no' } | Refusal> {
  const { compiled, ids, index, claims } = first;
  const { fresh } = compiled;
  const { caller } = answer;
  const token = answers.tokenOf(caller) ?? '';
  const asking: Asking = { userId: caller.userId, token, fresh, toll };
  const facts = new AskedFacts(first.facts);

  const learnResources = async (needs: readonly ResourceNeed[]): Promise<Refusal | undefined> => {
    if (needs.length === 0) return undefined;
    const found = await lookups.ask(needs, asking);
    if (isRefusal(found)) return found;
    for (const need of needs) facts.learn(need, found);
    return undefined;
  };
  const learnCaller = async (need: CallerNeed): Promise<Refusal | undefined> => {
    if (need.fact === 'rows') {
      const rows = await answers.lookups.rowsOn(answer, need.on, fresh, toll);
      if (isRefusal(rows)) return rows;
      facts.learnRows(need.on, rows);
      return undefined;
    }
    const permissions = await answers.lookups.permissionsIn(answer, need.orgId, fresh, toll);
    if (isRefusal(permissions)) return permissions;
    facts.learnPermissions(need.orgId, permissions);
    return undefined;
  };

  let needs = onceEach(first.needs);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const learned = await Promise.all([
      learnResources(needs.filter((need) => need.fact !== 'rows' && need.fact !== 'permissions')),
      ...needs
        .filter((need) => need.fact === 'rows' || need.fact === 'permissions')
        .map(learnCaller),
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
  detail: 'one answer of ZITADEL brought the next question, over and over',
};

/** Several parts of a requirement may miss the same. */
function onceEach(needs: readonly Need[]): readonly Need[] {
  return [...new Map(needs.map((need) => [JSON.stringify(need), need])).values()];
}

/** Of the caller's token, rather than of ZITADEL or of us. As the caller it is refused everywhere then. */
export function isAboutToken({ reason }: Refusal): boolean {
  return reason !== 'unavailable' && reason !== 'misconfigured';
}
