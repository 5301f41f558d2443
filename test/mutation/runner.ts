// Runs each test as it is, and again with each change on that it reaches and that no test has noticed so far.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { env } from 'node:process';
import { type RunnerTask, type RunnerTestCase, TestRunner } from 'vitest';
import type { Note } from './notes.js';

const NOTES = env['MUTATION_NOTES'] ?? '';
/** The one change that is on from the beginning: some are read while the sources are loaded. */
const ONLY = Number(env['MUTATION_ONLY'] ?? '-1');
const SLOWEST_MS = Number(env['MUTATION_SLOWEST_MS'] ?? 'Infinity');
/** What runs so much oftener than without a change goes round for ever. */
const FOR_EVER = { times: 100, more: 100_000 };

let on = ONLY;
/** How often each change was reached: a test of all cases reaches some a million times. */
const hits = new Uint32Array(2 ** 16);
let isLooking = true;
let left = Infinity;

Object.assign(globalThis, {
  $mutant(number: number): boolean {
    if (isLooking) hits[number] = (hits[number] ?? 0) + 1;
    if (number !== on) return false;
    left -= 1;
    if (left < 0) throw new Error('goes round for ever');
    return true;
  },
});

const NOTICED = new Error('noticed');
const note = (what: Note): void => appendFileSync(NOTES, `${JSON.stringify(what)}\n`);

const reached = (): number[] => [...hits.keys()].filter((number) => hits[number] !== 0);

function noticed(): ReadonlySet<number> {
  const lines = existsSync(NOTES) ? readFileSync(NOTES, 'utf8').split('\n') : [];
  const notes = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Note);
  return new Set(notes.flatMap((each) => ('killed' in each ? each.killed : [])));
}

/** A runner of vitest, which has to be the default export. */
export default class MutationRunner extends TestRunner {
  #queue: readonly number[] = [];
  #began = 0;
  #killed: number[] = [];

  onCollected(): void {
    if (ONLY < 0) note({ loaded: reached() });
  }

  override async onBeforeRunTask(test: RunnerTask): Promise<void> {
    await super.onBeforeRunTask(test);
    if (ONLY >= 0 || test.type !== 'test') return;
    // As often as there are changes: how many, its first run tells.
    test.retry = 1_000_000;
    this.#killed = [];
  }

  override onBeforeTryTask(test: RunnerTask, { retry }: { retry: number } = { retry: 0 }): void {
    super.onBeforeTryTask(test);
    if (ONLY >= 0) return;
    isLooking = retry === 0;
    if (isLooking) hits.fill(0);
    on = isLooking ? -1 : (this.#queue[retry - 1] ?? -1);
    left = (hits[on] ?? 0) * FOR_EVER.times + FOR_EVER.more;
    this.#began = performance.now();
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    const isOn = on >= 0;
    try {
      await TestRunner.getTestFn(test)();
    } catch (error) {
      // What exactly is wrong nobody reads, and to print it takes long.
      throw isOn ? NOTICED : error;
    }
  }

  onAfterRetryTask(test: RunnerTestCase, { retry }: { retry: number }): void {
    if (ONLY >= 0 || !test.result) return;
    const hasFailed = test.result.state !== 'pass';
    on = -1;
    if (retry === 0) {
      const isFast = performance.now() - this.#began <= SLOWEST_MS;
      const known = noticed();
      const all = reached();
      note({ reached: all });
      this.#queue = isFast && !hasFailed ? all.filter((number) => !known.has(number)) : [];
    } else if (retry <= this.#queue.length) {
      if (hasFailed) this.#killed.push(this.#queue[retry - 1] ?? -1);
    }
    const isLast = this.#queue.length === 0 || retry > this.#queue.length;
    if (isLast) {
      // A test that fails without a change has noticed nothing, whatever it said before.
      if (hasFailed) note({ failed: test.name });
      else if (this.#killed.length > 0) note({ killed: this.#killed });
    }
    // Passed, it is over; with an error it is tried again.
    test.result.state = isLast ? 'pass' : 'run';
    test.result.errors = isLast ? [] : [{ name: 'again', message: '' }];
  }
}
