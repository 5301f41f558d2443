import { createHash } from 'node:crypto';
import type { Toll } from './allowance.js';
import type { AnswerSourceParts } from './answer-source.js';
import type { Answer } from './answers.js';
import type { Caller } from './caller.js';
import { isRefusal, type Refusal } from './decision.js';
import type { CallerFacts, Permissions } from './facts.js';
import type { MembershipCache } from './membership-cache.js';
import type { MembershipIndex, RowsOn } from './membership.js';

interface CallerLookupParts extends Pick<AnswerSourceParts, 'memberships' | 'permissions'> {
  /** Where memberships are remembered: whatever is known about a user is forgotten together. */
  readonly cache: MembershipCache;
  readonly tokenOf: (caller: Caller) => string | undefined;
  /** Hears that the token behind an answer was refused, and passes the refusal on. */
  readonly refused: (answer: Answer, refusal: Refusal) => Refusal;
}

const STILL_TOO_LONG: Refusal = {
  reason: 'unavailable',
  detail: 'the list of memberships is too long, also when it is asked for one resource alone',
};

const NO_TOKEN: Refusal = {
  reason: 'misconfigured',
  detail: 'permissions are asked with the caller’s own token, and there is none',
  remedy: 'ask with the Caller of a request, or require a role',
};

/** What can be asked about a caller beside the list of memberships. Remembered like the list, and forgotten with it. */
export class CallerLookups {
  constructor(private readonly parts: CallerLookupParts) {}

  /** What is remembered. */
  known({ key, caller }: Answer): CallerFacts {
    const { cache, tokenOf } = this.parts;
    const { userId } = caller;
    return {
      rowsOn: (on) => cache.peek(rowsKey(key, on), userId),
      permissionsIn: (orgId) => {
        const token = tokenOf(caller);
        if (token === undefined) return undefined;
        return permissionsOf(cache.peek(permissionsKey(token, orgId), userId));
      },
    };
  }

  /** The rows on one resource, where the list is over its cap. */
  async rowsOn(
    answer: Answer,
    on: RowsOn,
    fresh: boolean,
    toll: Toll,
  ): Promise<MembershipIndex | Refusal> {
    const { cache, memberships, tokenOf, refused } = this.parts;
    const { userId, expiresAt = Infinity } = answer.caller;
    const token = tokenOf(answer.caller) ?? '';
    const read = await cache.get({
      key: rowsKey(answer.key, on),
      userId,
      notAfter: memberships.as === 'caller' ? expiresAt : Infinity,
      fresh,
      read: async () => {
        const { organizations } = answer;
        const rows = toll.pay() ?? (await memberships.read({ userId, token, organizations, on }));
        // Remembered, a part would tell what is missing as a "no".
        return isRefusal(rows) || rows.complete ? rows : STILL_TOO_LONG;
      },
    });
    return isRefusal(read) ? refused(answer, read) : read.index;
  }

  /** What the caller may do in an organization, by ZITADEL's own evaluation. */
  async permissionsIn(
    answer: Answer,
    orgId: string,
    fresh: boolean,
    toll: Toll,
  ): Promise<Permissions | Refusal> {
    const { cache, memberships, permissions, tokenOf, refused } = this.parts;
    const { userId, expiresAt = Infinity } = answer.caller;
    const token = tokenOf(answer.caller);
    if (token === undefined) return NO_TOKEN;
    const read = await cache.get({
      key: permissionsKey(token, orgId),
      userId,
      notAfter: expiresAt,
      fresh,
      read: async () => {
        const roles = toll.pay() ?? (await permissions(userId, token, orgId));
        // Kept as a row of the organization, so that one memory holds all that is known about a user.
        return isRefusal(roles)
          ? roles
          : { rows: [{ userId, kind: 'org', id: orgId, roles }], complete: true };
      },
    });
    if (!isRefusal(read)) return permissionsOf(read.index) ?? NOTHING;
    // As the service user the token need not be one for ZITADEL's API: that it is refused there says nothing about other routes.
    return memberships.as === 'caller' ? refused(answer, read) : read;
  }
}

const NOTHING: Permissions = { has: () => false };

/** One set for each answer: there can be tens of thousands of permissions. */
const SETS = new WeakMap<MembershipIndex, Permissions>();

function permissionsOf(index: MembershipIndex | undefined): Permissions | undefined {
  if (!index) return undefined;
  const known = SETS.get(index);
  if (known) return known;
  const permissions = new Set(index.rows.flatMap(({ roles }) => roles));
  SETS.set(index, permissions);
  return permissions;
}

function rowsKey(key: string, on: RowsOn): string {
  return JSON.stringify(['on', key, on]);
}

function permissionsKey(token: string, orgId: string): string {
  const digest = createHash('sha256').update(token).digest('base64url');
  return JSON.stringify(['permissions', digest, orgId]);
}
