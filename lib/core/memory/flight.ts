/** A read that is under way. Spoiled: an eviction happened meanwhile, so what it brings may be used by those who wait but not kept. */
export interface Flight {
  userId: string | undefined;
  spoiled: boolean;
  /** What others join it by: a key, or a credential. */
  readonly key: string;
  /** What those who joined it wait for; none where nobody can. */
  reply?: Promise<unknown>;
  /** Who was evicted while it was not known whose flight this is. */
  evicted?: Set<string>;
}

/** One read at a time for each key. An eviction reaches what is under way: nobody joins it any more. */
export class Flights<T> {
  readonly #open = new Set<Flight>();
  readonly #reads = new SingleFlight<T, string>();

  /** What is under way, unless it left before `notBefore` (monotonic clock), or an eviction reached it. */
  underWay(key: string, notBefore: number): Promise<T> | undefined {
    return this.#reads.underWay(key, notBefore);
  }

  /** Reads in any case. Those who come later join it, for `longestMs` at most: a read that never ends keeps nobody waiting. */
  start(
    key: string,
    userId: string | undefined,
    read: (flight: Flight) => Promise<T>,
    longestMs?: number,
  ): Promise<T> {
    const flight: Flight = { userId, spoiled: false, key };
    return (flight.reply = this.#reads.start(() => this.#fly(flight, read, longestMs), key));
  }

  /** The same, and nobody joins it. */
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

  /** It turns out whose flight this is. */
  learn(flight: Flight, userId: string): void {
    flight.userId = userId;
    if (flight.evicted?.has(userId)) flight.spoiled = true;
  }

  /** Reaches those whose user is known. */
  spoil(userId: string): void {
    for (const flight of this.#open) if (flight.userId === userId) this.#spoil(flight);
  }

  /** Reaches also those whose user is not known yet: ZITADEL may have been asked about the token already. */
  evict(userId: string): void {
    this.spoil(userId);
    for (const flight of this.#open) {
      if (flight.userId !== undefined) continue;
      (flight.evicted ??= new Set()).add(userId);
      this.#reads.drop(flight.key, flight.reply);
    }
  }

  /** Reaches those of one key. */
  spoilKey(key: string): void {
    for (const flight of this.#open) if (flight.key === key) this.#spoil(flight);
  }

  spoilAll(): void {
    for (const flight of this.#open) this.#spoil(flight);
  }

  #spoil(flight: Flight): void {
    flight.spoiled = true;
    this.#reads.drop(flight.key, flight.reply);
  }
}

/** What `promise` brings, or `late` when it takes longer than `ms`. The promise goes on for others who wait for it. */
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

/** One question at a time for each key: those who ask while it is under way get the same reply. */
export class SingleFlight<T, K = void> {
  readonly #underWay = new Map<K, UnderWay<T>>();

  /** What is under way, unless it left before `notBefore` (monotonic clock). */
  underWay(key: K, notBefore = -Infinity): Promise<T> | undefined {
    const found = this.#underWay.get(key);
    return found && found.startedAt >= notBefore ? found.reply : undefined;
  }

  /** Joins what is under way, or asks. */
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

  /** Those who come later ask anew, if it is this reply that is under way. Those who wait for it still get it. */
  drop(key: K, reply: Promise<unknown> | undefined): void {
    if (this.#underWay.get(key)?.reply === reply) this.#underWay.delete(key);
  }

  dropAll(): void {
    this.#underWay.clear();
  }
}
