import { VersioningType } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, expectAnswer } from './answers.js';
import type { Door, OpenDoor } from './door.js';
import { DOORS } from './doors.js';
import { openNest } from './nest-door.js';
import { useWorld, type World } from '../support/world.js';

const world = useWorld();

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
  'SEARCH',
];

/** Ways to write the path of a guarded route, some of which some router takes for it. */
function pathsOf({ acme, globex, portal }: World): readonly string[] {
  const org = `/orgs/${acme}`;
  const encoded = `%3${acme.slice(0, 1)}${acme.slice(1)}`;
  return [
    org,
    `${org}/`,
    `${org}//`,
    `/${org}`,
    `//${org}`,
    `/.${org}`,
    `/x/..${org}`,
    `/x/%2e%2e${org}`,
    `/public/..${org}`,
    `/public/%2e%2e${org}`,
    `/public/..;${org}`,
    `/public;${org}`,
    `/orgs/./${acme}`,
    `/orgs//${acme}`,
    `/orgs/x/../${acme}`,
    `/orgs/%2e/${acme}`,
    `/orgs%2f${acme}`,
    `/orgs\\${acme}`,
    `/%6frgs/${acme}`,
    `/%6Frgs/${encoded}`,
    `/ORGS/${acme}`,
    `/Orgs/${acme}/`,
    `/orgs/${encoded}`,
    `/orgs/${acme}%20`,
    `/orgs/%20${acme}`,
    `/orgs/${acme}%00`,
    `/orgs/${acme}%0a`,
    `/orgs/${acme}%0d%0aX: y`.replace(' ', '%20'),
    `/orgs/${acme}%2f`,
    `/orgs/${acme}%2f..`,
    `/orgs/..%2f${acme}`,
    `/orgs/${acme}%5c`,
    `/orgs/${acme};a=b`,
    `/orgs;a=b/${acme}`,
    `/orgs/${acme}.json`,
    `/orgs/${acme}.`,
    `/orgs/${acme},${globex}`,
    `/orgs/${acme}?`,
    `/orgs/${acme}?orgId=${globex}`,
    `/orgs/${acme}?orgId[]=${globex}`,
    `/orgs/${acme}?_method=GET`,
    `/orgs/${acme}#x`,
    `/orgs/${acme}?#`,
    `/orgs/${acme}??`,
    `/orgs/${acme}&x`,
    `/orgs/${acme}%`,
    `/orgs/${acme}%zz`,
    `/orgs/${acme}%E0%A4%A`,
    `/orgs/${acme}%c0%af`,
    '/orgs/',
    '/orgs',
    '/orgs/%EF%BC%91',
    `http://evil.example${org}`,
    `http://evil.example/public/..${org}`,
    `/all/${acme}`,
    `/all/${acme}/`,
    `/all/${encoded}`,
    `/files/${acme}/a`,
    `/files/${acme}/a/b/c`,
    `/files/${acme}/../../public`,
    `/files/${acme}/%2e%2e/%2e%2e/public`,
    `/files/${acme}//a`,
    `/tenants/${acme}`,
    `/tenants/${acme}/`,
    `/tenants//${acme}`,
    `/TENANTS/${acme}`,
    `/orgs/${acme}/projects/${portal}`,
    `/orgs/${acme}/projects/${portal}/`,
    `/orgs/${acme}/Projects/${portal}`,
    '/literal',
    '/literal/',
    '/LITERAL',
    '/%6citeral',
    '/instance',
    '/query?orgId=1',
    '/undeclared',
    '/undeclared/',
    '/UNDECLARED',
    '*',
  ];
}

/** What is open to a router to take for the same path. */
const FASTIFY_OPTIONS = {
  ignoreTrailingSlash: true,
  ignoreDuplicateSlashes: true,
  caseSensitive: false,
  useSemicolonDelimiter: true,
  allowUnsafeRegex: true,
};

const MORE: readonly { readonly name: string; readonly open: OpenDoor }[] = [
  {
    name: 'Nest on Fastify with every lenient option of its router',
    open: openNest(new FastifyAdapter({ routerOptions: FASTIFY_OPTIONS })),
  },
  {
    name: 'Nest on Express with a global prefix that leaves routes out',
    open: openNest('express', (app) => app.setGlobalPrefix('api', { exclude: ['orgs/:orgId'] })),
  },
  {
    name: 'Nest on Fastify with versions in the header',
    open: openNest('fastify', (app) =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    ),
  },
];

describe.each([...DOORS, ...MORE])('$name', ({ name, open }) => {
  let door: Door;

  beforeAll(async () => {
    door = await open(world);
    for (const as of ['nobody', 'owner of acme'] as const) {
      await ask(door, world, { as, path: '/me' });
    }
    door.notes.ran = 0;
    door.notes.decisions.length = 0;
  });

  afterAll(() => door.close());

  async function askAll(asked: { readonly as?: 'nobody' | 'owner of acme' }): Promise<number[]> {
    const statuses: number[] = [];
    for (const path of pathsOf(world)) {
      const heard = await Promise.all(
        METHODS.map((method) => ask(door, world, { ...asked, method, path })),
      );
      statuses.push(...heard.map(({ status }) => status));
    }
    return statuses;
  }

  it('runs no handler for somebody without a token, however path and method are written', async () => {
    const statuses = await askAll({});
    expect(door.notes.ran).toBe(0);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThan(20);
  });

  it('runs no handler for somebody without a role', async () => {
    const statuses = await askAll({ as: 'nobody' });
    expect(door.notes.ran).toBe(0);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(statuses.filter((status) => status === 403).length).toBeGreaterThan(20);
  });

  it('runs a handler only where it decided that it may', async () => {
    const before = door.notes.allowed;
    const statuses = await askAll({ as: 'owner of acme' });
    const allowed = door.notes.allowed - before;
    // In Express each middleware of a route decides.
    if (name === 'Express') expect(door.notes.ran).toBeLessThanOrEqual(allowed);
    else expect(door.notes.ran).toBe(allowed);
    expect(door.notes.ran).toBeGreaterThan(5);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
  });
});

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
