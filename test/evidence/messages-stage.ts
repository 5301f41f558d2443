// The stage of the proof `messages`: an emulator, and the same routes in Nest and in Express, with the logs that an application has by default.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  Get,
  type LoggerService,
  Module,
  type ModuleMetadata,
  Post,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import express, { type Express } from 'express';
import {
  authenticated,
  org,
  permission,
  projectRole,
  Require,
  role,
  ZitadelManagerGuard,
  ZitadelModule,
  type Requirement,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { createZitadel, type ExpressZitadel, requireThat } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';

/** A request. */
export interface Asked {
  readonly path: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export type DoorName = 'nest' | 'express';

export interface Stage {
  readonly zitadel: ZitadelEmulator;
  readonly acme: string;
  readonly globex: string;
  /** A name that nobody has yet. */
  newName(): string;
  /** Somebody new, an owner of acme. */
  newcomer(): { readonly id: string };
  /** What the log says about a request at the door that is open all the time. */
  ask(door: DoorName, asked: Asked): Promise<string>;
  /** The same at a door with other options. */
  askWith(door: DoorName, options: Partial<ZitadelOptions>, asked: Asked): Promise<string>;
  /** What the library says when it is put together with these options. */
  create(door: DoorName, options: Partial<ZitadelOptions>): Promise<string>;
  /** What the log or the error says when a Nest application starts, and answers a request. */
  boot(metadata: ModuleMetadata, asked?: Asked): Promise<string>;
  /** What the log or the error says when an Express application answers a request. */
  serve(
    build: (app: Express, zitadel: ExpressZitadel) => void,
    path: string,
    token?: string,
  ): Promise<string>;
  readonly unprefixed: readonly string[];
  close(): Promise<void>;
}

export const GLOBAL = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };

/** What the routes of the open doors ask for. */
const routesOf = (acme: string, project: string): Readonly<Record<string, Requirement>> => ({
  'orgs/:orgId': role('ORG_OWNER', org.param('orgId')),
  query: role('ORG_OWNER', org.query('orgId')),
  header: role('ORG_OWNER', org.header('x-org')),
  function: role('ORG_OWNER', org.from(noTenant)),
  'drafts/:orgId': projectRole('editor', { project, org: org.param('orgId') }),
  'permitted/:orgId': permission('org.write', org.param('orgId')),
  home: authenticated({ organizations: [acme] }),
});

function noTenant(): undefined {
  return undefined;
}

export async function openStage(): Promise<Stage> {
  const zitadel = await ZitadelEmulator.start();
  const [acme, globex] = ['acme', 'globex'].map((name) => zitadel.addOrg(name).id) as [
    string,
    string,
  ];
  let lines: string[] = [];
  const unprefixed: string[] = [];
  const note = (message: unknown) => void lines.push(String(message));
  const ofNest = (message: unknown, ...more: unknown[]) => {
    note(message);
    if (
      /_(?:missing|invalid|rejected)\b/.test(String(message)) &&
      more.at(-1) !== 'nestjs-zitadel'
    ) {
      unprefixed.push(String(message));
    }
  };
  const nestLogger: LoggerService = {
    log: (message: unknown, context?: unknown) => {
      if (context === 'nestjs-zitadel') note(message);
    },
    warn: ofNest,
    error: ofNest,
    // What an application does not see by default in production is not heard here.
    debug: () => undefined,
    verbose: () => undefined,
  };
  const logger = { log: note, warn: note, error: note, debug: () => undefined };

  /** What was said meanwhile, and the error that it ended with. */
  const heard = async (work: () => unknown): Promise<string> => {
    lines = [];
    try {
      await work();
    } catch (error) {
      note((error as Error).message);
    }
    return lines.join('\n');
  };
  const routes = routesOf(acme, zitadel.defaultProject.id);

  const nestApp = async (metadata: ModuleMetadata) => {
    class App {}
    Module(metadata)(App);
    const app = await NestFactory.create(App, {
      logger: nestLogger,
      abortOnError: false,
      forceCloseConnections: true,
    });
    try {
      await app.listen(0, '127.0.0.1');
    } catch (error) {
      await app.close();
      throw error;
    }
    const server = app.getHttpServer() as Server;
    return { url: urlOf(server), close: () => app.close() };
  };
  const openNest = (options: Partial<ZitadelOptions>) =>
    nestApp({
      imports: [ZitadelModule.forRoot(zitadel.options(options))],
      controllers: [controllerOf(routes)],
      providers: [GLOBAL],
    });
  const expressApp = async (
    build: (app: Express, zitadel: ExpressZitadel) => void,
    options = {},
  ) => {
    const library = createZitadel(zitadel.options(options), { logger });
    const app = express();
    app.use(express.json());
    build(app, library);
    app.use(((error: Error, _request, response, _next) => {
      note(error.message);
      response.status(500).end();
    }) satisfies express.ErrorRequestHandler);
    const server = createServer(app as RequestListener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      url: urlOf(server),
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
  const openExpress = (options: Partial<ZitadelOptions>) =>
    expressApp((app, library) => {
      for (const [path, requirement] of Object.entries(routes)) {
        app.get(`/${path}`, requireThat(library, requirement), answer);
      }
      app.post('/body', requireThat(library, role('ORG_OWNER', org.body('orgId'))), answer);
    }, options);

  const open = { nest: openNest, express: openExpress };
  const doors = { nest: await openNest({}), express: await openExpress({}) };
  let names = 0;
  const newName = () => {
    names += 1;
    return `newcomer-${names}`;
  };
  return {
    zitadel,
    acme,
    globex,
    unprefixed,
    newName,
    newcomer() {
      const user = zitadel.addUser(newName(), { org: acme });
      zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
      return user;
    },
    ask: (door, asked) => heard(() => send(doors[door].url, asked)),
    askWith: (door, options, asked) =>
      heard(async () => {
        const opened = await open[door](options);
        await send(opened.url, asked);
        await opened.close();
      }),
    create: (door, options) =>
      heard(async () => {
        if (door === 'express') createZitadel(options as ZitadelOptions, { logger });
        else {
          const module = ZitadelModule.forRoot(options as ZitadelOptions);
          await nestApp({ imports: [module] }).then((app) => app.close());
        }
      }),
    boot: (metadata, asked) =>
      heard(async () => {
        const app = await nestApp(metadata);
        if (asked) await send(app.url, asked);
        await app.close();
      }),
    serve: (build, path, token) =>
      heard(async () => {
        const app = await expressApp(build);
        await send(app.url, { path, ...(token !== undefined && { token }) });
        await app.close();
      }),
    async close() {
      await Promise.all([doors.nest.close(), doors.express.close()]);
      await zitadel.stop();
    },
  };
}

const answer: express.RequestHandler = (_request, response) => {
  response.json({ ok: true });
};

/** A controller with these routes. */
function controllerOf(routes: Readonly<Record<string, Requirement>>): Type {
  class RoutesController {
    @Post('body')
    @Require(role('ORG_OWNER', org.body('orgId')))
    body() {
      return { ok: true };
    }

    @Get('undeclared')
    undeclared() {
      return { ok: true };
    }
  }
  for (const [path, requirement] of Object.entries(routes)) {
    const handler = { value: () => ({ ok: true }), writable: true, configurable: true };
    Object.defineProperty(RoutesController.prototype, path, handler);
    Get(path)(RoutesController.prototype, path, handler);
    Require(requirement)(RoutesController.prototype, path, handler);
  }
  Controller()(RoutesController);
  return RoutesController;
}

async function send(url: string, { path, token, headers, body }: Asked): Promise<void> {
  const response = await fetch(url + path, {
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  await response.text();
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
