/** A walk that takes less is no burden. */
const SHORT_MS = 0.2;
/** Nothing waits longer for the next walk. */
const MOST_MS = 100;

/**
 * Walks over the memory to forget organizations. The walks take a tenth of the time at most: organizations that come faster wait for the next
 * one together. When a project is granted to thousands, they all come at once.
 */
export class OrganizationWalks {
  #waiting = new Set<string>();
  #next: Promise<void> | undefined;
  /** When the next walk may begin, on the monotonic clock. */
  #from = -Infinity;

  constructor(private readonly walk: (orgIds: ReadonlySet<string>) => void) {}

  /** Undefined: it is done already. */
  over(orgId: string): Promise<void> | undefined {
    if (this.#next === undefined && performance.now() >= this.#from) {
      this.#walk(new Set([orgId]));
      return undefined;
    }
    this.#waiting.add(orgId);
    return (this.#next ??= this.#later());
  }

  async #later(): Promise<void> {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, Math.max(0, this.#from - performance.now()));
    });
    const orgIds = this.#waiting;
    this.#waiting = new Set();
    this.#next = undefined;
    this.#walk(orgIds);
  }

  #walk(orgIds: ReadonlySet<string>): void {
    const startedAt = performance.now();
    this.walk(orgIds);
    const endedAt = performance.now();
    const took = endedAt - startedAt;
    this.#from = took < SHORT_MS ? endedAt : endedAt + Math.min(9 * took, MOST_MS);
  }
}
