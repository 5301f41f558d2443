import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jwt, key, pat, type ZitadelOptions } from '../../lib/index.js';
import { ask, expectAnswer } from './answers.js';
import { CASES } from './cases.js';
import type { Door } from './door.js';
import { DOORS } from './doors.js';
import { reader } from './refusals.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

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
    // More connections at once than the system queues would be reset on a busy machine.
    const inTurn = async (): Promise<void> => {
      for (const [as, org] of [...people, ...people]) {
        const heard = await ask(door, world, { as, path: `/orgs/${org}` });
        expect(heard.json).toEqual({ caller: ids[as], org });
      }
    };
    await Promise.all(Array.from({ length: 1_000 / 4 }, inTurn));
  });

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

  it('answers a slug that nothing has and one of somebody else alike, byte for byte', async () => {
    const paths = ['/function', '/function/permitted', '/function/readers'];
    for (const path of name === 'Express' ? paths : [...paths, '/class']) {
      for (const as of ['owner of acme', 'nobody'] as const) {
        const [unknown, others] = await Promise.all(
          ['', world.globex].map((id) =>
            ask(door, world, { as, path, headers: id === '' ? [] : [['x-tenant', id]] }),
          ),
        );
        expect(unknown?.status).toBe(403);
        expect(unknown?.text).toBe(others?.text);
        expect(stable(unknown?.headers)).toEqual(stable(others?.headers));
      }
    }
  });

  it('tells listeners nothing of a request without a caller where the caller is optional', async () => {
    const before = door.notes.decisions.length;
    await ask(door, world, { path: '/optional' });
    expect(door.notes.decisions).toHaveLength(before);
    await ask(door, world, { as: 'nobody', path: '/optional' });
    expect(door.notes.decisions).toHaveLength(before + 1);
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

describe.each(DOORS)('options at $name', ({ open }) => {
  const opened: Door[] = [];

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((door) => door.close()));
  });

  async function opening(options: Partial<ZitadelOptions>): Promise<Door> {
    const door = await open(world, options);
    opened.push(door);
    return door;
  }

  it('take the token from where the application says, and from nowhere else', async () => {
    const { acme, tokens } = world;
    const door = await opening({
      token: ({ headers }) => headers['x-token'] as string | undefined,
    });
    const path = `/orgs/${acme}`;
    const good = tokens['owner of acme'];
    const asks = (value: string) => ask(door, world, { path, headers: [['x-token', value]] });
    expectAnswer(await asks(good), { status: 200 });
    expectAnswer(await asks(`Bearer ${good}`), { denied: 'token_invalid' });
    expectAnswer(await asks(`${good} `.padStart(good.length + 2, '=')), {
      denied: 'token_invalid',
    });
    expectAnswer(await asks(''), { denied: 'token_invalid' });
    expectAnswer(await ask(door, world, { as: 'owner of acme', path }), {
      denied: 'token_missing',
    });
    const { 'owner of acme': caller } = world.ids;
    for (const [value, expected] of [
      [undefined, { seen: {} }],
      [good, { seen: { caller } }],
      ['', { denied: 'token_invalid' }],
      ['nonsense', { denied: 'token_invalid' }],
    ] as const) {
      const headers = value === undefined ? [] : ([['x-token', value]] as const);
      expectAnswer(await ask(door, world, { path: '/optional', headers }), expected);
    }
  });

  it('let nobody in where the token cannot be read, though the caller is optional', async () => {
    const door = await opening({
      token: () => {
        throw new Error('our session store is down');
      },
    });
    expectAnswer(await ask(door, world, { path: '/optional' }), { denied: 'unavailable' });
  });

  it('put the caller on the request where the application says, and nowhere by default', async () => {
    const asked = { as: 'nobody', path: '/user' } as const;
    expectAnswer(await ask(await opening({}), world, asked), { seen: {} });
    const door = await opening({ requestProperty: 'user' });
    expectAnswer(await ask(door, world, asked), { seen: { caller: world.ids.nobody } });
  });

  it('accept tokens of the clients that are named, and of no other', async () => {
    const { zitadel, acme, ids } = world;
    const tokenOf = (client_id: string) =>
      zitadel.tokenFor(ids['owner of acme'], { claims: { client_id } });
    const door = await opening({ callers: jwt({ clients: ['1@app', '2@app'] }) });
    const asks = (client: string) =>
      ask(door, world, { path: `/orgs/${acme}`, authorization: `Bearer ${tokenOf(client)}` });
    expectAnswer(await asks('1@app'), { status: 200 });
    expectAnswer(await asks('2@app'), { status: 200 });
    expectAnswer(await asks('3@app'), { denied: 'token_invalid' });
    expect(door.notes.log).toMatch(/^warn token_invalid: .*another client.*option callers/m);
  });

  it('read memberships as the service user, in the organizations that are named', async () => {
    const { acme, portal, ids, zitadel } = world;
    const door = await opening({
      memberships: { as: 'serviceUser', organizations: [acme] },
      serviceUser: key(zitadel.addKey(reader(world))),
    });
    expectAnswer(await ask(door, world, { as: 'owner of acme', path: `/orgs/${acme}` }), {
      seen: { caller: ids['owner of acme'], org: acme },
    });
    expectAnswer(await ask(door, world, { as: 'owner of acme', path: `/projects/${portal}` }), {
      seen: { project: portal },
    });
    expectAnswer(await ask(door, world, { as: 'nobody', path: `/orgs/${acme}` }), {
      denied: 'role_missing',
    });
    // As the service user the token itself needs no right at ZITADEL's API but to tell whose it is.
    expect(zitadel.requests('userMemberships')).toBeGreaterThan(0);
  });

  it('let impersonation tokens in only where the application says so', async () => {
    const { acme, ids, zitadel } = world;
    const door = await opening({
      memberships: { as: 'serviceUser', organizations: [acme] },
      serviceUser: pat(zitadel.patFor(reader(world))),
      allowImpersonation: true,
    });
    const token = zitadel.impersonationTokenFor(ids['owner of acme'], ids.nobody);
    const authorization = `Bearer ${token}`;
    expectAnswer(await ask(door, world, { authorization, path: `/orgs/${acme}` }), {
      seen: { caller: ids['owner of acme'], org: acme },
    });
  });

  it('believe the application about the owner of a project, where ZITADEL does not say it', async () => {
    const { acme, globex, unknown } = world;
    const door = await opening({
      projectOwner: (id) => Promise.resolve(id === unknown ? acme : undefined),
    });
    const path = `/projects/${unknown}`;
    expectAnswer(await ask(door, world, { as: 'owner of acme', path }), {
      seen: { project: unknown },
    });
    expectAnswer(await ask(door, world, { as: 'owner of globex', path }), {
      denied: 'role_missing',
    });
    const tied = `/orgs/${globex}${path}`;
    expectAnswer(await ask(door, world, { as: 'owner of globex', path: tied }), {
      denied: 'role_missing',
    });
  });

  it('know callers in a way of the application’s own', async () => {
    const { acme, ids, zitadel } = world;
    const known = ids['owner of acme'];
    const { audience: _, ...options } = zitadel.options({
      callers: (token) => (token === 'known' ? { userId: known, claims: {} } : undefined),
      memberships: { as: 'serviceUser', organizations: [acme] },
      serviceUser: pat(zitadel.patFor(reader(world))),
    });
    const bare = Object.create(zitadel, {
      options: { value: (more: object) => ({ ...options, ...more }) },
    }) as typeof zitadel;
    const door = await open({ ...world, zitadel: bare });
    opened.push(door);
    const path = `/orgs/${acme}`;
    expectAnswer(await ask(door, world, { authorization: 'Bearer known', path }), {
      seen: { caller: known, org: acme },
    });
    expectAnswer(await ask(door, world, { authorization: 'Bearer other', path }), {
      denied: 'token_invalid',
    });
  });
});

/** Headers without what differs between any two answers. */
function stable(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const { date: _, ...rest } = headers ?? {};
  return rest;
}
