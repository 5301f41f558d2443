import { beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { createHttp } from '../../lib/zitadel/http.js';
import { gate } from '../core/gate.js';
import { realFetch, recorder, verdict } from './parts.js';
import { json, scripted } from './scripted-server.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

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
