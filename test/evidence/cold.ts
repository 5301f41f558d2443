import { createServer, request as send, Agent, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import express from 'express';
import { RequireRole, ZitadelManagerGuard, ZitadelModule, org } from 'nestjs-zitadel';
import { createZitadel, requireRole } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';

export const about =
  'a thousand requests at once with one token, nothing cached: one call to ZITADEL';

const REQUESTS = 1_000;
const QUIET = {
  debug: () => undefined,
  log: () => undefined,
  warn: console.warn,
  error: console.error,
};

/** Holds the first call for memberships until every request has arrived, so that all of them wait for it. */
class Gate {
  arrived = 0;
  readonly #all: Promise<void>;
  #open: () => void = () => undefined;

  constructor(private readonly requests: number) {
    this.#all = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  readonly count = (): void => {
    this.arrived += 1;
    if (this.arrived === this.requests) this.#open();
  };

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith('/memberships/me/_search')) await this.#all;
    return globalThis.fetch(url, init);
  };
}

interface Door {
  readonly url: string;
  close(): Promise<void>;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const requests = short ? REQUESTS / 4 : REQUESTS;
  const upstream: Record<string, Readonly<Record<string, number>>> = {};
  let allowed = 0;
  for (const [name, open] of [
    ['Express', openExpress],
    ['Nest', openNest],
  ] as const) {
    const zitadel = await ZitadelEmulator.start();
    const acme = zitadel.addOrg('acme');
    const alice = zitadel.addUser('alice', { org: acme });
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    const gate = new Gate(requests);
    const door = await open(zitadel, gate);
    try {
      const statuses = await ask(door, `/orgs/${acme.id}`, zitadel.tokenFor(alice), requests);
      allowed += statuses.filter((status) => status === 200).length;
      upstream[name] = {
        memberships: zitadel.requests('memberships'),
        discovery: zitadel.requests('discovery'),
        keys: zitadel.requests('keys'),
        all: zitadel.requests(),
      };
      progress(
        `${name}: ${statuses.length} requests under way together, ${zitadel.requests('memberships')} call for memberships`,
      );
    } finally {
      await door.close();
      await zitadel.stop();
    }
  }
  const calls = Object.values(upstream);
  const upstreamCalls = Math.max(...calls.map(({ memberships = 0 }) => memberships));
  return {
    // Discovery and keys are not the token's, and are asked for once as well; nothing else is.
    ok: upstreamCalls === 1 && allowed === requests * 2 && calls.every(({ all }) => all === 3),
    requests,
    upstreamCalls,
    allowed,
    doors: upstream,
  };
}

function optionsOf(zitadel: ZitadelEmulator, gate: Gate) {
  // The gate waits for a thousand sockets to be opened, which is no fault of ZITADEL's.
  const patience = { timeoutMs: 60_000, budgetMs: 60_000 };
  return zitadel.options({ fetch: gate.fetch, logger: QUIET, ...patience });
}

async function openExpress(zitadel: ZitadelEmulator, gate: Gate): Promise<Door> {
  const guarded = createZitadel(optionsOf(zitadel, gate));
  const app = express();
  app.get(
    '/orgs/:orgId',
    (_request, _response, next) => {
      gate.count();
      next();
    },
    requireRole(guarded, 'ORG_OWNER', org.param('orgId')),
    (_request, response) => {
      response.json({ ok: true });
    },
  );
  const server = createServer(app as RequestListener);
  return doorOf(server, () => closed(server));
}

async function openNest(zitadel: ZitadelEmulator, gate: Gate): Promise<Door> {
  @Controller('orgs')
  class OrgsController {
    @Get(':orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    read() {
      return { ok: true };
    }
  }
  @Module({
    imports: [ZitadelModule.forRoot(optionsOf(zitadel, gate))],
    controllers: [OrgsController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app: INestApplication = await NestFactory.create(AppModule, { logger: false });
  app.use((_request: unknown, _response: unknown, next: () => void) => {
    gate.count();
    next();
  });
  await app.init();
  return doorOf(app.getHttpServer() as Server, () => app.close());
}

async function doorOf(server: Server, close: () => Promise<void>): Promise<Door> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

async function ask(
  door: Door,
  path: string,
  token: string,
  requests: number,
): Promise<readonly (number | undefined)[]> {
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
  const one = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      send(door.url + path, { agent, headers }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      })
        .once('error', reject)
        .end();
    });
  return Promise.all(Array.from({ length: requests }, one));
}
