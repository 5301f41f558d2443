import { quietly } from '../tell.js';
import { inTime, patienceNow } from './patience.js';
import { DEADLINE_MS, FAILED } from './signed-cache.js';

/** One process of the fleet at a time. A turn ends by itself, so that a process that dies keeps nobody waiting. */
export interface Turns {
  /** Takes the turn of this name for `ms` milliseconds. `taken`: another process has it. `unknown`: nobody could say, so go on without. */
  take(name: string, ms: number): Promise<Turn | 'taken' | 'unknown'>;
}

/** A turn that this process has. */
export interface Turn {
  /** Keeps it for `ms` more. False: another process may have it by now. */
  keep(ms: number): Promise<boolean>;
  /** Ends it. Nobody else's turn is ever ended. */
  end(): Promise<void>;
}

/** For how long one process has its turn at most. */
export const TURN_MS = 1_000;
const WAIT_MS = 250;
const LOOK_EVERY_MS = 25;
/** How long a look may take. */
const LOOK_MS = 50;
/** If it took longer to find out whose turn it is, the one that has it stores nothing in time. */
const QUICK_MS = 60;

/** What one process does in its turn, and the others wait for. */
export interface Work<T> {
  /** Unique in the fleet. */
  readonly name: string;
  /** Looks for what another process has left. `until`: how long this may take, by the clock of patience. */
  readonly look: (until: number) => Promise<T | undefined | typeof FAILED>;
  /** `endTurn`: the others find what they look for. */
  readonly ask: (endTurn: () => void) => Promise<T>;
}

/**
 * One process asks, and the others look for what it leaves. They wait for 250 ms, and then ask as well: at once if the store fails meanwhile.
 * `until`: how long the turn itself is waited for, by the clock of patience.
 */
export async function inTurn<T>(
  turns: Turns | undefined,
  { name, look, ask }: Work<T>,
  until: number,
): Promise<T> {
  const turn = turns && (await inTime(take(turns, name), until, 'unknown' as const));
  if (turn === undefined || turn === 'unknown') return ask(() => undefined);
  if (turn === 'taken') {
    const isQuick = until - patienceNow() > DEADLINE_MS - QUICK_MS;
    return (isQuick ? await lookForAWhile(look) : undefined) ?? ask(() => undefined);
  }
  const endTurn = () => {
    quietly(() => turn.end());
  };
  try {
    // Somebody may have had the turn just before.
    const found = await look(until);
    if (found === undefined || found === FAILED) return await ask(endTurn);
    endTurn();
    return found;
  } catch (error) {
    endTurn();
    throw error;
  }
}

async function take(turns: Turns, name: string): Promise<Turn | 'taken' | 'unknown'> {
  try {
    return await turns.take(name, TURN_MS);
  } catch {
    return 'unknown';
  }
}

async function lookForAWhile<T>(look: Work<T>['look']): Promise<T | undefined> {
  const until = patienceNow() + WAIT_MS;
  let isOver = false;
  const looking = async (): Promise<T | undefined> => {
    while (!isOver) {
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_EVERY_MS);
      });
      const found = await look(Math.min(until, patienceNow() + LOOK_MS));
      if (found === FAILED) return undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = await inTime(looking(), until, undefined);
  isOver = true;
  return found;
}
