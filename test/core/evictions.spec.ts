import { describe, expect, it } from 'vitest';
import type { Eviction, EvictionEvent } from '../../lib/core/eviction.js';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { useWorld } from '../support/world.js';
import { recorder, verdict } from '../zitadel/parts.js';

const world = useWorld();
const libraryOf = (options: Partial<ZitadelOptions> = {}): Zitadel =>
  createZitadel(world.zitadel.options({ logger: recorder(), ...options }));
const owner = () => world.ids['owner of acme'];
const tokenOfOwner = () => world.tokens['owner of acme'];
const requestOf = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** Whether a request with the token is decided without asking anybody. */
function isWarm({ decisions }: Zitadel, token = tokenOfOwner()): boolean {
  return decisions.leftMs(requestOf(token), decisions.prepare(authenticated())) > 0;
}

const evictions = (): readonly Eviction[] => [
  { type: 'user', userId: owner() },
  { type: 'organization', orgId: world.acme },
  { type: 'everyone' },
];

describe('a listener of evictions', () => {
  it('hears of each at once, when the memory has forgotten, made here or told by another process', async () => {
    const library = libraryOf();
    const heard: EvictionEvent[] = [];
    const warm: boolean[] = [];
    library.decisions.onEviction((event) => {
      heard.push(event);
      warm.push(isWarm(library));
    });
    for (const eviction of evictions()) {
      await verdict(library, tokenOfOwner(), authenticated());
      expect(isWarm(library)).toBe(true);
      const done = library.decisions.evict(eviction, 'zitadel');
      expect(heard.at(-1)).toMatchObject({ eviction, from: 'zitadel' });
      await done;
      await verdict(library, tokenOfOwner(), authenticated());
      expect(isWarm(library)).toBe(true);
      library.decisions.hear({ at: Date.now(), eviction, from: 'fleet' });
      expect(heard.at(-1)).toMatchObject({ eviction, from: 'fleet' });
    }
    expect(warm).toEqual(evictions().flatMap(() => [false, false]));
  });

  it('hears times that only grow', async () => {
    const library = libraryOf();
    const times: number[] = [];
    library.decisions.onEviction(({ at }) => times.push(at));
    for (let i = 0; i < 5; i += 1) await library.decisions.evict({ type: 'everyone' });
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other));
    expect(times.length).toBe(5);
  });

  it('that throws or rejects harms nobody, and hears nothing after its end', async () => {
    const library = libraryOf();
    let heard = 0;
    library.decisions.onEviction(() => {
      throw new Error('of the application');
    });
    library.decisions.onEviction(() => Promise.reject(new Error('of the application')));
    const end = library.decisions.onEviction(() => (heard += 1));
    await library.decisions.evict({ type: 'everyone' });
    end();
    await library.decisions.evict({ type: 'everyone' });
    expect(heard).toBe(1);
  });
});
