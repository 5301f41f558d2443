import { askUntilDecided, isAboutToken, type ResourceLookups } from './ask.js';
import { type Case, type Facts, openCase } from './decide/case.js';
import { decide } from './decide/decide.js';
import { type Decision, type Denied, isRefusal, type Refusal } from './decision.js';
import { Allowance, type Toll } from './memory/allowance.js';
import { bounded } from './memory/bounded.js';
import type { CallerSource } from './memory/caller-source.js';
import { within } from './memory/flight.js';
import type { KnownCaller } from './memory/remembered-callers.js';
import type { Ids } from './request.js';
import { lackingId } from './request-problems.js';
import { type Compiled, isBranch } from './requirement/compile.js';
import { ANEW, ANY_AGE } from './validity.js';
import { type QuietTelemetry, takingTime } from './telemetry.js';
import { Yes } from './review.js';

/** What decisions are made by. */
export interface DeciderParts {
  readonly callers: CallerSource;
  readonly lookups: ResourceLookups;
  readonly readsAs: 'caller' | 'serviceUser';
  /** All that one decision may take. */
  readonly budgetMs: number;
  /** How old the knowledge behind a "no" may be when the request comes. */
  readonly denialMs: number;
  readonly telemetry?: QuietTelemetry | undefined;
}

const ACTS: Refusal = {
  reason: 'impersonated',
  detail: 'somebody acts as this user, and the route does not allow it',
  remedy:
    '@AllowImpersonation() lets such callers in (Express: requireThat(zitadel, requirement, { allowImpersonation: true }))',
};

/** A case that is decided, and its caller. */
interface Decided {
  readonly known: KnownCaller;
  readonly open: Case;
  readonly verdict: 'yes' | 'no';
}

/** How often one user's "no" is asked for again in `denialMs`: once for each token that is remembered. */
const MOST_AGAIN = 8;

const MOST_IDS = 1_000;

const LATE: Refusal = {
  reason: 'unavailable',
  detail: 'who owns the resource, or what the caller may do there, was not known in time',
};

/**
 * Decides by what is remembered, and asks for what is missing. If a "no" rests on knowledge older than `denialMs`, ZITADEL is asked again,
 * as far as the user's allowance goes. If that fails, nothing is known.
 */
export class Decider {
  readonly #allowance = new Allowance();
  readonly #again: Allowance;
  /** Users of one organization ask about the same ids. They share one copy, which stays in the processor's cache. */
  readonly #askedAbout = bounded<string, Ids>(MOST_IDS);

  constructor(private readonly parts: DeciderParts) {
    const { denialMs } = parts;
    this.#again = denialMs > 0 ? new Allowance(MOST_AGAIN, denialMs) : new Allowance();
  }

  /** Synchronous if nothing is missing. `since`: when somebody began to wait for it (monotonic clock). Undefined: a door asks just now. */
  decide(
    known: KnownCaller,
    compiled: Compiled,
    ids: Ids,
    since: number | undefined,
  ): Decision | Promise<Decision> {
    const remembered = known.yesAbout(compiled, ids);
    if (remembered) return remembered;
    // A "yes" that is remembered has passed this.
    if (compiled.refusesActors && known.caller.actor !== undefined) return denied(known, ACTS);
    const open = this.#open(known, compiled, ids, compiled.fresh ? ANEW : ANY_AGE);
    const verdict = decide(open);
    if (verdict === 'yes') {
      const yes = allowed(known, open);
      // Only for a door: it holds the requirement anyway, and will ask for it again. What is known of a project grant has an end of its own.
      if (since === undefined && !compiled.fresh && !compiled.namesGrants) {
        known.remember(compiled, this.#sharedCopyOf(ids), yes, open.facts.leases);
      }
      return yes;
    }
    const start = since ?? performance.now();
    return verdict === 'no' && this.#isSettled(known, open, start)
      ? conclude(known, open, verdict)
      : this.#takeTime(known, open, verdict, since, start);
  }

  /** Forgets how much of the allowance one user has spent. Undefined: everyone. */
  forget(userId: string | undefined): void {
    this.#allowance.forget(userId);
    this.#again.forget(userId);
  }

  #sharedCopyOf(ids: Ids): Ids {
    const key = JSON.stringify(ids);
    const copy = this.#askedAbout.get(key);
    if (!copy) this.#askedAbout.set(key, ids);
    return copy ?? ids;
  }

  #open(known: KnownCaller, compiled: Compiled, ids: Ids, notBefore: number): Case {
    const { caller, index } = known;
    return openCase(compiled, ids, index, caller.claims, this.#known(known, compiled, notBefore));
  }

  /** The remembered facts that a requirement can need. */
  #known(known: KnownCaller, compiled: Compiled, notBefore: number): Facts {
    const { callers, lookups } = this.parts;
    const isShared = notBefore === ANEW || !compiled.namesGrants;
    const facts = isShared ? lookups.known() : lookups.knownTo(known.userId, notBefore);
    if (known.index.complete && !compiled.asksMore && !lookups.states) return facts;
    return callers.lookups.known(known, notBefore, facts, lookups.states);
  }

  /** Whether a "no" is final: nothing that it rests on is too old. */
  #isSettled(known: KnownCaller, open: Case, since: number): boolean {
    const { compiled, ids } = open;
    // Everything was asked anew already, or no reply could change it.
    if (
      compiled.fresh ||
      (!isBranch(compiled.root) && isRefusal(lackingId(compiled.sources, ids) ?? {}))
    )
      return true;
    const notBefore = since - this.parts.denialMs;
    if (!this.parts.callers.isNew(known, compiled, notBefore)) return false;
    return decide(this.#open(known, compiled, ids, notBefore)) === 'no';
  }

  /** Whoever has waited already has told telemetry of this decision. */
  #takeTime(
    known: KnownCaller,
    open: Case,
    verdict: 'no' | 'ask',
    since: number | undefined,
    start: number,
  ): Promise<Decision> {
    const { telemetry } = this.parts;
    const decideLater = () => this.#decideLater(known, open, verdict, start);
    return since === undefined ? takingTime(telemetry, 'decision', decideLater) : decideLater();
  }

  async #decideLater(
    known: KnownCaller,
    open: Case,
    verdict: 'no' | 'ask',
    since: number,
  ): Promise<Decision> {
    const toll = this.#allowance.toll(known.userId);
    const notBefore = open.compiled.fresh ? ANEW : ANY_AGE;
    const first =
      verdict === 'no'
        ? { known, open, verdict }
        : await this.#ask(known, open, notBefore, toll, since);
    const isOpen =
      !isRefusal(first) && first.verdict === 'no' && !this.#isSettled(known, first.open, since);
    const decided = isOpen ? await this.#decideAgain(first, since) : first;
    settle(toll, decided);
    return isRefusal(decided)
      ? denied(known, decided)
      : conclude(decided.known, decided.open, decided.verdict);
  }

  async #decideAgain(no: Decided, since: number): Promise<Decided | Refusal> {
    const { callers, denialMs } = this.parts;
    const { compiled, ids } = no.open;
    const notBefore = since - denialMs;
    const toll = this.#again.toll(no.known.userId);
    const renewing = callers.renew(no.known, compiled, notBefore, toll.pay);
    const known = await within(renewing, this.#leftMs(since), LATE);
    let decided: Decided | Refusal;
    if (isRefusal(known)) decided = known;
    else {
      const open = this.#open(known, compiled, ids, notBefore);
      const verdict = decide(open);
      decided =
        verdict === 'ask'
          ? await this.#ask(known, open, notBefore, toll, since)
          : { known, open, verdict };
    }
    // Beyond the allowance a remembered "no" is repeated, unless `denialMs` forbids that.
    const isUnknown = isRefusal(decided) && decided.reason === 'unavailable';
    if (isUnknown && toll.isSpent() && denialMs > 0) return no;
    settle(toll, decided);
    return decided;
  }

  async #ask(
    known: KnownCaller,
    open: Case,
    notBefore: number,
    toll: Toll,
    since: number,
  ): Promise<Decided | Refusal> {
    const { callers, lookups, readsAs } = this.parts;
    const asking = askUntilDecided(callers.lookups, lookups, known, open, notBefore, toll, readsAs);
    const decided = await within(asking, this.#leftMs(since), LATE);
    return isRefusal(decided) ? decided : { known, ...decided };
  }

  /** What is left of the one budget of a request. */
  #leftMs(since: number): number {
    return Math.max(0, this.parts.budgetMs - (performance.now() - since));
  }
}

/** Only a "no" costs some of the allowance. */
function settle(toll: Toll, decided: Decided | Refusal): void {
  const isNo = isRefusal(decided) ? isAboutToken(decided) : decided.verdict === 'no';
  if (!isNo) toll.giveBack();
}

function allowed({ caller, read }: KnownCaller, { by, checked, compiled, ids }: Case): Yes {
  return new Yes(caller, by, Object.freeze(checked), read, compiled, ids);
}

function conclude(known: KnownCaller, open: Case, verdict: 'yes' | 'no'): Decision {
  if (verdict === 'yes') return allowed(known, open);
  const { compiled, ids, missing = 'role_missing' } = open;
  // If nothing allows the request, an id that it left out is the first reason to name.
  return denied(known, { reason: missing, ...lackingId(compiled.sources, ids) });
}

/** A refusal about a known caller. */
export function denied({ caller, read }: KnownCaller, refusal: Refusal): Denied {
  return { allowed: false, ...refusal, caller, read };
}
