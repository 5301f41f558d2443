/** A read that is under way. It is spoiled by an eviction meanwhile: those who wait may use what it brings, but nobody keeps it. */
export interface Flight {
  userId: string | undefined;
  spoiled: boolean;
  /** The key, or the credential, by which others join it. */
  readonly key: string;
  /** What those who joined it wait for. Missing if nobody can join it. */
  reply?: Promise<unknown>;
  /** The users who were evicted while it was not known whose flight this is. */
  evicted?: Set<string>;
  /** Evictions that are about what it brings, which is not known yet. */
  doubts?: Doubt[];
}

/** Whether an eviction is about what a flight brought. */
type Doubt = (brought: never, key: string) => boolean;

/** A flight with more of them is spoiled. */
const MOST_DOUBTS = 100;

/** Whether what a flight brought may be kept. */
export function mayKeep({ spoiled, doubts = [], key }: Flight, brought: object): boolean {
  return !spoiled && !doubts.some((fits) => fits(brought as never, key));
}

/** One read at a time for each key. An eviction spoils the reads that are under way: nobody joins them any more. */
export class Flights<T> {
  readonly #open = new Set<Flight>();
  readonly #reads = new SingleFlight<T, string>();

  /** The read that is under way, unless it left before `notBefore` (monotonic clock), or an eviction spoiled it. */
  underWay(key: string, notBefore: number): Promise<T> | undefined {
    return this.#reads.underWay(key, notBefore);
  }

  /** Starts a read in any case. Others can join it for `longestMs`, so that a read that never ends keeps nobody waiting. */
  start(
    key: string,
    userId: string | undefined,
    read: (flight: Flight) => Promise<T>,
    longestMs?: number,
  ): Promise<T> {
    const flight: Flight = { userId, spoiled: false, key };
    return (flight.reply = this.#reads.start(() => this.#fly(flight, read, longestMs), key));
  }

  /** The same, but nobody can join it. */
  alone(key: string, userId: string | undefined, read: (flight: Flight) => Promise<T>): Promise<T> {
    return this.#fly({ userId, spoiled: false, key }, read);
  }

  async #fly(flight: Flight, read: (flight: Flight) => Promise<T>, longestMs?: number): Promise<T> {
    this.#open.add(flight);
    const end = () => void this.#open.delete(flight);
    const lose = () => {
      this.#spoil(flight);
      end();
    };
    const lost = longestMs === undefined ? undefined : setTimeout(lose, longestMs);
    try {
      return await read(flight);
    } finally {
      clearTimeout(lost);
      end();
    }
  }

  /** Notes whose flight this is, as soon as that is known. */
  learn(flight: Flight, userId: string): void {
    flight.userId = userId;
    if (flight.evicted?.has(userId)) flight.spoiled = true;
  }

  /** Spoils the flights that are known to be of this user. Undefined: all. */
  spoil(userId?: string): void {
    for (const flight of this.#open) {
      if (userId === undefined || flight.userId === userId) this.#spoil(flight);
    }
  }

  /** Also spoils flights that turn out to be of this user later: ZITADEL may have been asked about the token already. */
  evict(userId?: string): void {
    this.spoil(userId);
    if (userId === undefined) return;
    for (const flight of this.#open) {
      if (flight.userId !== undefined) continue;
      (flight.evicted ??= new Set()).add(userId);
      this.#reads.drop(flight.key, flight.reply);
    }
  }

  /** Spoils the flights that bring something that fits. Nobody joins any of those under way. */
  doubt(fits: (brought: T, key: string) => boolean): void {
    for (const flight of this.#open) {
      this.#reads.drop(flight.key, flight.reply);
      const doubts = (flight.doubts ??= []);
      if (doubts.length < MOST_DOUBTS) doubts.push(fits);
      else flight.spoiled = true;
    }
  }

  /** Spoils the flights of one key. */
  spoilKey(key: string): void {
    for (const flight of this.#open) if (flight.key === key) this.#spoil(flight);
  }

  #spoil(flight: Flight): void {
    flight.spoiled = true;
    this.#reads.drop(flight.key, flight.reply);
  }
}

/** What `promise` brings, or `late` if that takes longer than `ms`. The promise goes on for others who wait for it. */
export async function within<T, L>(promise: Promise<T>, ms: number, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const bell = new Promise<L>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([promise, bell]);
  } finally {
    clearTimeout(timer);
  }
}

interface UnderWay<T> {
  readonly startedAt: number;
  readonly reply: Promise<T>;
}

/** One question at a time for each key: all who ask while it is under way get the same reply. */
export class SingleFlight<T, K = void> {
  readonly #underWay = new Map<K, UnderWay<T>>();

  /** The question that is under way, unless it left before `notBefore` (monotonic clock). */
  underWay(key: K, notBefore = -Infinity): Promise<T> | undefined {
    const found = this.#underWay.get(key);
    return found && found.startedAt >= notBefore ? found.reply : undefined;
  }

  /** Joins the question that is under way, or asks. */
  ask(question: () => Promise<T>, key: K, notBefore = -Infinity): Promise<T> {
    return this.underWay(key, notBefore) ?? this.start(question, key);
  }

  /** Asks in any case. Those who come later join this question. */
  start<R extends T>(question: () => Promise<R>, key: K): Promise<R> {
    const startedAt = performance.now();
    const reply = question().finally(() => {
      this.drop(key, reply);
    });
    this.#underWay.set(key, { startedAt, reply });
    return reply;
  }

  /** From now on nobody joins this reply. Those who wait for it still get it. */
  drop(key: K, reply: Promise<unknown> | undefined): void {
    if (this.#underWay.get(key)?.reply === reply) this.#underWay.delete(key);
  }

  dropAll(): void {
    this.#underWay.clear();
  }
}
