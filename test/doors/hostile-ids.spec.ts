import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pat } from '../../lib/index.js';
import type { Heard } from '../support/speak.js';
import { ask, expectAnswer, type Asked } from './answers.js';
import type { Door } from './door.js';
import { DOORS } from './doors.js';
import { hostileTexts, hostileValues } from './hostile-ids.js';
import { reader } from './refusals.js';
import { odd } from './requirements.js';
import { useWorld, type Person } from '../support/world.js';
import { impatiently } from '../support/impatience.js';

const world = useWorld();

/** Whom a hostile id must not help: one whose rows make ZITADEL be asked, and one who may do everything. */
const ASKING: readonly Person[] = ['owner of acme', 'instance owner'];

// The proof `parameters` asks with more values, from every source and at every door.
describe.each(DOORS)('$name', ({ name, open }) => {
  let door: Door;

  beforeAll(async () => {
    door = await open(world);
    for (const as of ASKING) await ask(door, world, { as, path: '/me' });
  });

  afterAll(() => door.close());

  /** Sends something hostile as everybody who is asked for; it must neither get in, nor break, nor reach a URL. */
  async function refuses(
    asked: Asked,
    raw: string,
    statuses: readonly number[] = [400],
  ): Promise<readonly Heard[]> {
    const ranBefore = door.notes.ran;
    world.zitadel.resetRequests();
    const heard = await Promise.all(ASKING.map((as) => ask(door, world, { as, ...asked })));
    for (const { status } of heard) expect(statuses).toContain(status);
    expect(door.notes.ran).toBe(ranBefore);
    const paths = world.zitadel.requestLog().map(({ path }) => path);
    expect(paths.filter((path) => path.startsWith('/management/'))).toEqual([]);
    if (raw.length > 2) expect(paths.filter((path) => path.includes(raw))).toEqual([]);
    return heard;
  }

  it('takes the id itself from every source, so that a refusal is about what is hostile', async () => {
    const { portal } = world;
    odd.answer = () => portal;
    const right: Asked[] = [
      { path: `/hostile/param/${portal}` },
      { path: `/hostile/query?projectId=${portal}` },
      { method: 'POST', path: '/hostile/body', body: { projectId: portal } },
      { path: '/hostile/header', headers: [['x-project', portal]] },
      { path: '/hostile/function' },
      ...(name === 'Express' ? [] : [{ path: '/hostile/class' }]),
    ];
    for (const asked of right) {
      expectAnswer(await ask(door, world, { as: 'owner of acme', ...asked }), { status: 200 });
    }
  });

  it('refuses hostile texts in the body', async () => {
    for (const { raw } of hostileTexts(world)) {
      await refuses({ method: 'POST', path: '/hostile/body', body: { projectId: raw } }, raw);
    }
  });

  it('refuses what is no text in the body', async () => {
    for (const [what, value] of [
      ['null', null],
      ...Object.entries(hostileValues(world)),
    ] as const) {
      const asked: Asked = { method: 'POST', path: '/hostile/body', body: { projectId: value } };
      for (const heard of await refuses(asked, what)) {
        expectAnswer(heard, { denied: 'resource_invalid' });
      }
    }
  });

  it('takes undefined and null from a function for a resource that is not there', async () => {
    for (const answer of [() => undefined, () => null, () => Promise.resolve(null)]) {
      odd.answer = answer;
      for (const heard of await refuses({ path: '/hostile/function' }, 'undefined', [403])) {
        expectAnswer(heard, { denied: 'role_missing' });
      }
    }
  });

  it('answers 503 when a function of the application throws or rejects', async () => {
    for (const answer of [
      () => {
        throw new Error('our database is down');
      },
      () => Promise.reject(new Error('our database is down')),
    ]) {
      odd.answer = answer;
      for (const heard of await refuses({ path: '/hostile/function' }, 'database', [503])) {
        expectAnswer(heard, { denied: 'unavailable' });
      }
    }
  });

  it('answers 503 when a function of the application never answers', async () => {
    odd.answer = () => new Promise(() => undefined);
    const asked = () => refuses({ path: '/hostile/function' }, 'nothing', [503]);
    for (const heard of await impatiently(asked)) expectAnswer(heard, { denied: 'unavailable' });
    expect(door.notes.log).toMatch(/^warn unavailable: .*\.from\(\)/m);
  });

  it('reads a function once a request, so that it cannot say two things', async () => {
    let asked = 0;
    odd.answer = () => {
      asked += 1;
      return asked === 1 ? world.tools : world.portal;
    };
    const heard = await ask(door, world, { as: 'owner of acme', path: '/hostile/function' });
    expectAnswer(heard, { denied: 'role_missing' });
    expect(asked).toBe(1);
  });

  it('refuses repeated, bracketed and dotted query parameters', async () => {
    const { portal } = world;
    for (const query of [
      `projectId=${portal}&projectId=${portal}`,
      `projectId=${portal}&projectId=`,
      `projectId[]=${portal}`,
      `projectId[0]=${portal}`,
      `projectId[id]=${portal}`,
      `projectId.id=${portal}`,
      `PROJECTID=${portal}`,
      `__proto__[projectId]=${portal}`,
      `constructor[prototype][projectId]=${portal}`,
      `projectId=`,
      `projectId`,
      `=${portal}`,
      `#projectId=${portal}`,
      '',
    ]) {
      await refuses({ path: `/hostile/query?${query}` }, 'a query');
    }
  });

  it('refuses repeated headers, and lists in one', async () => {
    const { portal } = world;
    const several: readonly (readonly [string, string])[][] = [
      [
        ['x-project', portal],
        ['x-project', portal],
      ],
      [
        ['X-Project', portal],
        ['x-project', world.tools],
      ],
      [['x-project', `${portal}, ${portal}`]],
      [['x_project', portal]],
    ];
    for (const headers of several) {
      await refuses({ path: '/hostile/header', headers }, `${portal}, ${portal}`);
    }
  });

  it('never reads an inherited property of the body', async () => {
    const { portal } = world;
    for (const body of [
      `{"__proto__":{"projectId":"${portal}"}}`,
      `{"constructor":{"prototype":{"projectId":"${portal}"}}}`,
      `[{"projectId":"${portal}"}]`,
      `["${portal}"]`,
      `"${portal}"`,
      'null',
      '1',
      'true',
      '{}',
      '',
      `{"projectId":"${portal}"`,
      `{"projectid":"${portal}"}`,
    ]) {
      await refuses({ method: 'POST', path: '/hostile/body', body }, 'a body');
    }
  });

  it('refuses names that every object has, and gives nothing of what they inherit', async () => {
    for (const asked of [
      { path: '/hostile/names', body: {} },
      { path: '/hostile/names?a=b', body: { a: 'b' } },
      { path: '/hostile/names', body: [] },
      { path: '/hostile/names' },
    ]) {
      for (const heard of await refuses({ method: 'POST', ...asked }, 'a name')) {
        expectAnswer(heard, { denied: 'resource_invalid' });
      }
    }
  });

  it('refuses an id that is longer than any, up to a megabyte, before anybody is asked', async () => {
    for (const length of [201, 1_000, 100_000 - 100]) {
      const projectId = '1'.repeat(length);
      await refuses({ method: 'POST', path: '/hostile/body', body: { projectId } }, projectId);
    }
    const projectId = '1'.repeat(2 ** 20);
    await refuses(
      { method: 'POST', path: '/hostile/body', body: { projectId } },
      projectId,
      [400, 413],
    );
  });

  it('lets no service send a hostile user id or organization id to ZITADEL', async () => {
    const { acme, ids, zitadel } = world;
    const serviceUser = pat(zitadel.patFor(reader(world)));
    const serving = await open(world, { serviceUser });
    try {
      const userId = ids['owner of acme'];
      const list = (body: object) =>
        ask(serving, world, {
          as: 'owner of acme',
          method: 'POST',
          path: '/service/memberships',
          body,
        });
      expectAnswer(await list({ userId, organizationId: acme }), { status: 200 });
      zitadel.resetRequests();
      for (const { what, raw } of hostileTexts(world)) {
        for (const body of [
          { userId: raw, organizationId: acme },
          { userId, organizationId: raw },
        ]) {
          const heard = await list(body);
          const told = { what, status: heard.status, code: heard.json?.['code'] };
          expect(told).toEqual({ what, status: 422, code: 'argument_invalid' });
        }
      }
      expect(zitadel.requestLog().map(({ path }) => path)).toEqual([]);
      expectAnswer(await list({ userId, organizationId: acme }), { status: 200 });
    } finally {
      await serving.close();
    }
  });

  it('sends no dots for a path, whatever idPattern allows', async () => {
    const lenient = await open(world, { idPattern: /[\w.-]{1,200}/ });
    try {
      await ask(lenient, world, { as: 'owner of acme', path: '/me' });
      world.zitadel.resetRequests();
      for (const projectId of ['.', '..']) {
        const asked = { method: 'POST', path: '/hostile/body', body: { projectId } };
        expectAnswer(await ask(lenient, world, { as: 'owner of acme', ...asked }), {
          denied: 'resource_invalid',
        });
      }
      expect(world.zitadel.requestLog().map(({ path }) => path)).toEqual([]);
    } finally {
      await lenient.close();
    }
  });

  it('does not look at what a request claims about itself', async () => {
    const { acme, ids } = world;
    const owner = ids['owner of acme'];
    const claims: readonly (readonly [string, string])[] = [
      ['x-user-id', owner],
      ['x-zitadel-orgid', acme],
      ['x-zitadel-user', owner],
      ['x-forwarded-user', owner],
      ['x-forwarded-for', '127.0.0.1'],
      ['x-original-url', '/public'],
      ['x-rewrite-url', '/public'],
      ['x-http-method-override', 'GET'],
      ['x-middleware-subrequest', 'middleware:middleware:middleware'],
    ];
    const path = `/orgs/${acme}`;
    expectAnswer(await ask(door, world, { path, headers: claims }), { denied: 'token_missing' });
    expectAnswer(await ask(door, world, { as: 'nobody', path, headers: claims }), {
      denied: 'role_missing',
    });
  });

  it('denies where the path names one organization and a header another', async () => {
    const { acme, globex } = world;
    const heard = await ask(door, world, {
      as: 'owner of acme',
      path: `/orgs/${globex}?orgId=${acme}`,
      headers: [['x-zitadel-orgid', acme]],
    });
    expectAnswer(heard, { denied: 'role_missing' });
  });
});
