import { setTimeout as sleep } from 'node:timers/promises';
import type { Library } from './data-path.js';
import type { MonotonicClock } from './clock.js';
import { endpointOf, type FaultServer } from './fault-server.js';
import {
  BUDGET_MS,
  libraryFor,
  Line,
  type Outcome,
  type Subject,
  type World,
} from './fault-subjects.js';
import type { Fault, Variant } from './faults-list.js';
import type { Places } from './unreachable.js';

/** What is remembered of the endpoint when the fault comes: nothing, an answer that still counts, or one that does not any more. */
export const STATES = ['nothing', 'fresh', 'expired'] as const;
export type State = (typeof STATES)[number];

/** One question while one thing is wrong. */
export interface Case {
  readonly fault: Fault;
  readonly variant: Variant;
  readonly subject: Subject;
  readonly state: State;
}

export interface Result {
  readonly outcome: Outcome;
  readonly ms: number;
  /** How many calls met the fault. */
  readonly hits: number;
  /** The same question when all is well again. */
  readonly afterwards: Outcome;
}

const HOUR_MS = 3_600_000;
/** Longer than anything is remembered: tokens of the service user live for twelve hours. */
const EXPIRED_MS = 13 * HOUR_MS;

interface Opened {
  readonly line: Line;
  readonly library: Library;
}

/** Brings libraries into a state, lets faults strike, and asks. */
export class Bench {
  #lines = 0;

  constructor(
    private readonly clock: MonotonicClock,
    private readonly world: World,
    private readonly server: FaultServer,
    private readonly places: Places,
  ) {}

  /** Several at once, each with a library of its own; all of one state, since there is one clock. */
  async run(cases: readonly Case[]): Promise<readonly Result[]> {
    const opened = await Promise.all(cases.map((each) => this.#open(each)));
    if (cases.some(({ state }) => state === 'expired')) this.clock.advance(EXPIRED_MS);
    const asked = await Promise.all(
      cases.map((each, at) => this.#strike(each, opened[at] as Opened)),
    );
    for (const { line } of opened) this.#heal(line);
    // Past every pause that the library makes after a failure.
    this.clock.advance(HOUR_MS);
    return Promise.all(
      cases.map(async ({ subject }, at) => ({
        ...(asked[at] as Omit<Result, 'afterwards'>),
        afterwards: await this.#askAfterwards(subject, (opened[at] as Opened).library),
      })),
    );
  }

  /** The other address is really asked, and believed where it is right: else none of the strikes would prove anything. */
  async check(subjects: readonly Subject[]): Promise<void> {
    const variant = { name: 'control', place: 'trusted' } as const;
    const fault = { id: 'U00', text: 'none', variants: () => [variant] } as const;
    for (const subject of subjects) {
      await insist(subject, async () => {
        const [result] = await this.run([{ fault, variant, subject, state: 'nothing' }]);
        if (!result || result.hits === 0) return 'the other address was not asked';
        return result.outcome.allowed ? result : result.outcome.reason;
      });
    }
  }

  #open({ subject, state }: Case): Promise<Opened> {
    return insist(subject, async () => {
      const line = new Line(`line-${(this.#lines += 1)}`);
      const library = libraryFor(subject, this.world, this.server, line);
      if (state === 'nothing') return { line, library };
      const { allowed, reason } = await subject.ask(library, this.world, false);
      return allowed ? { line, library } : reason;
    });
  }

  async #strike(
    { subject, state, variant }: Case,
    { line, library }: Opened,
  ): Promise<Omit<Result, 'afterwards'>> {
    const { endpoint } = subject;
    line.strike(endpoint, variant.place && this.places.at[variant.place]);
    this.server.strike(line.name, ({ path }) =>
      endpointOf(path) === endpoint ? variant.strike : undefined,
    );
    const since = this.clock.real();
    const second = state === 'fresh' && subject.second === true;
    const outcome = await subject.ask(library, this.world, second);
    return { outcome, ms: this.clock.real() - since, hits: line.hits };
  }

  async #askAfterwards(subject: Subject, library: Library): Promise<Outcome> {
    const outcome = await subject.ask(library, this.world, false);
    if (outcome.allowed) return outcome;
    // It may have joined a call that left while all was wrong; within a budget that one is over.
    await sleep(BUDGET_MS);
    this.clock.advance(HOUR_MS);
    return subject.ask(library, this.world, false);
  }

  #heal(line: Line): void {
    line.heal();
    this.server.heal(line.name);
  }
}

/** On a busy machine a call now and then is late without any fault. A text says why it is to be tried again. */
async function insist<T extends object>(
  { name }: Subject,
  attempt: () => Promise<T | string>,
): Promise<T> {
  let why = '';
  for (let tries = 0; tries < 10; tries += 1) {
    const done = await attempt();
    if (typeof done !== 'string') return done;
    why = done;
    await sleep(tries * 100);
  }
  throw new Error(`${name}: ${why}, where nothing is wrong`);
}
