import type {
  ArgumentsHost,
  ExecutionContext,
  HttpException,
  INestApplicationContext,
} from '@nestjs/common';
import type { Refusal } from '../../core/decision.js';
import type { RequestLike } from '../../core/request.js';
import { noteNoToken } from '../../core/request-problems.js';
import { callWith } from './call.js';
import type { Door } from './door.js';
import { asRefusal, type Told, toldOf, toldOfHttp } from './refusal-error.js';

type ExceptionClass = new (error: object) => Error;
let exceptionClass: ExceptionClass | undefined;

/** A message of a microservice. Most transports have no headers: the option `token` says where the token stands. */
export const rpc = {
  requestOf(host: ArgumentsHost) {
    const [body, context] = host.getArgs<[payload: unknown, context: unknown]>();
    const request = { headers: headersOf(context), body, context };
    noteNoToken(request, NO_TOKEN);
    return request;
  },

  callOf(context: ExecutionContext) {
    return callWith(context.getArgs<unknown[]>().slice(0, 2), context);
  },

  exceptionFor: (refusal: Refusal) => exceptionOf(toldOf(refusal)),

  exceptionInstead: (exception: HttpException) => exceptionOf(toldOfHttp(exception)),

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

/** The metadata of gRPC are headers. */
function headersOf(context: unknown): RequestLike['headers'] {
  const { get, getMap } = Object(context) as { readonly get?: unknown; readonly getMap?: unknown };
  if (typeof get !== 'function' || typeof getMap !== 'function') return {};
  const [sent, more] = get.call(context, 'authorization') as readonly unknown[];
  if (sent === undefined) return {};
  return { authorization: typeof sent === 'string' && more === undefined ? sent : '' };
}
