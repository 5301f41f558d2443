import { describe, expect, it } from 'vitest';
import type { Door } from '../../../lib/nest/doors/door.js';
import { rpc } from '../../../lib/nest/doors/rpc.js';
import { ws } from '../../../lib/nest/doors/ws.js';

class Handlers {
  one(): void {}
}

/** The object that stands for a call with these arguments. */
const callOf = (door: Door, ...args: unknown[]) =>
  door.callOf({
    getArgs: () => args,
    getClass: () => Handlers,
    getHandler: () => Handlers.prototype.one,
  } as never);

describe.each<[string, Door, (payload: unknown, other: unknown) => unknown[]]>([
  ['a gateway', ws, (payload, client) => [client, payload]],
  ['a microservice', rpc, (payload, context) => [payload, context]],
])('a message of %s', (_, door, argsOf) => {
  const [payload, other] = [{ orgId: '1' }, { name: 'client or context' }];

  it('is the same to the guard and to the handler', () => {
    const call = callOf(door, ...argsOf(payload, other));
    expect(callOf(door, ...argsOf(payload, other))).toBe(call);
  });

  it('is another one if a server hands out one payload for two senders, or one sender for two payloads', () => {
    const call = callOf(door, ...argsOf(payload, other));
    expect(callOf(door, ...argsOf(payload, { ...other }))).not.toBe(call);
    expect(callOf(door, ...argsOf({ ...payload }, other))).not.toBe(call);
  });
});
