import type { ArgumentsHost, ExecutionContext, HttpException } from '@nestjs/common';
import type { Decisions } from '../../core/authorizer.js';
import type { Allowed, Refusal } from '../../core/decision.js';
import type { RequestLike } from '../../core/request.js';

/** A way by which Nest reaches a handler: what it shows of one call, and how it answers a refusal. Doors only translate. */
export interface Door {
  /** What the data path reads. Undefined if the call shows nothing that could be read. */
  requestOf(host: ArgumentsHost): (RequestLike & object) | undefined;
  /** What to do if it shows nothing. */
  readonly remedy?: string;
  /** The object that stands for this one call, to the guard and to the handler. Its decision is kept with it. */
  callOf(context: ExecutionContext): object | undefined;
  /** Whether several calls at a time can have that object. Then only what is the same for all of them may be read. */
  isShared?(context: ExecutionContext): boolean;
  /** Closes the connection by which the call came, and names the reason where the transport can. Not there: calls come by none that lasts. */
  close?(refusal: Refusal, host: ArgumentsHost): void;
  /** Closes that connection when the token counts no more by which this call was let in. */
  watch?(yes: Allowed, request: RequestLike, decisions: Decisions, host: ArgumentsHost): void;
  /** A refusal as the transport's own exception. */
  exceptionFor(refusal: Refusal, host: ArgumentsHost): Error;
  /** The transport's own in place of an exception for HTTP, of which its clients would hear "Internal server error". */
  exceptionInstead?(exception: HttpException, host: ArgumentsHost): Error;
  /** Lets a call that lasts end with its decision. False if nobody would end it. Not there: no call lasts. */
  endsWithDecision?(host: ArgumentsHost): boolean;
  /** Loads the package of the transport, which an application without it need not have. */
  load?(): Promise<void>;
}

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
