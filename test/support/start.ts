import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express, { type Express } from 'express';

/** The two platforms of Nest. */
export type Platform = 'express' | 'fastify';

/** A server that listens on loopback. */
export interface Running {
  readonly url: string;
  close(): Promise<void>;
}

/** A Nest application that listens on loopback. */
export interface RunningNest extends Running {
  readonly app: INestApplication;
}

/** What a test may change about the application before it starts. */
export type Prepare = (app: INestApplication) => void;

/** Builds a Nest application and starts it. What makes it refuse to boot is thrown. */
export async function startNest(
  platform: Platform | FastifyAdapter,
  root: ModuleMetadata,
  prepare: Prepare = () => undefined,
): Promise<RunningNest> {
  class App {}
  Module(root)(App);
  const app = await NestFactory.create(App, adapterOf(platform), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  try {
    return await listen(app, prepare);
  } catch (error) {
    await app.close();
    throw error;
  }
}

function adapterOf(platform: Platform | FastifyAdapter): ExpressAdapter | FastifyAdapter {
  if (platform === 'express') return new ExpressAdapter();
  return platform === 'fastify' ? new FastifyAdapter() : platform;
}

/** Starts an application that was built already, by `@nestjs/testing` for instance. */
export async function listen(
  app: INestApplication,
  prepare: Prepare = () => undefined,
): Promise<RunningNest> {
  prepare(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${String(port)}`, close: () => app.close() };
}

/** Starts a plain Express application. */
export async function startExpress(build: (app: Express) => void): Promise<Running> {
  const app = express();
  build(app);
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = app.listen(0, '127.0.0.1', (error) => {
      if (error) reject(error);
      else resolve(starting);
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
