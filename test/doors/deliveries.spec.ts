import { Controller, Get, type ModuleMetadata, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createZitadel, zitadelEvents } from '../../lib/express/index.js';
import {
  Public,
  RequireRole,
  org,
  ZitadelEvents,
  ZitadelModule,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { mountEvents } from '../../lib/nest/events-route.js';
import { boot, bootWith, GLOBAL, serve } from '../support/application.js';
import {
  asJwt,
  delivered,
  type Posted,
  signatureOf,
  signed,
  SIGNING_KEY,
} from '../support/deliveries.js';
import { speak, type Spoken } from '../support/speak.js';
import type { Platform } from '../support/start.js';
import { useWorld } from '../support/world.js';
import { get } from '../support/who-gets-in.js';
import { requireRole } from '../../lib/express/index.js';

const world = useWorld();
const PATH = '/zitadel/events';
const OLD_KEY = 'the-key-before-it-was-rotated';

@Controller()
class Orgs {
  @RequireRole('ORG_OWNER', org.param('org'))
  @Get('orgs/:org')
  read(): object {
    return {};
  }

  @Public()
  @Get('open')
  open(): object {
    return {};
  }
}

/** Applications that receive deliveries. */
interface Receiving {
  readonly url: string;
  readonly events: ZitadelEvents;
}

const EVENTS = { signingKeys: [SIGNING_KEY, OLD_KEY] } as const;

const DOORS: Readonly<Record<string, () => Promise<Receiving>>> = {
  'Nest on Express': () => onNest('express'),
  'Nest on Fastify': () => onNest('fastify'),
  'Express with a raw parser': () => onExpress(express.raw({ type: '*/*', limit: '2mb' })),
  'Express without a parser': () => onExpress(),
};

async function onNest(platform: Platform, options: Partial<ZitadelModuleOptions> = {}) {
  const { app, url } = await boot(world, {
    platform,
    controllers: [Orgs],
    options: { events: EVENTS, strict: true, ...options },
    prepare: (each) => each.setGlobalPrefix('api', { exclude: ['orgs/:org'] }),
  });
  return { url, events: app.get(ZitadelEvents) };
}

async function onExpress(...parsers: express.RequestHandler[]): Promise<Receiving> {
  const zitadel = createZitadel(world.zitadel.options({ events: EVENTS }));
  onTestFinished(() => zitadel.close());
  const url = await serve((app) => {
    app.all(PATH, ...parsers, zitadelEvents(zitadel));
    app.get('/orgs/:org', requireRole(zitadel, 'ORG_OWNER', org.param('org')), (_, response) => {
      response.json({});
    });
  });
  return { url, events: zitadel.events };
}

const BODY = delivered();
const post = (url: string, { body, headers }: Posted, more: Partial<Spoken> = {}) =>
  speak(url, { method: 'POST', path: PATH, headers: Object.entries(headers), body, ...more });

const unsigned = (header?: string): Posted => ({
  body: BODY,
  headers: header === undefined ? {} : { 'ZITADEL-Signature': header },
});
const other = (name: string, told: object): [string, Posted, number] => [
  name,
  signed(delivered(told)),
  200,
];

/** The catalogue of what a receiver must stand. The edges of the window are in the spec of the signature, where time stands still. */
const catalogue = (): readonly (readonly [name: string, posted: Posted, status: number])[] => {
  const signature = signatureOf(BODY);
  return [
    ['W01 as ZITADEL sends it', signed(BODY), 200],
    ['W01 with another body', { ...signed(BODY), body: delivered({ sequence: 17 }) }, 401],
    ['W01 as a JWT', signed(asJwt(BODY)), 200],
    ['W01 as a JWE', signed(`${asJwt(BODY)}.a.b`), 400],
    ['W02 without a signature', unsigned(), 401],
    ['W02 with an empty one', unsigned(''), 401],
    ['W02 by the other header', { body: BODY, headers: { 'X-ZITADEL-Signature': signature } }, 200],
    ['W02 twice in one', unsigned(`${signature}, ${signature}`), 401],
    ['W02 without a time', unsigned(signature.replace(/t=\d+,/, '')), 401],
    ['W02 in capitals', unsigned(signature.toUpperCase()), 401],
    ['W02 too short', unsigned(signature.slice(0, -2)), 401],
    ['W02 ten thousand', unsigned(signature + ',v1=00'.repeat(1_000)), 401],
    ['W03 too old', signed(BODY, SIGNING_KEY, -400), 401],
    ['W03 old', signed(BODY, SIGNING_KEY, -200), 200],
    ['W03 ahead', signed(BODY, SIGNING_KEY, 200), 200],
    ['W03 too far ahead', signed(BODY, SIGNING_KEY, 400), 401],
    ['W04 again', signed(BODY), 200],
    ['W05 by the old key', signed(BODY, OLD_KEY), 200],
    ['W05 by another key', signed(BODY, 'another'), 401],
    other('W07 of another instance', { instanceID: '1' }),
    other('W07 of an unknown type', { event_type: 'nothing.happened' }),
    other('W07 with number ids', { aggregateID: 1, event_payload: { userId: 1 } }),
    other('W07 with a payload of null', { event_payload: null }),
    other('W07 with a payload in base64', { event_payload: 'eyJ1c2VySWQiOiIxIn0=' }),
    ['W07 that is no event', signed('{}'), 400],
    ['W09 of a megabyte', signed(delivered({ more: 'x'.repeat(2 ** 20) })), 413],
  ];
};

describe.each(Object.entries(DOORS))('%s', (name, open) => {
  it('stands the catalogue, and never answers with a body', async () => {
    const { url, events } = await open();
    const cases = catalogue();
    const heard = [];
    for (const [what, posted] of cases) {
      const { status, text } = await post(url, posted);
      heard.push([what, status, text]);
    }
    expect(heard).toEqual(cases.map(([what, , status]) => [what, status, '']));
    const { received, refused } = events.status();
    const taken = cases.filter(([, , status]) => status === 200).length;
    const ofAll = Object.values(refused).reduce((sum, count) => sum + count, 0);
    expect([received, ofAll]).toEqual([taken, cases.length - taken]);
  });

  it('W04 ends what is remembered, once', async () => {
    const { url, events } = await open();
    const user = world.zitadel.addUser(`${name} short-timer`, { org: world.acme });
    world.zitadel.addMember(user, { org: world.acme }, ['ORG_OWNER']);
    const token = world.zitadel.tokenFor(user);
    const ask = async () => (await get(url, `/orgs/${world.acme}`, token)).status;
    expect(await ask()).toBe(200);
    world.zitadel.removeMember(user, { org: world.acme });
    expect(await ask()).toBe(200);
    const removed = signed(delivered({ event_payload: { userId: user.id } }));
    expect((await post(url, removed)).status).toBe(200);
    expect(await ask()).toBe(403);
    expect((await post(url, removed)).status).toBe(200);
    expect(events.status()).toMatchObject({ received: 2, replayed: 1 });
  });

  it.each(['GET', 'HEAD', 'PUT', 'OPTIONS'])('W10 answers %s with 405', async (method) => {
    const { url } = await open();
    const { status, text, headers } = await post(url, signed(BODY), { method });
    expect([status, text, headers['allow']]).toEqual([405, '', 'POST']);
  });

  it('W10 asks nobody for a token, and takes none instead of a signature', async () => {
    const { url } = await open();
    const bearing = { Authorization: `Bearer ${world.tokens['instance owner']}` };
    expect((await post(url, { body: BODY, headers: bearing })).status).toBe(401);
  });
});

describe('W06 a body that was parsed', () => {
  it('is refused with 500, and told', async () => {
    const { url, events } = await onExpress(express.json());
    expect((await post(url, signed(BODY))).status).toBe(500);
    expect(events.status().refused.parsed).toBe(1);
  });
});

describe('in Nest', () => {
  it.each(['express', 'fastify'] as const)(
    'the path of the option stays as it is written, whenever the options come, on %s',
    async (platform) => {
      const options = { ...world.zitadel.options(), events: { ...EVENTS, path: '/hooks/zitadel' } };
      const useFactory = () => new Promise<typeof options>((give) => setImmediate(give, options));
      const { url } = await bootWith(
        { imports: [ZitadelModule.forRootAsync({ useFactory })], controllers: [Orgs] },
        platform,
        (app) => app.setGlobalPrefix('api').enableVersioning(),
      );
      const at = async (path: string) => (await post(url, signed(BODY), { path })).status;
      expect(await at('/hooks/zitadel')).toBe(200);
      expect(await at('/hooks/zitadel?x=1')).toBe(200);
      for (const path of [PATH, '/api/hooks/zitadel', '/hooks/zitadel/more', '/hooks/zitadelx']) {
        expect([path, await at(path)]).toEqual([path, 404]);
      }
    },
  );

  it.each(['express', 'fastify'] as const)(
    'no guard of others stands before it, and all else is served as before, on %s',
    async (platform) => {
      const never = { canActivate: () => false };
      const root: ModuleMetadata = {
        imports: [ZitadelModule.forRoot({ ...world.zitadel.options(), events: EVENTS })],
        controllers: [Orgs],
        providers: [GLOBAL, { provide: APP_GUARD, useValue: never }],
      };
      const { url } = await bootWith(root, platform);
      expect((await post(url, signed(BODY))).status).toBe(200);
      expect((await get(url, '/open')).status).toBe(403);
    },
  );

  it('the receivers of several modules share a path, and each takes what its key signed', async () => {
    const one = { ...world.zitadel.options(), events: { signingKeys: 'one' } } as const;
    const two = { ...one, name: 'two', events: { signingKeys: 'two' } } as const;
    const imports = [ZitadelModule.forRoot(one), ZitadelModule.forRoot(two)];
    const { url, app } = await bootWith({ imports, controllers: [Orgs] });
    for (const [key, status] of [
      ['one', 200],
      ['two', 200],
      ['three', 401],
    ] as const) {
      expect((await post(url, signed(BODY, key))).status).toBe(status);
    }
    expect(app.get(ZitadelEvents).status()).toMatchObject({ received: 1 });
  });

  it('the boot report names where events are received', async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = { debug: write, log: write, warn: write, error: write };
    await onNest('express', { logger });
    expect(lines.join('\n')).toMatch(
      / {2}POST \/zitadel\/events {2}events of ZITADEL, by their sig/,
    );
  });

  it.each(['express', 'fastify'] as const)(
    'a handler at the same path is an error at boot, on %s',
    async (platform) => {
      @Controller('zitadel')
      class Taken {
        @Post('events')
        @Public()
        take(): string {
          return 'never called';
        }
      }
      await expect(
        boot(world, { platform, controllers: [Taken], options: { events: EVENTS } }),
      ).rejects.toThrow(/Taken\.take stands at \/zitadel\/events, where events of ZITADEL are rec/);
    },
  );

  it('an HTTP adapter that is neither Express nor Fastify is an error at boot', () => {
    const zitadel = createZitadel(world.zitadel.options({ events: EVENTS }));
    const httpAdapter = { getType: () => 'another' };
    expect(() => mountEvents({ httpAdapter } as never, zitadel)).toThrow(/verifyEvent\(\)/);
  });

  it('nothing is mounted without signing keys', async () => {
    const { url } = await boot(world, { controllers: [Orgs] });
    expect((await post(url, signed(BODY))).status).toBe(404);
  });
});

describe('zitadelEvents()', () => {
  it('takes what the key of any of several instances signed', async () => {
    const { issuer, ...options } = world.zitadel.options();
    const instances = ['one', 'two'].map((signingKeys) => ({
      ...options,
      issuer: signingKeys === 'one' ? issuer : 'https://other.example',
      events: { signingKeys },
    }));
    const zitadel = createZitadel({ instances });
    onTestFinished(() => zitadel.close());
    const url = await serve((app) => void app.post(PATH, zitadelEvents(zitadel)));
    const status = async (key: string) => (await post(url, signed(BODY, key))).status;
    expect([await status('one'), await status('two'), await status('three')]).toEqual([
      200, 200, 401,
    ]);
    const counts = [...zitadel.instances.values()].map(({ events }) => events.status().received);
    expect(counts).toEqual([1, 1]);
    expect(() => zitadel.events.status()).toThrow(/zitadel\.instances\.get\(issuer\)/);
  });

  it('says what to write where no signing key is set', () => {
    const zitadel = createZitadel(world.zitadel.options());
    expect(() => zitadelEvents(zitadel)).toThrow(/write events: \{ signingKeys/);
  });
});
