import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTo } from 'node:net';
import { type CanActivate, Controller, type ExecutionContext, Get, Req, Res } from '@nestjs/common';
import { UseGuards } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Router } from 'express';
import {
  createZitadel,
  decisionOf,
  letIn,
  requireRole,
  ZitadelNotAllowedError,
} from '../../lib/express/index.js';
import { org, Public, RequireRole, ZitadelAuthorizer } from '../../lib/index.js';
import { boot, serve, untilTheEnd } from '../support/application.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

/** What became of the signals, by the path of their request. */
const ended: Record<string, string> = {};

function endingOf({ reason }: AbortSignal): string {
  if (reason instanceof ZitadelNotAllowedError) return reason.decision.reason;
  return reason instanceof Error ? reason.name : String(reason);
}

/** Waits for the signal, and answers then. `page`: answers at once. */
function answer(request: object, path: string, response: ServerResponse): void {
  const signal = decisionOf(request)?.signal;
  if (!signal) throw new Error('no decision');
  expect(decisionOf(request)?.signal).toBe(signal);
  signal.addEventListener('abort', () => {
    ended[path] = endingOf(signal);
    response.end();
  });
  response.write('open');
  if (path.startsWith('/page')) response.end();
}

class Mine implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return letIn(context.switchToHttp().getRequest<object>(), { userId: 'key', claims: {} });
  }
}

/** Of Node, or of Fastify. */
type Response = ServerResponse & { readonly raw?: ServerResponse; hijack?(): void };

@Controller()
class StreamsController {
  @Get(['stream/:name', 'page/:name'])
  @RequireRole('ORG_OWNER', org.header('x-org'))
  stream(@Req() request: IncomingMessage, @Res() response: Response) {
    response.hijack?.();
    answer(request, request.url ?? '', response.raw ?? response);
  }

  @Get('mine/:name')
  @Public()
  @UseGuards(Mine)
  mine(@Req() request: IncomingMessage, @Res() response: Response) {
    this.stream(request, response);
  }
}

interface Door {
  readonly url: string;
  readonly authorizer: ZitadelAuthorizer;
}

async function nest(platform: 'express' | 'fastify'): Promise<Door> {
  const { app, url } = await boot(world, { controllers: [StreamsController], platform });
  return { url, authorizer: app.get(ZitadelAuthorizer) };
}

/** Routes without a framework. */
function plain() {
  const zitadel = createZitadel(world.zitadel.options());
  const check = requireRole(zitadel, 'ORG_OWNER', org.header('x-org'));
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '';
    if (!path.startsWith('/mine')) {
      check(request, response, () => answer(request, path, response));
      return;
    }
    letIn(request, { userId: 'key', claims: {} });
    answer(request, path, response);
  };
  return { ...zitadel, handle };
}

const DOORS: readonly (readonly [string, () => Promise<Door>])[] = [
  ['Nest on Express', () => nest('express')],
  ['Nest on Fastify', () => nest('fastify')],
  [
    'Express',
    async () => {
      const { authorizer, handle } = plain();
      return { authorizer, url: await serve((app) => app.use(handle)) };
    },
  ],
  [
    'a server of Node',
    async () => {
      const { authorizer, handle } = plain();
      const server = createServer(handle);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const close = () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
      return { authorizer, url: untilTheEnd({ url: `http://127.0.0.1:${port}`, close }).url };
    },
  ],
];

/** An owner of acme. */
function owner() {
  const { zitadel, acme } = world;
  const user = zitadel.addUser(`owner-${Math.random()}`, { org: acme });
  zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
  return { user, id: user.id, token: zitadel.tokenFor(user) };
}

/** Opens a request, and goes on reading it. */
async function open({ url }: Door, path: string, token = '') {
  const leaving = new AbortController();
  const headers = { authorization: `Bearer ${token}`, 'x-org': world.acme };
  delete ended[path];
  const response = await fetch(url + path, { headers, signal: leaving.signal });
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  await reader?.read();
  onTestFinished(() => leaving.abort());
  return { leave: () => leaving.abort(), reader };
}

describe.each(DOORS)('the signal of a decision in %s', (_name, start) => {
  it('is aborted as soon as an eviction shows that the right is lost, and for nobody else', async () => {
    const door = await start();
    const [one, other] = [owner(), owner()];
    await open(door, '/stream/one', one.token);
    await open(door, '/stream/other', other.token);
    world.zitadel.removeMember(one.user, { org: world.acme });
    await door.authorizer.evict(one.id);
    await expect.poll(() => ended['/stream/one']).toBe('role_missing');
    await door.authorizer.evict(other.id);
    world.zitadel.resetRequests();
    await door.authorizer.evictAll();
    await expect.poll(() => world.zitadel.requests('memberships')).toBe(1);
    expect(ended['/stream/other']).toBeUndefined();
    await door.authorizer.rejectIssuedBefore(other.id, Date.now() + 1_000);
    await expect.poll(() => ended['/stream/other']).toBe('token_invalid');
  });

  it('is aborted when its request ends, and nobody asks any more', async () => {
    const door = await start();
    const [left, sent, rest] = [owner(), owner(), owner()];
    const { leave } = await open(door, '/stream/left', left.token);
    // The connection stays open.
    const { reader } = await open(door, '/page/sent', sent.token);
    expect((await reader?.read())?.done).toBe(true);
    await open(door, '/stream/rest', rest.token);
    await expect.poll(() => ended['/page/sent']).toBe('AbortError');
    leave();
    await expect.poll(() => ended['/stream/left']).toBe('AbortError');
    world.zitadel.resetRequests();
    await Promise.all([left, sent].map(({ id }) => door.authorizer.evict(id)));
    await door.authorizer.evict(rest.id);
    await expect.poll(() => world.zitadel.requests('memberships')).toBe(1);
    expect(ended['/stream/rest']).toBeUndefined();
  });

  it('is aborted with its request alone, where the application let it in', async () => {
    const door = await start();
    const { leave } = await open(door, '/mine/key');
    await door.authorizer.evict('key');
    await door.authorizer.evictAll();
    expect(ended['/mine/key']).toBeUndefined();
    leave();
    await expect.poll(() => ended['/mine/key']).toBe('AbortError');
  });

  it('is that of its own request, where several come at once on a connection', async () => {
    const { url, authorizer } = await start();
    const [first, second] = [owner(), owner()];
    const paths = { '/stream/first': first, '/page/second': second };
    for (const path of Object.keys(paths)) delete ended[path];
    const socket = connectTo(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    for (const [path, { token }] of Object.entries(paths)) {
      const headers = `host: x\r\nauthorization: Bearer ${token}\r\nx-org: ${world.acme}`;
      socket.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`);
    }
    await new Promise((resolve) => socket.once('data', resolve));
    expect(ended).not.toHaveProperty('/stream/first');
    expect(ended).not.toHaveProperty('/page/second');
    world.zitadel.removeMember(first.user, { org: world.acme });
    await authorizer.evict(first.id);
    await expect.poll(() => ended['/stream/first']).toBe('role_missing');
    await expect.poll(() => ended['/page/second']).toBe('AbortError');
  });
});

describe('the signal of a decision in Express', () => {
  const lose = async ({ user, id }: ReturnType<typeof owner>, authorizer: ZitadelAuthorizer) => {
    world.zitadel.removeMember(user, { org: world.acme });
    await authorizer.evict(id);
  };

  it('is about the ids that were checked, also where a router has others', async () => {
    const zitadel = createZitadel(world.zitadel.options());
    const url = await serve((app) => {
      const inner = Router();
      inner.get('/:id', (request, response) => answer(request, '/stream/inner', response));
      app.use('/:id', requireRole(zitadel, 'ORG_OWNER', org.param('id')), inner);
    });
    const someone = owner();
    const door = { url, authorizer: zitadel.authorizer };
    await open(door, `/${world.acme}/${world.globex}`, someone.token);
    world.zitadel.resetRequests();
    await zitadel.authorizer.evict(someone.id);
    await expect.poll(() => world.zitadel.requests('memberships')).toBe(1);
    expect(ended['/stream/inner']).toBeUndefined();
    await lose(someone, zitadel.authorizer);
    await expect.poll(() => ended['/stream/inner']).toBe('role_missing');
  });

  it.each([0, 1])('ends with the first of two decisions that ends: %i', async (lost) => {
    const all = [1, 2].map(() => createZitadel(world.zitadel.options()));
    const url = await serve((app) => {
      const checks = all.map((each) => requireRole(each, 'ORG_OWNER', world.acme));
      app.get('/two', ...checks, (request, response) => answer(request, '/stream/two', response));
    });
    const someone = owner();
    const { authorizer } = all[lost] as (typeof all)[0];
    delete ended['/stream/two'];
    await open({ url, authorizer }, '/two', someone.token);
    await lose(someone, authorizer);
    await expect.poll(() => ended['/stream/two']).toBe('role_missing');
  });

  it('is under review from when it is read, and ends at once if the decision has ended before', async () => {
    const zitadel = createZitadel(world.zitadel.options());
    const someone = owner();
    let readIt = (): void => undefined;
    const url = await serve((app) =>
      app.get('/late', requireRole(zitadel, 'ORG_OWNER', world.acme), (request, response) => {
        response.write('open');
        readIt = () => answer(request, '/stream/late', response);
      }),
    );
    await open({ url, authorizer: zitadel.authorizer }, '/late', someone.token);
    world.zitadel.resetRequests();
    await lose(someone, zitadel.authorizer);
    expect(world.zitadel.requests('memberships')).toBe(0);
    readIt();
    await expect.poll(() => ended['/stream/late']).toBe('role_missing');
  });
});

it('is not read where a decision is copied or printed, so that is under no review', () => {
  const request = { headers: {} };
  letIn(request, { userId: 'key', claims: {} });
  const decision = decisionOf(request);
  expect(Object.keys({ ...decision })).toEqual(['allowed', 'caller', 'by', 'checked', 'read']);
  expect(decisionOf(request)).toBe(decision);
});
