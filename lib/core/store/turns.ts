import { has } from '../own-properties.js';
import { quietly } from '../tell.js';
import { inTime, patienceNow, patienceUntil } from './patience.js';
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
const LOOK_EVERY_MS = 20;
/** How long a look may take. */
const LOOK_MS = 20;
/** If it took longer to find out whose turn it is, looking as well would cost too much where the store fails. */
const QUICK_MS = 30;

const UNKNOWN = { turn: 'unknown' } as const;

/** What one process does in its turn, and the others wait for. */
export interface Work<T> {
  /** Unique in the fleet. */
  readonly name: string;
  /** Looks for what another process has left. `until`: how long this may take, by the clock of patience. */
  readonly look: (until: number) => Promise<T | undefined | typeof FAILED>;
  /** `endTurn`: the others find what they look for. `until`: how long the store is waited for. `hasLooked`: a look has just found nothing. */
  readonly ask: (endTurn: () => void, until: number, hasLooked: boolean) => Promise<T>;
}

/**
 * One process asks, and the others look for what it leaves. If it leaves nothing, one of them has the next turn. Who has waited for 250 ms asks
 * as well: at once if the store fails meanwhile. `until`: how long the turn itself is waited for, by the clock of patience.
 */
export async function inTurn<T>(
  turns: Turns | undefined,
  work: Work<T>,
  until: number,
): Promise<T> {
  if (!turns) return askIn('unknown', work, until);
  const turn = await take(turns, work.name, until);
  if (turn !== 'taken') return askIn(turn, work, until);
  const isQuick = until - patienceNow() > DEADLINE_MS - QUICK_MS;
  const waited = isQuick ? await waitWhileTaken(turns, work) : UNKNOWN;
  if (has(waited, 'found')) return waited.found;
  const isOurs = waited.turn !== 'unknown';
  return askIn(waited.turn, work, isOurs ? patienceNow() + DEADLINE_MS : until);
}

async function askIn<T>(turn: Turn | 'unknown', { look, ask }: Work<T>, until: number): Promise<T> {
  if (turn === 'unknown') return ask(() => undefined, until, false);
  const endTurn = () => {
    quietly(() => turn.end());
  };
  try {
    // Somebody may have had the turn just before.
    const found = await look(until);
    if (found === undefined || found === FAILED) {
      return await ask(endTurn, until, found === undefined);
    }
    endTurn();
    return found;
  } catch (error) {
    endTurn();
    throw error;
  }
}

/** A turn that comes too late is nobody's: it ends at once. */
async function take(
  turns: Turns,
  name: string,
  until: number,
): Promise<Turn | 'taken' | 'unknown'> {
  let isLate = false;
  const taking = async (): Promise<Turn | 'taken' | 'unknown'> => {
    try {
      const turn = await turns.take(name, TURN_MS);
      if (isLate && typeof turn !== 'string') quietly(() => turn.end());
      return turn;
    } catch {
      return 'unknown';
    }
  };
  const turn = await inTime(taking(), until, 'unknown' as const);
  isLate = true;
  return turn;
}

/** What the one that has the turn leaves, or the turn after it. */
async function waitWhileTaken<T>(
  turns: Turns,
  { name, look }: Work<T>,
): Promise<{ found: T } | { turn: Turn | 'unknown' }> {
  const until = patienceNow() + WAIT_MS;
  while (patienceNow() < until) {
    await patienceUntil(patienceNow() + LOOK_EVERY_MS);
    const lookUntil = Math.min(until, patienceNow() + LOOK_MS);
    const found = await look(lookUntil);
    if (found === FAILED) break;
    if (found !== undefined) return { found };
    const turn = await take(turns, name, lookUntil);
    if (turn !== 'taken') return { turn };
  }
  return UNKNOWN;
}

const MOST = 6;
const HOLD_MS = 250;

/**
 * Those who are about to ask the shared store for what others may be asking for as well. With all of them at once, none would get its reply in
 * time, and what one asks ZITADEL for would come too late for the others. So six go at a time, and each makes room after 250 ms. If the
 * store fails, nobody lines up for it, and those who do leave.
 */
export class StoreQueue {
  readonly #waiting = new Set<(hasPlace: boolean) => void>();
  #going = 0;
  #isFailing = false;

  async join<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isFailing) return work();
    if (this.#going < MOST) this.#going += 1;
    else if (!(await this.#called())) return work();
    let mayGo = true;
    const makeRoom = () => {
      if (mayGo) this.#callNext();
      mayGo = false;
    };
    const hold = setTimeout(makeRoom, HOLD_MS);
    try {
      return await work();
    } finally {
      clearTimeout(hold);
      makeRoom();
    }
  }

  /** How the store does. If it fails, all who wait may go: a store that has only paused has replies for them. */
  settle(isFailing: boolean): void {
    this.#isFailing = isFailing;
    if (!isFailing) return;
    for (const call of this.#waiting) call(false);
    this.#waiting.clear();
  }

  #called(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
    });
  }

  #callNext(): void {
    const [call] = this.#waiting;
    if (!call) this.#going -= 1;
    else {
      this.#waiting.delete(call);
      call(true);
    }
  }
}
