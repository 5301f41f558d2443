import { within } from '../core/deadline.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import type { ZitadelLogger } from '../core/log.js';
import { quietly } from '../core/quietly.js';
import { errorIdOf } from './error-id.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';
import { isRecord } from './shape.js';

/** The two generations of ZITADEL's APIs: v1 over REST, v2 over connect. */
export type Generation = 'v1' | 'v2';

/** What asking one generation brought. `served`: whether the server has it; undefined where that did not show. */
export interface Tried<T> {
  readonly served: boolean | undefined;
  readonly value: T;
}

/** v1 first: fewer calls, ids of grants; effective permissions and events exist there alone. */
const ORDER: readonly Generation[] = ['v1', 'v2'];
/** Whoever finds out may be about a user with a very long list; the others do not wait for that. */
const LONGEST_WAIT_MS = 1_000;

/**
 * Which generation a server has for one family of calls. With 'auto' the first call finds out by being made, what answered is remembered,
 * and an answer "not served" sends the call to the other generation, since servers are upgraded while we run. Set to one, it stays.
 */
export class ApiGeneration {
  #served: Generation | undefined;
  #finding: Promise<void> | undefined;

  constructor(
    private readonly what: 'memberships' | 'project grants',
    private readonly setting: 'auto' | Generation,
    private readonly log: ZitadelLogger,
  ) {}

  /** Asks by the generation that is served. Where none is, the first answer comes back. */
  async ask<T>(task: (generation: Generation) => Promise<Tried<T>>): Promise<T> {
    if (this.setting !== 'auto') return (await task(this.setting)).value;
    if (this.#finding) await within(this.#finding, LONGEST_WAIT_MS, undefined);
    const first = this.#served;
    if (first === undefined && !this.#finding) return this.#find(ORDER, task, []);
    const asked = first ?? 'v1';
    const { served, value } = await task(asked);
    if (served !== false) return value;
    if (this.#finding) await within(this.#finding, LONGEST_WAIT_MS, undefined);
    if (this.#served !== undefined && this.#served !== asked) {
      return (await task(this.#served)).value;
    }
    const others = ORDER.filter((generation) => generation !== asked);
    return this.#find(others, task, [value]);
  }

  async #find<T>(
    order: readonly Generation[],
    task: (generation: Generation) => Promise<Tried<T>>,
    values: T[],
  ): Promise<T> {
    let found = () => {};
    const finding = new Promise<void>((resolve) => {
      found = resolve;
    });
    this.#finding = finding;
    try {
      for (const generation of order) {
        const { served, value } = await task(generation);
        if (served === true) this.#remember(generation);
        if (served !== false) return value;
        values.push(value);
      }
      return values[0] as T;
    } finally {
      if (this.#finding === finding) this.#finding = undefined;
      found();
    }
  }

  #remember(generation: Generation): void {
    const before = this.#served;
    if (before === generation) return;
    this.#served = generation;
    // A logger that fails must not become an answer.
    quietly(() =>
      before === undefined
        ? this.log.log(`ZITADEL ${this.what}: API ${generation} is used`)
        : this.log.warn(
            `ZITADEL ${this.what}: API ${before} is not served any more, API ${generation} is used`,
          ),
    );
  }
}

/**
 * Whether an answer says that the server does not have this API: an unknown route (404 "Not Found"), an unknown connect method (404 in
 * plain text), or "unimplemented". A host that serves no instance says something else, and so does whatever carries an error id.
 */
export function isNotServed({ status, body }: Answered): boolean {
  if (errorIdOf(body) !== undefined) return false;
  const code = isRecord(body) ? body['code'] : undefined;
  if (status === 404) {
    return body === undefined || (isRecord(body) && body['message'] === 'Not Found');
  }
  return (status === 501 || status === 405) && (code === 12 || code === 'unimplemented');
}

/** Whether a reply shows that its API is served, or that it is not. A failure shows neither. */
export function servedBy(reply: Answered | Trouble | Refusal): boolean | undefined {
  if (isRefusal(reply) || isTrouble(reply)) return undefined;
  if (isNotServed(reply)) return false;
  const isAnswer = reply.status >= 200 && reply.status < 300;
  return isAnswer || errorIdOf(reply.body) !== undefined ? true : undefined;
}
