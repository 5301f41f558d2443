/** Lets the monotonic clock, by which everything is remembered, jump ahead; the clock on the wall stays. */
export class MonotonicClock {
  readonly #found = performance.now;
  readonly #now = performance.now.bind(performance);
  #ahead = 0;

  advance(ms: number): void {
    this.#ahead += ms;
    performance.now = () => this.#now() + this.#ahead;
  }

  /** Milliseconds that no jump has touched. */
  real(): number {
    return this.#now();
  }

  /** As it was, for what has nothing to do with it. */
  restore(): void {
    performance.now = this.#found;
  }

  /** Ahead again, by as much as before. */
  resume(): void {
    this.advance(0);
  }
}
