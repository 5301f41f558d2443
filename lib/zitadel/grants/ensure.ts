import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelError } from '../../core/errors.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../refusals.js';
import type { ProjectGrantsV1 } from './by-v1.js';
import type { ProjectGrantsV2 } from './by-v2.js';
import type { GrantWithId, NewGrant, ProjectGrant } from './project-grant.js';

/** A project grant as it should be. */
export interface WantedGrant extends NewGrant {
  /**
   * Only add roles, and keep those that are there. If two writers come at the same moment, a second look a quarter of a second later settles
   * it, not a lock.
   *
   * @default false
   */
  readonly keepOthers?: boolean;
  /** Reactivate the grant if it is inactive. @default false */
  readonly reactivate?: boolean;
}

/** The project grant as it now is, and what had to be done. */
export interface EnsuredGrant {
  /** Missing by API v2, which has no ids of grants. */
  readonly grantId?: string;
  readonly roleKeys: readonly string[];
  /** 'unknown' by API v2, if its list did not show the grant in time. */
  readonly state: ProjectGrant['state'];
  /** After a lost reply: what was tried, and was found done later. */
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

/** What is known between two attempts. */
interface Progress {
  /** From 0. */
  tries: number;
  /** ZITADEL has said that the grant exists. */
  exists: boolean;
  /** What this attempt does. If its reply is lost, it may be done. */
  tried: 'created' | 'changed' | undefined;
  outcome: EnsuredGrant['outcome'];
}

const DEADLINE_MS = 10_000;
const LONGEST_PAUSE_MS = 500;

/** By then a slower writer has written. ZITADEL's update has no precondition that could refuse that writer. */
const SECOND_LOOK_MS = 250;

/**
 * Tries until it is settled, for ten seconds. The unique constraint on (project, granted organization) makes that safe: after a lost reply,
 * ZITADEL refuses a second create as "already exists".
 *
 * @throws ZitadelError `grant_not_settled`, or what the last attempt threw
 */
async function untilSettled(
  attempt: (progress: Progress) => Promise<EnsuredGrant | undefined>,
): Promise<EnsuredGrant> {
  const deadline = performance.now() + DEADLINE_MS;
  const progress: Progress = { tries: 0, exists: false, tried: undefined, outcome: 'unchanged' };
  let lastTrouble: ZitadelUnavailableError | undefined;
  for (; performance.now() < deadline; progress.tries += 1) {
    if (progress.tries > 0) await pause(progress.tries, lastTrouble, deadline);
    lastTrouble = undefined;
    progress.tried = undefined;
    try {
      const settled = await attempt(progress);
      if (settled) return settled;
    } catch (error) {
      if (error instanceof ZitadelUnavailableError) {
        lastTrouble = error;
        progress.outcome = progress.tried ?? progress.outcome;
      } else if (isThere(error)) progress.exists = true;
      else if (isGone(error)) progress.exists = false;
      else throw error;
    }
  }
  throw (
    lastTrouble ??
    new ZitadelError(
      'grant_not_settled',
      'Ensure Project Grant: ZITADEL says that the grant exists, but does not show it; its read side may be blocked, so look at its projections and try again',
    )
  );
}

/** The roles that a grant should have, over those that it has. */
function rolesFor(found: ProjectGrant, wanted: WantedGrant): readonly string[] {
  return wanted.keepOthers
    ? [...new Set([...found.grantedRoleKeys, ...wanted.roleKeys])]
    : wanted.roleKeys;
}

/** Whether two lists name the same roles, in any order. */
function sameRoles(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((key) => b.includes(key));
}

/** Whether a refusal says that the grant does not exist. */
function isGone(error: unknown): boolean {
  return (
    error instanceof ZitadelApiError &&
    (error.id === 'PROJECT-D8JxR' || error.id === 'QUERY-n98GGs')
  );
}

/** V3-DKcYh is the id of any violated unique constraint. Then the grant that is there is read. */
function isThere(error: unknown): boolean {
  return error instanceof ZitadelApiError && error.id === 'V3-DKcYh';
}

async function pause(
  tries: number,
  trouble: ZitadelUnavailableError | undefined,
  deadline: number,
): Promise<void> {
  const backoff = Math.min(10 * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
  const left = deadline - performance.now();
  await sleep(Math.max(0, Math.min(Math.max(backoff, trouble?.retryAfterMs ?? 0), left)));
}

/**
 * Creates or changes the grant by API v1, until it is as wanted. A read by its id is never stale. The list that tells the id may be.
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
    // By its id alone: it was read just now, so its granted organization is known.
    const { grantedOrgId: _known, ...ofProject } = wanted;
    const of = { ...ofProject, grantId };
    if (wakes) await grants.change({ to: 'active' }, of);
    if (!sameRoles(grantedRoleKeys, roleKeys)) await grants.change({ to: 'roles', roleKeys }, of);
    progress.outcome = 'changed';
    // Others may write at the same time, so it is read back, and once more after a slower writer has written.
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

/** How often the list is read again if it does not show a grant that ZITADEL says exists. Then the grant is written unseen. */
const BLIND_AFTER = 3;

/**
 * Creates or changes the grant by API v2. A grant shows only in a list, which may be stale. So what is wanted is always written, which
 * changes nothing if it is right already. But nothing is written because of what an own write has replaced.
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
    if (wakes) await grants.change({ to: 'active' }, wanted);
    // In the order that is there: to ZITADEL, another order is a change.
    const order = isRight ? found.grantedRoleKeys : roleKeys;
    const { details } = await grants.change({ to: 'roles', roleKeys: order }, wanted);
    const { changeDate = '' } = details;
    // Without a change, it is the time of the last change, which the list shows too.
    if (changeDate !== found?.details.changeDate) progress.outcome = 'changed';
    written = changeDate;
    lookedAgain = false;
    if (keepOthers) return undefined;
    const state = wakes ? 'active' : (found?.state ?? 'unknown');
    return { roleKeys: order, state, outcome: progress.outcome };
  });
}

/** Whether one time of ZITADEL's is before another one. Their fractions have up to nine digits. */
function isBefore(one: string | undefined, other: string): boolean {
  return one !== undefined && inFull(one) < inFull(other);
}

function inFull(time: string): string {
  const [, seconds = time, fraction = ''] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(9, '0')}`;
}
