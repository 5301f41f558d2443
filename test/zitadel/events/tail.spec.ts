import { describe, expect, it, onTestFinished } from 'vitest';
import type { Eviction } from '../../../lib/core/eviction.js';
import type { Turn, Turns } from '../../../lib/core/store/turns.js';
import { quietLogger } from '../../../lib/core/tell.js';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { EVENT_TYPES } from '../../../lib/zitadel/events/event.js';
import { EventTail } from '../../../lib/zitadel/events/tail.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { startEmulator } from '../../support/world.js';
import { recorder, wayTo } from '../parts.js';
import { json, scripted } from '../scripted-server.js';

type Where = Parameters<typeof wayTo>[0];

/** What processes of a fleet share: notes and one turn. */
function shared() {
  const notes = new Map<string, string>();
  let holder: object | undefined;
  const turns: Turns = {
    take: () => {
      if (holder) return Promise.resolve('taken');
      const turn: Turn = {
        keep: () => Promise.resolve(holder === turn),
        end: () => {
          if (holder === turn) holder = undefined;
          return Promise.resolve();
        },
      };
      holder = turn;
      return Promise.resolve(turn);
    },
  };
  return {
    notes: {
      note: (name: string, text: string) => Promise.resolve(void notes.set(name, text)),
      noted: (name: string) => Promise.resolve(notes.get(name)),
    },
    kept: notes,
    turns,
    /** Somebody else has it from now on. */
    steal: () => void (holder = {}),
  };
}

function tailOf(
  at: Where,
  token: string,
  more: Partial<ConstructorParameters<typeof EventTail>[0]> = {},
) {
  const { http, discover } = wayTo(at);
  const log = recorder();
  const applied: Eviction[] = [];
  const tail = new EventTail({
    asker: new ServiceToken(http, discover, at.issuer, openServiceUser(pat(token))),
    everyMs: 5,
    ttlMs: 30_000,
    apply: (evictions) => void applied.push(...evictions),
    log: quietLogger(log),
    ...more,
  });
  tail.start();
  onTestFinished(() => tail.close());
  const users = () => applied.flatMap((each) => (each.type === 'user' ? [each.userId] : []));
  return { tail, applied, users, lines: log.lines };
}

async function world() {
  const zitadel = await startEmulator();
  const reader = zitadel.addServiceUser('tail');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  const acme = zitadel.addOrg('acme');
  const users = ['alice', 'bob', 'carol'].map((name) => zitadel.addUser(name, { org: acme }));
  return { zitadel, reader, acme, users, token: zitadel.patFor(reader) };
}

const reads = ({ tail }: { tail: EventTail }) =>
  expect.poll(() => tail.status().state).toBe('reading');

/** As a real server lists an event. */
const listed = (creationDate: string, sequence: string, more: object = {}) => ({
  aggregate: { id: '1', type: { type: 'org' }, resourceOwner: '1' },
  type: { type: 'org.member.removed' },
  payload: { userId: `of ${sequence}` },
  sequence,
  creationDate,
  ...more,
});

describe('a tail', () => {
  it('applies what happens, once, and says how far behind it is', async () => {
    const { zitadel, acme, users, token } = await world();
    const reading = tailOf(zitadel, token);
    await reads(reading);
    const before = reading.applied.length;
    for (const user of users) zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    for (const user of users) zitadel.removeMember(user, { org: acme });
    await expect.poll(() => reading.applied.length).toBe(before + 6);
    zitadel.deactivateUser(users[0]!);
    await expect.poll(() => reading.applied.at(-1)).toEqual({ type: 'user', userId: users[0]!.id });
    expect(reading.applied.at(-2)).toMatchObject({ type: 'issuedBefore', userId: users[0]!.id });
    const { lagMs, events } = reading.tail.status();
    expect(lagMs).toBeGreaterThanOrEqual(0);
    expect(events).toBe(before + 7);
    expect(reading.lines).toEqual([]);
  });

  it('asks for at most 30 types at once, for all of them, and never twice at a time', async () => {
    const { zitadel, token } = await world();
    const asked: unknown[][] = [];
    const { http, discover } = wayTo(zitadel);
    const real = new ServiceToken(http, discover, zitadel.issuer, openServiceUser(pat(token)));
    let [underWay, most] = [0, 0];
    await reads(
      tailOf(zitadel, token, {
        asker: {
          call: async (call) => {
            asked.push((call.json as { eventTypes?: unknown[] }).eventTypes ?? []);
            most = Math.max(most, (underWay += 1));
            return real.call(call).finally(() => (underWay -= 1));
          },
        },
      }),
    );
    expect(most).toBe(1);
    // The first one asks for the last event of any kind.
    expect(asked[0]).toEqual([]);
    expect(asked.slice(1, 3).flat()).toEqual(EVENT_TYPES);
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(30);
  });

  it('goes on after a restart where the process before had come to', async () => {
    const { zitadel, acme, users, token } = await world();
    const { notes, kept } = shared();
    const first = tailOf(zitadel, token, { notes });
    await reads(first);
    await first.tail.close();
    expect([...kept.values()]).toEqual([expect.stringMatching(/^\d{16}$/)]);
    zitadel.addMember(users[1]!, { org: acme }, ['ORG_OWNER']);
    const second = tailOf(zitadel, token, { notes });
    await expect.poll(second.users).toContain(users[1]!.id);
    expect(first.users()).not.toContain(users[1]!.id);
  });

  it.each([
    ['no note', undefined],
    ['a note from the future', '9999999999999999'],
    ['a note that is none', 'NaN'],
  ])('begins with the last minute where there is %s', async (_, note) => {
    const { zitadel, acme, users, token } = await world();
    const { notes, kept } = shared();
    if (note !== undefined) kept.set('events read', note);
    zitadel.addMember(users[2]!, { org: acme }, ['ORG_OWNER']);
    const reading = tailOf(zitadel, token, { notes });
    await expect.poll(reading.users).toContain(users[2]!.id);
  });

  it('reads in one process at a time, and the next one goes on at once when it ends', async () => {
    const { zitadel, acme, users, token } = await world();
    const { notes, turns } = shared();
    const first = tailOf(zitadel, token, { notes, turns });
    await reads(first);
    const second = tailOf(zitadel, token, { notes, turns });
    await expect
      .poll(() => second.tail.status())
      .toEqual({
        state: 'elsewhere',
        lagMs: undefined,
        events: 0,
      });
    await first.tail.close();
    expect(first.tail.status().state).toBe('stopped');
    zitadel.addMember(users[0]!, { org: acme }, ['ORG_OWNER']);
    await expect.poll(second.users).toContain(users[0]!.id);
  });

  it('stops when it has lost its turn', async () => {
    const { zitadel, token } = await world();
    const { turns, steal } = shared();
    const reading = tailOf(zitadel, token, { turns });
    await reads(reading);
    steal();
    await expect.poll(() => reading.tail.status().state).toBe('elsewhere');
    // The last question may still have been under way.
    zitadel.resetRequests();
    const { tail } = tailOf(zitadel, token, { turns });
    await expect.poll(() => tail.status().state).toBe('elsewhere');
    expect(zitadel.requests('events')).toBeLessThanOrEqual(1);
  });

  it.each<[string, Turns]>([
    ['nobody knows whose turn it is', { take: () => Promise.resolve('unknown') }],
    ['turns fail', { take: () => Promise.reject(new Error('down')) }],
  ])('reads for itself where %s', async (_, turns) => {
    const { zitadel, token } = await world();
    const { tail } = tailOf(zitadel, token, { turns });
    await expect.poll(() => tail.status().state).toBe('reading');
  });

  it('says what its service user needs, and begins when it has it', async () => {
    const { zitadel, reader, token } = await world();
    zitadel.removeMember(reader, 'instance');
    const reading = tailOf(zitadel, token);
    await expect.poll(() => reading.tail.status().state).toBe('failing');
    await expect.poll(() => zitadel.requests('events')).toBeGreaterThan(2);
    expect(reading.lines).toEqual([expect.stringMatching(/^error: .*IAM_OWNER_VIEWER/)]);
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    await reads(reading);
    expect(reading.lines).toHaveLength(2);
  });

  it('goes on after an outage, and misses nothing', async () => {
    const { zitadel, acme, users, token } = await world();
    const reading = tailOf(zitadel, token);
    await reads(reading);
    zitadel.fail('events', 503);
    zitadel.addMember(users[0]!, { org: acme }, ['ORG_OWNER']);
    await expect.poll(() => reading.tail.status().state).toBe('failing');
    zitadel.heal('events');
    await expect.poll(reading.users).toContain(users[0]!.id);
    expect(reading.lines[0]).toMatch(/^warn: events of ZITADEL/);
  });

  it('says once that a server has no Event API', async () => {
    const zitadel = await startEmulator({ apis: 'v2' });
    const reading = tailOf(zitadel, zitadel.patFor(zitadel.addServiceUser('tail')));
    await expect.poll(() => reading.tail.status().state).toBe('notServed');
    expect(reading.lines).toEqual([expect.stringMatching(/^warn: .*no Event API/)]);
  });

  it('evicts everyone for an event that it cannot read', async () => {
    const odd = { creationDate: '2026-11-24T08:56:35.5Z', what: 'is this' };
    const { url } = await scripted((response) => json(response, { events: [odd] }));
    const reading = tailOf({ issuer: url, url }, 'token');
    await reads(reading);
    // Once for each of the two questions, however often it comes.
    expect(reading.applied).toEqual([{ type: 'everyone' }, { type: 'everyone' }]);
  });

  it.each<[string, object]>([
    ['no list', { events: 'many' }],
    ['an event without a date', { events: [{ sequence: '1' }] }],
    ['events from before', { events: [listed('2020-01-01T00:00:00Z', '1')] }],
  ])('takes %s for an outage', async (_, body) => {
    const last = { events: [listed('2026-11-24T08:56:35.5Z', '9')] };
    const { url } = await scripted((response, { body: question, number }) =>
      json(response, number === 1 || !question.includes('"asc":true') ? last : body),
    );
    const reading = tailOf({ issuer: url, url }, 'token');
    await expect.poll(() => reading.tail.status().state).toBe('failing');
    expect(reading.applied).toEqual([]);
  });

  it('evicts everyone where one push has more events than can be asked for', async () => {
    const date = '2026-11-24T08:56:35.500000Z';
    const all = Array.from({ length: 1_000 }, (_, each) => listed(date, String(each + 1)));
    const micros = 1_795_510_595_500_000;
    const { url } = await scripted((response, { body }) => {
      const { range, eventTypes } = JSON.parse(body) as {
        range?: { since?: string; until?: string };
        eventTypes?: string[];
      };
      const { since = '', until = 'z' } = range ?? {};
      const isIn =
        since < date && date < until && (eventTypes?.[0] ?? EVENT_TYPES[0]) === EVENT_TYPES[0];
      json(response, isIn ? { events: all } : {});
    });
    const { notes, kept } = shared();
    const reading = tailOf({ issuer: url, url }, 'token', { notes });
    await reads(reading);
    // It may have asked a second time.
    expect(reading.applied).toContainEqual({ type: 'everyone' });
    expect(new Set(reading.users()).size).toBe(1_000);
    expect(Number(kept.get('events read'))).toBeLessThanOrEqual(micros);
  });

  it('applies again what it could not apply', async () => {
    const { zitadel, acme, users, token } = await world();
    let fails = true;
    const applied: Eviction[] = [];
    const reading = tailOf(zitadel, token, {
      apply: (evictions) => {
        if (fails) throw new Error('a bug');
        applied.push(...evictions);
      },
    });
    zitadel.addMember(users[0]!, { org: acme }, ['ORG_OWNER']);
    await expect.poll(() => reading.tail.status().state).toBe('failing');
    fails = false;
    await expect.poll(() => applied).toContainEqual({ type: 'user', userId: users[0]!.id });
  });
});
