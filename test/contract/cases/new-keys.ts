import { org, role } from 'nestjs-zitadel/express';
import type { Case } from '../case.js';
import { libraryOf } from '../library.js';
import { until } from '../world.js';

/** On a real server the instance would sign with another key from then on: that is not the suite's to decide. */
export const newKeys: readonly Case[] = (['v1', 'v2'] as const).map((api) => ({
  chapter: 'tokens',
  says: 'a token that is signed by a key newer than the last fetch of keys is not called bad, and is let in soon',
  generation: api,
  needs: 'new keys',
  again: false,
  verdict: { before: 'allowed', atOnce: 'allowed, or told to come again', soon: 'allowed' },
  ask: async ({ scene, door }) => {
    const library = await libraryOf(scene, { api, more: {} });
    const owner = role('ORG_OWNER', org(scene.names['acme'] ?? ''));
    const before = await door.ask(library, owner, await scene.token('alice'));
    await scene.world.rotateKeys();
    const token = await scene.tokenOf(scene.user('alice'));
    const first = await door.ask(library, owner, token);
    let soon = first;
    await until('the new key is known', async () => {
      soon = await door.ask(library, owner, token);
      return soon === 'allowed';
    });
    const isTrue = first === 'allowed' || first === '503 unavailable';
    return { before, atOnce: isTrue ? 'allowed, or told to come again' : first, soon };
  },
}));
