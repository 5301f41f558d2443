import type { ArgumentsHost } from '@nestjs/common';
import type { Refusal } from '../../core/decision.js';
import type { RequestLike } from '../../core/request.js';
import type { StartReview } from './lasting.js';

/** A way by which Nest reaches a handler: what it shows of one call, and how it answers a refusal. Doors only translate. */
export interface Door {
  /** What the data path reads. Undefined if the call shows nothing that could be read. */
  requestOf(host: ArgumentsHost): (RequestLike & object) | undefined;
  /** The object that stands for this one call, to the guard and to the handler. Its decision is kept with it. */
  callOf(host: ArgumentsHost): object | undefined;
  /** A refusal as the transport's own exception. */
  exceptionFor(refusal: Refusal): Error;
  /** Takes the review of the decision about a call that lasts. False if nobody would end that call. Not there: no call lasts. */
  review?(host: ArgumentsHost, review: StartReview): boolean;
  /** Loads the package of the transport, which an application without it need not have. */
  load?(): Promise<void>;
}
