import { decisionOf } from '../../core/attached-decision.js';
import { StreamUnderReview } from './lasting.js';

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
