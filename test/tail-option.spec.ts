import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Zitadel } from '../lib/create-zitadel.js';
import { createZitadel, org, role } from '../lib/express/index.js';
import { pat, ZitadelEvents, ZitadelModule, type ZitadelOptions } from '../lib/index.js';
import { resolveOptions } from '../lib/validate-options.js';
import { startEmulator } from './support/world.js';
import { recorder, verdict } from './zitadel/parts.js';

async function world() {
  const zitadel = await startEmulator();
  const reader = zitadel.addServiceUser('tail');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  const [acme, alice] = [zitadel.addOrg('acme'), zitadel.addUser('alice')];
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  const tail = { serviceUser: pat(zitadel.patFor(reader)), everyMs: 1_000 };
  // So long that nothing but an event can end an answer.
  const cache = { ttlMs: 3_600_000 };
  const options = zitadel.options({ events: { tail }, cache, logger: recorder() });
  return { zitadel, acme, alice, options };
}

const settings = (tail: unknown) =>
  resolveOptions({
    issuer: 'https://acme.example',
    audience: '1',
    events: { tail },
  } as ZitadelOptions);

describe('the option events.tail', () => {
  it('ends an answer early in Express, from the start to the end', async () => {
    const { zitadel, acme, alice, options } = await world();
    const made = createZitadel(options);
    onTestFinished(() => made.close());
    const token = zitadel.tokenFor(alice);
    const ask = () => verdict(made as unknown as Zitadel, token, role('ORG_OWNER', org(acme.id)));
    await expect.poll(() => made.events.status().tail?.state).toBe('reading');
    expect(await ask()).toBe('yes');
    zitadel.removeMember(alice, { org: acme });
    await expect.poll(ask).toBe('role_missing');
    await made.close();
    expect(made.events.status().tail?.state).toBe('stopped');
  });

  it('begins and ends with an application of Nest', async () => {
    const { zitadel, options } = await world();
    class AppModule {}
    Module({ imports: [ZitadelModule.forRoot(options)] })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: false });
    const events = app.get(ZitadelEvents);
    expect(events.status().tail?.state).toBe('starting');
    expect(zitadel.requests('events')).toBe(0);
    await app.init();
    await expect.poll(() => events.status().tail?.state).toBe('reading');
    await app.close();
    expect(events.status().tail?.state).toBe('stopped');
  });

  it('asks for nothing unless it is set', async () => {
    const { zitadel } = await world();
    const made = createZitadel(zitadel.options());
    await sleep(0);
    expect(made.events.status().tail).toBeUndefined();
    await made.close();
  });

  it.each<[string, unknown, string]>([
    ['no service user', {}, 'events.tail: got a value of type object'],
    ['a service user that is none', { serviceUser: 'me' }, 'events.tail.serviceUser'],
    ['too short a pause', { serviceUser: pat('x'), everyMs: 999 }, 'events.tail.everyMs: got 999'],
    ['too long a pause', { serviceUser: pat('x'), everyMs: 60_001 }, 'events.tail.everyMs'],
    ['what is unknown', { serviceUser: pat('x'), since: 1 }, 'events.tail.since'],
  ])('refuses %s', (_, tail, text) => {
    expect(() => settings(tail)).toThrow(text);
  });

  it.each([1_000, 3_000, 60_000])('takes %d ms', (everyMs) => {
    const serviceUser = pat('x');
    expect(settings({ serviceUser, everyMs }).events?.tail).toEqual({ serviceUser, everyMs });
  });
});
