import { projectGrant, role } from 'nestjs-zitadel/express';
import { type Case, type Given, prepared } from '../case.js';
import { granted } from './fresh-project.js';

/** A grant, active or not, and the token of its owner, whom no other case knows. */
function ownedGrant(isActive: boolean): Given {
  return async (scene) => {
    const { world, made } = scene;
    const { acme, initech } = made.orgs;
    const { p = '', g = '' } = await granted(['reader'])(scene);
    const grant = { id: g, projectId: p, ownerOrgId: acme.id, grantedOrgId: initech.id };
    const owner = await world.addServiceUser(initech, `owner-of-${g}`);
    await world.addMember(owner, { grant }, ['PROJECT_GRANT_OWNER']);
    if (!isActive) await world.deactivateGrant(grant);
    return { g, token: await scene.tokenOf(owner) };
  };
}

interface Told {
  readonly says: string;
  readonly isActive: boolean;
  readonly inactive?: 'deny';
  readonly verdict: string;
}

const told: readonly Told[] = [
  {
    says: 'the owner of an inactive grant counts at ZITADEL, and so they do for the library',
    isActive: false,
    verdict: 'allowed',
  },
  {
    says: 'the owner of an inactive grant is refused with `inactive: deny`',
    isActive: false,
    inactive: 'deny',
    verdict: '403 role_missing',
  },
  {
    says: 'the owner of an active grant is let in with `inactive: deny`',
    isActive: true,
    inactive: 'deny',
    verdict: 'allowed',
  },
];

export const inactiveCases: readonly Case[] = (['v1', 'v2'] as const).flatMap((api) =>
  told.map(({ says, isActive, inactive, verdict }): Case => {
    const given = prepared(ownedGrant(isActive));
    return {
      chapter: 'user memberships',
      says,
      generation: api,
      again: true,
      verdict,
      ask: async (stage) => {
        const { g = '', token } = await given(stage.scene);
        const setting = { api, reads: 'serviceUser', ...(inactive && { inactive }) } as const;
        const grant = projectGrant(g);
        return stage.door.ask(
          await stage.library(setting),
          role('PROJECT_GRANT_OWNER', grant),
          token,
        );
      },
    };
  }),
);
