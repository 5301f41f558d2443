import type { AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ZitadelOptionsError } from '../core/errors.js';
import type { ZitadelInstances } from '../services.js';
import { takeDelivery, type ZitadelEvents } from '../zitadel/events/zitadel-events.js';

type Receivers = Map<string, [ZitadelEvents, ...ZitadelEvents[]]>;

/** Several modules may receive at one path. */
const MOUNTED = new WeakMap<object, Receivers>();

interface Fastify {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse; hijack(): void },
      done: () => void,
    ) => void,
  ): unknown;
}

/**
 * Receives deliveries at the paths of the option `events`, on the HTTP adapter itself. There they come before the parsers, which do not leave
 * the bytes that were signed, and before the guards of the application, which would ask ZITADEL for a token.
 *
 * @throws ZitadelOptionsError on an adapter that is neither Express nor Fastify
 */
export function mountEvents(adapters: HttpAdapterHost, zitadel: ZitadelInstances): void {
  const receivers = [...zitadel.instances.values()].flatMap(({ events }) =>
    events.path === undefined ? [] : [{ events, path: events.path }],
  );
  if (receivers.length === 0) return;
  const mount = (): void => {
    const byPath = MOUNTED.get(adapters.httpAdapter) ?? listen(adapters.httpAdapter);
    for (const { events, path } of receivers) {
      byPath.set(path, [...(byPath.get(path) ?? []), events] as [ZitadelEvents]);
    }
  };
  // In a test the application gets its adapter later. A microservice has none.
  if (adapters.httpAdapter) mount();
  else adapters.init$?.subscribe(mount);
}

/** Where deliveries are received. */
export function pathsOfEvents({ httpAdapter }: HttpAdapterHost): readonly string[] {
  return [...((httpAdapter && MOUNTED.get(httpAdapter)) ?? new Map<string, unknown>()).keys()];
}

function listen(adapter: AbstractHttpAdapter): Receivers {
  const byPath: Receivers = new Map();
  const receiversOf = ({ url = '' }: IncomingMessage) => {
    const end = url.indexOf('?');
    return byPath.get(end === -1 ? url : url.slice(0, end));
  };
  switch (adapter.getType()) {
    case 'express':
      adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        const receivers = receiversOf(request);
        if (receivers) void takeDelivery(receivers, request, response);
        else next();
      });
      break;
    case 'fastify':
      adapter.getInstance<Fastify>().addHook('onRequest', ({ raw: request }, reply, done) => {
        const receivers = receiversOf(request);
        if (!receivers) {
          done();
          return;
        }
        reply.hijack();
        void takeDelivery(receivers, request, reply.raw);
      });
      break;
    default:
      throw new ZitadelOptionsError(
        'events.signingKeys',
        'events.signingKeys: this HTTP adapter is not known here; leave it out, and call verifyEvent() in a route of your own',
      );
  }
  MOUNTED.set(adapter, byPath);
  return byPath;
}
