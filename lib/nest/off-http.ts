import type { Type } from '@nestjs/common';
import type { Handler } from './handlers.js';

/** The decorators of Nest for handlers that are not routes, by their metadata. */
const PATTERN = 'microservices:pattern';
const MESSAGE = 'message';
const OFF_HTTP = [PATTERN, MESSAGE, 'graphql:resolver_type'];
const GATEWAY = 'websockets:is_gateway';

/** Whether a method handles messages, events of a gateway or fields of GraphQL. */
export function isMessageHandler({ written, called }: Handler): boolean {
  return OFF_HTTP.some((key) => metadataOf([written, called], key) !== undefined);
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

function isGateway(type: Type): boolean {
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
