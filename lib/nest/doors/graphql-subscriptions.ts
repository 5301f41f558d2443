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

/** Lets each subscription of a schema end when the decision ends that let it in. */
export function reviewSubscriptions(schema: Schema): void {
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    const { subscribe } = field;
    if (!subscribe || fieldsUnderReview.has(field)) continue;
    fieldsUnderReview.add(field);
    field.subscribe = async (...given) => {
      const stream = await subscribe(...given);
      const review = reviews.get(Object(given[3]) as object);
      return review && isAsyncIterable(stream) ? new StreamUnderReview(stream, review) : stream;
    };
  }
}

/** Hands over the review of a call's decision. False if it is a subscription that nobody would end. */
export function keepReview(call: object | undefined, review: StartReview): boolean {
  const { fieldName, parentType, schema } = Object(call) as Partial<Info>;
  if (call === undefined || fieldName === undefined || schema === undefined) return true;
  if (parentType !== schema.getSubscriptionType()) return true;
  const field = parentType?.getFields()[fieldName];
  reviews.set(call, review);
  return field !== undefined && fieldsUnderReview.has(field);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof (Object(value) as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}
