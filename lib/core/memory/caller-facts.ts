import type { Caller, MembershipIndex, RowsOn } from '../caller.js';
import type { CallerFacts, Permissions } from '../decide/case.js';
import { isRefusal, type Refusal } from '../decision.js';
import { digestOf } from '../token-digest.js';
import type { Pay, Toll } from './allowance.js';
import type { AnswerSourceParts } from './caller-source.js';
import type { MembershipCache } from './membership-cache.js';
import type { Answer, AnswerRows } from './remembered-callers.js';

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

/** What can be asked about a caller: the list of memberships, and what is remembered like the list and forgotten with it. */
export class CallerLookups {
  constructor(private readonly parts: CallerLookupParts) {}

  /** What is remembered, and was not asked for before `notBefore`. */
  known({ key, caller }: Answer, notBefore: number): CallerFacts {
    const { cache, tokenOf } = this.parts;
    const { userId } = caller;
    return {
      rowsOn: (on) => cache.peek(rowsKey(key, on), userId, notBefore),
      permissionsIn: (orgId) => {
        const token = tokenOf(caller);
        if (token === undefined) return undefined;
        return permissionsOf(cache.peek(permissionsKey(token, orgId), userId, notBefore));
      },
    };
  }

  /** The list of memberships; as the service user one answer for all of the user's tokens. */
  async all(
    userId: string,
    token: string,
    notAfter: number,
    notBefore: number,
    pay?: Pay,
  ): Promise<AnswerRows | Refusal> {
    const { as, read } = this.parts.memberships;
    const organizations = await this.parts.memberships.organizations();
    if (isRefusal(organizations)) return organizations;
    const key = as === 'caller' ? tokenKey(token) : JSON.stringify(['user', userId, organizations]);
    const remembered = await this.parts.cache.get({
      key,
      userId,
      notAfter: as === 'caller' ? notAfter : Infinity,
      notBefore,
      pay,
      read: () => read({ userId, token, organizations }),
    });
    if (isRefusal(remembered)) return remembered;
    return { ...remembered, key, organizations };
  }

  /** The rows on one resource, where the list is over its cap. */
  async rowsOn(
    answer: Answer,
    on: RowsOn,
    notBefore: number,
    toll: Toll,
  ): Promise<MembershipIndex | Refusal> {
    const { cache, memberships, tokenOf, refused } = this.parts;
    const { userId, expiresAt = Infinity } = answer.caller;
    const token = tokenOf(answer.caller) ?? '';
    const read = await cache.get({
      key: rowsKey(answer.key, on),
      userId,
      notAfter: memberships.as === 'caller' ? expiresAt : Infinity,
      notBefore,
      pay: toll.pay,
      read: async () => {
        const rows = await memberships.read({
          userId,
          token,
          organizations: answer.organizations,
          on,
        });
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
    notBefore: number,
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
      notBefore,
      pay: toll.pay,
      read: async () => {
        const roles = await permissions(userId, token, orgId);
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

/** Under which the list is remembered, where the caller's own token reads it. */
export function tokenKey(token: string): string {
  return JSON.stringify(['token', digestOf(token)]);
}

function rowsKey(key: string, on: RowsOn): string {
  return JSON.stringify(['on', key, on]);
}

function permissionsKey(token: string, orgId: string): string {
  return JSON.stringify(['permissions', digestOf(token), orgId]);
}
