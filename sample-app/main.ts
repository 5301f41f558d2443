import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { accessOf, ZitadelError } from 'nestjs-zitadel';
import { AppModule } from './app.module.js';
import { DecisionLog } from './decision-log.js';
import { EnvironmentError, readEnvironment, type Environment } from './environment.js';
import { fleetOf, type Fleet } from './fleet.js';
import { openInstance, type Instance } from './instance.js';
import { AccessController } from './routes/access.controller.js';
import { securityHeaders } from './security-headers.js';

const HOST = '127.0.0.1';
const FIRST_PORT = 3_000;
const PORTS_TO_TRY = 20;
const PAGE = fileURLToPath(new URL('../../sample-app/public', import.meta.url));

/** Nest says in forty lines that it has started; what counts is which route asks for what. */
class BriefLogger extends ConsoleLogger {
  static readonly #unsaid = new Set([
    'InstanceLoader',
    'NestFactory',
    'RouterExplorer',
    'RoutesResolver',
    'NestApplication',
  ]);

  override log(message: unknown, ...rest: unknown[]): void {
    if (!BriefLogger.#unsaid.has(String(rest.at(-1)))) super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    // That a port is taken is told in words: see `listen`.
    if (!/listen (EADDRINUSE|EACCES)/.test(String(message))) super.error(message, ...rest);
  }
}

async function main(): Promise<void> {
  const environment = readEnvironment(process.env);
  const instance = await openInstance(environment);
  const fleet = fleetOf(environment);
  const first = await createApp(instance, environment, fleet, new BriefLogger());
  const port = await listen(first.app, environment);
  if (environment.port === undefined && port !== FIRST_PORT) {
    console.log(`\nPort ${FIRST_PORT} is taken by another program, so this is port ${port}.`);
  }
  instance.acceptSignInsFrom([`http://${HOST}:${port}`, `http://localhost:${port}`]);
  const ends = [first.close];
  if (instance.demo) {
    // What it would say at boot was said by the first.
    const second = await createApp(instance, environment, fleet, ['warn', 'error']);
    const other = await listenAt(second.app, 0);
    ends.push(second.close);
    instance.demo.tellTheFirstOf([port, other].map((each) => `http://${HOST}:${each}`));
    console.log(`\nA second instance of the app is at http://${HOST}:${other}.`);
  }
  endOnSignal(ends, instance);
  // Since this process began; npm and the build are before it, or in it.
  console.log(`\nUp after ${(performance.now() / 1_000).toFixed(1)} s. Press Ctrl-C to stop.`);
  console.log(
    instance.demo
      ? `ZITADEL is emulated at ${instance.issuer}.`
      : `Signing in at ${instance.issuer}.`,
  );
  console.log(`nestjs-zitadel sample: open http://${HOST}:${port}`);
}

/** One instance of the app. */
async function createApp(
  instance: Instance,
  environment: Environment,
  fleet: Fleet,
  logger: BriefLogger | LogLevel[],
): Promise<{ readonly app: NestExpressApplication; readonly close: () => Promise<void> }> {
  const { bus, close } = fleet.openBus();
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.around(instance, environment, fleet, bus),
    { logger, abortOnError: false, forceCloseConnections: true },
  );
  app.get(AccessController).fill(accessOf(app));
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(securityHeaders(instance.issuer));
  app.useStaticAssets(PAGE, { index: 'index.html' });
  app.use(app.get(DecisionLog).follow);
  return { app, close: () => app.close().finally(close) };
}

async function listenAt(app: NestExpressApplication, port: number): Promise<number> {
  const server = (await app.listen(port, HOST)) as { address(): { port: number } };
  return server.address().port;
}

/** A port that was asked for is taken or refused; only where nothing depends on it, the next free one will do. */
async function listen(app: NestExpressApplication, environment: Environment): Promise<number> {
  const { port = FIRST_PORT } = environment;
  const fixed = environment.port !== undefined || environment.kind === 'zitadel';
  const last = fixed ? port : port + PORTS_TO_TRY - 1;
  for (let next = port; next <= last; next += 1) {
    try {
      return await listenAt(app, next);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    }
  }
  const which = fixed ? `Port ${port} is` : `Ports ${port} to ${last} are`;
  throw new EnvironmentError(`${which} not free: choose another one, e.g. PORT=8080 npm start`);
}

function endOnSignal(ends: readonly (() => Promise<void>)[], instance: Instance): void {
  let ending = false;
  const endAll = (): void => {
    if (ending) process.exit(1);
    ending = true;
    void Promise.all([...ends.map((end) => end()), instance.stop()])
      .catch(() => undefined)
      .then(() => process.exit(0));
  };
  process.on('SIGINT', endAll);
  process.on('SIGTERM', endAll);
}

try {
  await main();
} catch (error) {
  // What a person can mend is told in words; everything else with its stack.
  const known = error instanceof EnvironmentError || error instanceof ZitadelError;
  console.error(known ? `\nThe sample cannot start:\n${error.message}` : error);
  process.exit(1);
}
