import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import express from 'express';
import { Authenticated, ZitadelManagerGuard, ZitadelModule, jwt, pat } from 'nestjs-zitadel';
import { requireAuthenticated, createZitadel } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { speak } from '../support/speak.js';
import { startExpress, startNest, type Platform, type Running } from '../support/start.js';
import { MonotonicClock } from './clock.js';
import { Keys, signedByOwnKey, type Hostile, type Material } from './hostile-material.js';
import { hostileRequests, kindsOf } from './hostile-tokens.js';

export const about = 'hostile tokens and headers at every door: none gets in, none makes it fail';

type Options = ReturnType<ZitadelEmulator['options']>;

const quiet = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A door whose only route asks for a caller, and how often somebody came through. */
interface Door extends Running {
  readonly name: string;
  readonly ran: () => number;
}

async function openNest(platform: Platform, options: Options): Promise<Door> {
  let ran = 0;
  @Controller()
  @Authenticated()
  class OnlyController {
    @Get()
    read() {
      ran += 1;
      return {};
    }

    @Post()
    write() {
      ran += 1;
      return {};
    }
  }
  const { url, close } = await startNest(platform, {
    imports: [ZitadelModule.forRoot(options)],
    controllers: [OnlyController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  });
  return { name: `Nest on ${platform}`, url, close, ran: () => ran };
}

async function openExpress(options: Options): Promise<Door> {
  let ran = 0;
  const zitadel = createZitadel(options);
  const { url, close } = await startExpress((app) => {
    app.use(express.json());
    app.all('/', requireAuthenticated(zitadel), (_request, response) => {
      ran += 1;
      response.json({});
    });
  });
  return { name: 'Express', url, close, ran: () => ran };
}

export async function run({
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  let trapped = 0;
  const trap = createServer((_request, response) => {
    trapped += 1;
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  const { port } = trap.address() as AddressInfo;
  const zitadel = await ZitadelEmulator.start();
  const clock = new MonotonicClock();
  const doors: Door[] = [];
  try {
    const org = zitadel.addOrg('acme');
    const user = zitadel.addUser('alice', { org });
    const serviceUser = zitadel.addServiceUser('reader', { org });
    zitadel.addMember(serviceUser, { org }, ['ORG_OWNER']);
    const keys = new Keys();
    const material: Material = {
      zitadel,
      user,
      serviceUser,
      trap: `http://127.0.0.1:${String(port)}`,
      keys,
    };
    zitadel.fail('keys', { status: 200, body: keys.jwks(zitadel.publicKeys().keys) });

    // ZITADEL is not asked about the token, so that nothing but the library's own check stands in the way.
    const options = zitadel.options({
      callers: jwt({ recheckMs: false }),
      memberships: { as: 'serviceUser', organizations: [org.id] },
      serviceUser: pat(zitadel.patFor(serviceUser)),
      logger: quiet,
    });
    doors.push(
      await openNest('express', options),
      await openNest('fastify', options),
      await openExpress(options),
    );

    const hostile = hostileRequests(material);
    const kinds = kindsOf(material);
    const accepted: string[] = [];
    const failed: string[] = [];
    const controls: boolean[] = [];
    const acceptedKinds = new Set<string>();
    for (const door of doors) {
      const status = async ({ headers, path = '/', body }: Omit<Hostile, 'what'>) => {
        const ask = () =>
          speak(door.url, {
            method: body === undefined ? 'GET' : 'POST',
            path,
            headers,
            ...(body !== undefined && { body }),
          });
        const answered = await ask();
        const seconds = Number(answered.headers['retry-after']);
        // A key may be newer than the last fetch: whoever comes back when told to must be refused for good.
        if (answered.status !== 503 || !(seconds >= 1)) return answered.status;
        clock.advance(seconds * 1_000);
        return (await ask()).status;
      };
      // A token of the instance, and one by a key that stands among the odd ones: so it is not the set that is refused.
      const control = async () => {
        const good = zitadel.tokenFor(user);
        for (const token of [good, signedByOwnKey(good, keys)]) {
          const ran = door.ran();
          const answered = await status({ headers: [['Authorization', `Bearer ${token}`]] });
          controls.push(answered === 200 && door.ran() === ran + 1);
        }
      };
      await control();
      for (const request of hostile) {
        const ran = door.ran();
        const answered = await status(request);
        if (answered < 400 || door.ran() > ran) accepted.push(`${request.what} at ${door.name}`);
        else if (answered >= 500) failed.push(`${request.what} at ${door.name}`);
      }
      for (const { what, token } of kinds) {
        const headers = [['Authorization', `Bearer ${token}`]] as const;
        if ((await status({ headers })) === 200) acceptedKinds.add(what);
      }
      await control();
      progress(`${String(hostile.length)} hostile requests at ${door.name}`);
    }
    for (const what of accepted) progress(`ACCEPTED: ${what}`);
    for (const what of failed) progress(`ANSWERED WITH 5xx: ${what}`);

    const figures = {
      hostile: hostile.length,
      doors: doors.length,
      accepted: accepted.length,
      errors500: failed.length,
      kinds: kinds.length,
      kindsAccepted: acceptedKinds.size,
      trapped,
      controls: controls.filter(Boolean).length,
    };
    const ok =
      figures.hostile >= 200 &&
      figures.accepted === 0 &&
      figures.errors500 === 0 &&
      figures.kinds === 7 &&
      figures.kindsAccepted === 1 &&
      acceptedKinds.has('an access token') &&
      figures.trapped === 0 &&
      figures.controls === 4 * doors.length;
    return { ok, ...figures };
  } finally {
    clock.restore();
    await Promise.all(doors.map(({ close }) => close()));
    await zitadel.stop();
    trap.closeAllConnections();
    trap.close();
  }
}
