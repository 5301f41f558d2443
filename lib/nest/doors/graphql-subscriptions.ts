import { type CurrentDecision, decisionOf, end } from '../../core/attached-decision.js';

interface Field {
  subscribe?: ((...given: unknown[]) => unknown) | undefined;
}

interface Type {
  getFields(): Readonly<Record<string, Field>>;
}

/** A schema of the package graphql. */
export interface Schema {
  getSubscriptionType(): Type | null | undefined;
}

/** What GraphQL tells a resolver about its field. */
interface Info {
  readonly fieldName: string;
  readonly parentType: Type;
  readonly schema: Schema;
}

const fieldsUnderReview = new WeakSet<Field>();
/** Streams that were there before their guards ran: where Mercurius filters, guards run when the first value is read. */
const streams = new WeakMap<object, StreamUnderReview<unknown>>();

/** Lets each subscription of a schema end when the decision ends that let it in. */
export function reviewSubscriptions(schema: Schema): void {
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    const { subscribe } = field;
    if (!subscribe || fieldsUnderReview.has(field)) continue;
    fieldsUnderReview.add(field);
    field.subscribe = async (...given) => {
      const source = await subscribe(...given);
      if (!isAsyncIterable(source)) return source;
      const info = Object(given[3]) as object;
      const stream = new StreamUnderReview(source);
      const decision = decisionOf(info);
      if (decision) stream.endWith(decision);
      else streams.set(info, stream);
      return stream;
    };
  }
}

/** Lets the stream of a call end with its decision, if it is a subscription. False if nobody would end it. */
export function endsWithDecision(call: object | undefined): boolean {
  const { fieldName, parentType, schema } = Object(call) as Partial<Info>;
  if (call === undefined || fieldName === undefined || schema === undefined) return true;
  if (parentType !== schema.getSubscriptionType()) return true;
  const field = parentType?.getFields()[fieldName];
  const decision = decisionOf(call);
  if (decision) streams.get(call)?.endWith(decision);
  return field !== undefined && fieldsUnderReview.has(field);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof (Object(value) as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}

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
