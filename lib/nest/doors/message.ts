// What gateways and microservices have in common.
import type { ExecutionContext, HttpException } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import { asRefusal } from './door.js';

interface Calls extends WeakMap<object, Calls> {}

const calls: Calls = new WeakMap();

/**
 * What stands for the call of one handler with these objects. Two handlers can be called with the same ones: two that wait for one event, for
 * example. And a server can hand out one payload for two senders. Each has a decision of its own.
 */
export function callOf(context: ExecutionContext): object {
  const objects = context.getArgs<unknown[]>().slice(0, 2).filter(isObject);
  if (objects.length === 0) return {};
  return [...objects, context.getClass(), context.getHandler()].reduce(within, calls);
}

function within(all: Calls, key: object): Calls {
  const known = all.get(key) ?? (new WeakMap() as Calls);
  all.set(key, known);
  return known;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What clients are told. */
export interface Told {
  readonly status: 'error';
  readonly message: string;
  readonly errorCode?: string;
}

/** A refusal as clients are told it. */
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

/** Of the package of a transport, once it is loaded. */
export type ExceptionClass = new (error: object) => Error;

export const exceptionOf = (told: Told, type: ExceptionClass | undefined): Error =>
  type ? asRefusal(new type(told)) : new Error(told.message);
