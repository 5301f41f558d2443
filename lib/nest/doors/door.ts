import type { ArgumentsHost, ExecutionContext, HttpException } from '@nestjs/common';
import type { Refusal } from '../../core/decision.js';
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
  /** The connection by which the call came, if it can be closed. */
  connectionOf?(host: ArgumentsHost): Connection;
  /** A refusal as the transport's own exception. */
  exceptionFor(refusal: Refusal, host: ArgumentsHost): Error;
  /** The transport's own in place of an exception for HTTP, of which its clients would hear "Internal server error". */
  exceptionInstead?(exception: HttpException, host: ArgumentsHost): Error;
  /** Lets a call that lasts end with its decision. False if nobody would end it. Not there: no call lasts. */
  endsWithDecision?(host: ArgumentsHost): boolean;
  /** Loads the package of the transport, which an application without it need not have. */
  load?(): Promise<void>;
}

/** A connection that lasts beyond the calls that come by it. */
export interface Connection {
  /** The object that stands for it. */
  readonly client: object;
  /** It is closed already, so nobody hears of that any more. */
  readonly isClosed: boolean;
  /** Tells the client a refusal that is about no message of its own. */
  tell(refusal: Refusal): void;
  /** Closes it, and names the reason where the transport can. */
  close(refusal: Refusal): void;
  onClose(listener: () => void): void;
}
