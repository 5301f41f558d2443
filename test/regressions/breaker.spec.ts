import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated } from '../../lib/core/requirement.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';
import { createHttp } from '../../lib/zitadel/http.js';
import { realFetch, recorder, verdict } from '../zitadel/parts.js';
import { json, scripted, type ScriptedServer } from '../zitadel/scripted-server.js';

let zitadel: ZitadelEmulator;
let users = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
});
afterAll(() => zitadel.stop());
afterEach(() => {
  vi.useRealTimers();
});

const someToken = () => zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`));
const libraryOf = (): Zitadel =>
  createZitadel(zitadel.options({ logger: recorder(), timeoutMs: 400, budgetMs: 1_000 }));
const ask = (library: Zitadel, token = someToken()) => verdict(library, token, authenticated());

describe('the breaker', () => {
  beforeEach(() => {
    // Time stands still, so that an open breaker stays open until a test says otherwise.
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(1_000_000);
    zitadel.heal();
    zitadel.resetRequests();
  });

  it('stays closed for others when the organization of three users is removed', async () => {
    const library = libraryOf();
    const gone = zitadel.addOrg('gone');
    const tokens = ['x', 'y', 'z'].map((name) =>
      zitadel.tokenFor(zitadel.addUser(name, { org: gone })),
    );
    zitadel.removeOrg(gone);
    for (const token of [...tokens, ...tokens]) {
      expect(await ask(library, token)).toBe('unavailable');
    }
    expect(zitadel.requests('memberships')).toBe(6);
    expect(await ask(library)).toBe('yes');
  });

  it('stays closed for others while the reads of one user hang', async () => {
    const library = libraryOf();
    const slow = someToken();
    zitadel.fail('memberships', 'hang');
    expect(await ask(library, slow)).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBeGreaterThan(1);
    zitadel.heal();
    expect(await ask(library)).toBe('yes');
  });

  it('opens when the reads of three users hang', async () => {
    const library = libraryOf();
    // Until it is known which API is served, the first call is let alone.
    expect(await ask(library)).toBe('yes');
    zitadel.fail('memberships', 'hang');
    const answers = await Promise.all([ask(library), ask(library), ask(library)]);
    expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable']);
    zitadel.heal();
    zitadel.resetRequests();
    expect(await ask(library)).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(await ask(library)).toBe('yes');
  });

  it('opens with the first connection that is refused', async () => {
    const library = libraryOf();
    zitadel.fail('memberships', 'refuse');
    expect(await ask(library)).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBe(1);
    zitadel.heal();
    expect(await ask(library)).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(await ask(library)).toBe('yes');
  });
});

describe('calls of three users that are not given their time', () => {
  const servers: ScriptedServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const httpTo = (issuer: string) =>
    createHttp({
      issuer,
      internalUrl: undefined,
      fetch: realFetch,
      timeoutMs: 1_000,
      budgetMs: 1_200,
    });

  it('leave the breaker closed when the rest of a budget cuts them short', async () => {
    let asked = 0;
    const aboutToken = {
      code: 14,
      message: 'Errors.Org.NotFound',
      details: [{ id: 'QUERY-Dun75' }],
    };
    const server = await scripted((response, { path }) => {
      asked += 1;
      if (path === '/other') json(response, {});
      // Most of each budget goes by before ZITADEL asks for a repetition, which then hangs. The answer is about the token alone.
      else if (asked <= 3) setTimeout(json, 400, response, aboutToken, 503, { 'retry-after': '0' });
    });
    servers.push(server);
    const http = httpTo(server.url);
    const path = '/auth/v1/slow';
    const call = { family: 'memberships', method: 'GET', path, repeatable: true } as const;
    const replies = await Promise.all(['a', 'b', 'c'].map((who) => http({ ...call, who })));
    expect(replies.map((reply) => 'kind' in reply && reply.kind)).toEqual(['late', 'late', 'late']);
    expect(server.requests).toHaveLength(6);
    expect(await http({ ...call, path: '/other', who: 'd' })).toMatchObject({ status: 200 });
  });

  it('leave the breaker closed when they waited for a slot', async () => {
    let answering = true;
    const server = await scripted((response, { path }) => {
      if (path === '/other') return json(response, {});
      // Those that come after the first answer have waited for its slot, and are never answered.
      if (!answering) return undefined;
      setTimeout(() => {
        answering = false;
        json(response, {});
      }, 400);
      return undefined;
    });
    servers.push(server);
    const http = httpTo(server.url);
    const call = { family: 'memberships', method: 'GET', path: '/slow' } as const;
    const crowd = ['a', 'b', 'c'].flatMap((who) => Array.from({ length: 50 }, () => who));
    const replies = await Promise.all(crowd.map((who) => http({ ...call, who })));
    const kinds = new Set(replies.map((reply) => ('kind' in reply ? reply.kind : reply.status)));
    expect(kinds).toEqual(new Set([200, 'late', 'notSent']));
    expect(await http({ ...call, path: '/other', who: 'd' })).toMatchObject({ status: 200 });
  });
});
