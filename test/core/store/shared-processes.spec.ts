import { beforeEach, describe, expect, it, vi } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { User } from '../../../lib/testing/index.js';
import { gate, settle } from '../gate.js';
import { MemoryBus } from '../../fleet/memory-bus.js';
import { MemoryStore } from './memory-store.js';
import { recorder, verdict } from '../../zitadel/parts.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';

let store: MemoryStore;
let alice: User;
let token: string;
let users = 0;

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
useStillClock('performance', 'Date');
beforeEach(() => {
  store = new MemoryStore();
  alice = zitadel.addUser(`alice ${(users += 1)}`);
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  token = zitadel.tokenFor(alice);
});

/** One of several processes behind the same store. */
function processWith(ttlMs = 30_000, redis?: MemoryBus): Zitadel {
  const cache = { ttlMs, shared: { secret: 's'.repeat(32) } };
  const options = { logger: recorder(), cache, ...(redis && { redis }) };
  return createZitadel(zitadel.options(options), { sharedCache: store });
}

const ask = (library: Zitadel, fresh = false) =>
  verdict(library, token, role('ORG_OWNER', acme.id, { fresh }));
const pass = (ms: number) => vi.advanceTimersByTime(ms);
const NEVER = new Promise<never>(() => undefined);

describe('an eviction that the store does not take', () => {
  it.each<[string, () => Promise<void>]>([
    ['hangs', () => NEVER],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('because set %s still holds in this process, for good', async (_how, beforeSet) => {
    const library = processWith();
    expect(await ask(library)).toBe('yes');
    await settle();
    expect(store.rowKeys()).toHaveLength(1);
    zitadel.removeMember(alice, { org: acme });
    store.beforeSet = beforeSet;
    await library.authorizer.evict(alice.id);
    store.beforeSet = () => undefined;
    const answers = new Set<string>();
    for (let second = 0; second < 40; second += 1) {
      answers.add(await ask(library));
      // Also where nothing of it is in memory.
      await library.authorizer.evict('404');
      pass(1_000);
    }
    expect(answers).toEqual(new Set(['role_missing']));
  });

  it('and says nothing about it still holds in this process', async () => {
    // As a store behind cache-manager does: what could not be set is reported nowhere.
    const library = processWith();
    expect(await ask(library)).toBe('yes');
    zitadel.removeMember(alice, { org: acme });
    const set = vi.spyOn(store, 'set').mockResolvedValue(undefined);
    await library.authorizer.evict(alice.id);
    set.mockRestore();
    expect(await ask(library)).toBe('role_missing');
  });

  it('of everybody still holds in this process', async () => {
    const library = processWith();
    expect(await ask(library)).toBe('yes');
    zitadel.removeMember(alice, { org: acme });
    store.beforeSet = () => Promise.reject(new Error('down'));
    await library.authorizer.evictAll();
    store.beforeSet = () => undefined;
    expect(await ask(library)).toBe('role_missing');
  });

  it('is told again when the store is back, to those who did not hear of it', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] });
    const bus = new MemoryBus();
    const [here, there] = [processWith(30_000, bus), processWith(30_000, bus)];
    expect(await ask(there)).toBe('yes');
    await settle();
    zitadel.removeMember(alice, { org: acme });
    const lost = vi.spyOn(bus, 'publish').mockReturnValue(undefined);
    store.beforeSet = () => Promise.reject(new Error('down'));
    await here.authorizer.evict(alice.id);
    lost.mockRestore();
    store.beforeSet = () => undefined;
    // It joins the bus again.
    bus.tell();
    expect(await ask(there)).toBe('yes');
    await vi.advanceTimersByTimeAsync(1_000);
    await settle();
    expect(await ask(there)).toBe('role_missing');
    await Promise.all([here.close(), there.close()]);
  });

  it('ends, and the store is used again', async () => {
    const library = processWith();
    store.beforeSet = () => Promise.reject(new Error('down'));
    await library.authorizer.evict(alice.id);
    store.beforeSet = () => undefined;
    pass(60_000);
    expect(await ask(library)).toBe('yes');
    await settle();
    expect(store.rowKeys()).toHaveLength(1);
  });
});

describe('two processes whose clocks are three seconds apart', () => {
  it.each(['takes the eviction late', 'does not take it'])(
    'both forget what one of them evicts, also if the store %s',
    async (how) => {
      const bus = new MemoryBus();
      const [ahead, behind] = [processWith(30_000, bus), processWith(30_000, bus)];
      pass(3_000);
      expect(await ask(ahead)).toBe('yes');
      await settle();
      vi.setSystemTime(Date.now() - 3_000);
      zitadel.removeMember(alice, { org: acme });
      const slow = gate();
      store.beforeSet = () => slow.passed;
      const evicting = behind.authorizer.evict(alice.id);
      vi.setSystemTime(Date.now() + 3_000);
      // In its epoch, which has not ended in the store.
      await ask(ahead);
      if (how === 'does not take it') store.beforeSet = () => Promise.reject(new Error('down'));
      slow.open();
      await evicting;
      store.beforeSet = () => undefined;
      expect(await ask(ahead)).toBe('role_missing');
    },
  );
});

describe('a user whose tokens are refused', () => {
  it('stays refused in a process that begins when the store has lost what it held', async () => {
    const bus = new MemoryBus();
    const [one, other] = [processWith(30_000, bus), processWith(30_000, bus)];
    await one.authorizer.rejectIssuedBefore(alice.id, Date.now());
    await one.close();
    store.entries.clear();
    await other.authorizer.evict(alice.id);
    expect(await ask(processWith())).toBe('token_invalid');
  });
});

describe('two processes of different TTL', () => {
  it.each([1_000, 10_000, 60_000, 3_599_000])(
    'agree on an eviction by the shorter one for as long as the longer one stores: after %d ms',
    async (ms) => {
      const [long, short] = [processWith(3_600_000), processWith(1_000)];
      expect(await ask(long)).toBe('yes');
      zitadel.removeMember(alice, { org: acme });
      await short.authorizer.evict(alice.id);
      pass(ms);
      // A third one, with nothing in its memory.
      expect(await ask(processWith(3_600_000))).toBe('role_missing');
    },
  );

  it('each use what is stored for no longer than their own', async () => {
    const [long, short] = [processWith(3_600_000), processWith(1_000)];
    expect(await ask(long)).toBe('yes');
    zitadel.removeMember(alice, { org: acme });
    expect(await ask(short)).toBe('yes');
    pass(1_000);
    expect(await ask(short)).toBe('role_missing');
  });
});

describe('a token that ZITADEL refused a fresh question', () => {
  it.each(['this process', 'another process'])(
    'does not come back through the store in %s',
    async (where) => {
      const library = processWith();
      expect(await ask(library)).toBe('yes');
      zitadel.revokeToken(token);
      expect(await ask(library, true)).toBe('token_rejected');
      // Until then the refusal itself is remembered.
      pass(6_000);
      const asked = where === 'this process' ? library : processWith();
      expect(await ask(asked)).toBe('token_rejected');
    },
  );

  it('does not come back in this process when the store does not take that', async () => {
    const library = processWith();
    expect(await ask(library)).toBe('yes');
    zitadel.revokeToken(token);
    store.beforeSet = () => Promise.reject(new Error('down'));
    expect(await ask(library, true)).toBe('token_rejected');
    store.beforeSet = () => undefined;
    pass(6_000);
    expect(await ask(library)).toBe('token_rejected');
  });
});

describe('a process that has closed', () => {
  it('asks the store for nothing more, so that its client may end', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] });
    const library = processWith();
    await library.authorizer.rejectIssuedBefore(alice.id, Date.now());
    await library.close();
    const { gets } = store;
    await vi.advanceTimersByTimeAsync(10_000);
    await settle();
    expect(store.gets).toBe(gets);
  });
});
