import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelError } from '../core/errors.js';
import { ZitadelApiError, ZitadelUnavailableError } from './api-error.js';
import type { NewGrant } from './grant-arguments.js';
import type { ProjectGrant } from './project-grant.js';

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
  /** None by API v2, which has no ids of grants. */
  readonly grantId?: string;
  readonly roleKeys: readonly string[];
  /** 'unknown' by API v2 where its list did not show the grant in time. */
  readonly state: ProjectGrant['state'];
  /** After a lost answer: what was tried, and then found done. */
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

/** What is known between two attempts. */
export interface Progress {
  /** From 0. */
  tries: number;
  /** ZITADEL has said that there is such a grant. */
  exists: boolean;
  /** What this attempt is doing: should its answer be lost, it may be done. */
  tried: 'created' | 'changed' | undefined;
  outcome: EnsuredGrant['outcome'];
}

const DEADLINE_MS = 10_000;
const LONGEST_PAUSE_MS = 500;

/** When a slower writer would have written: ZITADEL's update has no precondition that could refuse that one. */
export const SECOND_LOOK_MS = 250;

/**
 * Attempts until it is settled, for ten seconds. The unique constraint on (project, granted organization) is what makes trying again
 * safe: a create whose answer was lost comes back as "already exists".
 *
 * @throws ZitadelError `grant_not_settled`, or what the last attempt threw
 */
export async function untilSettled(
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
      'Ensure Project Grant: ZITADEL says that the grant exists and does not show it; its read side may be blocked, look at its projections and try again',
    )
  );
}

/** The roles that a grant should have, over those that it has. */
export function rolesFor(found: ProjectGrant, wanted: WantedGrant): readonly string[] {
  return wanted.keepOthers
    ? [...new Set([...found.grantedRoleKeys, ...wanted.roleKeys])]
    : wanted.roleKeys;
}

/** Whether two lists name the same roles, in whatever order. */
export function sameRoles(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((key) => b.includes(key));
}

/** Whether a refusal says that there is no such grant. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof ZitadelApiError &&
    (error.id === 'PROJECT-D8JxR' || error.id === 'QUERY-n98GGs')
  );
}

/** V3-DKcYh is the id of any violated unique constraint: with it, what is there is read. */
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
