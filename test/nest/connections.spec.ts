import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchConnection } from '../../lib/nest/connections.js';
import type { Connection } from '../../lib/nest/doors/door.js';
import { callerOf } from '../core/rows.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('closes a connection also if its client can be told nothing, and never throws', async () => {
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
    prepare: () => ({}),
    authorize: () => ({ allowed: false, reason: 'token_rejected' }),
  };
  const read = { at: Date.now(), from: 'zitadel' } as const;
  const yes = { allowed: true, caller: callerOf('ann'), by: undefined, checked: [], read } as const;
  watchConnection(connection, decisions as never, { headers: {} }, yes);
  // An exception would be an unhandled rejection, and fail this test.
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done).toEqual(['tell', 'close']);
});
