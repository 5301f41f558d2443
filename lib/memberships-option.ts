import type { Refusal } from './core/decision.js';
import { threwIn } from './core/thrown.js';
import type { ResolvedOptions } from './resolved-options.js';
import { isOrganizations } from './option-combinations.js';

/** Whether the service user reads memberships, in all organizations. */
export function readsEverywhere({ memberships }: ResolvedOptions): boolean {
  return memberships.as === 'serviceUser' && memberships.organizations === undefined;
}

export function organizationsOf({
  memberships,
  idPattern,
}: ResolvedOptions): () => Promise<readonly string[] | Refusal> {
  const organizations = memberships.as === 'caller' ? undefined : memberships.organizations;
  if (organizations === undefined) return () => Promise.resolve([]);
  if (typeof organizations !== 'function') return () => Promise.resolve(organizations);
  return async () => {
    let list: unknown;
    try {
      list = await organizations();
    } catch (error) {
      return threwIn('memberships.organizations', error);
    }
    return isOrganizations(list, idPattern)
      ? list
      : {
          reason: 'misconfigured',
          detail: 'memberships.organizations did not return a list of ids',
          remedy: 'return at least one id',
        };
  };
}
