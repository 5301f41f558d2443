import { isRefusal, type Refusal } from '../core/decision.js';
import { SingleFlight, within } from '../core/memory/flight.js';
import { quietly, type ZitadelLogger } from '../core/tell.js';
import { isDone, isTrouble, type Reply } from './reply.js';

/** The two generations of ZITADEL's APIs: v1 over REST, v2 over connect. */
export type Generation = 'v1' | 'v2';

/** What asking one generation brought. `served`: whether the server has it. Undefined if the reply did not show it. */
export interface Tried<T> {
  readonly served: boolean | undefined;
  readonly value: T;
}

/** v1 comes first: it takes fewer calls, and has ids of grants. Only there are effective permissions and events. */
const ORDER: readonly Generation[] = ['v1', 'v2'];
/** The call that finds out may be about a user with a very long list: the others wait no longer than this. */
const LONGEST_WAIT_MS = 1_000;
/** Shortly after v1 was served, it may be back in a moment. Each look in vain makes the next one come later. */
const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 60_000;

/**
 * Which generation of its API a server has for one family of calls. With 'auto' the first call finds out, and the result is remembered.
 * Servers are upgraded while we run: a reply "not served" sends the call to the other generation. Now and then one call looks for v1
 * again, since the reply may have been a stray one, or the upgrade may be undone. Set to one generation, it never changes.
 */
export class ApiGeneration {
  #served: Generation | undefined;
  readonly #finding = new SingleFlight<unknown>();
  /** While v2 is used. */
  #look = { at: Infinity, afterMs: LONGEST_LOOK_MS };

  constructor(
    private readonly what: 'memberships' | 'project grants',
    private readonly setting: 'auto' | Generation,
    private readonly log: ZitadelLogger,
  ) {}

  /** The generation that is asked now. Undefined: it is not known yet. */
  get current(): Generation | undefined {
    return this.setting === 'auto' ? this.#served : this.setting;
  }

  /** Whether either generation may be asked. */
  get isOpen(): boolean {
    return this.setting === 'auto';
  }

  /** Asks by the generation that is served. If neither is, the first reply is returned. */
  async ask<T>(task: (generation: Generation) => Promise<Tried<T>>): Promise<T> {
    if (this.setting !== 'auto') return (await task(this.setting)).value;
    const found = this.#found();
    if (found) await found;
    const first = this.#served;
    if (first === undefined && !this.#finding.underWay()) {
      return this.#finding.start(() => this.#find(ORDER, task, []));
    }
    if (first === 'v2' && this.#look.at <= performance.now()) {
      this.#lookLater(Math.min(this.#look.afterMs * 2, LONGEST_LOOK_MS));
      const { served, value } = await task('v1');
      if (served === true) this.#remember('v1');
      if (served !== false) return value;
    }
    const asked = this.#served ?? 'v1';
    const { served, value } = await task(asked);
    if (served !== false) return value;
    const foundSince = this.#found();
    if (foundSince) await foundSince;
    if (this.#served !== undefined && this.#served !== asked) {
      return (await task(this.#served)).value;
    }
    const others = ORDER.filter((generation) => generation !== asked);
    return this.#finding.start(() => this.#find(others, task, [value]));
  }

  async #find<T>(
    order: readonly Generation[],
    task: (generation: Generation) => Promise<Tried<T>>,
    values: T[],
  ): Promise<T> {
    for (const generation of order) {
      const { served, value } = await task(generation);
      if (served === true) this.#remember(generation);
      if (served !== false) return value;
      values.push(value);
    }
    return values[0] as T;
  }

  /** Resolves with the call that is finding out, or after a moment. Undefined if no call is finding out. */
  #found(): Promise<unknown> | undefined {
    // Its result, or its error, belongs to the one who asked.
    const finding = this.#finding.underWay()?.catch(() => undefined);
    return finding && within(finding, LONGEST_WAIT_MS, undefined);
  }

  #remember(generation: Generation): void {
    const before = this.#served;
    if (before === generation) return;
    this.#served = generation;
    this.#lookLater(before === 'v1' ? FIRST_LOOK_MS : LONGEST_LOOK_MS);
    // A logger that fails must not fail the call.
    quietly(() => {
      const of = `ZITADEL ${this.what}:`;
      if (before === undefined) this.log.log(`${of} API ${generation} is used`);
      else if (generation === 'v1') this.log.log(`${of} API v1 is served again, and used`);
      else this.log.warn(`${of} API v1 is not served any more, API v2 is used`);
    });
  }

  #lookLater(afterMs: number): void {
    this.#look = { at: performance.now() + afterMs, afterMs };
  }
}

/** Whether a reply shows that its API is served (true), or not served (false). A failure shows neither. */
export function servedBy(reply: Reply | Refusal): boolean | undefined {
  if (isRefusal(reply) || isTrouble(reply)) return undefined;
  if (isDone(reply)) return true;
  if (reply.says === 'notServed') return false;
  return reply.id === undefined ? undefined : true;
}
