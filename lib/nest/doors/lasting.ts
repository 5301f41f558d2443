/** Begins the review of a decision, and calls back with the exception when the decision ends. */
export type StartReview = (ended: (exception: Error) => void) => { stop(): void };

/**
 * A stream that ends when its decision ends: whoever reads it gets the exception instead of the next value, and nothing after. What the
 * stream is made of is told to stop, as if the reader had left.
 */
export class StreamUnderReview<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  #review: { stop(): void } | undefined;
  #exception: Error | undefined;
  #isOver = false;
  #interrupt: ((exception: Error) => void) | undefined;

  constructor(source: AsyncIterable<T>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** From now on the decision is under review. Two guards may say so. */
  begin(start: StartReview): void {
    if (!this.#isOver) this.#review ??= start((exception) => this.#end(exception));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    const exception = this.#exception;
    this.#exception = undefined;
    if (exception) throw exception;
    if (this.#isOver) return { done: true, value: undefined };
    // Not Promise.race(): its reactions would stay for as long as the stream runs.
    const reading = new Promise<IteratorResult<T>>((resolve, reject) => {
      this.#interrupt = reject;
      this.#source.next().then(resolve, reject);
    });
    let result: IteratorResult<T> | undefined;
    try {
      result = await reading;
    } finally {
      this.#interrupt = undefined;
      // Who reads a stream that breaks does not call `return()`.
      if (!result || result.done === true) this.#finish();
    }
    return result;
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    this.#finish();
    await this.#source.return?.(value);
    return { done: true, value };
  }

  async throw(error?: unknown): Promise<IteratorResult<T>> {
    this.#finish();
    return this.#source.throw ? this.#source.throw(error) : Promise.reject(error as Error);
  }

  #finish(): void {
    this.#isOver = true;
    this.#review?.stop();
  }

  #end(exception: Error): void {
    this.#isOver = true;
    if (this.#interrupt) this.#interrupt(exception);
    else this.#exception = exception;
    // A generator that waits for its next value stops only after that, so nobody waits for it here.
    Promise.resolve()
      .then(() => this.#source.return?.())
      .catch(() => undefined);
  }
}
