import type { ArgumentsHost, HttpException, INestApplicationContext } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import type { RequestLike } from '../../core/request.js';
import { noteNoToken } from '../../core/request-problems.js';
import type { Door } from './door.js';
import {
  callOf,
  type ExceptionClass,
  exceptionOf,
  type Told,
  toldOf,
  toldOfHttp,
} from './message.js';

let exceptionClass: ExceptionClass | undefined;

/** A message of a microservice. Most transports have no headers: the option `token` says where the token stands. */
export const rpc = {
  requestOf(host: ArgumentsHost) {
    const [body, context] = host.getArgs<[payload: unknown, context: unknown]>();
    const metadata = metadataOf(host);
    const request = { headers: headersOf(metadata), body, context };
    if (!metadata) noteNoToken(request, NO_TOKEN);
    return request;
  },

  callOf,

  exceptionFor: (refusal: Refusal, host: ArgumentsHost) =>
    exceptionOf(toldByGrpc(toldOf(refusal), denialAnswer(refusal).status, host), exceptionClass),

  exceptionInstead: (exception: HttpException, host: ArgumentsHost) =>
    exceptionOf(toldByGrpc(toldOfHttp(exception), exception.getStatus(), host), exceptionClass),

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

const NO_TOKEN = {
  detail: 'the message has no headers, and the option token is not set',
  remedy: 'write token: ({ body }) => body.token into the options, or wherever messages have it',
};

/** Codes of gRPC, by the status that HTTP would have. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 9,
  500: 13,
  503: 14,
};
const UNKNOWN = 2;

/** The metadata of a call of gRPC. */
interface Metadata {
  readonly constructor: new () => { set(name: string, value: string): void };
  get(name: string): readonly unknown[];
  getMap(): object;
}

/** What a call of gRPC has in place of headers. Undefined if the message came another way. */
function metadataOf(host: ArgumentsHost): Metadata | undefined {
  const context: unknown = host.getArgs<[payload: unknown, context: unknown]>()[1];
  const { get, getMap } = Object(context) as Partial<Metadata>;
  return typeof get === 'function' && typeof getMap === 'function'
    ? (context as Metadata)
    : undefined;
}

/** A client of gRPC hears a code and metadata, and nothing of the object that other transports send. */
export function toldByGrpc(told: Told, status: number, host: ArgumentsHost): Told {
  const Metadata = metadataOf(host)?.constructor;
  if (!Metadata) return told;
  const metadata = new Metadata();
  if (told.errorCode !== undefined) metadata.set('error-code', told.errorCode);
  return { ...told, ...{ code: CODES[status] ?? UNKNOWN, metadata } };
}

/** The metadata as headers. '' if it was sent twice, or is no text: that is never a valid token or id. */
function headersOf(metadata: Metadata | undefined): RequestLike['headers'] {
  const names = Object.keys(metadata?.getMap() ?? {});
  return Object.fromEntries(names.map((name) => [name, onlyText(metadata?.get(name) ?? [])]));
}

function onlyText([sent, more]: readonly unknown[]): string {
  return typeof sent === 'string' && more === undefined ? sent : '';
}
