// What the doors of Nest have in common: a class whose methods are the routes.
import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module, type INestApplication, type ModuleMetadata, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  CurrentCaller,
  Require,
  ZitadelAuthorizer,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import type { OpenDoor, Route, Wanted } from '../door.js';

/** A class of handlers, and how often one of them ran. */
export interface Handlers {
  readonly type: Type;
  ran(): number;
}

/** The name of the method of a route. */
export const methodOf = (route: number) => `r${String(route)}`;

/** A class with a method for each route, as it would be written with decorators. */
export function handlersOf(
  routes: readonly Route[],
  onMethod: (route: Route, index: number) => readonly MethodDecorator[],
  onClass: readonly ClassDecorator[],
): Handlers {
  let ran = 0;
  class Handlers {}
  const prototype = Handlers.prototype as object;
  for (const [index, route] of routes.entries()) {
    const name = methodOf(index);
    const value = (caller: Caller) => {
      ran += 1;
      return { caller: caller.userId };
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
    CurrentCaller()(prototype, name, 0);
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    const decorators = [...onMethod(route, index), Require(route.requirement)];
    Object.defineProperty(
      prototype,
      name,
      Reflect.decorate(decorators, prototype, name, descriptor) as PropertyDescriptor,
    );
  }
  return { type: Reflect.decorate([...onClass], Handlers) as Type, ran: () => ran };
}

/** Builds an application with our module and its guard, and starts it. */
export async function startNest(
  platform: 'express' | 'fastify',
  { options, readers }: Wanted,
  { providers = [], imports = [], ...rest }: ModuleMetadata,
  prepare: (app: INestApplication) => Promise<unknown> | undefined = () => undefined,
): Promise<{ readonly url: string } & Pick<OpenDoor, 'authorizer' | 'close'>> {
  class App {}
  Module({
    ...rest,
    imports: [ZitadelModule.forRoot(options), ...imports],
    providers: [
      ...(readers as Type[]),
      { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
      ...providers,
    ],
  })(App);
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(App, adapter, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  await prepare(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    authorizer: app.get(ZitadelAuthorizer),
    close: () => app.close(),
  };
}
