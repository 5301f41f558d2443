import { setTimeout as sleep } from 'node:timers/promises';
import {
  isGone,
  rolesFor,
  sameRoles,
  SECOND_LOOK_MS,
  untilSettled,
  type EnsuredGrant,
  type WantedGrant,
} from './ensure-project-grant.js';
import type { GrantWithId } from './project-grant.js';
import type { ProjectGrantsV1 } from './project-grants-v1.js';

/**
 * Creates or converges by API v1, until what is there is what was wanted. A grant is read by its id, which is never stale, unlike the
 * list that tells the id.
 */
export function ensureByV1(grants: ProjectGrantsV1, wanted: WantedGrant): Promise<EnsuredGrant> {
  let lookedAgain = false;
  return untilSettled(async (progress) => {
    const found = await find(grants, wanted);
    if (!found) {
      if (progress.exists && progress.tries % 4 !== 0) return undefined;
      progress.tried = 'created';
      const { grantId } = await grants.add(wanted);
      return { grantId, roleKeys: wanted.roleKeys, state: 'active', outcome: 'created' };
    }
    progress.exists = true;
    const { grantId, grantedRoleKeys } = found;
    const roleKeys = rolesFor(found, wanted);
    const wakes = wanted.reactivate === true && found.state === 'inactive';
    if (!wakes && sameRoles(grantedRoleKeys, roleKeys)) {
      const { outcome } = progress;
      if (wanted.keepOthers && outcome === 'changed' && !lookedAgain) {
        lookedAgain = true;
        await sleep(SECOND_LOOK_MS);
        return undefined;
      }
      return { grantId, roleKeys: grantedRoleKeys, state: found.state, outcome };
    }
    progress.tried = 'changed';
    // By its id alone: it was read just now, so its granted organization need not be compared again.
    const { grantedOrgId: _known, ...ofProject } = wanted;
    const of = { ...ofProject, grantId };
    if (wakes) await grants.reactivate(of);
    if (!sameRoles(grantedRoleKeys, roleKeys)) await grants.changeRoles({ ...of, roleKeys });
    progress.outcome = 'changed';
    // What is added to what others write at the same time must be read back, and once more when a slower writer would have written.
    lookedAgain = false;
    if (wanted.keepOthers) return undefined;
    return { grantId, roleKeys, state: wakes ? 'active' : found.state, outcome: 'changed' };
  });
}

async function find(
  grants: ProjectGrantsV1,
  { organizationId, projectId, grantedOrgId }: WantedGrant,
): Promise<GrantWithId | undefined> {
  const of = { projectId, ...(organizationId !== undefined && { organizationId }) };
  for await (const { grantId } of grants.list({ ...of, grantedOrgId })) {
    try {
      const fresh = await grants.get({ ...of, grantId });
      if (fresh.grantedOrgId === grantedOrgId) return fresh;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return undefined;
}
