/** A read that is under way. Spoiled: an eviction happened meanwhile, so what it brings may be used by those who wait but not kept. */
export interface Flight {
  userId: string | undefined;
  spoiled: boolean;
}

/** The reads under way, so that an eviction reaches them. */
export class Flights {
  readonly #open = new Set<Flight>();

  start(userId?: string): Flight {
    const flight: Flight = { userId, spoiled: false };
    this.#open.add(flight);
    return flight;
  }

  end(flight: Flight): void {
    this.#open.delete(flight);
  }

  /** A flight whose user is not known yet has read nothing about anybody: it is left alone. */
  spoil(userId: string): void {
    for (const flight of this.#open) if (flight.userId === userId) flight.spoiled = true;
  }

  spoilAll(): void {
    for (const flight of this.#open) flight.spoiled = true;
  }
}
