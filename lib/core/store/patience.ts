const TICK_MS = 2;

let waiting = 0;
let ticks: NodeJS.Timeout | undefined;
let time = 0;
let tickedAt = 0;

/**
 * The clock by which others are waited for. It runs while somebody waits, and stands still while this process itself is too busy to hear a
 * reply: that nothing was heard then says nothing about them.
 */
export function patienceNow(): number {
  return time;
}

/** What comes in time. `until`: on the clock above. What came while this process was busy counts as well: it is read before the second bell. */
export async function inTime<T, L>(promise: Promise<T>, until: number, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  startToWait();
  const bell = new Promise<L>((resolve) => {
    const look = () => {
      if (isOver) return;
      if (until > time) wait();
      else resolve(late);
    };
    const wait = () => {
      timer = setTimeout(() => void setImmediate(look), Math.max(0, until - time));
    };
    wait();
  });
  try {
    return await Promise.race([promise, bell]);
  } finally {
    isOver = true;
    clearTimeout(timer);
    endToWait();
  }
}

/** Resolves when the clock above shows this time. */
export function patienceUntil(until: number): Promise<void> {
  return inTime(new Promise<never>(() => undefined), until, undefined);
}

function startToWait(): void {
  waiting += 1;
  if (ticks) return;
  tickedAt = performance.now();
  ticks = setInterval(tick, TICK_MS);
}

function endToWait(): void {
  waiting -= 1;
  if (waiting > 0) return;
  clearInterval(ticks);
  ticks = undefined;
}

/** A tick that comes late counts twice at most. */
function tick(): void {
  const now = performance.now();
  time += Math.min(Math.max(now - tickedAt, TICK_MS), 2 * TICK_MS);
  tickedAt = now;
}
