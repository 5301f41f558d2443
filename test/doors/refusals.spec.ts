import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DENIAL, type DenyReason, type ZitadelOptions } from '../../lib/index.js';
import { ANSWERS, ask, expectAnswer } from './answers.js';
import type { Door, OpenDoor } from './door.js';
import { DOORS } from './doors.js';
import { CODES, REFUSED, newcomer, type Refused } from './refusals.js';
import { useWorld, type World } from '../support/world.js';
import { impatiently } from '../support/impatience.js';

const world = useWorld();
const opened: Door[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  world.zitadel.heal();
  world.zitadel.releaseReads();
  await Promise.all(opened.splice(0).map((door) => door.close()));
});

const SORTS: ReadonlySet<unknown> = new Set([500, 'refuse', 'garbage']);

async function opening(open: OpenDoor, options: Partial<ZitadelOptions> = {}): Promise<Door> {
  // An option that is there and undefined is a mistake; here it means that the emulator's is taken away.
  const { audience, ...given } = world.zitadel.options(options);
  const zitadel = Object.create(world.zitadel, {
    options: {
      value: (more: object) => ({ ...given, ...(audience && { audience }), ...defined(more) }),
    },
  }) as World['zitadel'];
  const door = await open({ ...world, zitadel }, options);
  opened.push(door);
  return door;
}

function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

describe('the table of refusals', () => {
  it('has a row for every reason, and prints every answer', () => {
    expect(Object.keys(REFUSED).sort()).toEqual(Object.keys(DENIAL).sort());
    expect(Object.keys(ANSWERS).sort()).toEqual(Object.keys(DENIAL).sort());
  });

  it('has a case for every reason but the one that only other contexts than HTTP have', () => {
    const empty = Object.entries(REFUSED).filter(([, cases]) => cases.length === 0);
    expect(empty.map(([reason]) => reason)).toEqual(['unsupported_context']);
  });
});

describe.each(DOORS)('$name', ({ name, open }) => {
  let common: Door;

  beforeAll(async () => {
    common = await open(world);
  });

  afterAll(() => common.close());

  for (const [denied, cases] of Object.entries(REFUSED) as [DenyReason, readonly Refused[]][]) {
    for (const { sentence, when, description, logs, only } of cases) {
      if (only && !only.includes(name)) continue;
      it(`answers ${denied} when ${sentence}`, async () => {
        const { asked, options } = when(world);
        // The same line is logged once a minute, so who reads the log needs a door that nobody used before.
        const door = options || logs ? await opening(open, options) : common;
        const before = door.notes.decisions.length;
        expectAnswer(await ask(door, world, asked), {
          denied,
          ...(description !== undefined && { description }),
        });
        expect(door.notes.ran).toBe(0);
        expect(door.notes.decisions.slice(before).map(({ decision }) => decision)).toMatchObject([
          { allowed: false, reason: denied },
        ]);
        if (logs) expect(door.notes.log).toMatch(logs);
      });
    }
  }

  for (const [code, { sentence, when, says, only }] of Object.entries(CODES)) {
    if (only && !only.includes(name)) continue;
    it(`lets a handler tell its client ${code} when ${sentence}`, async () => {
      const { asked, options } = when(world);
      const door = await opening(open, options);
      if (code === 'not_allowed') await revokeMeanwhile(door);
      if (code === 'grant_not_settled') hurryTime();
      const heard = await ask(door, world, asked);
      expect({ status: heard.status, json: heard.json }).toEqual({
        status: 422,
        json: { code, message: expect.stringMatching(says) as string },
      });
    });
  }

  /** The guard has let the caller in; when the handler asks again, ZITADEL refuses the token. */
  async function revokeMeanwhile(door: Door): Promise<void> {
    await ask(door, world, { as: 'owner of acme', path: '/me' });
    world.zitadel.failNext('memberships', 401);
  }

  /** Ten seconds are over as soon as ZITADEL has said that the grant exists. */
  function hurryTime(): void {
    const before = world.zitadel.requests('addGrant');
    const real = performance.now.bind(performance);
    vi.spyOn(globalThis.performance, 'now').mockImplementation(
      () => real() + (world.zitadel.requests('addGrant') > before ? 11_000 : 0),
    );
  }

  describe('answers 503, never 401 or 403,', () => {
    const all = [
      500,
      503,
      429,
      'hang',
      'refuse',
      'garbage',
      'html',
      'truncated',
      'wrong-user',
      'endless',
      'redirect',
    ] as const;
    // What a fault means is decided behind the doors: one of them sees all, the others one of each sort.
    const faults = name === 'Express' ? all : all.filter((fault) => SORTS.has(fault));

    it.each(faults)('while the memberships answer %s', async (fault) => {
      const door = await opening(open);
      world.zitadel.fail('memberships', fault);
      const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
      expectAnswer(await impatiently(() => ask(door, world, asked)), { denied: 'unavailable' });
      expect(door.notes.ran).toBe(0);
      expect(door.notes.log).toMatch(
        /^warn unavailable: (memberships: |ZITADEL did not (answer|reply))/m,
      );
    });

    it.each(faults.filter((fault) => fault !== 'wrong-user'))(
      'while the keys answer %s',
      async (fault) => {
        const door = await opening(open);
        world.zitadel.fail('keys', fault);
        const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
        expectAnswer(await impatiently(() => ask(door, world, asked)), { denied: 'unavailable' });
      },
    );

    it.each([500, 'refuse', 'garbage'] as const)('while discovery answers %s', async (fault) => {
      const door = await opening(open);
      world.zitadel.fail('discovery', fault);
      const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
      expectAnswer(await impatiently(() => ask(door, world, asked)), { denied: 'unavailable' });
    });

    it.each([400, 401, 403, 404, 405, 200])(
      'while a proxy answers in its place with %i, which is not told to the caller',
      async (status) => {
        const door = await opening(open);
        const headers = {
          'content-type': 'text/html',
          'www-authenticate': 'Basic realm="of the proxy"',
          'set-cookie': 'proxy=1',
        };
        world.zitadel.fail('memberships', { status, body: '<h1>Stop!</h1>', headers });
        const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
        const heard = await ask(door, world, asked);
        expectAnswer(heard, { denied: 'unavailable' });
        expect(JSON.stringify(heard)).not.toMatch(/proxy|Stop/);
        expect(door.notes.log).toMatch(/^warn unavailable: .*proxy, gateway or firewall/m);
      },
    );

    it.each([503, 'refuse', 'garbage'] as const)(
      'while the owner of a project cannot be told, since ZITADEL answers %s',
      async (fault) => {
        const door = await opening(open);
        world.zitadel.fail('project', fault);
        const asked = { as: 'owner of acme', path: `/projects/${world.portal}` } as const;
        expectAnswer(await impatiently(() => ask(door, world, asked)), { denied: 'unavailable' });
      },
    );
  });

  it('lets the same caller in as soon as the trouble is over', async () => {
    const door = await opening(open);
    const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
    world.zitadel.fail('memberships', 500);
    expectAnswer(await ask(door, world, asked), { denied: 'unavailable' });
    world.zitadel.heal();
    expectAnswer(await ask(door, world, asked), { status: 200 });
  });

  it('answers from memory while ZITADEL is gone', async () => {
    const door = await opening(open);
    const asked = { as: 'owner of acme', path: `/orgs/${world.acme}` } as const;
    expectAnswer(await ask(door, world, asked), { status: 200 });
    world.zitadel.fail('memberships', 'refuse');
    world.zitadel.fail('keys', 'refuse');
    expectAnswer(await ask(door, world, asked), { status: 200 });
  });

  it('passes on how long ZITADEL asks to wait', async () => {
    const door = await opening(open, { timeoutMs: 10_000, budgetMs: 10_000 });
    world.zitadel.fail('memberships', { status: 503, headers: { 'retry-after': '17' } });
    const heard = await ask(door, world, { as: 'owner of acme', path: '/me' });
    expect({ status: heard.status, wait: heard.headers['retry-after'] }).toEqual({
      status: 503,
      wait: '17',
    });
  });

  it('writes no token into the log, whatever goes wrong', async () => {
    const door = await opening(open);
    const user = newcomer(world);
    const tokens = [
      world.zitadel.opaqueTokenFor(user),
      world.zitadel.foreignTokenFor(user),
      world.zitadel.tokenFor(user, { zitadelAudience: false }),
      world.zitadel.idTokenFor(user),
    ];
    for (const token of tokens) {
      await ask(door, world, { path: '/me', authorization: `Bearer ${token}` });
    }
    expect(door.notes.lines.length).toBeGreaterThanOrEqual(tokens.length);
    for (const token of tokens) {
      for (const part of token.split('.')) expect(door.notes.log).not.toContain(part);
    }
  });
});
