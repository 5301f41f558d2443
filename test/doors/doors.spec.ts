import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, expectAnswer } from './answers.js';
import { CASES } from './cases.js';
import type { Door } from './door.js';
import { DOORS } from './doors.js';
import { createWorld, type World } from './world.js';

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

afterAll(() => world.zitadel.stop());

describe.each(DOORS)('$name', ({ name, open }) => {
  let door: Door;

  beforeAll(async () => {
    door = await open(world);
  });

  afterAll(() => door.close());

  for (const { sentence, asks, gets } of CASES.filter(({ only }) => only?.includes(name) ?? true)) {
    it(sentence, async () => {
      const runs = () => door.notes.ran + door.notes.ranPublic;
      const ranBefore = runs();
      const expected = gets(world);
      expectAnswer(await ask(door, world, asks(world)), expected);
      expect(runs() - ranBefore).toBe('seen' in expected ? 1 : 0);
    });
  }

  it('answers an unknown project and a missing role alike, byte for byte', async () => {
    const paths = [world.unknown, world.tools].map((id) => `/projects/${id}`);
    for (const as of ['owner of acme', 'nobody'] as const) {
      const [unknown, others] = await Promise.all(
        paths.map((path) => ask(door, world, { as, path })),
      );
      expect(unknown?.text).toBe(others?.text);
      expect(stable(unknown?.headers)).toEqual(stable(others?.headers));
    }
  });

  it('asks ZITADEL anew where the answer must be fresh, and not where it may be remembered', async () => {
    const path = `/orgs/${world.acme}`;
    await ask(door, world, { as: 'owner of acme', path });
    const before = world.zitadel.requests('memberships');
    await ask(door, world, { as: 'owner of acme', path });
    expect(world.zitadel.requests('memberships')).toBe(before);
    await ask(door, world, { as: 'owner of acme', path: `/fresh/${world.acme}` });
    expect(world.zitadel.requests('memberships')).toBe(before + 1);
  });

  it('sees a removed membership at once where the answer must be fresh', async () => {
    const { zitadel, acme } = world;
    const user = zitadel.addUser(`short-lived at ${name}`);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    const authorization = `Bearer ${zitadel.tokenFor(user)}`;
    const path = `/fresh/${acme}`;
    expectAnswer(await ask(door, world, { authorization, path }), { seen: { org: acme } });
    zitadel.removeMember(user, { org: acme });
    expectAnswer(await ask(door, world, { authorization, path }), { denied: 'role_missing' });
  });
});

describe.each(DOORS)('the option hierarchy at $name', ({ open }) => {
  it('lets nothing satisfy another role when it is exact', async () => {
    const door = await open(world, { hierarchy: 'exact' });
    try {
      for (const [as, status] of [
        ['owner of acme', 200],
        ['instance owner', 403],
      ] as const) {
        expectAnswer(await ask(door, world, { as, path: '/literal' }), { status });
      }
      const path = `/projects/${world.portal}`;
      expectAnswer(await ask(door, world, { as: 'owner of acme', path }), {
        denied: 'role_missing',
      });
    } finally {
      await door.close();
    }
  });

  it('follows a table of the application, and nothing beside it', async () => {
    const door = await open(world, { hierarchy: { IAM_OWNER_VIEWER: ['ORG_OWNER'] } });
    try {
      for (const [as, status] of [
        ['instance viewer', 200],
        ['instance owner', 403],
        ['owner of acme', 200],
        ['viewer of acme', 403],
      ] as const) {
        expectAnswer(await ask(door, world, { as, path: '/literal' }), { status });
      }
    } finally {
      await door.close();
    }
  });
});

/** Headers without what differs between any two answers. */
function stable(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const { date: _, ...rest } = headers ?? {};
  return rest;
}
