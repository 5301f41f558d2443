import { setupTwiceAndRemove } from '../../evidence/setup-and-remove.js';
import type { Case } from '../case.js';

/** The command, in an organization that the run made: whatever is left there goes with it. */
export const setup: readonly Case[] = [
  {
    chapter: 'projects',
    says: 'setup makes what an application needs, changes nothing the second time, and takes it back',
    generation: 'v1',
    // Targets are of v2 alone.
    needs: 'v2',
    again: false,
    ask: async ({ scene }) => {
      const { changes, ...figures } = await setupTwiceAndRemove({
        url: scene.world.issuer,
        pat: scene.world.adminToken,
        organization: scene.made.orgs.initech.id,
        args: ['--role', 'editor', '--role', 'viewer'],
      });
      return { ...figures, madeSome: changes > 0 };
    },
    verdict: { secondRunChanges: 0, leftovers: 0, madeSome: true },
  },
];
