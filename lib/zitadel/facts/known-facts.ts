import type { Asking } from '../../core/ask.js';
import {
  type GrantFact,
  type Hidden,
  isHidden,
  type ResourceFacts,
  type ResourceNeed,
} from '../../core/decide/case.js';
import type { Refusal } from '../../core/decision.js';
import { HIDDEN } from './ask-fact.js';

/** Who owns a project, or what is known about a grant. */
export type ResourceFact = string | GrantFact | Hidden;

/** The key by which the fact for a need is remembered. */
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

const ownerKey = (projectId: string) => JSON.stringify(['owner', projectId]);
export const grantKey = (asker: string, grantId: string) =>
  JSON.stringify(['grant', asker, grantId]);
export const betweenKey = (asker: string, projectId: string, orgId: string) =>
  JSON.stringify(['between', asker, projectId, orgId]);

/** The known facts, as decisions read them. `asker`: in whose name grants were asked for. */
export function factsFrom(
  asker: string,
  recall: (key: string) => ResourceFact | undefined,
): ResourceFacts {
  return {
    ownerOf: (projectId) => {
      const fact = recall(ownerKey(projectId));
      return typeof fact === 'string' ? fact : undefined;
    },
    grantOf: (grantId) => {
      const fact = recall(grantKey(asker, grantId));
      return typeof fact === 'object' ? fact : undefined;
    },
    grantBetween: (projectId, orgId) => {
      const fact = recall(betweenKey(asker, projectId, orgId));
      return typeof fact === 'object' && !isHidden(fact) ? fact : undefined;
    },
  };
}

/** A caller may hold rows in any number of organizations. No more than this are asked one by one. */
export const MOST_ORGS = 100;

/** A caller who names something that does not exist gets the same refusal, so it uses up the allowance like a "no". */
export function unseen(refusal: Refusal | false, { toll }: Asking): Refusal | undefined {
  if (refusal) toll.keep();
  return refusal || undefined;
}

export const TOO_MANY_OWNERS: Refusal = {
  reason: 'unavailable',
  detail: `more than ${MOST_ORGS} organizations of the caller could own the project`,
  remedy: 'tie the project with .in(org...), or give the option projectOwner',
};

export const HIDDEN_OWNER: Refusal = {
  ...HIDDEN,
  remedy:
    'let the role that is asked for (or the service user, where it reads memberships) read projects (project.read) there, or give the option projectOwner',
};

export const HIDDEN_GRANT: Refusal = {
  ...HIDDEN,
  remedy:
    'let the service user read project grants (project.grant.read) in the granted organization',
};

/** The same for a grant that is not there and for one that the asker cannot find. */
export const UNKNOWN_GRANT: Refusal = {
  reason: 'misconfigured',
  detail:
    'ZITADEL shows a project grant by its id only to its two organizations, and the caller’s right may come from elsewhere',
  remedy: 'name the grant by projectGrant({ project, grantedOrg })',
};
