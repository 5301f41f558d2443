import type { AnswerSource } from './answer-source.js';
import type { Answer } from './answers.js';
import type { Caller } from './caller.js';
import { compile, type Compiled } from './compile.js';
import { within } from './deadline.js';
import { decide, nothingFound, type Facts, type Found, type Need } from './decide.js';
import { isRefusal, type Decision, type Denied, type Refusal } from './decision.js';
import { ZitadelArgumentError, ZitadelRequirementError } from './errors.js';
import type { HierarchyTable } from './hierarchy.js';
import type { ZitadelLogger } from './log.js';
import {
  authorizationHeader,
  checkId,
  INVALID,
  readId,
  THREW,
  type IdRead,
  type ReadFromClass,
  type RequestLike,
} from './request.js';
import { requirementText, type Requirement } from './requirement.js';

type Awaitable<T> = T | Promise<T>;

/** What decisions need besides the answer about the caller. */
export interface AuthorizerParts {
  readonly answers: AnswerSource;
  readonly lookups: {
    readonly facts: Facts;
    /** Asks for what is missing. The facts that come back answer every need, with `null` where there is nothing. */
    ask(needs: readonly Need[], userId: string, token: string): Promise<Facts | Refusal>;
  };
  readonly readsAs: 'caller' | 'serviceUser';
  readonly hierarchy: HierarchyTable;
  readonly idPattern: RegExp;
  readonly token: ((request: RequestLike) => string | undefined) | undefined;
  readonly budgetMs: number;
  readonly log: ZitadelLogger;
}

/** What listeners hear of each decision. */
export interface DecisionEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly requirement: Requirement | undefined;
  readonly decision: Decision;
}

const NOTHING: RequestLike = Object.freeze({ headers: {} });

const NO_CLASSES: ReadFromClass = (type) => {
  throw new ZitadelRequirementError(
    `${type.name} is a class, and only Nest can build it: give .from() a function here`,
  );
};

const THREW_AWAY: Refusal = {
  reason: 'unavailable',
  detail: 'a function of the application, in .from() or the option token, threw or rejected',
};

function isPromise(read: Awaitable<IdRead>): boolean {
  return read instanceof Promise;
}

/** The whole data path: `authorize(request, requirement)` answers every foreseeable case with a Decision. */
export class Authorizer {
  readonly #compiled = new WeakMap<Requirement, Compiled>();
  readonly #listeners = new Set<(event: DecisionEvent) => void>();

  constructor(private readonly parts: AuthorizerParts) {}

  /** Decides one request. Synchronous when the caller's memberships are remembered and no fact about the resource is missing. */
  authorize(
    request: RequestLike,
    requirement: Requirement,
    fromClass: ReadFromClass = NO_CLASSES,
  ): Awaitable<Decision> {
    const compiled = this.prepare(requirement);
    const credential = this.#credentialOf(request);
    if (credential === THREW) return this.refuse(THREW_AWAY, requirement);
    if (credential === undefined) return this.refuse({ reason: 'token_missing' }, requirement);
    const answer = compiled.fresh ? undefined : this.parts.answers.warm(credential);
    if (answer) return this.#answerWith(answer, request, requirement, compiled, fromClass);
    return this.parts.answers
      .resolve(credential, compiled.fresh)
      .then((resolved) =>
        isRefusal(resolved)
          ? this.refuse(resolved, requirement)
          : this.#answerWith(resolved, request, requirement, compiled, fromClass),
      );
  }

  /**
   * The same for the caller of a request, or a bare user id where memberships are read as the service user.
   *
   * @throws ZitadelRequirementError when the requirement reads something of a request, or nobody can be asked about the caller
   */
  async decideFor(who: Caller | string, requirement: Requirement): Promise<Decision> {
    const compiled = this.prepare(requirement);
    if (compiled.sources.some((source) => source.from !== 'literal')) {
      throw new ZitadelRequirementError(
        "outside a request only literal ids can be asked about: write org('...') instead of org.param('...')",
      );
    }
    const answer = await this.answerFor(who, compiled.fresh);
    return isRefusal(answer)
      ? this.refuse(answer, requirement)
      : this.#answerWith(answer, NOTHING, requirement, compiled, NO_CLASSES);
  }

  /** What is known about a caller, or about a bare user id. @throws as `decideFor`, and ZitadelArgumentError on what is no user id */
  answerFor(who: Caller | string, fresh = false): Promise<Answer | Refusal> {
    const known = typeof who === 'string' ? undefined : this.parts.answers.ofCaller(who, fresh);
    if (known) return known;
    if (this.parts.readsAs === 'caller') {
      throw new ZitadelRequirementError(
        "memberships are read with the caller's own token: pass the Caller of the request as it was given to you, or set the option memberships to { as: 'serviceUser' }",
      );
    }
    const userId = typeof who === 'string' ? who : who.userId;
    if (checkId(userId, this.parts.idPattern) !== userId) {
      throw new ZitadelArgumentError('who', 'who is no user id by the option idPattern');
    }
    return this.parts.answers.ofUser(userId, fresh);
  }

  /** Prepares a requirement once. @throws ZitadelRequirementError when it cannot be checked */
  prepare(requirement: Requirement): Compiled {
    const known = this.#compiled.get(requirement);
    if (known) return known;
    const compiled = compile(requirement, this.parts.hierarchy, this.parts.idPattern);
    this.#compiled.set(requirement, compiled);
    return compiled;
  }

  /** A "no" that a door or the path came to, told and logged like any other. */
  refuse(refusal: Refusal, requirement?: Requirement, answer?: Answer): Denied {
    const denied: Denied = {
      allowed: false,
      ...refusal,
      ...(answer && { caller: answer.caller, read: answer.read }),
    };
    this.#log(denied, requirement);
    this.#tell(denied, requirement);
    return denied;
  }

  /** Hears every decision. A listener that throws changes nothing. Returns the function that ends it. */
  onDecision(listener: (event: DecisionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Forgets what is remembered about a user, with all of the user's tokens, here and in the shared store. */
  evict(userId: string): Promise<void> {
    return this.parts.answers.evict(userId);
  }

  /** Forgets everybody, here and in the shared store. */
  evictAll(): Promise<void> {
    return this.parts.answers.evictAll();
  }

  #credentialOf(request: RequestLike): string | undefined | typeof THREW {
    if (!this.parts.token) return authorizationHeader(request);
    try {
      const given: unknown = this.parts.token(request);
      return given === undefined || typeof given === 'string' ? given : '';
    } catch {
      return THREW;
    }
  }

  #answerWith(
    answer: Answer,
    request: RequestLike,
    requirement: Requirement,
    compiled: Compiled,
    fromClass: ReadFromClass,
  ): Awaitable<Decision> {
    const reads = compiled.sources.map((source) =>
      readId(source, request, this.parts.idPattern, fromClass),
    );
    if (!reads.some(isPromise)) {
      return this.#decideOver(answer, requirement, compiled, reads as readonly IdRead[]);
    }
    return within(
      Promise.all(reads.map(async (read) => read)),
      this.parts.budgetMs,
      undefined,
    ).then((settled) =>
      settled
        ? this.#decideOver(answer, requirement, compiled, settled)
        : this.refuse(
            { reason: 'unavailable', detail: 'a function given to .from() did not answer in time' },
            requirement,
            answer,
          ),
    );
  }

  #decideOver(
    answer: Answer,
    requirement: Requirement,
    compiled: Compiled,
    reads: readonly IdRead[],
  ): Awaitable<Decision> {
    if (reads.includes(THREW)) return this.refuse(THREW_AWAY, requirement, answer);
    if (reads.includes(INVALID)) {
      return this.refuse({ reason: 'resource_invalid' }, requirement, answer);
    }
    const missing = reads.includes(undefined);
    const ids = reads as readonly (string | undefined)[];
    const found = nothingFound();
    const verdict = decide(compiled, ids, answer.index, this.parts.lookups.facts, found);
    if (verdict === 'yes') return this.#allow(answer, requirement, found);
    if (verdict === 'no') return this.#deny(answer, requirement, missing);
    return this.#askAndDecide(answer, requirement, compiled, ids, found.needs, missing);
  }

  async #askAndDecide(
    answer: Answer,
    requirement: Requirement,
    compiled: Compiled,
    ids: readonly (string | undefined)[],
    needs: readonly Need[],
    missing: boolean,
  ): Promise<Decision> {
    const { lookups, answers, budgetMs } = this.parts;
    const token = answers.tokenOf(answer.caller) ?? '';
    const asking = lookups.ask(needs, answer.caller.userId, token);
    const asked = await within<Facts | Refusal, Refusal>(asking, budgetMs, {
      reason: 'unavailable',
      detail: 'ZITADEL did not say in time who owns the resource',
    });
    if (isRefusal(asked)) return this.refuse(asked, requirement, answer);
    const found = nothingFound();
    const verdict = decide(compiled, ids, answer.index, asked, found);
    return verdict === 'yes'
      ? this.#allow(answer, requirement, found)
      : this.#deny(answer, requirement, missing);
  }

  #allow({ caller, read }: Answer, requirement: Requirement, found: Found): Decision {
    const decision: Decision = {
      allowed: true,
      caller,
      by: found.by,
      checked: found.checked,
      read,
    };
    this.#tell(decision, requirement);
    return decision;
  }

  #deny(answer: Answer, requirement: Requirement, missing: boolean): Denied {
    return this.refuse(
      { reason: missing ? 'resource_missing' : 'role_missing' },
      requirement,
      answer,
    );
  }

  #tell(decision: Decision, requirement: Requirement | undefined): void {
    if (this.#listeners.size === 0) return;
    const event: DecisionEvent = Object.freeze({ at: Date.now(), requirement, decision });
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        // Whoever listens must not become part of the decision.
      }
    }
  }

  #log(denied: Denied, requirement: Requirement | undefined): void {
    const { reason, detail, remedy } = denied;
    const why = [detail, remedy].filter(Boolean).join(': ');
    if (reason === 'misconfigured') this.parts.log.error(`${reason}: ${why}`);
    else if (why || reason === 'unavailable') this.parts.log.warn(`${reason}: ${why}`);
    else if (denied.caller && requirement) {
      this.parts.log.debug(
        `${reason}: user ${denied.caller.userId} on ${requirementText(requirement)}`,
      );
    }
  }
}
