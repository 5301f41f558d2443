import { setTimeout as wait } from 'node:timers/promises';
import type { Call, RealApi } from './real-api.js';
import { isGone, NothingChanged, NotOurs, type RealBounds } from './real-bounds.js';

/** How often at least something is looked for. */
const LOOKS = 3;

/** Something that was made, and how it is taken away again. */
interface Step {
  readonly what: string;
  /** Undefined while it is not known whether it was made; a function where that is seen only at the end. */
  call: Call | (() => Promise<Call | undefined>) | undefined;
  doubt?: string;
}

/** What was made on a server, to be taken away again in the opposite order. */
export class Undo {
  #steps: Step[] = [];
  readonly #open = new Set<Promise<unknown>>();

  /** @param patienceMs how long a server that is away for a moment is waited for in all */
  constructor(private readonly patienceMs: number) {}

  add(what: string, call: Call | (() => Promise<Call | undefined>)): void {
    this.#steps.push({ what, call });
  }

  /** It is taken away already. */
  drop(what: string): void {
    this.#steps = this.#steps.filter((step) => step.what !== what);
  }

  /** Makes something. It is noted before that, since it may be made and the answer lost. */
  making(what: string, make: () => Promise<string>, callOf: (id: string) => Call): Promise<string> {
    const step: Step = { what, call: undefined };
    this.#steps.push(step);
    const work = make().then(
      (id) => {
        step.call = callOf(id);
        return id;
      },
      (error: unknown) => {
        if (error instanceof NothingChanged) this.#steps = this.#steps.filter((s) => s !== step);
        else step.doubt = String(error);
        throw error;
      },
    );
    this.#open.add(work.catch(() => undefined));
    return work;
  }

  /**
   * Puts back what was changed, then removes what was made; nothing at all unless the server shows of everything
   * that it is ours.
   *
   * @throws when something is left, naming all of it
   */
  async run(api: RealApi, bounds: RealBounds): Promise<void> {
    await Promise.all(this.#open);
    const steps = this.#steps.reverse();
    this.#steps = [];
    const limit = performance.now() + this.patienceMs;
    const left = new Map(steps.map((step) => [step, '']));
    const take = async (step: Step) => {
      const trouble = await attempt(api, bounds, step, limit);
      if (trouble === undefined) left.delete(step);
      else left.set(step, `: ${trouble}`);
    };
    const changed = steps.filter(({ call }) => typeof call === 'function');
    const made = steps.filter(({ call }) => typeof call !== 'function');
    for (const step of changed) await take(step);
    const before = left.size;
    try {
      bounds.checkObedience();
      for (const { call } of made) await proven(bounds, call);
      for (const step of made) await take(step);
    } catch (error) {
      if (!(error instanceof NotOurs)) throw error;
      const nothing = left.size === before ? 'Nothing was removed' : 'Nothing more was removed';
      throw new Error(`${error.message}. ${nothing}, and ${leftBehind(left)}`);
    }
    if (left.size > 0) throw new Error(leftBehind(left));
  }
}

function leftBehind(left: ReadonlyMap<Step, string>): string {
  const lines = [...left].map(([{ what }, trouble]) => `${what}${trouble}`);
  return ['left behind on the server:', ...lines].join('\n  ');
}

/** Silence is no proof against it: each removal asks again. @throws NotOurs */
async function proven(bounds: RealBounds, call: Step['call']): Promise<void> {
  if (call === undefined || typeof call === 'function') return;
  await bounds.check(call).catch((error: unknown) => {
    if (error instanceof NotOurs) throw error;
  });
}

/** Tries until `limit`, since what is left behind stays for ever; at least a few times, and in vain only once. */
async function attempt(
  api: RealApi,
  bounds: RealBounds,
  step: Step,
  limit: number,
): Promise<string | undefined> {
  for (let tried = 1, waitMs = 50; ; tried++, waitMs = Math.min(2_000, waitMs * 2)) {
    const result = await once(api, bounds, step).catch((error: unknown) => {
      if (error instanceof NotOurs) throw error;
      return { trouble: String(error), passing: true };
    });
    if (result === 'done') return undefined;
    // What was made a moment ago may not be seen yet.
    if (result === 'gone' && tried >= LOOKS) return undefined;
    if (result !== 'gone' && (!result.passing || (tried >= LOOKS && performance.now() > limit))) {
      return result.trouble;
    }
    await wait(waitMs);
  }
}

type Result = 'done' | 'gone' | { readonly trouble: string; readonly passing: boolean };

async function once(api: RealApi, bounds: RealBounds, step: Step): Promise<Result> {
  if (step.call === undefined) {
    return { trouble: `perhaps, since its answer was lost: ${step.doubt ?? ''}`, passing: false };
  }
  const putBack = typeof step.call === 'function';
  const call = typeof step.call === 'function' ? await step.call() : step.call;
  if (call === undefined) return 'gone';
  // What is put back is of the instance, whatever a server makes of headers.
  if (!putBack && (await bounds.check(call)) === 'gone') return 'gone';
  const answer = await api.ask(call);
  if (answer.status < 300 || isGone(answer)) return 'done';
  const passing = answer.status >= 500 || [408, 429].includes(answer.status);
  return { trouble: `${String(answer.status)} ${answer.text.slice(0, 200)}`, passing };
}
