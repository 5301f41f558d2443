import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import {
  All,
  Controller,
  Get,
  HttpCode,
  Post,
  Req,
  VersioningType,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import {
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  org,
  project,
  type RequestLike,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { createZitadel, requireRole } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { pathsOf } from '../doors/hostile-paths.js';
import { speak } from '../support/speak.js';
import { startNest, type Platform, type Prepare, type Running } from '../support/start.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'hostile paths and methods: no handler runs for which the guard did not decide';

const METHODS = [
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'TRACE',
  'PROPFIND',
] as const;

const NUMBER = 'x-number';

/** Which requests the guard looked at, and for which a handler ran, by their number. */
class Seen {
  readonly guarded = new Set<string>();
  readonly ran = new Set<string>();

  /** The guard reads the token of each request that it decides, here. */
  readonly token = (request: RequestLike): string | undefined => {
    this.guarded.add(String(request.headers[NUMBER]));
    const { authorization } = request.headers;
    return typeof authorization === 'string' ? authorization.slice('Bearer '.length) : undefined;
  };

  handle(request: { readonly headers: RequestLike['headers'] }): object {
    this.ran.add(String(request.headers[NUMBER]));
    return {};
  }
}

interface Asked {
  readonly options: ZitadelOptions;
  readonly seen: Seen;
  readonly acme: string;
}

interface Stack {
  readonly name: string;
  readonly open: (asked: Asked) => Promise<Running>;
}

type Make = typeof express;
const express4 = createRequire(import.meta.url)('express4') as Make;

/** Guards and handlers are two registrations, which must match the same paths. */
function withMiddleware(make: Make): Stack['open'] {
  return ({ options, seen, acme }) => {
    const zitadel = createZitadel(options);
    const owner = requireRole(zitadel, 'ORG_OWNER', org.param('orgId'));
    const app = make();
    const handler: express.RequestHandler = (request, response) => {
      response.json(seen.handle(request));
    };
    app.use('/orgs/:orgId/projects/:projectId', tied(zitadel));
    app.use(['/orgs/:orgId', '/all/:orgId', '/files/:orgId', '/tenants/:orgId'], owner);
    app.use('/literal', requireRole(zitadel, 'ORG_OWNER', acme));
    app.use('/instance', requireRole(zitadel, 'IAM_OWNER'));
    app.get('/orgs/:orgId/projects/:projectId', handler);
    app.get('/orgs/:orgId', handler);
    app.all('/all/:orgId', handler);
    app.get(make === express4 ? '/files/:orgId/*' : '/files/:orgId/*path', handler);
    app.get('/tenants/:orgId', handler);
    app.post('/tenants/:orgId', handler);
    app.get(['/literal', '/instance'], handler);
    return listening(withPublic(app));
  };
}

/** A guard at the head of each router, and one more before a single route. */
function withRouter(make: Make): Stack['open'] {
  return ({ options, seen, acme }) => {
    const zitadel = createZitadel(options);
    const owner = requireRole(zitadel, 'ORG_OWNER', org.param('orgId'));
    const handler: express.RequestHandler = (request, response) => {
      response.json(seen.handle(request));
    };
    const guarded = (...guards: ReturnType<typeof requireRole>[]) => {
      const router = make.Router({ mergeParams: true });
      router.use(...guards);
      return router;
    };
    const orgs = guarded(owner);
    orgs.get('/', handler);
    orgs.get('/projects/:projectId', tied(zitadel), handler);
    const all = guarded(owner);
    all.all('/', handler);
    const files = guarded(owner);
    files.get(make === express4 ? '/*' : '/*path', handler);
    const tenants = guarded(owner);
    tenants.get('/', handler);
    tenants.post('/', owner, handler);
    const literal = guarded(requireRole(zitadel, 'ORG_OWNER', acme));
    literal.get('/', handler);
    const app = make();
    app.use('/orgs/:orgId', orgs);
    app.use('/all/:orgId', all);
    app.use('/files/:orgId', files);
    app.use('/tenants/:orgId', tenants);
    app.use('/literal', literal);
    return listening(withPublic(app));
  };
}

const tied = (zitadel: ReturnType<typeof createZitadel>) =>
  requireRole(zitadel, 'PROJECT_OWNER', project.param('projectId').in(org.param('orgId')));

function withPublic(app: express.Express): express.Express {
  app.get('/public', (_, response) => void response.json({}));
  // Node names a broken path in an error of Express: that must not be printed.
  const broken: express.ErrorRequestHandler = (error: { status?: number }, _, response, _next) =>
    void response.sendStatus(error.status ?? 500);
  return app.use(broken);
}

async function listening(app: express.Express): Promise<Running> {
  const server = createServer(app as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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

type Request = Parameters<Seen['handle']>[0];

function controllersOf(seen: Seen, acme: string): Type[] {
  @Controller()
  class Routes {
    @Get('orgs/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    read(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('orgs/:orgId/projects/:projectId')
    @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))
    project(@Req() request: Request) {
      return seen.handle(request);
    }

    @All('all/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    all(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('files/:orgId/*')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    files(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('literal')
    @RequireRole('ORG_OWNER', acme)
    literal(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('instance')
    @RequireRole('IAM_OWNER')
    instance(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('undeclared')
    undeclared(@Req() request: Request) {
      return seen.handle(request);
    }

    @Get('public')
    @Public()
    public() {
      return {};
    }
  }

  @Controller('tenants/:orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  class Tenants {
    @Get()
    read(@Req() request: Request) {
      return seen.handle(request);
    }

    @Post()
    @HttpCode(200)
    @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
    write(@Req() request: Request) {
      return seen.handle(request);
    }
  }

  return [Routes, Tenants];
}

function withNest(platform: () => Platform | FastifyAdapter, prepare?: Prepare): Stack['open'] {
  return ({ options, seen, acme }) =>
    startNest(
      platform(),
      {
        imports: [ZitadelModule.forRoot(options)],
        controllers: controllersOf(seen, acme),
        providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
      },
      prepare,
    );
}

/** Everything that Fastify's router can be told to overlook. */
const lenient = () =>
  new FastifyAdapter({
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      caseSensitive: false,
      allowUnsafeRegex: true,
    },
  });

const STACKS: readonly Stack[] = [
  { name: 'Express middleware', open: withMiddleware(express) },
  { name: 'Express Router', open: withRouter(express) },
  { name: 'Nest on Express', open: withNest(() => 'express') },
  { name: 'Nest on Fastify with every lenient option of its router', open: withNest(lenient) },
  { name: 'Nest on Fastify', open: withNest(() => 'fastify') },
  { name: 'Express 4 middleware', open: withMiddleware(express4) },
  { name: 'Express 4 Router', open: withRouter(express4) },
  {
    name: 'Nest on Express with a global prefix that leaves routes out',
    open: withNest(
      () => 'express',
      (app) => app.setGlobalPrefix('api', { exclude: ['orgs/:orgId'] }),
    ),
  },
  {
    name: 'Nest on Fastify with versions in the header',
    open: withNest(
      () => 'fastify',
      (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    ),
  },
];

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  try {
    const acme = zitadel.addOrg('acme');
    const ids = {
      acme: acme.id,
      globex: zitadel.addOrg('globex').id,
      portal: zitadel.addProject('portal', { org: acme }).id,
    };
    const owner = zitadel.addUser('owner');
    zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
    const tokens = [
      undefined,
      zitadel.tokenFor(zitadel.addUser('nobody')),
      zitadel.tokenFor(owner),
    ];
    const paths = pathsOf(ids);
    const total = { requests: 0, unguarded: 0, ran: 0, errors500: 0 };
    for (const { name, open } of STACKS) {
      const seen = new Seen();
      const silent = { debug() {}, log() {}, warn() {}, error() {} };
      const options = zitadel.options({ token: seen.token, logger: silent });
      const door = await open({ options, seen, acme: ids.acme });
      /** The numbers of the requests of the owner: nobody else may get in. */
      const ofOwner = new Set<string>();
      let number = 0;
      const ask = async (path: string, method: string, token: string | undefined) => {
        const one = String((number += 1));
        if (token === tokens[2]) ofOwner.add(one);
        const headers = [[NUMBER, one] as const];
        const { status } = await speak(door.url, {
          method,
          path,
          headers:
            token === undefined ? headers : [...headers, ['Authorization', `Bearer ${token}`]],
        });
        if (status >= 500) {
          total.errors500 += 1;
          progress(`${name}: ${method} ${path}: ${String(status)}`);
        }
      };
      try {
        for (const [index, path] of paths.entries()) {
          const asked = METHODS.flatMap((method, other) =>
            // In the short form each combination has one of the three callers.
            tokens
              .filter((_, caller) => !short || caller === (index + other) % tokens.length)
              .map((token) => ask(path, method, token)),
          );
          await Promise.all(asked);
        }
      } finally {
        await door.close();
      }
      const unguarded = [...seen.ran].filter((one) => !seen.guarded.has(one) || !ofOwner.has(one));
      progress(
        `${name}: ${number} requests, ${seen.guarded.size} guarded, ${seen.ran.size} handlers ran`,
      );
      if (seen.ran.size < 5) throw new Error(`${name}: almost no handler ran: that shows nothing`);
      total.requests += number;
      total.ran += seen.ran.size;
      total.unguarded += unguarded.length;
    }
    return {
      ok: total.unguarded === 0 && total.errors500 === 0,
      paths: paths.length,
      methods: METHODS.length,
      stacks: STACKS.length,
      ...total,
    };
  } finally {
    await zitadel.stop();
  }
}
