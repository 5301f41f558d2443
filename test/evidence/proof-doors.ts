import {
  Agent,
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import express from 'express';
import {
  Authenticated,
  MembershipLists,
  ProjectGrantService,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelDecisionStream,
  ZitadelManagerGuard,
  ZitadelModule,
  org,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { requireAuthenticated, createZitadel, requireRole } from 'nestjs-zitadel/express';

export interface DoorAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An application with a route for managers of an organization, and one for every caller. */
export interface Door {
  readonly name: 'Express' | 'Nest';
  /** What the application holds of the library. */
  readonly inside: readonly unknown[];
  /** The answer to a request with this token. */
  ask(path: string, token: string): Promise<DoorAnswer>;
  close(): Promise<void>;
}

/** The routes: what they are called, and their paths. */
export const ROUTES = {
  'role route': (orgId: string) => `/orgs/${orgId}`,
  '@Authenticated': () => '/me',
} as const;

export async function openExpress(options: ZitadelOptions): Promise<Door> {
  const zitadel = createZitadel(options);
  const app = express();
  const answer: express.RequestHandler = (_request, response) => {
    response.json({ ok: true });
  };
  app.get('/orgs/:orgId', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), answer);
  app.get('/me', requireAuthenticated(zitadel), answer);
  return listening('Express', createServer(app as RequestListener), [zitadel]);
}

export async function openNest(options: ZitadelOptions): Promise<Door> {
  @Controller()
  class RoutesController {
    @Get('orgs/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    manage() {
      return { ok: true };
    }

    @Get('me')
    @Authenticated()
    me() {
      return { ok: true };
    }
  }
  const library = ZitadelModule.forRootAsync({ useFactory: () => options });
  @Module({
    imports: [library],
    controllers: [RoutesController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.init();
  const provided = [
    ZitadelAuthorizer,
    ProjectGrantService,
    MembershipLists,
    ZitadelDecisionStream,
    ZitadelManagerGuard,
  ].map((type) => app.get<object>(type));
  const door = await listening('Nest', app.getHttpServer() as Server, [library, ...provided]);
  return {
    ...door,
    close: async () => {
      await door.close();
      await app.close();
    },
  };
}

async function listening(
  name: Door['name'],
  server: Server,
  inside: readonly unknown[],
): Promise<Door> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  return {
    name,
    inside,
    ask: (path, token) =>
      new Promise((resolve, reject) => {
        const sent = { authorization: `Bearer ${token}` };
        send({ host: '127.0.0.1', port, path, agent, headers: sent }, (response) => {
          const { statusCode: status = 0, headers } = response;
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.once('end', () => resolve({ status, headers, body }));
        })
          .once('error', reject)
          .end();
      }),
    close: async () => {
      agent.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
