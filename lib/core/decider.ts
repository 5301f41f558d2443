import { askUntilDecided, isAboutToken, type ResourceLookups } from './ask.js';
import { type Case, type Facts, type Ids, openCase } from './decide/case.js';
import { decide } from './decide/decide.js';
import { type Decision, type Denied, isRefusal, type Refusal } from './decision.js';
import { Allowance, type Toll } from './memory/allowance.js';
import type { AnswerSource } from './memory/caller-source.js';
import { within } from './memory/flight.js';
import type { Answer } from './memory/remembered-callers.js';
import { type Compiled, isBranch } from './requirement/compile.js';
import { ANEW, ANY_AGE } from './requirement/fresh.js';

/** What decisions are made by. */
export interface DeciderParts {
  readonly answers: AnswerSource;
  readonly lookups: ResourceLookups;
  readonly readsAs: 'caller' | 'serviceUser';
  /** All that one decision may take. */
  readonly budgetMs: number;
  /** How old what a "no" rests on may be, before the moment at which it was asked for. */
  readonly denialMs: number;
}

/** A case that is decided, and the answer that it was decided over. */
interface Decided {
  readonly answer: Answer;
  readonly open: Case;
  readonly verdict: 'yes' | 'no';
}

/** How many "no"s of one user are asked for again in `denialMs`: one a token, of as many as are remembered. */
const MOST_AGAIN = 8;

const LATE: Refusal = {
  reason: 'unavailable',
  detail: 'who owns the resource, or what the caller may do there, was not known in time',
};

/**
 * Decides over what is remembered, and asks for what is missing. A "no" that rests on older knowledge than `denialMs` is none yet: what it
 * rests on is asked for again, as far as the user's allowance goes; if that fails, nothing is known.
 */
export class Decider {
  readonly #allowance = new Allowance();
  readonly #again: Allowance;

  constructor(private readonly parts: DeciderParts) {
    const { denialMs } = parts;
    this.#again = denialMs > 0 ? new Allowance(MOST_AGAIN, denialMs) : new Allowance();
  }

  /** Synchronous when nothing is missing. `since`: when somebody began to wait for it (monotonic clock); undefined: just now. */
  decide(
    answer: Answer,
    compiled: Compiled,
    ids: Ids,
    since: number | undefined,
  ): Decision | Promise<Decision> {
    // No closures here: they would cost every warm request, also where they are not reached.
    const open = this.#open(answer, compiled, ids, compiled.fresh ? ANEW : ANY_AGE);
    const verdict = decide(open);
    if (verdict === 'yes') return conclude(answer, open, verdict);
    const start = since ?? performance.now();
    return verdict === 'no' && this.#isSettled(answer, open, start)
      ? conclude(answer, open, verdict)
      : this.#decideLater(answer, open, verdict, start);
  }

  /** Forgets what one user has spent. */
  forget(userId: string): void {
    this.#allowance.forget(userId);
    this.#again.forget(userId);
  }

  forgetAll(): void {
    this.#allowance.forgetAll();
    this.#again.forgetAll();
  }

  #open(answer: Answer, compiled: Compiled, ids: Ids, notBefore: number): Case {
    const { caller, index } = answer;
    return openCase(compiled, ids, index, caller.claims, this.#known(answer, compiled, notBefore));
  }

  /** What is remembered of the facts that a requirement can need. */
  #known(answer: Answer, compiled: Compiled, notBefore: number): Facts {
    const { answers, lookups } = this.parts;
    const isShared = notBefore === ANEW || !compiled.namesGrants;
    const facts = isShared ? lookups.known() : lookups.knownTo(answer.caller.userId, notBefore);
    if ((answer.index.complete && !compiled.asksPermissions) || notBefore === ANEW) return facts;
    return {
      ownerOf: (projectId) => facts.ownerOf(projectId),
      grantOf: (grantId) => facts.grantOf(grantId),
      grantBetween: (projectId, orgId) => facts.grantBetween(projectId, orgId),
      ...answers.lookups.known(answer, notBefore),
    };
  }

  /** Whether a "no" stands: nothing that it rests on is too old. */
  #isSettled(answer: Answer, { compiled, ids }: Case, since: number): boolean {
    // Asked anew already, or nothing that could be asked would change it.
    if (compiled.fresh || (!isBranch(compiled.root) && ids.includes(undefined))) return true;
    const notBefore = since - this.parts.denialMs;
    if (!this.parts.answers.isNew(answer, compiled, notBefore)) return false;
    return decide(this.#open(answer, compiled, ids, notBefore)) === 'no';
  }

  async #decideLater(
    answer: Answer,
    open: Case,
    verdict: 'no' | 'ask',
    since: number,
  ): Promise<Decision> {
    const toll = this.#allowance.toll(answer.caller.userId);
    const notBefore = open.compiled.fresh ? ANEW : ANY_AGE;
    const first =
      verdict === 'no'
        ? { answer, open, verdict }
        : await this.#ask(answer, open, notBefore, toll, since);
    const isOpen =
      !isRefusal(first) && first.verdict === 'no' && !this.#isSettled(answer, first.open, since);
    const decided = isOpen ? await this.#decideAgain(first, since) : first;
    settle(toll, decided);
    return isRefusal(decided)
      ? denied(answer, decided)
      : conclude(decided.answer, decided.open, decided.verdict);
  }

  async #decideAgain(no: Decided, since: number): Promise<Decided | Refusal> {
    const { answers, denialMs } = this.parts;
    const { compiled, ids } = no.open;
    const notBefore = since - denialMs;
    const toll = this.#again.toll(no.answer.caller.userId);
    const renewing = answers.renew(no.answer, compiled, notBefore, toll.pay);
    const answer = await within(renewing, this.#leftMs(since), LATE);
    let decided: Decided | Refusal;
    if (isRefusal(answer)) decided = answer;
    else {
      const open = this.#open(answer, compiled, ids, notBefore);
      const verdict = decide(open);
      decided =
        verdict === 'ask'
          ? await this.#ask(answer, open, notBefore, toll, since)
          : { answer, open, verdict };
    }
    // Beyond the allowance it is repeated for as long as it is remembered, unless that is never to happen.
    const isLeftAlone = isRefusal(decided) && decided.reason === 'unavailable';
    if (isLeftAlone && toll.isSpent() && denialMs > 0) return no;
    settle(toll, decided);
    return decided;
  }

  async #ask(
    answer: Answer,
    open: Case,
    notBefore: number,
    toll: Toll,
    since: number,
  ): Promise<Decided | Refusal> {
    const { answers, lookups, readsAs } = this.parts;
    const asking = askUntilDecided(answers, lookups, answer, open, notBefore, toll, readsAs);
    const decided = await within(asking, this.#leftMs(since), LATE);
    return isRefusal(decided) ? decided : { answer, ...decided };
  }

  /** What is left of the one budget of a request. */
  #leftMs(since: number): number {
    return Math.max(0, this.parts.budgetMs - (performance.now() - since));
  }
}

/** Only a "no" costs. */
function settle(toll: Toll, decided: Decided | Refusal): void {
  const isNo = isRefusal(decided) ? isAboutToken(decided) : decided.verdict === 'no';
  if (!isNo) toll.giveBack();
}

function conclude({ caller, read }: Answer, open: Case, verdict: 'yes' | 'no'): Decision {
  const { by, checked, ids, missing = 'role_missing' } = open;
  if (verdict === 'yes') return { allowed: true, caller, by, checked, read };
  // Where nothing else allows, what the request left out comes first.
  const reason = ids.includes(undefined) ? 'resource_missing' : missing;
  return { allowed: false, reason, caller, read };
}

/** A refusal that came after there was an answer. */
export function denied({ caller, read }: Answer, refusal: Refusal): Denied {
  return { allowed: false, ...refusal, caller, read };
}
