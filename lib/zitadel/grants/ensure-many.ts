import { ZitadelArgumentError } from '../../core/errors.js';
import { isRecord } from '../reading.js';
import { ZitadelUnavailableError } from '../refusals.js';
import type { EnsuredGrant, WantedGrant } from './ensure.js';

/** How `ensureMany` goes about it. */
export interface EnsureManyOptions {
  /** How many grants are under way at once, from 1 to 8. @default 4 */
  readonly concurrency?: number;
}

/** How far `ensureMany` has come: one more of its grants is over. */
export interface GrantProgress {
  /** The grant, as it was given. */
  readonly wanted: WantedGrant;
  /** What was done. Missing if it failed. */
  readonly ensured?: EnsuredGrant;
  /** Why it failed: what `ensure` throws. The other grants go on. */
  readonly error?: unknown;
  /** How many grants are over, this one included. */
  readonly done: number;
  /** How many grants there are. */
  readonly total: number;
}

const DEFAULT_CONCURRENCY = 4;
/** So many calls of one user leave at once. More would wait for one another until their time is over. */
const MOST_AT_ONCE = 8;
/** So many grants in a row without a usable reply are an outage. Fewer may be trouble with these grants alone. */
const LOST_BEFORE_OUTAGE = 3;

/** The list of grants, as it is now, and how many of them may be under way at once. */
export function requireMany(
  wanted: readonly WantedGrant[],
  { concurrency = DEFAULT_CONCURRENCY }: EnsureManyOptions,
): { readonly list: readonly WantedGrant[]; readonly concurrency: number } {
  if (!Array.isArray(wanted) || wanted.some((each) => !isRecord(each))) {
    throw new ZitadelArgumentError('wanted', 'wanted must be a list of grants');
  }
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_AT_ONCE) {
    throw new ZitadelArgumentError(
      'concurrency',
      `concurrency must be a whole number from 1 to ${MOST_AT_ONCE}`,
    );
  }
  return { list: [...wanted], concurrency };
}

type End = Pick<GrantProgress, 'wanted' | 'ensured' | 'error'> & { readonly at: number };

/**
 * Ensures the grants of a list, some at once. A grant begins when somebody asks for the next progress. If nobody does any more, no other begins.
 * Two grants with the same ends wait for each other, also if they are in two lists: `turns` has the last turn of each.
 */
export async function* ensureEach(
  { list, concurrency }: ReturnType<typeof requireMany>,
  ensure: (wanted: WantedGrant) => Promise<EnsuredGrant>,
  turns: Map<string, Promise<unknown>>,
): AsyncGenerator<GrantProgress, void, undefined> {
  let stopped = false;
  let lostInARow = 0;
  let outage: ZitadelUnavailableError | undefined;

  const attempt = async (wanted: WantedGrant, at: number): Promise<End> => {
    if (stopped || outage) return { wanted, at, error: outage };
    try {
      const ensured = await ensure(wanted);
      lostInARow = 0;
      outage = undefined;
      return { wanted, at, ensured };
    } catch (error) {
      const isLost = error instanceof ZitadelUnavailableError;
      lostInARow = isLost ? lostInARow + 1 : 0;
      outage = isLost && lostInARow >= LOST_BEFORE_OUTAGE ? error : undefined;
      return { wanted, at, error };
    }
  };
  const begin = async (wanted: WantedGrant, at: number): Promise<End> => {
    const ends = `${wanted.projectId} ${wanted.grantedOrgId}`;
    const before = turns.get(ends) ?? Promise.resolve();
    const turn = before.then(() => attempt(wanted, at));
    turns.set(ends, turn);
    const end = await turn;
    if (turns.get(ends) === turn) turns.delete(ends);
    return end;
  };

  const underWay = new Map<number, Promise<End>>();
  const left = list.entries();
  try {
    for (let done = 1; done <= list.length; done += 1) {
      while (underWay.size < concurrency) {
        const next = left.next();
        if (next.done) break;
        const [at, wanted] = next.value;
        underWay.set(at, begin(wanted, at));
      }
      const { at, ...end } = await Promise.race(underWay.values());
      underWay.delete(at);
      yield { ...end, done, total: list.length };
    }
  } finally {
    stopped = true;
  }
}
