import { type CurrentDecision, end } from '../../core/attached-decision.js';

/**
 * A stream that ends when its decision ends: whoever reads it gets the exception instead of the next value, and nothing after. What the
 * stream is made of is told to stop, as if the reader had left.
 */
export class StreamUnderReview<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  #decision: CurrentDecision | undefined;
  #exception: Error | undefined;
  #isOver = false;
  #interrupt: ((exception: Error) => void) | undefined;

  constructor(source: AsyncIterable<T>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** From now on it ends with its decision. Two guards may say so: the first counts. */
  endWith(decision: CurrentDecision): void {
    if (this.#decision || this.#isOver) return;
    this.#decision = decision;
    const { signal } = decision;
    const ended = () => this.#end(signal.reason as Error);
    if (signal.aborted) ended();
    else signal.addEventListener('abort', ended, { once: true });
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
    end(this.#decision);
  }

  #end(exception: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#interrupt) this.#interrupt(exception);
    else this.#exception = exception;
    // A generator that waits for its next value stops only after that, so nobody waits for it here.
    Promise.resolve()
      .then(() => this.#source.return?.())
      .catch(() => undefined);
  }
}
