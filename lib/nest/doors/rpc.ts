import type { ArgumentsHost } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import type { Door } from './door.js';

type ExceptionClass = new (error: object) => Error;
let exceptionClass: ExceptionClass | undefined;

/** A message of a microservice. Most transports have no headers: the option `token` says where the token stands. */
export const rpc = {
  requestOf: (host: ArgumentsHost) => ({
    headers: {},
    body: host.getArgByIndex<unknown>(0),
    context: host.getArgByIndex<unknown>(1),
  }),

  callOf(host: ArgumentsHost) {
    const [payload, context] = host.getArgs<unknown[]>();
    return Object(context ?? payload) as object;
  },

  exceptionFor(refusal: Refusal): Error {
    const { message, errorCode } = denialAnswer(refusal).body;
    return exceptionClass
      ? new exceptionClass({ status: 'error', message, errorCode })
      : new Error(message);
  },

  async load() {
    exceptionClass = (await import('@nestjs/microservices')).RpcException;
  },
} satisfies Door;
