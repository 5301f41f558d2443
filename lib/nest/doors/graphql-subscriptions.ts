import { type StartReview, StreamUnderReview } from './lasting.js';

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
const reviews = new WeakMap<object, StartReview>();
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
      const stream = new StreamUnderReview(source);
      const info = Object(given[3]) as object;
      const start = reviews.get(info);
      if (start) stream.begin(start);
      else streams.set(info, stream);
      return stream;
    };
  }
}

/** Hands over the review of a call's decision. False if it is a subscription that nobody would end. */
export function keepReview(call: object | undefined, start: StartReview): boolean {
  const { fieldName, parentType, schema } = Object(call) as Partial<Info>;
  if (call === undefined || fieldName === undefined || schema === undefined) return true;
  if (parentType !== schema.getSubscriptionType()) return true;
  const field = parentType?.getFields()[fieldName];
  const stream = streams.get(call);
  if (stream) stream.begin(start);
  else reviews.set(call, start);
  return field !== undefined && fieldsUnderReview.has(field);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof (Object(value) as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}
