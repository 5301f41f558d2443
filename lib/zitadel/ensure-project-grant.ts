import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelError } from '../core/errors.js';
import { ZitadelApiError, ZitadelUnavailableError } from './api-error.js';
import type { ProjectGrant } from './project-grant.js';
import type { NewGrant, ProjectGrantService } from './project-grant-service.js';

/** A project grant as it should be. */
export interface WantedGrant extends NewGrant {
  /**
   * Only add roles; leave those that are there. Two writers at the same moment are settled by a second look a quarter of a second later,
   * not by a lock. @default false
   */
  readonly keepOthers?: boolean;
  /** Reactivate the grant if it is inactive. @default false */
  readonly reactivate?: boolean;
}

/** The project grant as it now is, and what had to be done. */
export interface EnsuredGrant {
  readonly grantId: string;
  readonly roleKeys: readonly string[];
  readonly state: ProjectGrant['state'];
  /** After a lost answer: what was tried, and then found done. */
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

const DEADLINE_MS = 10_000;
const LONGEST_PAUSE_MS = 500;
const SECOND_LOOK_MS = 250;

/**
 * Creates or converges, until what is there is what was wanted. The unique constraint on (project, granted organization) is what makes
 * trying again safe: a create whose answer was lost comes back as "already exists", and then the grant is read by its id, which is
 * never stale, unlike the list that tells the id.
 */
export async function ensureProjectGrant(
  grants: ProjectGrantService,
  wanted: WantedGrant,
): Promise<EnsuredGrant> {
  const deadline = performance.now() + DEADLINE_MS;
  let outcome: EnsuredGrant['outcome'] = 'unchanged';
  let exists = false;
  let lookedAgain = false;
  let lastTrouble: ZitadelUnavailableError | undefined;
  for (let tries = 0; performance.now() < deadline; tries += 1) {
    if (tries > 0) await pause(tries, lastTrouble, deadline);
    lastTrouble = undefined;
    let tried: 'created' | 'changed' | undefined;
    try {
      const found = await find(grants, wanted);
      if (!found) {
        if (exists && tries % 4 !== 0) continue;
        tried = 'created';
        const { grantId } = await grants.add(wanted);
        return { grantId, roleKeys: wanted.roleKeys, state: 'active', outcome: 'created' };
      }
      exists = true;
      const roleKeys = rolesFor(found, wanted);
      const of = { ...wanted, grantId: found.grantId };
      const wakes = wanted.reactivate === true && found.state === 'inactive';
      if (!wakes && sameRoles(found.grantedRoleKeys, roleKeys)) {
        if (wanted.keepOthers && outcome === 'changed' && !lookedAgain) {
          lookedAgain = true;
          await sleep(SECOND_LOOK_MS);
          continue;
        }
        const { grantId, grantedRoleKeys, state } = found;
        return { grantId, roleKeys: grantedRoleKeys, state, outcome };
      }
      tried = 'changed';
      if (wakes) await grants.reactivate(of);
      if (!sameRoles(found.grantedRoleKeys, roleKeys))
        await grants.changeRoles({ ...of, roleKeys });
      outcome = 'changed';
      const state = wakes ? 'active' : found.state;
      // What is added to what others write at the same time must be read back, and once more when a slower writer would have written:
      // ZITADEL's update has no precondition that could refuse that one.
      lookedAgain = false;
      if (!wanted.keepOthers) return { grantId: found.grantId, roleKeys, state, outcome };
    } catch (error) {
      if (error instanceof ZitadelUnavailableError) {
        lastTrouble = error;
        outcome = tried ?? outcome;
      } else if (isThere(error)) exists = true;
      else if (isGone(error)) exists = false;
      else throw error;
    }
  }
  throw (
    lastTrouble ??
    new ZitadelError(
      'grant_not_settled',
      'Ensure Project Grant: ZITADEL says that the grant exists and does not show it; its read side may be blocked, look at its projections and try again',
    )
  );
}

async function find(
  grants: ProjectGrantService,
  { organizationId, projectId, grantedOrgId }: WantedGrant,
): Promise<ProjectGrant | undefined> {
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

function rolesFor(found: ProjectGrant, wanted: WantedGrant): readonly string[] {
  return wanted.keepOthers
    ? [...new Set([...found.grantedRoleKeys, ...wanted.roleKeys])]
    : wanted.roleKeys;
}

function sameRoles(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((key) => b.includes(key));
}

/** V3-DKcYh is the id of any violated unique constraint: with it, what is there is read. */
function isThere(error: unknown): boolean {
  return error instanceof ZitadelApiError && error.id === 'V3-DKcYh';
}

function isGone(error: unknown): boolean {
  return (
    error instanceof ZitadelApiError &&
    (error.id === 'PROJECT-D8JxR' || error.id === 'QUERY-n98GGs')
  );
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
