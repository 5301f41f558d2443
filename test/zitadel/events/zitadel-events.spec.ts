import { inspect } from 'node:util';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Eviction } from '../../../lib/core/eviction.js';
import { createZitadel } from '../../../lib/express/index.js';
import { quietLogger } from '../../../lib/core/tell.js';
import { ZitadelEvents } from '../../../lib/zitadel/events/zitadel-events.js';
import { delivered, signed, SIGNING_KEY } from '../../support/deliveries.js';

function receiver(signingKeys: readonly string[] = [SIGNING_KEY]) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = quietLogger({ debug: write, log: write, warn: write, error: write });
  const apply = vi.fn<(evictions: readonly Eviction[]) => void>();
  const events = new ZitadelEvents({ signingKeys, path: '/events', apply, log });
  const receive = ({ body, headers }: ReturnType<typeof signed>) => events.receive(body, headers);
  return { events, apply, lines, receive };
}

describe('a delivery that is taken', () => {
  it('ends what it names after it was answered', async () => {
    const { apply, receive } = receiver();
    expect(receive(signed(delivered()))).toMatchObject({ valid: true, status: 200 });
    expect(apply).not.toHaveBeenCalled();
    await nextTurn();
    const user = [{ type: 'user', userId: '400999950592248870' }];
    expect(apply.mock.calls).toEqual([[user, [Date.parse('2026-11-24T08:56:55.287Z')]]]);
  });

  it('is answered also if what it names cannot be ended', async () => {
    const { apply, receive } = receiver();
    apply.mockImplementation(() => {
      throw new Error('no store');
    });
    expect(receive(signed(delivered())).status).toBe(200);
    await nextTurn();
    expect(apply).toHaveBeenCalledTimes(1);
  });

  it('does nothing when it comes again, with its own signature or a new one', async () => {
    const { apply, receive, events } = receiver();
    for (const offset of [0, 0, 5]) receive(signed(delivered(), SIGNING_KEY, offset));
    await nextTurn();
    expect(apply).toHaveBeenCalledTimes(1);
    expect(events.status()).toMatchObject({ received: 3, replayed: 2 });
  });

  it('is counted and ignored if its event ends nothing', async () => {
    const { apply, receive, events } = receiver();
    expect(receive(signed(delivered({ event_type: 'org.added' }))).status).toBe(200);
    await nextTurn();
    expect(apply).not.toHaveBeenCalled();
    expect(events.status()).toMatchObject({ received: 1, ignored: 1 });
  });

  it('ends the same in whatever order deliveries come', async () => {
    const events = ['removed', 'added', 'changed'].map((change, sequence) =>
      delivered({ event_type: `org.member.${change}`, sequence }),
    );
    for (const order of [events, events.toReversed()]) {
      const { apply, receive } = receiver();
      for (const body of order) receive(signed(body));
      await nextTurn();
      const user = [{ type: 'user', userId: '400999950592248870' }];
      expect(apply.mock.calls.map(([evictions]) => evictions)).toEqual([user, user, user]);
    }
  });

  it('tells when the latest event happened, in whatever order they come', () => {
    const { receive, events } = receiver();
    expect(events.status().lastEventAt).toBeUndefined();
    for (const second of [2, 3, 1]) {
      receive(signed(delivered({ created_at: `2026-11-24T08:56:0${second}Z` })));
    }
    expect(events.status().lastEventAt).toBe(Date.parse('2026-11-24T08:56:03Z'));
  });
});

describe('a delivery that is refused', () => {
  it('is counted by its reason, and told once a minute with what to do', () => {
    const { receive, events, lines } = receiver();
    for (let time = 0; time < 1_000; time += 1) {
      receive({ body: delivered(), headers: {} });
      receive(signed(delivered(), 'another key'));
      receive(signed('a.b.c.d.e'));
    }
    expect(events.status()).toMatchObject({
      received: 0,
      refused: { malformed: 1_000, mismatch: 1_000, encrypted: 1_000, untimely: 0 },
    });
    expect(lines).toHaveLength(3);
    expect(lines.join()).toMatch(/events\.signingKeys.*PAYLOAD_TYPE_JSON/s);
    expect(lines.join()).not.toContain(SIGNING_KEY);
  });
});

describe('a receiver without signing keys', () => {
  it('says what to write, and has no path', () => {
    const { receive, events } = receiver([]);
    expect(() => receive(signed(delivered()))).toThrow(/write events: \{ signingKeys/);
    expect(events.path).toBeUndefined();
  });
});

it('shows no signing key where it is printed', () => {
  const { events } = receiver();
  expect(inspect(events, { depth: 9, showHidden: true })).not.toContain(SIGNING_KEY);
  const options = { issuer: 'https://acme.example', audience: '1' };
  const zitadel = createZitadel({ ...options, events: { signingKeys: SIGNING_KEY } });
  expect(inspect(zitadel, { depth: 20, showHidden: true })).not.toContain(SIGNING_KEY);
});
