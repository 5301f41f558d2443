import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ZitadelError } from 'nestjs-zitadel';
import { AppModule } from './app.module.js';
import { DecisionLog } from './decision-log.js';
import { EnvironmentError, readEnvironment, type Environment } from './environment.js';
import { openInstance, type Instance } from './instance.js';
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
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.around(instance, environment),
    { logger: new BriefLogger(), abortOnError: false, forceCloseConnections: true },
  );
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(securityHeaders(instance.issuer));
  app.useStaticAssets(PAGE, { index: 'index.html' });
  app.use(app.get(DecisionLog).follow);
  const port = await listen(app, environment);
  if (environment.port === undefined && port !== FIRST_PORT) {
    console.log(`\nPort ${FIRST_PORT} is taken by another program, so this is port ${port}.`);
  }
  instance.acceptSignInsFrom([`http://${HOST}:${port}`, `http://localhost:${port}`]);
  endOnSignal(app, instance);
  // Since this process began; npm and the build are before it, or in it.
  console.log(`\nUp after ${(performance.now() / 1_000).toFixed(1)} s. Press Ctrl-C to stop.`);
  console.log(
    instance.demo
      ? `ZITADEL is emulated at ${instance.issuer}.`
      : `Signing in at ${instance.issuer}.`,
  );
  console.log(`nestjs-zitadel sample: open http://${HOST}:${port}`);
}

/** A port that was asked for is taken or refused; only where nothing depends on it, the next free one will do. */
async function listen(app: NestExpressApplication, environment: Environment): Promise<number> {
  const { port = FIRST_PORT } = environment;
  const fixed = environment.port !== undefined || environment.kind === 'zitadel';
  const last = fixed ? port : port + PORTS_TO_TRY - 1;
  for (let next = port; next <= last; next += 1) {
    try {
      const server = (await app.listen(next, HOST)) as { address(): { port: number } };
      return server.address().port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    }
  }
  const which = fixed ? `Port ${port} is` : `Ports ${port} to ${last} are`;
  throw new EnvironmentError(`${which} not free: choose another one, e.g. PORT=8080 npm start`);
}

function endOnSignal(app: NestExpressApplication, instance: Instance): void {
  let ending = false;
  const end = (): void => {
    if (ending) process.exit(1);
    ending = true;
    void Promise.all([app.close(), instance.stop()])
      .catch(() => undefined)
      .then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}

try {
  await main();
} catch (error) {
  // What a person can mend is told in words; everything else with its stack.
  const known = error instanceof EnvironmentError || error instanceof ZitadelError;
  console.error(known ? `\nThe sample cannot start:\n${error.message}` : error);
  process.exit(1);
}
