import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { type Release, Slots, type Standing } from '../../lib/zitadel/limits.js';
import { gate } from '../core/gate.js';
import { realFetch, recorder, verdict } from './parts.js';
import { useEmulator } from '../support/world.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { createHttp } from '../../lib/zitadel/http.js';
import { json, scripted } from './scripted-server.js';
import { useStillClock } from '../support/still-clock.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const svc = zitadel.addServiceUser('svc', { org: acme });
zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
const reader = zitadel.patFor(svc);
const alice = zitadel.addUser('alice');
const bob = zitadel.addUser('bob');

type More = () => Partial<ZitadelOptions>;
const WAYS: readonly [string, More][] = [
  ['with the callers’ own tokens', () => ({})],
  [
    'as the service user',
    () => ({
      serviceUser: pat(reader),
      memberships: { as: 'serviceUser', organizations: [acme.id] },
    }),
  ],
];

describe.each(WAYS)('memberships read %s', (_how, more) => {
  it('are read for others while a hundred fresh requests of one user wait for theirs', async () => {
    const [crowded, over] = [gate(), gate()];
    const [ofAlice, ofBob] = [zitadel.tokenFor(alice), zitadel.tokenFor(bob)];
    let held = 0;
    const library = createZitadel(
      zitadel.options({
        ...more(),
        logger: recorder(),
        timeoutMs: 60_000,
        budgetMs: 60_000,
        fetch: async (url, init) => {
          const isAlice =
            url.includes(`/users/${alice.id}/`) ||
            (url.includes('/memberships/me/') &&
              new Headers(init.headers).get('authorization') === `Bearer ${ofAlice}`);
          if (isAlice) {
            held += 1;
            if (held === 8) crowded.open();
            await over.passed;
          }
          return realFetch(url, init);
        },
      }),
    );
    const crowd = Array.from({ length: 100 }, () =>
      verdict(library, ofAlice, role('IAM_OWNER', { fresh: true })),
    );
    await crowded.passed;
    expect(await verdict(library, ofBob, authenticated())).toBe('yes');
    // A crowd of one user shares what one user may have at a time.
    expect(held).toBe(8);
    over.open();
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['role_missing']));
  });
});

describe('the slots of a family', () => {
  const slots = () =>
    new Slots({
      inFlight: 64,
      well: { inFlight: 64, ofOneUser: 8, waiting: Infinity },
      new: { inFlight: 64, ofOneUser: 8, waiting: Infinity },
      stranger: { inFlight: 48, ofOneUser: 8, waiting: 10 },
      failing: { inFlight: 16, ofOneUser: 1, waiting: 10 },
    });
  const names = (what: string, count: number) =>
    Array.from({ length: count }, (_, at) => `${what} ${at}`);
  /** Takes what is free at once; the rest goes on waiting. */
  async function takeAll(of: Slots, whose: readonly string[], standing: Standing) {
    const taken: Release[] = [];
    for (const who of whose) {
      const slot = await Promise.race([of.take(who, 10_000, standing), aMoment()]);
      if (slot) taken.push(slot);
    }
    return { taken };
  }
  const aMoment = async (): Promise<undefined> => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('for users who fail are sixteen together, and one for each', async () => {
    const of = slots();
    expect((await takeAll(of, ['a', 'a', 'a'], 'failing')).taken).toHaveLength(1);
    expect((await takeAll(of, names('bad', 20), 'failing')).taken).toHaveLength(15);
    expect((await takeAll(of, names('good', 60), 'new')).taken).toHaveLength(48);
  });

  it('are not all taken by a few users of whom nothing is known yet', async () => {
    const of = slots();
    const eager = names('eager', 12).flatMap((who) => Array.from({ length: 20 }, () => who));
    expect((await takeAll(of, eager, 'new')).taken).toHaveLength(4 * 8 + 8);
    expect((await takeAll(of, names('good', 60), 'new')).taken).toHaveLength(24);
  });

  it('are given to those who fail when nobody else waits', async () => {
    const of = slots();
    const { taken } = await takeAll(of, names('good', 64), 'well');
    const order: string[] = [];
    const waits = (who: string, standing: Standing) =>
      of.take(who, 10_000, standing).then(() => order.push(who));
    const all = [waits('bad', 'failing'), waits('stranger', 'stranger'), waits('new', 'new')];
    for (const release of taken.slice(0, 3)) release();
    await Promise.all(all);
    expect(order).toEqual(['new', 'stranger', 'bad']);
  });

  it('are waited for by so many who fail, and by as many others as want', async () => {
    const of = slots();
    await takeAll(of, names('good', 64), 'well');
    await takeAll(of, names('bad', 10), 'failing');
    expect(await of.take('one more', 10_000, 'failing')).toBeUndefined();
    const waiting = of.take('good', 10_000, 'new');
    vi.advanceTimersByTime(10_000);
    expect(await waiting).toBeUndefined();
  });
});

describe('pauses', async () => {
  let users = 0;

  const zitadel = await useEmulator();

  const someToken = () => zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`));
  const libraryOf = (more: Partial<ZitadelOptions> = {}): Zitadel =>
    createZitadel(zitadel.options({ logger: recorder(), ...more }));
  const ask = (library: Zitadel, token: string) => verdict(library, token, authenticated());

  describe('reads that keep failing for one user', () => {
    useStillClock('performance');
    beforeEach(() => {
      vi.advanceTimersByTime(1_000_000);
    });

    it('are left alone for longer and longer, and are over with the first answer', async () => {
      const library = libraryOf();
      const token = someToken();
      zitadel.fail('memberships', 500);
      for (let request = 0; request < 50; request += 1) {
        expect(await ask(library, token)).toBe('unavailable');
      }
      expect(zitadel.requests('memberships')).toBe(3);
      for (const pauseMs of [1_000, 2_000, 4_000]) {
        const before = zitadel.requests('memberships');
        vi.advanceTimersByTime(pauseMs - 1);
        await ask(library, token);
        expect(zitadel.requests('memberships')).toBe(before);
        vi.advanceTimersByTime(1);
        await ask(library, token);
        await ask(library, token);
        expect(zitadel.requests('memberships')).toBe(before + 1);
      }
      zitadel.heal();
      vi.advanceTimersByTime(8_000);
      expect(await ask(library, token)).toBe('yes');
    });

    it('hold nobody else up', async () => {
      const library = libraryOf();
      const token = someToken();
      zitadel.fail('memberships', 500);
      for (let request = 0; request < 5; request += 1) await ask(library, token);
      zitadel.heal();
      expect(await ask(library, token)).toBe('unavailable');
      expect(await ask(library, someToken())).toBe('yes');
    });

    it('are repeated at once the first time only', async () => {
      const library = libraryOf();
      const token = someToken();
      zitadel.fail('memberships', { status: 503, headers: { 'retry-after': '0' } });
      await ask(library, token);
      expect(zitadel.requests('memberships')).toBe(3);
      await ask(library, token);
      expect(zitadel.requests('memberships')).toBe(4);
    });

    it('count as one failure when they were under way together', async () => {
      // The first call is answered when the last one has left.
      const [all, left] = [gate(), new Set<string>()];
      const library = libraryOf({
        async fetch(url, init) {
          const { authorization } = init.headers as Record<string, string>;
          if (authorization !== undefined && left.add(authorization).size === 5) all.open();
          if (authorization !== undefined) await all.passed;
          return realFetch(url, init);
        },
      });
      const user = zitadel.addUser('of many tokens');
      const tokens = Array.from({ length: 5 }, (_, at) =>
        zitadel.tokenFor(user, { claims: { at: String(at) } }),
      );
      zitadel.fail('memberships', 500);
      await Promise.all(tokens.map((token) => ask(library, token)));
      zitadel.heal();
      expect(await ask(library, tokens[0] ?? '')).toBe('yes');
    });

    it('stop for everybody when ZITADEL says to three users that it is asked too much', async () => {
      const library = libraryOf();
      zitadel.fail('memberships', { status: 429, headers: { 'retry-after': '0' } });
      for (let user = 0; user < 20; user += 1) await ask(library, someToken());
      expect(zitadel.requests('memberships')).toBeLessThanOrEqual(9);
      zitadel.heal();
      vi.advanceTimersByTime(1_000);
      expect(await ask(library, someToken())).toBe('yes');
    });
  });

  describe('calls of the service user that keep failing', () => {
    it('are all made, since each may be about something else, and not repeated', async () => {
      const server = await scripted((response) => json(response, {}, 503, { 'retry-after': '0' }));
      const http = createHttp({
        issuer: server.url,
        internalUrl: undefined,
        fetch: realFetch,
        timeoutMs: 60_000,
        budgetMs: 60_000,
      });
      const call = { family: 'grants', method: 'GET', path: '/', who: 'service user' } as const;
      for (let turn = 0; turn < 6; turn += 1) await http({ ...call, repeatable: true });
      expect(server.requests).toHaveLength(3 + 5);
    });
  });
});
