import type {
  ArgumentsHost,
  ExecutionContext,
  HttpException,
  INestApplicationContext,
} from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { noteNoToken } from '../../core/request-problems.js';
import { callWith } from './call.js';
import type { Door } from './door.js';
import { headersOf, isOfGrpc, toldByGrpc } from './grpc.js';
import { asRefusal, type Told, toldOf, toldOfHttp } from './refusal-error.js';

type ExceptionClass = new (error: object) => Error;
let exceptionClass: ExceptionClass | undefined;

/** A message of a microservice. Most transports have no headers: the option `token` says where the token stands. */
export const rpc = {
  requestOf(host: ArgumentsHost) {
    const [body, context] = host.getArgs<[payload: unknown, context: unknown]>();
    const request = { headers: headersOf(host), body, context };
    if (!isOfGrpc(host)) noteNoToken(request, NO_TOKEN);
    return request;
  },

  callOf(context: ExecutionContext) {
    return callWith(context.getArgs<unknown[]>().slice(0, 2), context);
  },

  exceptionFor: (refusal: Refusal, host: ArgumentsHost) =>
    exceptionOf(toldByGrpc(toldOf(refusal), denialAnswer(refusal).status, host)),

  exceptionInstead: (exception: HttpException, host: ArgumentsHost) =>
    exceptionOf(toldByGrpc(toldOfHttp(exception), exception.getStatus(), host)),

  async load() {
    exceptionClass = (await import('@nestjs/microservices')).RpcException;
  },
} satisfies Door;

let isWaiting = false;

/** Lets each microservice wait for this before it listens. Nest has no hook there. */
export async function beforeListening(
  check: (app: INestApplicationContext) => Promise<void>,
): Promise<void> {
  const { prototype } = (await import('@nestjs/microservices')).NestMicroservice;
  if (isWaiting) return;
  isWaiting = true;
  const { listen } = prototype as { readonly listen: (this: object) => Promise<unknown> };
  prototype.listen = async function listenWhenChecked() {
    await check(this);
    return listen.call(this);
  };
}

const exceptionOf = (told: Told): Error =>
  exceptionClass ? asRefusal(new exceptionClass(told)) : new Error(told.message);

const NO_TOKEN = {
  detail: 'the message has no headers, and the option token is not set',
  remedy: 'write token: ({ body }) => body.token into the options, or wherever messages have it',
};
