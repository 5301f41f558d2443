import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Decisions } from '../../lib/core/authorizer.js';
import type { Allowed, Decision } from '../../lib/core/decision.js';
import type { RequestLike } from '../../lib/core/request.js';
import type { Compiled } from '../../lib/core/requirement/compile.js';
import { watchConnection } from '../../lib/nest/connections.js';
import type { Connection } from '../../lib/nest/doors/door.js';
import { callerOf } from '../core/rows.js';

const TTL = 30_000;

const yes: Allowed = {
  allowed: true,
  caller: callerOf('ann', { actor: 'eve' }),
  by: undefined,
  checked: [],
  read: { at: 0, from: 'zitadel' },
};

/** A connection, and decisions about its token. As with `allowImpersonation: 'perRoute'`, only who asks for actors lets them in. */
function connected() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const told: string[] = [];
  const asked: RequestLike[] = [];
  const state = { refused: false };
  const forAll = {} as Compiled;
  const leave: (() => void)[] = [];
  const decisions = {
    ttlMs: TTL,
    leftMs: () => TTL,
    onEviction: () => () => undefined,
    prepare: (_requirement: unknown, forActors: boolean) => (forActors ? forAll : ({} as Compiled)),
    authorize(request: RequestLike, compiled: Compiled): Decision {
      asked.push(request);
      if (compiled !== forAll) return { allowed: false, reason: 'impersonated' };
      return state.refused ? { allowed: false, reason: 'token_rejected' } : yes;
    },
  } as unknown as Decisions;
  const connection = {
    client: {},
    isClosed: false,
    tell: ({ reason }: { reason: string }) => void told.push(`tell ${reason}`),
    close: ({ reason }: { reason: string }) => void told.push(`close ${reason}`),
    onClose: (listener: () => void) => void leave.push(listener),
  };
  const message = (name: string) =>
    watchConnection(connection, decisions, { headers: { name } }, yes);
  return { told, asked, state, leave, message };
}

describe('a connection', () => {
  it('is asked about by its newest message, once a TTL, also where somebody acts as its user', async () => {
    const { told, asked, message } = connected();
    message('first');
    message('second');
    await vi.advanceTimersByTimeAsync(2 * TTL);
    expect(asked.map(({ headers }) => headers['name'])).toEqual(['second', 'second']);
    expect(told).toEqual([]);
  });

  it('is told and closed when its token counts no more', async () => {
    const { told, state, message } = connected();
    message('first');
    state.refused = true;
    await vi.advanceTimersByTimeAsync(3 * TTL);
    expect(told).toEqual(['tell token_rejected', 'close token_rejected']);
  });

  it('is asked about no more when its client has left', async () => {
    const { asked, leave, message } = connected();
    message('first');
    for (const each of leave) each();
    await vi.advanceTimersByTimeAsync(3 * TTL);
    expect(asked).toEqual([]);
  });

  it('closes a connection also if its client can be told nothing, and never throws', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const done: string[] = [];
    const broken = (name: string) => () => {
      done.push(name);
      throw new Error('a client of another kind');
    };
    const connection: Connection = {
      client: {},
      isClosed: false,
      tell: broken('tell'),
      close: broken('close'),
      onClose: () => undefined,
    };
    const decisions = {
      ttlMs: 1_000,
      leftMs: () => 0,
      onEviction: () => () => undefined,
      prepare: () => ({}),
      authorize: () => ({ allowed: false, reason: 'token_rejected' }),
    };
    const read = { at: Date.now(), from: 'zitadel' } as const;
    const yes = {
      allowed: true,
      caller: callerOf('ann'),
      by: undefined,
      checked: [],
      read,
    } as const;
    watchConnection(connection, decisions as never, { headers: {} }, yes);
    // An exception would be an unhandled rejection, and fail this test.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).toEqual(['tell', 'close']);
  });
});
