/** A read that is under way. Spoiled: an eviction happened meanwhile, so what it brings may be used by those who wait but not kept. */
export interface Flight {
  userId: string | undefined;
  spoiled: boolean;
  /** On the monotonic clock. */
  readonly startedAt: number;
  /** The credential that it is about, where there is one. */
  readonly credential?: string;
  /** Who was evicted while it was not known whose flight this is. */
  evicted?: Set<string>;
}

/** The reads under way, so that an eviction reaches them. */
export class Flights {
  readonly #open = new Set<Flight>();

  start(of: { readonly userId?: string; readonly credential?: string }): Flight {
    const flight: Flight = {
      userId: undefined,
      spoiled: false,
      startedAt: performance.now(),
      ...of,
    };
    this.#open.add(flight);
    return flight;
  }

  end(flight: Flight): void {
    this.#open.delete(flight);
  }

  /** It turns out whose flight this is. */
  learn(flight: Flight, userId: string): void {
    flight.userId = userId;
    if (flight.evicted?.has(userId)) flight.spoiled = true;
  }

  /** Reaches those whose user is known. */
  spoil(userId: string): void {
    for (const flight of this.#open) if (flight.userId === userId) flight.spoiled = true;
  }

  /** Reaches also those whose user is not known yet: ZITADEL may have been asked about the token already. */
  evict(userId: string): void {
    this.spoil(userId);
    for (const flight of this.#open) {
      if (flight.userId === undefined) (flight.evicted ??= new Set()).add(userId);
    }
  }

  /** Reaches all that are about one credential. */
  spoilOf(credential: string): void {
    for (const flight of this.#open) if (flight.credential === credential) flight.spoiled = true;
  }

  spoilAll(): void {
    for (const flight of this.#open) flight.spoiled = true;
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
      if (this.#underWay.get(key)?.reply === reply) this.#underWay.delete(key);
    });
    this.#underWay.set(key, { startedAt, reply });
    return reply;
  }

  /** Those who come later ask anew. Those who wait still get their reply. */
  drop(key: K): void {
    this.#underWay.delete(key);
  }

  dropAll(): void {
    this.#underWay.clear();
  }
}
