import type { HttpException } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';

const refusals = new WeakSet<object>();

/**
 * For `@Catch()`: what `asRefusal` returned is an instance. Where no filter takes such an error, Nest can log it as a fault, with its stack (in
 * GraphQL, and since Nest 12 for events), or tell the client nothing (before Nest 12, one of the package ws).
 */
export class RefusalError {
  static [Symbol.hasInstance](value: unknown): boolean {
    return refusals.has(Object(value) as object);
  }
}

export function asRefusal<T extends Error>(error: T): T {
  refusals.add(error);
  return error;
}

/** What clients of gateways and microservices are told. */
export interface Told {
  readonly status: 'error';
  readonly message: string;
  readonly errorCode?: string;
}

/** A refusal as these clients are told it. */
export function toldOf(refusal: Refusal): Told {
  const { message, errorCode } = denialAnswer(refusal).body;
  return { status: 'error', message, errorCode };
}

/** The same of an exception that the application made for HTTP. */
export function toldOfHttp(exception: HttpException): Told {
  const errorCode = own(exception.getResponse(), 'errorCode');
  return {
    status: 'error',
    message: exception.message,
    ...(typeof errorCode === 'string' && { errorCode }),
  };
}
