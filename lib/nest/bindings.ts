import {
  Inject,
  Injectable,
  type NestInterceptor,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Observable } from 'rxjs';
import { decisionOf, end } from '../core/attached-decision.js';
import type { BootCheck } from './boot-check.js';
import { reviewSubscriptions, type Schema } from './doors/graphql-subscriptions.js';
import { beforeListening, rpc } from './doors/rpc.js';
import { keepHandshakes } from './doors/ws.js';
import { methodsOf, typesOf, wrappersIn } from './handlers.js';
import { isGateway, takesMessages } from './ways.js';
import { ZitadelExceptionFilter } from './zitadel-exception.filter.js';

/** The metadata of Nest's decorators. */
const SSE = '__sse__';
const INTERCEPTORS = '__interceptors__';
const FILTERS = '__exceptionFilters__';
const SERVER = 'websockets:is_socket';

type Server = Parameters<typeof keepHandshakes>[0];

/**
 * Puts in place what Nest has no global place for: streams of events and subscriptions of GraphQL end with their decisions, gateways have the
 * filter of the module, and keep the handshakes of their clients.
 */
@Injectable()
export class Bindings implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ZitadelExceptionFilter) filter: ZitadelExceptionFilter,
  ) {
    // Nest reads this when it makes routes and gateways, before any of its hooks.
    const { controllers, providers } = wrappersIn(modules);
    const methods = controllers.flatMap(({ metatype }) => methodsOf(metatype as Type));
    for (const method of methods) {
      if (Reflect.getMetadata(SSE, method) === true) putFirst(INTERCEPTORS, ENDING, method);
    }
    for (const type of providers.flatMap(typesOf)) {
      if (isGateway(type)) putFirst(FILTERS, filter, type);
    }
  }

  /** Nest has put the servers into their properties, and nobody has connected. */
  onModuleInit(): void {
    const { providers } = wrappersIn(this.modules);
    for (const { instance } of providers) serversOf(instance).forEach(keepHandshakes);
  }

  /** Every GraphQLModule has made its schema. */
  onApplicationBootstrap(): void {
    for (const { name, instance } of wrappersIn(this.modules).providers) {
      const schema = name === 'GraphQLSchemaHost' && schemaOf(instance as SchemaHost);
      if (schema) reviewSubscriptions(schema);
    }
  }
}

interface SchemaHost {
  readonly schema: Schema;
}

/** A gateway of a federation makes no schema, and then reading it throws. */
function schemaOf(host: SchemaHost): Schema | undefined {
  try {
    return host.schema;
  } catch {
    return undefined;
  }
}

const checks = new WeakMap<ModulesContainer, BootCheck>();

/**
 * A hybrid application can take messages before it starts, and so before any hook of Nest. So what refuses messages is loaded and what checks their
 * handlers is put before, if some are taken. Nest waits for this before it hands the application out.
 */
export async function guardMessages(modules: ModulesContainer, check: BootCheck): Promise<void> {
  const { controllers } = wrappersIn(modules);
  const methods = controllers.flatMap(({ metatype }) => methodsOf(metatype as Type));
  if (!methods.some(takesMessages)) return;
  checks.set(modules, check);
  await rpc.load();
  await beforeListening(async (app) => {
    await checks.get(app.get(ModulesContainer, { strict: false }))?.beforeMessages();
  });
}

const bound = new WeakSet<object>();

/** Nest asks the last filter first, so those of a class come before ours. One that another application has put there goes. */
function putFirst(key: string, ours: object, target: object): void {
  const written: unknown = Reflect.getMetadata(key, target);
  const all: readonly unknown[] = Array.isArray(written) ? written : [];
  const others = all.filter((each) => !bound.has(Object(each) as object));
  bound.add(ours);
  Reflect.defineMetadata(key, [ours, ...others], target);
}

/** Ends a stream of events with the decision that let its request in. It knows no application: all that share a controller share it. */
const ENDING: NestInterceptor = {
  intercept(context, next) {
    const decision = decisionOf(context.getArgByIndex<object>(0));
    if (!decision) return next.handle();
    const { signal } = decision;
    return new Observable((events) => {
      const complete = () => events.complete();
      if (signal.aborted) return complete();
      signal.addEventListener('abort', complete);
      events.add(() => {
        signal.removeEventListener('abort', complete);
        end(decision);
      });
      events.add(next.handle().subscribe(events));
    });
  },
};

/** What stands in the properties with `@WebSocketServer()`. */
function serversOf(instance: unknown): readonly Server[] {
  const servers: Server[] = [];
  const gateway = Object(instance) as Readonly<Record<string, unknown>>;
  for (const key in gateway) {
    if (Reflect.getMetadata(SERVER, gateway, key) !== true) continue;
    const server = Object(gateway[key]) as Server;
    if (typeof server.on === 'function') servers.push(server);
  }
  return servers;
}
