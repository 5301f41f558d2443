import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, expectAnswer } from './answers.js';
import type { Door } from './door.js';
import { DOORS } from './doors.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

describe.each(DOORS)('$name', ({ open }) => {
  let door: Door;

  beforeAll(async () => {
    door = await open(world);
  });

  afterAll(() => door.close());

  it('decides HEAD as it decides GET', async () => {
    const path = `/orgs/${world.acme}`;
    const status = async (as: 'owner of acme' | 'nobody') =>
      (await ask(door, world, { as, method: 'HEAD', path })).status;
    expect(await status('owner of acme')).toBe(200);
    expect(await status('nobody')).toBe(403);
    expect((await ask(door, world, { method: 'HEAD', path })).status).toBe(401);
  });

  it('decides every method of a route for all methods', async () => {
    const path = `/all/${world.acme}`;
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
    for (const method of methods) {
      const ran = door.notes.ran;
      expectAnswer(await ask(door, world, { as: 'nobody', method, path }), { status: 403 });
      expect(door.notes.ran).toBe(ran);
      expectAnswer(await ask(door, world, { as: 'owner of acme', method, path }), { status: 200 });
      expect(door.notes.ran).toBe(ran + 1);
    }
  });

  it('checks the id as the router decoded it, and gives the handler the same', async () => {
    const { acme, ids } = world;
    const path = `/orgs/%3${acme.slice(0, 1)}${acme.slice(1)}`;
    const seen = { caller: ids['owner of acme'], org: acme };
    expectAnswer(await ask(door, world, { as: 'owner of acme', path }), { seen });
  });

  it('keeps the callers of a thousand interleaved requests apart', async () => {
    const { acme, globex, ids } = world;
    const people = [
      ['owner of acme', acme],
      ['owner of globex', globex],
    ] as const;
    await Promise.all(
      Array.from({ length: 1_000 / people.length }).flatMap(() =>
        people.map(async ([as, org]) => {
          const heard = await ask(door, world, { as, path: `/orgs/${org}` });
          expect(heard.json).toEqual({ caller: ids[as], org });
        }),
      ),
    );
  });
});
