import { setTimeout as sleep } from 'node:timers/promises';
import {
  rolesFor,
  sameRoles,
  SECOND_LOOK_MS,
  untilSettled,
  type EnsuredGrant,
  type WantedGrant,
} from './ensure-project-grant.js';
import type { ProjectGrantsV2 } from './project-grants-v2.js';

/** So often a list that does not show what ZITADEL says is there is read again, before the grant is written without having been seen. */
const BLIND_AFTER = 3;

/**
 * Creates or converges by API v2. A grant is only ever seen in a list, which may be stale. So what is wanted is always written, which
 * changes nothing where it is right already; but never over what an own write is known to have replaced.
 */
export function ensureByV2(grants: ProjectGrantsV2, wanted: WantedGrant): Promise<EnsuredGrant> {
  const { keepOthers = false } = wanted;
  let lookedAgain = false;
  let written = '';
  return untilSettled(async (progress) => {
    const { tries, outcome } = progress;
    const found = await grants.find('Ensure Project Grant', wanted);
    if (!found && (!progress.exists || (keepOthers && tries % 4 === 0))) {
      progress.tried = 'created';
      await grants.add(wanted);
      return { roleKeys: wanted.roleKeys, state: 'active', outcome: 'created' };
    }
    if (!found && (keepOthers || tries < BLIND_AFTER)) return undefined;
    const isStale = found && isBefore(found.details.changeDate, written);
    if (keepOthers && isStale) return undefined;
    progress.exists = true;

    const roleKeys = found ? rolesFor(found, wanted) : wanted.roleKeys;
    const isRight = found !== undefined && sameRoles(found.grantedRoleKeys, roleKeys);
    const wakes = wanted.reactivate === true && found?.state !== 'active';
    if (keepOthers && found && isRight && !wakes) {
      if (outcome === 'changed' && !lookedAgain) {
        lookedAgain = true;
        await sleep(SECOND_LOOK_MS);
        return undefined;
      }
      return { roleKeys: found.grantedRoleKeys, state: found.state, outcome };
    }

    progress.tried = 'changed';
    if (wakes) await grants.reactivate(wanted);
    // In the order that is there: another one is a change to ZITADEL.
    const order = isRight ? found.grantedRoleKeys : roleKeys;
    const { changeDate = '' } = (await grants.changeRoles({ ...wanted, roleKeys: order })).details;
    // Without a change it is the time of the last one, which the list shows too.
    if (changeDate !== found?.details.changeDate) progress.outcome = 'changed';
    written = changeDate;
    lookedAgain = false;
    if (keepOthers) return undefined;
    const state = wakes ? 'active' : (found?.state ?? 'unknown');
    return { roleKeys: order, state, outcome: progress.outcome };
  });
}

/** Whether one time of ZITADEL's is before another one; their fractions have up to nine digits. */
function isBefore(one: string | undefined, other: string): boolean {
  return one !== undefined && inFull(one) < inFull(other);
}

function inFull(time: string): string {
  const [, seconds = time, fraction = ''] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(9, '0')}`;
}
