import { Test } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import { authenticated } from '../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../lib/create-zitadel.js';
import type { MessageBus } from '../lib/fleet/fleet.js';
import { ZitadelModule } from '../lib/index.js';
import { MemoryBus } from './fleet/memory-bus.js';
import { useWorld } from './support/world.js';
import { recorder, verdict } from './zitadel/parts.js';

const world = useWorld();
const processOn = (redis: MessageBus): Zitadel =>
  createZitadel(world.zitadel.options({ redis, logger: recorder() }));
const tokenOf = () => world.tokens['owner of acme'];
const know = (library: Zitadel) => verdict(library, tokenOf(), authenticated());
const knows = ({ decisions }: Zitadel) =>
  decisions.leftMs(
    { headers: { authorization: `Bearer ${tokenOf()}` } },
    decisions.prepare(authenticated()),
  ) > 0;

describe('processes with the option redis', () => {
  it('forget together what one of them evicts, and no more', async () => {
    const bus = new MemoryBus();
    const [one, two] = [processOn(bus), processOn(bus)];
    for (const each of [one, two]) expect(await know(each)).toBe('yes');
    await one.authorizer.evict(world.ids.nobody);
    expect([knows(one), knows(two)]).toEqual([true, true]);
    await one.authorizer.evict(world.ids['owner of acme']);
    await vi.waitFor(() => expect([knows(one), knows(two)]).toEqual([false, false]));
    expect(bus.sent.length).toBe(2);
    for (const each of [one, two]) await each.close();
  });

  it('forget everything when messages may be lost, and tell nobody', async () => {
    const bus = new MemoryBus();
    const one = processOn(bus);
    await know(one);
    bus.tell();
    expect([knows(one), bus.sent]).toEqual([false, []]);
    await one.close();
  });

  it('no longer hear the others when they are closed, in Nest by themselves', async () => {
    const bus = new MemoryBus();
    const imports = [
      ZitadelModule.forRoot(world.zitadel.options({ redis: bus, logger: recorder() })),
      ZitadelModule.forRoot({
        name: 'b',
        ...world.zitadel.options({ redis: bus, logger: recorder() }),
      }),
    ];
    const application = await Test.createTestingModule({ imports }).compile();
    await application.init();
    expect(bus.listeners.size).toBe(2);
    await application.close();
    expect(bus.listeners.size).toBe(0);
  });

  it.each<readonly [string, object]>([
    ['nothing that is known', {}],
    ['a bus that nobody can listen to', { publish() {} }],
    [
      'a cluster of ioredis',
      { publish() {}, subscribe() {}, duplicate() {}, sendCommand() {}, isCluster: true },
    ],
    [
      'a cluster of redis',
      { publish() {}, subscribe() {}, duplicate() {}, sendCommand() {}, nodeClient() {} },
    ],
  ])('are told at boot of %s', (_, redis) => {
    expect(() => processOn(redis as MessageBus)).toThrow(
      /^redis: got a value of type object; write a/,
    );
  });
});
