import type { Type } from '@nestjs/common';
import { graphql } from './doors/graphql.js';
import { rpc } from './doors/rpc.js';
import { ws } from './doors/ws.js';
import type { Handler } from './handlers.js';

/** The decorators of Nest for handlers that are not routes, by their metadata. */
const PATTERN = 'microservices:pattern';
const MESSAGE = 'message';
const FIELD = 'graphql:resolver_type';
const DOORS = [
  [PATTERN, rpc],
  [MESSAGE, ws],
  [FIELD, graphql],
] as const;
const GATEWAY = 'websockets:is_gateway';

/** Loads the packages of the transports by which these handlers are reached. */
export async function loadDoors(handlers: readonly Handler[]): Promise<void> {
  for (const [key, door] of DOORS) {
    const isUsed = handlers.some(
      (each) => metadataOf([each.written, each.called], key) !== undefined,
    );
    if (isUsed) await door.load();
  }
}

/** Whether a method handles messages, events of a gateway or fields of GraphQL. */
export function isMessageHandler({ written, called }: Handler): boolean {
  return DOORS.some(([key]) => metadataOf([written, called], key) !== undefined);
}

/**
 * How a handler is reached that Nest runs without global guards, and without any other. Undefined if there is none. In a hybrid application,
 * messages pass no global guard unless it is connected with `inheritAppConfig`, which nobody can see from here.
 */
export function unguardedWay(handler: Handler): string | undefined {
  const { type, written, called } = handler;
  const pattern = metadataOf([written, called], PATTERN);
  const event = isGateway(type) ? metadataOf([written, called], MESSAGE) : undefined;
  if (pattern === undefined && event === undefined) return undefined;
  const guards: unknown = metadataOf([type, written, called], '__guards__');
  if (Array.isArray(guards) && guards.length > 0) return undefined;
  return pattern === undefined
    ? `EVENT ${textOf(event)}`
    : `MESSAGE ${textOf(Array.isArray(pattern) && pattern.length === 1 ? pattern[0] : pattern)}`;
}

export function isGateway(type: Type): boolean {
  return Reflect.hasMetadata(GATEWAY, type);
}

function metadataOf(targets: readonly object[], key: string): unknown {
  return targets
    .map((target): unknown => Reflect.getMetadata(key, target))
    .find((value) => value !== undefined);
}

function textOf(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
}

export const notReached = ({ type, method }: Handler): string =>
  `${type.name}.${method} is decorated, and Nest reaches it in no way that is known here: remove the decorator, and ask ZitadelAuthorizer in the method`;

export const openTo = (where: string): string =>
  `${where} is not an HTTP route, so this guard does not check it, and no other guard stands there (option strict): write @UseGuards() with a guard of your own, or name the class in publicControllers`;
