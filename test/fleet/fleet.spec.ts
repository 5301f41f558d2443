import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Eviction, EvictionEvent } from '../../lib/core/eviction.js';
import { quietLogger } from '../../lib/core/tell.js';
import { Fleet, type MessageBus } from '../../lib/fleet/fleet.js';
import { settle } from '../core/gate.js';
import { recorder } from '../zitadel/parts.js';
import { MemoryBus } from './memory-bus.js';

const SECRET = 'a secret of more than thirty-two characters';
const OTHER = 'another secret of more than thirty-two characters';

interface Settings {
  readonly secrets?: readonly string[];
  readonly issuer?: string;
  readonly channel?: string;
}

/** A process of the fleet, and what it heard. */
function join(bus: MessageBus, settings: Settings = {}) {
  const heard: EvictionEvent[] = [];
  const log = recorder();
  const forgetHere = vi.fn<() => void>();
  const fleet = new Fleet({
    bus,
    issuer: 'https://acme.zitadel.cloud',
    channel: 'evictions',
    secrets: [SECRET],
    log: quietLogger(log),
    hear: (event) => void heard.push(event),
    forgetHere,
    ...settings,
  });
  onTestFinished(() => fleet.close());
  return { fleet, heard, log, forgetHere };
}

const AT = Date.parse('2026-01-01');
const told = (eviction: Eviction, at = AT): EvictionEvent => ({
  at,
  eviction,
  from: 'application',
});

const EVICTIONS: readonly Eviction[] = [
  { type: 'user', userId: '1' },
  { type: 'organization', orgId: '2' },
  { type: 'everyone' },
  { type: 'issuedBefore', userId: '1', time: AT },
  { type: 'issuedBefore', userId: undefined, time: AT },
  { type: 'token', id: 'V2_1' },
];

describe('evictions', () => {
  it.each(EVICTIONS)('reach every other process once: $type', async (eviction) => {
    const bus = new MemoryBus();
    const [one, two, three] = [join(bus), join(bus), join(bus)];
    one.fleet.spread(told(eviction));
    await settle();
    bus.tell(bus.sent[0]);
    expect([one.heard, two.heard, three.heard]).toEqual([
      [],
      [{ at: AT, eviction, from: 'fleet' }],
      [{ at: AT, eviction, from: 'fleet' }],
    ]);
  });

  it.each<readonly [string, Settings, boolean]>([
    ['another secret', { secrets: [OTHER] }, false],
    ['no secret', { secrets: [] }, false],
    ['another issuer', { issuer: 'https://other.zitadel.cloud' }, false],
    ['another channel', { channel: 'others' }, false],
    ['the new one of two secrets, while it is rotated', { secrets: [OTHER, SECRET] }, false],
    ['the old one of two secrets, while it is rotated', { secrets: [SECRET, OTHER] }, true],
  ])('of a process with %s', async (_, settings, isHeard) => {
    const bus = new MemoryBus();
    const mine = join(bus);
    join(bus, settings).fleet.spread(told({ type: 'user', userId: '1' }));
    await settle();
    expect(mine.heard.length).toBe(isHeard ? 1 : 0);
    expect(mine.log.lines.length).toBe(isHeard ? 0 : 1);
  });

  it('signed with any of several secrets are heard', async () => {
    const bus = new MemoryBus();
    const rotating = join(bus, { secrets: [OTHER, SECRET] });
    join(bus).fleet.spread(told({ type: 'user', userId: '1' }));
    await settle();
    expect(rotating.heard.length).toBe(1);
  });
});

/** Writes what a process without a secret would: anybody can. */
const unsigned = (message: object) => JSON.stringify(message);
const USER = { type: 'user', userId: '1' };

const POISON: readonly unknown[] = [
  '',
  '.',
  'x',
  '.{}',
  'null',
  '[]',
  '['.repeat(4_000),
  unsigned({}),
  ...[2, '1', null].map((v) => unsigned({ v, by: 'p', at: AT, eviction: USER })),
  ...['', 1, null, 'x'.repeat(1_001)].map((by) => unsigned({ v: 1, by, at: AT, eviction: USER })),
  ...['1', 0, -1, 1.5, 1e300, null].map((at) => unsigned({ v: 1, by: 'p', at, eviction: USER })),
  ...[
    undefined,
    null,
    'user',
    [],
    {},
    { type: 'nobody' },
    { type: 'user' },
    { type: 'user', userId: 1 },
    { type: 'user', userId: '' },
    { type: 'user', userId: 'x'.repeat(1_001) },
    { type: 'user', userId: '1', more: 1 },
    { type: 'user', orgId: '1' },
    { type: 'organization', orgId: null },
    { type: 'everyone', but: '1' },
    { type: 'token', id: {} },
    { type: 'issuedBefore' },
    { type: 'issuedBefore', time: -1 },
    { type: 'issuedBefore', userId: 1, time: AT },
    { type: 'issuedBefore', userId: '1', time: '1' },
    { __proto__: null, type: ['user'], userId: '1' },
  ].map((eviction) => unsigned({ v: 1, by: 'p', at: AT, eviction })),
  unsigned({ v: 1, by: 'p', at: AT, eviction: USER, more: 1 }),
  unsigned({ v: 1, by: 'p', at: AT, eviction: USER }) + ' '.repeat(5_000),
  `.${unsigned({ v: 1, by: 'p', at: AT, eviction: USER })}`,
  Buffer.from(unsigned({ v: 1, by: 'p', at: AT, eviction: USER })),
  7,
  null,
];

describe('without a secret, a message', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: AT });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('that is odd is ignored, and the log says so once', () => {
    const bus = new MemoryBus();
    const { heard, log, forgetHere } = join(bus, { secrets: [] });
    for (const each of POISON) bus.tell(each as string);
    expect(heard).toEqual([]);
    expect(forgetHere).not.toHaveBeenCalled();
    expect(log.lines).toEqual([
      expect.stringContaining('are not signed'),
      'warn: redis: a message that is not ours was ignored',
    ]);
  });

  it('only ends what is remembered: it refuses no token, and its time is not in the future', async () => {
    const bus = new MemoryBus();
    const mine = join(bus, { secrets: [] });
    const other = join(bus, { secrets: [] });
    for (const eviction of EVICTIONS) {
      vi.advanceTimersByTime(1_000);
      other.fleet.spread(told(eviction, AT + 1e9));
      await settle();
    }
    expect(mine.heard.map(({ eviction }) => eviction)).toEqual([
      { type: 'user', userId: '1' },
      { type: 'organization', orgId: '2' },
      { type: 'everyone' },
      { type: 'user', userId: '1' },
      { type: 'everyone' },
    ]);
    expect(Math.max(...mine.heard.map(({ at }) => at))).toBeLessThanOrEqual(Date.now());
  });

  it('cannot end what is remembered without end', () => {
    const bus = new MemoryBus();
    const { heard } = join(bus, { secrets: [] });
    const tell = (count: number, of: (at: number) => object) => {
      for (let at = 0; at < count; at += 1) {
        bus.tell(unsigned({ v: 1, by: `p${at}`, at: AT, eviction: of(at) }));
      }
      return heard.splice(0).length;
    };
    expect(tell(1_000, (at) => ({ type: 'user', userId: `${at}` }))).toBe(200);
    vi.advanceTimersByTime(1_000);
    expect(tell(1_000, () => ({ type: 'everyone' }))).toBe(2);
    expect(tell(10, (at) => ({ type: 'user', userId: `${at}` }))).toBe(0);
  });
});

describe('a bus', () => {
  it('that says that messages may be lost empties the memory of this process, and tells nobody', async () => {
    const bus = new MemoryBus();
    const { forgetHere, heard } = join(bus);
    bus.tell();
    await settle();
    expect(forgetHere).toHaveBeenCalledTimes(1);
    expect([bus.sent, heard]).toEqual([[], []]);
  });

  it.each<readonly [string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s harms nobody, and the log says so', async (_, fail) => {
    const { fleet, log } = join({ publish: fail, subscribe: fail });
    fleet.spread(told({ type: 'everyone' }));
    await settle();
    expect(log.lines.join('\n')).toMatch(/subscribe threw or rejected[^]*was not told/);
  });

  it('that hangs holds a bounded number of messages', async () => {
    let under = 0;
    const bus = {
      publish: () => ((under += 1), new Promise(() => undefined)),
      subscribe: () => undefined,
    };
    const { fleet, log } = join(bus);
    for (let at = 0; at < 3_000; at += 1) fleet.spread(told({ type: 'user', userId: `${at}` }));
    expect(under).toBe(1_000);
    expect(log.lines.join()).toContain('too many are under way');
    await fleet.close();
  });

  it('is left when the fleet closes', async () => {
    const bus = new MemoryBus();
    const { fleet } = join(bus);
    await fleet.close();
    fleet.spread(told({ type: 'everyone' }));
    await settle();
    expect([bus.listeners.size, bus.sent]).toEqual([0, []]);
  });

  it.each(['was lost before', 'comes about later'])(
    'is left also where the subscription %s',
    async (when) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      const bus = new MemoryBus();
      let late: () => void = () => undefined;
      const subscribe = vi.fn<MessageBus['subscribe']>(async (...given) => {
        if (when === 'was lost before') throw new Error('not connected');
        await new Promise<void>((resolve) => (late = resolve));
        return bus.subscribe(...given);
      });
      const { fleet } = join({ publish: () => undefined, subscribe });
      await settle();
      const closing = fleet.close();
      await vi.advanceTimersByTimeAsync(1_000);
      await closing;
      late();
      await vi.advanceTimersByTimeAsync(10_000);
      expect([subscribe.mock.calls.length, bus.listeners.size]).toEqual([1, 0]);
    },
  );
});
