import type { Type } from '@nestjs/common';
import { own } from '../core/own-properties.js';
import type { Handler } from './handlers.js';

/** A way by which Nest reaches a method. */
export interface Way {
  /** `other`: a kind of contexts that only a guard with its own `requestOf` knows. */
  readonly door: 'http' | 'graphql' | 'ws' | 'rpc' | 'other';
  /** A field of GraphQL or a federation reference: no guard stands before it unless GraphQLModule is told so. */
  readonly isField?: boolean;
  /** The handler gets the call of gRPC itself, and nobody answers what its guard throws. */
  readonly isRaw?: boolean;
  /** A message that has no headers: only calls of gRPC have some. */
  readonly lacksHeaders?: boolean;
  /** As clients name it: `QUERY org`. A route has its path. */
  readonly text: string;
}

/** The metadata of Nest's decorators. */
const PATH = 'path';
const PATTERN = 'microservices:pattern';
const MESSAGE = 'message';
const GATEWAY = 'websockets:is_gateway';
const RESOLVER_TYPE = 'graphql:resolver_type';
const RESOLVER_NAME = 'graphql:resolver_name';
const FIELD = 'graphql:resolve_property';
const REFERENCE = 'graphql:resolve_reference';

const ROOTS: readonly unknown[] = ['Query', 'Mutation', 'Subscription'];
const NAMES_TYPE = '__resolveType';
const SUBSCRIPTION_OPTIONS = 'graphql:subscription_options;';
const HOOKS = ['afterInit', 'handleConnection', 'handleDisconnect'];

/** The ways by which Nest reaches a method: several where it carries several decorators, none where it is no handler. */
export function waysOf(handler: Handler): readonly Way[] {
  const { isController, isOfClass, type, written, called } = handler;
  if (isController) {
    const pattern = metadataOf([written, called], PATTERN);
    return [
      ...(metadataOf([written], PATH) === undefined ? [] : [{ door: 'http', text: '' } as const]),
      ...(pattern === undefined ? [] : [messageOf(pattern)]),
    ];
  }
  const event = metadataOf([written, called], MESSAGE);
  // Nest connects a gateway only if it makes the instance itself.
  const isEvent = event !== undefined && isOfClass && isGateway(type);
  return [
    ...fieldsOf(handler),
    ...(isEvent ? [{ door: 'ws', text: `EVENT ${textOf(event)}` } as const] : []),
  ];
}

/** What of a handler works before any guard, and why, in words. */
export function besideGuards(
  handler: Handler,
): readonly { readonly name: string; readonly why: string }[] {
  const { type, method, written, called } = handler;
  const beside = (what: string, why: string) => ({ name: `${what} ${type.name}.${method}`, why });
  if (method === 'handleConnection' && isHook(handler)) {
    return [beside('CONNECT', 'it runs before any message is checked')];
  }
  if (method === NAMES_TYPE && parentOf(handler) !== undefined) {
    return [beside('TYPE', 'it says of which type an object is, and Nest runs no guard before it')];
  }
  const options = metadataOf([called, written], SUBSCRIPTION_OPTIONS);
  return typeof own(options, 'filter') === 'function'
    ? [beside('FILTER', 'it can see a value before the subscription is checked')]
    : [];
}

/** As the package of GraphQL finds resolvers: by the function of the prototype, and by the class. */
function fieldsOf(handler: Handler): readonly Way[] {
  const { method, written } = handler;
  const parent = parentOf(handler);
  // What says of which type an object is is no field.
  if (parent === undefined || method === NAMES_TYPE) return [];
  const name = textOf(metadataOf([written], RESOLVER_NAME) ?? method);
  if (ROOTS.includes(parent)) return [{ door: 'graphql', text: `${parent.toUpperCase()} ${name}` }];
  const isReference = metadataOf([written], REFERENCE) !== undefined;
  const text = isReference ? `REFERENCE ${parent}` : `FIELD ${parent}.${name}`;
  return [{ door: 'graphql', isField: true, text }];
}

/** The type of GraphQL that a method resolves something of. */
function parentOf({ type, written }: Handler): string | undefined {
  const parent = metadataOf([written, type], RESOLVER_TYPE);
  const isResolver =
    ROOTS.includes(parent) || [REFERENCE, FIELD].some((key) => Reflect.hasMetadata(key, written));
  return typeof parent === 'string' && isResolver ? parent : undefined;
}

/** Whether a method of a controller takes messages of a microservice. */
export function takesMessages(method: object): boolean {
  return Reflect.hasMetadata(PATTERN, method);
}

/** Whether Nest calls a method when a client of a gateway comes or goes, before any message. */
export function isHook({ type, method }: Handler): boolean {
  return HOOKS.includes(method) && isGateway(type);
}

export function isGateway(type: Type): boolean {
  return Reflect.hasMetadata(GATEWAY, type);
}

function metadataOf(targets: readonly object[], key: string): unknown {
  return targets
    .map((target): unknown => Reflect.getMetadata(key, target))
    .find((value) => value !== undefined);
}

function messageOf(pattern: unknown): Way {
  const only: unknown = Array.isArray(pattern) && pattern.length === 1 ? pattern[0] : pattern;
  const ofGrpc = own(only, 'streaming');
  return {
    door: 'rpc',
    isRaw: ofGrpc === 'pt_stream',
    lacksHeaders: ofGrpc === undefined,
    text: `MESSAGE ${textOf(only)}`,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
