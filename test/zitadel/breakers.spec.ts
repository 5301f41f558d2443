import { beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { Breakers, type Leave, type Outcome } from '../../lib/zitadel/breakers.js';
import { createHttp } from '../../lib/zitadel/http.js';
import type { Standing } from '../../lib/zitadel/limits.js';
import { realFetch, recorder, verdict } from './parts.js';
import { json, scripted } from './scripted-server.js';
import { impatiently } from '../support/impatience.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

const STANDINGS: readonly Standing[] = ['well', 'new', 'stranger', 'failing'];

useStillClock('performance');
beforeEach(() => {
  // Nothing has happened at time 0.
  vi.advanceTimersByTime(1_000_000);
});

const FAMILY = 'memberships';
const users = (what: string, count: number) =>
  Array.from({ length: count }, (_, at) => `${what} ${at}`);

/** Makes one call that ends at once; false where it must not be made. */
function call(
  breakers: Breakers,
  outcome: Outcome,
  who = 'alice',
  standing: Standing = 'well',
  family = FAMILY,
): boolean {
  const leave = breakers.enter(family, standing);
  if ('waitMs' in leave) return false;
  breakers.settle(family, leave, outcome, who);
  return true;
}

function enter(breakers: Breakers, standing: Standing = 'well'): Leave {
  const leave = breakers.enter(FAMILY, standing);
  if ('waitMs' in leave) throw new Error('the breaker is open');
  return leave;
}

/** Calls on and on for a while; answers at which milliseconds a call was made. */
function hammer(breakers: Breakers, outcome: Outcome, forMs: number): number[] {
  const made: number[] = [];
  for (let ms = 0; ms < forMs; ms += 10) {
    if (call(breakers, outcome)) made.push(ms);
    vi.advanceTimersByTime(10);
  }
  return made;
}

/** Three users who were well fail: an outage for everybody. */
function openIt(breakers: Breakers): void {
  for (const who of users('lost', 3)) call(breakers, 'failure', who);
}

describe('a ZITADEL that cannot be reached', () => {
  it('is left alone for a second, then twice as long each time, up to half a minute', () => {
    const made = hammer(new Breakers(), 'unreachable', 130_000);
    const gaps = made.slice(1).map((ms, at) => ms - (made[at] ?? 0));
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('is asked again as before with the first answer', () => {
    const breakers = new Breakers();
    hammer(breakers, 'unreachable', 20_000);
    vi.advanceTimersByTime(30_000);
    expect(call(breakers, 'reply')).toBe(true);
    expect(hammer(breakers, 'reply', 100)).toHaveLength(10);
    expect(hammer(breakers, 'unreachable', 3_500)).toEqual([0, 1_000, 3_000]);
  });

  it('is left alone by everybody, whoever finds out', () => {
    for (const finder of STANDINGS) {
      const breakers = new Breakers();
      call(breakers, 'unreachable', 'alice', finder);
      for (const standing of STANDINGS)
        expect(call(breakers, 'reply', 'bob', standing)).toBe(false);
    }
  });

  it('counts once for calls that were under way together, however long the last of them takes', () => {
    const breakers = new Breakers();
    const leaves = Array.from({ length: 3 }, () => enter(breakers));
    for (const leave of leaves) {
      vi.advanceTimersByTime(1_500);
      breakers.settle(FAMILY, leave, 'unreachable', 'alice');
    }
    // The second of them ended half a second after the first one's second was over: that is no new failure.
    expect(breakers.enter(FAMILY, 'well')).toHaveProperty('startedAt');
  });

  it('is no outage where another call was answered meanwhile', () => {
    const breakers = new Breakers();
    const lost = enter(breakers);
    vi.advanceTimersByTime(5);
    call(breakers, 'reply');
    breakers.settle(FAMILY, lost, 'unreachable', 'alice');
    expect(call(breakers, 'reply')).toBe(true);
  });

  it('says nothing about another family', () => {
    const breakers = new Breakers();
    call(breakers, 'unreachable');
    expect(call(breakers, 'reply')).toBe(false);
    expect(call(breakers, 'reply', 'alice', 'well', 'grants')).toBe(true);
  });
});

describe('failures of users who were well', () => {
  it('for one and the same user stop nobody, however many', () => {
    expect(hammer(new Breakers(), 'failure', 1_000)).toHaveLength(100);
  });

  it('for two users stop nobody either', () => {
    const breakers = new Breakers();
    for (let turn = 0; turn < 100; turn += 1) {
      expect(call(breakers, 'failure', turn % 2 === 0 ? 'alice' : 'bob')).toBe(true);
    }
  });

  it('are an outage for everybody when they are three, and half of all', () => {
    const breakers = new Breakers();
    for (const who of users('well', 3)) call(breakers, 'reply', who);
    openIt(breakers);
    for (const standing of STANDINGS) expect(call(breakers, 'reply', 'bob', standing)).toBe(false);
    vi.advanceTimersByTime(1_000);
    for (let turn = 0; turn < 10; turn += 1) expect(call(breakers, 'reply')).toBe(true);
  });

  it('are no outage beside more users who are answered', () => {
    const breakers = new Breakers();
    for (const who of users('well', 30)) call(breakers, 'reply', who);
    for (const who of users('lost', 29)) expect(call(breakers, 'failure', who)).toBe(true);
    expect(call(breakers, 'failure', 'one more')).toBe(true);
    expect(call(breakers, 'reply')).toBe(false);
  });

  it('are no outage while as many calls may still be answered', () => {
    const breakers = new Breakers();
    const underWay = users('slow', 4).map((who) => [who, enter(breakers)] as const);
    openIt(breakers);
    for (const [who, leave] of underWay) breakers.settle(FAMILY, leave, 'reply', who);
    expect(call(breakers, 'reply')).toBe(true);
  });

  it('are judged by the last users alone, however many were answered before', () => {
    const breakers = new Breakers();
    for (const who of users('well', 900)) call(breakers, 'reply', who);
    const made = users('lost', 100).filter((who) => call(breakers, 'failure', who));
    expect(made).toHaveLength(32);
  });

  it('do not count together when they are long ago', () => {
    const breakers = new Breakers();
    for (const who of users('lost', 20)) {
      expect(call(breakers, 'failure', who)).toBe(true);
      vi.advanceTimersByTime(2_500);
    }
  });

  it('are over with the answer that closes the breaker', () => {
    const breakers = new Breakers();
    openIt(breakers);
    vi.advanceTimersByTime(1_000);
    call(breakers, 'reply');
    expect(call(breakers, 'failure', 'dave')).toBe(true);
    expect(call(breakers, 'reply')).toBe(true);
  });

  it('that say nothing change nothing', () => {
    const breakers = new Breakers();
    for (const who of ['alice', 'bob']) call(breakers, 'failure', who);
    for (const who of ['carol', 'dave']) expect(call(breakers, 'unknown', who)).toBe(true);
    call(breakers, 'failure', 'erin');
    expect(call(breakers, 'reply')).toBe(false);
  });
});

describe('failures of users of whom nothing is known', () => {
  it.each([3, 6, 12])('are no outage where they are %d', (count) => {
    const breakers = new Breakers();
    for (const who of users('bad', count)) call(breakers, 'failure', who, 'new');
    expect(call(breakers, 'reply', 'alice', 'new')).toBe(true);
  });

  it('are one where nobody else is answered, soon asked about again', () => {
    const breakers = new Breakers();
    const made = users('cold', 50).filter((who) => call(breakers, 'failure', who, 'new'));
    expect(made).toHaveLength(16);
    expect(breakers.enter(FAMILY, 'new')).toEqual({ waitMs: 100 });
  });

  it('are no outage in their hundreds, beside more who are answered', () => {
    const breakers = new Breakers();
    for (const who of users('good', 500)) call(breakers, 'reply', who, 'new');
    for (const who of users('bad', 499)) {
      expect(call(breakers, 'failure', who, 'new')).toBe(true);
    }
    expect(call(breakers, 'reply', 'alice', 'new')).toBe(true);
  });

  it('do not stop those who were well', () => {
    const breakers = new Breakers();
    for (const who of users('bad', 1_500)) call(breakers, 'failure', who, 'new');
    expect(call(breakers, 'reply', 'alice', 'new')).toBe(false);
    expect(call(breakers, 'reply', 'alice', 'well')).toBe(true);
    // It was answered: that is over for all.
    expect(call(breakers, 'reply', 'bob', 'new')).toBe(true);
  });

  it('take more where they send strange tokens, of which one user can have many', () => {
    const breakers = new Breakers();
    const made = users('token', 500).filter((who) => call(breakers, 'failure', who, 'stranger'));
    expect(made).toHaveLength(128);
    expect(call(breakers, 'failure', 'alice', 'new')).toBe(true);
  });
});

describe('users who are known to fail', () => {
  it('move nothing, however many they are', () => {
    const breakers = new Breakers();
    for (const who of users('bad', 1_000)) {
      expect(call(breakers, 'failure', who, 'failing')).toBe(true);
    }
    expect(call(breakers, 'reply', 'alice', 'new')).toBe(true);
  });

  it('take no probe, and have one apart', () => {
    const breakers = new Breakers();
    openIt(breakers);
    vi.advanceTimersByTime(1_000);
    expect(call(breakers, 'failure', 'bad', 'failing')).toBe(true);
    expect(call(breakers, 'failure', 'bad', 'failing')).toBe(false);
    vi.advanceTimersByTime(1_999);
    expect(call(breakers, 'failure', 'bad', 'failing')).toBe(false);
    expect(call(breakers, 'reply', 'alice', 'new')).toBe(true);
  });

  it('close it with an answer, where nobody else is left to ask', () => {
    const breakers = new Breakers();
    openIt(breakers);
    vi.advanceTimersByTime(1_000);
    expect(call(breakers, 'reply', 'bad', 'failing')).toBe(true);
    for (const standing of STANDINGS) expect(call(breakers, 'reply', 'bob', standing)).toBe(true);
  });
});

describe('probes', () => {
  it('are four at a time when the time is over', () => {
    const breakers = new Breakers();
    openIt(breakers);
    vi.advanceTimersByTime(1_000);
    const probes = Array.from({ length: 4 }, () => enter(breakers));
    expect(breakers.enter(FAMILY, 'well')).toHaveProperty('waitMs');
    for (const probe of probes.slice(1)) breakers.settle(FAMILY, probe, 'failure', 'bad');
    // One of them may still be answered.
    expect(breakers.enter(FAMILY, 'well')).toHaveProperty('waitMs');
    for (const probe of probes.slice(0, 1)) breakers.settle(FAMILY, probe, 'reply', 'alice');
    for (let turn = 0; turn < 10; turn += 1) enter(breakers);
  });

  it('open it for twice as long when all of them fail', () => {
    const breakers = new Breakers();
    openIt(breakers);
    for (const backoffMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      expect(breakers.enter(FAMILY, 'well')).toEqual({ waitMs: backoffMs });
      vi.advanceTimersByTime(backoffMs);
      for (const who of users('probe', 4)) expect(call(breakers, 'failure', who)).toBe(true);
    }
  });

  it('that say nothing are made again', () => {
    const breakers = new Breakers();
    openIt(breakers);
    vi.advanceTimersByTime(1_000);
    for (let turn = 0; turn < 10; turn += 1) expect(call(breakers, 'unknown')).toBe(true);
  });

  it('stay the only ones when a call from before comes to its end', () => {
    const breakers = new Breakers();
    const early = enter(breakers);
    call(breakers, 'unreachable', 'bob');
    vi.advanceTimersByTime(1_000);
    for (let probe = 0; probe < 4; probe += 1) enter(breakers);
    breakers.settle(FAMILY, early, 'failure', 'alice');
    expect(breakers.enter(FAMILY, 'well')).toHaveProperty('waitMs');
  });
});

describe('an instance that is asked too much', () => {
  it('is left alone by everybody when it says so to three users, and to nobody else anything', () => {
    const breakers = new Breakers();
    for (const who of users('cold', 3)) expect(call(breakers, 'tooMany', who, 'new')).toBe(true);
    expect(call(breakers, 'reply', 'alice')).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(call(breakers, 'tooMany', 'alice')).toBe(true);
    expect(breakers.enter(FAMILY, 'well')).toEqual({ waitMs: 2_000 });
  });

  it('is not meant where others are answered in between, or by those who always fail', () => {
    const breakers = new Breakers();
    for (const who of users('limited', 100)) {
      expect(call(breakers, 'tooMany', who, 'failing')).toBe(true);
    }
    for (const who of users('cold', 100)) {
      expect(call(breakers, 'tooMany', who, 'new')).toBe(true);
      expect(call(breakers, 'reply', 'alice')).toBe(true);
    }
  });
});

let count = 0;

const zitadel = await useEmulator();
const someToken = () => zitadel.tokenFor(zitadel.addUser(`user ${(count += 1)}`));
const libraryOf = (): Zitadel =>
  createZitadel(zitadel.options({ logger: recorder(), timeoutMs: 40_000, budgetMs: 100_000 }));
const ask = (library: Zitadel, token = someToken()) => verdict(library, token, authenticated());

describe('the breaker of an application', () => {
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
    expect(await impatiently(() => ask(library, slow))).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBeGreaterThan(1);
    zitadel.heal();
    expect(await ask(library)).toBe('yes');
  });

  it.each(['hang', 'refuse', 500] as const)(
    'stays closed for others when it is new that the reads of three users fail: %s',
    async (fault) => {
      const library = libraryOf();
      // Until it is known which API is served, the first call is let alone.
      expect(await ask(library)).toBe('yes');
      zitadel.fail('memberships', fault);
      const tokens = [someToken(), someToken(), someToken()];
      const askAll = () => Promise.all(tokens.map((token) => ask(library, token)));
      await impatiently(askAll);
      await impatiently(askAll);
      zitadel.heal();
      expect(await ask(library)).toBe('yes');
    },
  );

  it('opens when the reads of three users hang who were well', async () => {
    const library = libraryOf();
    const tokens = [someToken(), someToken(), someToken()];
    for (const token of tokens) expect(await ask(library, token)).toBe('yes');
    vi.advanceTimersByTime(40_000);
    zitadel.fail('memberships', 'hang');
    const askAll = () => Promise.all(tokens.map((token) => ask(library, token)));
    const answers = await impatiently(askAll);
    expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable']);
    zitadel.heal();
    zitadel.resetRequests();
    expect(await ask(library)).toBe('unavailable');
    expect(zitadel.requests('memberships')).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(await ask(library)).toBe('yes');
  });

  it('opens with the first connection that is refused', async () => {
    const nobody = await scripted(() => undefined);
    await nobody.close();
    let [calls, isDown] = [0, true];
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        fetch: (url, init) => {
          if (!url.includes('/memberships/')) return realFetch(url, init);
          calls += 1;
          return realFetch(isDown ? nobody.url : url, init);
        },
      }),
    );
    expect(await ask(library)).toBe('unavailable');
    isDown = false;
    expect(await ask(library)).toBe('unavailable');
    expect(calls).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(await ask(library)).toBe('yes');
  });
});

describe('calls of three users that are not given their time', () => {
  // Here time goes by.
  beforeEach(() => {
    vi.useRealTimers();
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
    const http = httpTo(server.url);
    const call = { family: 'memberships', method: 'GET', path: '/slow', repeatable: true } as const;
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
    const http = httpTo(server.url);
    const call = { family: 'memberships', method: 'GET', path: '/slow' } as const;
    const crowd = ['a', 'b', 'c'].flatMap((who) => Array.from({ length: 50 }, () => who));
    const replies = await Promise.all(crowd.map((who) => http({ ...call, who })));
    const kinds = new Set(replies.map((reply) => ('kind' in reply ? reply.kind : reply.status)));
    expect(kinds).toEqual(new Set([200, 'late', 'notSent']));
    expect(await http({ ...call, path: '/other', who: 'd' })).toMatchObject({ status: 200 });
  });
});
