import {
  isHidden,
  type GrantFact,
  type Hidden,
  type ResourceFacts,
  type ResourceNeed,
} from '../core/facts.js';
import type { Validity } from '../core/validity.js';

/** A fact, and how long it may be believed. */
export interface Known extends Validity {
  readonly fact: string | GrantFact | Hidden;
}

/** What a need is remembered by. */
export function keyOf(need: ResourceNeed, asker: string): string {
  switch (need.fact) {
    case 'owner':
      return ownerKey(need.projectId);
    case 'grant':
      return grantKey(asker, need.grantId);
    case 'grantBetween':
      return betweenKey(asker, need.projectId, need.grantedOrgId);
  }
}

export const ownerKey = (projectId: string) => JSON.stringify(['owner', projectId]);
export const grantKey = (asker: string, grantId: string) =>
  JSON.stringify(['grant', asker, grantId]);
export const betweenKey = (asker: string, projectId: string, orgId: string) =>
  JSON.stringify(['between', asker, projectId, orgId]);

/** What is known, as decisions read it. `asker`: in whose name grants were asked for. */
export function factsFrom(
  asker: string,
  recall: (key: string) => Known | undefined,
): ResourceFacts {
  const grantOf = (grantId: string) => {
    const fact = recall(grantKey(asker, grantId))?.fact;
    return typeof fact === 'object' ? fact : undefined;
  };
  return {
    ownerOf: (projectId) => ownerIn(recall(ownerKey(projectId))),
    grantOf,
    grantBetween: (projectId, orgId) => {
      const fact = recall(betweenKey(asker, projectId, orgId))?.fact;
      return typeof fact === 'object' && !isHidden(fact) ? fact : undefined;
    },
  };
}

export function ownerIn(known: Known | undefined): string | undefined {
  return typeof known?.fact === 'string' ? known.fact : undefined;
}
