import type { Asking } from '../../core/ask.js';
import type { Refusal } from '../../core/decision.js';
import { HIDDEN } from './known-facts.js';

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
