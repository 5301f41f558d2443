import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Decisions } from '../../../lib/core/authorizer.js';
import type { Allowed, Decision } from '../../../lib/core/decision.js';
import type { RequestLike } from '../../../lib/core/request.js';
import type { Compiled } from '../../../lib/core/requirement/compile.js';
import { ws } from '../../../lib/nest/doors/ws.js';
import { callerOf } from '../../core/rows.js';

const TTL = 30_000;

const yes: Allowed = {
  allowed: true,
  caller: callerOf('ann', { actor: 'eve' }),
  by: undefined,
  checked: [],
  read: { at: 0, from: 'zitadel' },
};

const hostOf = (client: object) => ({ getArgByIndex: () => client }) as never;

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
  const client = {
    readyState: 1,
    send: (text: string) => void told.push(text),
    close: (code: number, reason: string) => void told.push(`${code} ${reason}`),
    once: (event: string, listener: () => void) => void (event === 'close' && leave.push(listener)),
  };
  const message = (name: string) => ws.watch(yes, { headers: { name } }, decisions, hostOf(client));
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
    expect(told).toEqual([
      expect.stringMatching(/^{"event":"exception",.*"errorCode":"token_rejected"/),
      '4401 token_rejected',
    ]);
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
    const client = {
      connected: true,
      emit: broken('tell'),
      disconnect: broken('close'),
      once: () => undefined,
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
    ws.watch(yes, { headers: {} }, decisions as never, hostOf(client));
    // An exception would be an unhandled rejection, and fail this test.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).toEqual(['tell', 'close']);
  });
});
