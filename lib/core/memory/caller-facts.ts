import {
  indexOf,
  intern,
  type MembershipIndex,
  type MembershipRows,
  type RowsOn,
} from '../caller.js';
import type { GivenRoles, Permissions, RememberedStates, ResourceFacts } from '../decide/case.js';
import { isRefusal, type Refusal } from '../decision.js';
import type { Pay, Toll } from './allowance.js';
import {
  GIVEN_ROLES,
  HELD_PERMISSIONS,
  type HeldPermissions,
  MEMBERSHIPS,
  type Memberships,
  type RolesGiven,
  packed,
  packedRestOnAny,
  type PackedRows,
  unpacked,
} from './caller-kinds.js';
import type { QuietTelemetry } from '../telemetry.js';
import { ReadCache } from './read-cache.js';
import type { CallerRows, KnownCaller, Verified } from './remembered-callers.js';
import {
  arePermissionsIn,
  areRolesOf,
  permissionsKey,
  RememberedFacts,
  rolesKey,
  rowsKey,
} from './remembered-facts.js';
import type { SharedStore } from '../store/shared-store.js';

/** One question for a user's memberships. */
export interface MembershipQuestion {
  readonly userId: string;
  /** The user's own token. Empty for a bare user id. */
  readonly token: string;
  /** The organizations that are read, if a service user reads them one by one. Otherwise empty. */
  readonly organizations: readonly string[];
  /** The only rows that are asked for. */
  readonly on?: RowsOn;
}

/** Reads a user's memberships from ZITADEL. */
export type ReadMemberships = (question: MembershipQuestion) => Promise<MembershipRows | Refusal>;

/** How facts about a caller are read from ZITADEL, and how long they are remembered. */
export interface CallerFactsParts {
  readonly memberships: {
    /** With 'serviceUser' one list serves all tokens of a user, and a bare user id can be asked about. */
    readonly as: 'caller' | 'serviceUser';
    /** The organizations that the service user reads. They are part of the question, and so of the key. */
    readonly organizations: () => Promise<readonly string[] | Refusal>;
    readonly read: ReadMemberships;
  };
  /** ZITADEL's own evaluation in one organization, with the caller's token. */
  readonly permissions: (
    userId: string,
    token: string,
    orgId: string,
  ) => Promise<readonly string[] | Refusal>;
  /** What an organization gave a user of a project, by ZITADEL's authorizations. Missing: only tokens tell it. */
  readonly projectRoles?: ReadGivenRoles | undefined;
  readonly ttlMs: number;
  readonly maxBytes: number;
  readonly shared: SharedStore | undefined;
  readonly telemetry?: QuietTelemetry | undefined;
}

type ReadGivenRoles = (
  userId: string,
  projectId: string,
  orgId: string,
) => Promise<GivenRoles | Refusal>;

/** Is called when ZITADEL refused a caller's token. Returns the refusal. */
type Refused = (known: KnownCaller, refusal: Refusal) => Refusal;

const STILL_TOO_LONG: Refusal = {
  reason: 'unavailable',
  detail: 'the list of memberships is too long, even for one resource alone',
};

const NO_TOKEN: Refusal = {
  reason: 'misconfigured',
  detail: 'permissions are asked with the caller’s own token, which is missing here',
  remedy: 'ask with the Caller of a request, or require a role',
};

/**
 * What can be asked about a caller: the list of memberships, parts of it, permissions and project roles. All are remembered and forgotten
 * together.
 */
export class CallerLookups {
  readonly #memberships: Memberships;
  readonly #permissions: HeldPermissions;
  readonly #roles: RolesGiven;

  constructor(
    private readonly parts: CallerFactsParts,
    private readonly refused: Refused,
  ) {
    const { ttlMs, maxBytes, shared, projectRoles, telemetry } = parts;
    const share = maxBytes / (projectRoles ? 3 : 2);
    const sharing = (inTurn: boolean) => shared && { store: shared, inTurn };
    // With their own tokens, callers of several processes ask for different lists.
    const asService = sharing(parts.memberships.as === 'serviceUser');
    this.#memberships = new ReadCache(MEMBERSHIPS, ttlMs, share, asService, telemetry);
    this.#permissions = new ReadCache(HELD_PERMISSIONS, ttlMs, share, sharing(false), telemetry);
    this.#roles = new ReadCache(GIVEN_ROLES, ttlMs, share, sharing(true), telemetry);
  }

  /** The remembered facts about a caller that were not asked for before `notBefore`, together with those about resources. */
  known(
    known: KnownCaller,
    notBefore: number,
    resources: ResourceFacts,
    states?: RememberedStates,
  ): RememberedFacts {
    const kept = {
      memberships: this.#memberships,
      permissions: this.#permissions,
      roles: this.#roles,
    };
    return new RememberedFacts(known, notBefore, resources, kept, states);
  }

  /** The list of memberships. As the service user, one list serves all tokens of the user. */
  async all(
    { caller, token, digest }: Pick<Verified, 'caller' | 'token' | 'digest'>,
    notBefore: number,
    pay?: Pay,
  ): Promise<CallerRows | Refusal> {
    const { as, read } = this.parts.memberships;
    const { userId, expiresAt = Infinity } = caller;
    const organizations = await this.parts.memberships.organizations();
    if (isRefusal(organizations)) return organizations;
    const key =
      as === 'caller' ? tokenKey(digest) : JSON.stringify(['user', userId, organizations]);
    const remembered = await this.#memberships.get({
      key,
      userId,
      notAfter: as === 'caller' ? expiresAt : Infinity,
      notBefore,
      pay,
      read: async () => prepared(await read({ userId, token, organizations })),
    });
    if (isRefusal(remembered)) return remembered;
    const { value, read: from, askedAt, lease } = remembered;
    const index = unpacked(value);
    const { validUntil, wallUntil } = lease;
    return { index, read: from, key, organizations, askedAt, validUntil, wallUntil };
  }

  /** The rows on one resource, if the list is over its cap. */
  async rowsOn(
    known: KnownCaller,
    on: RowsOn,
    notBefore: number,
    toll: Toll,
  ): Promise<MembershipIndex | Refusal> {
    const { as, read } = this.parts.memberships;
    const { rows, userId, caller, verified } = known;
    const { key, organizations } = rows;
    const found = await this.#memberships.get({
      key: rowsKey(key, on),
      userId,
      notAfter: as === 'caller' ? (caller.expiresAt ?? Infinity) : Infinity,
      notBefore,
      pay: toll.pay,
      read: async () => {
        const narrowed = await read({ userId, token: verified.token, organizations, on });
        // A part must not be remembered: what is missing in it would look like a "no".
        return isRefusal(narrowed) || narrowed.complete ? prepared(narrowed) : STILL_TOO_LONG;
      },
    });
    return isRefusal(found) ? this.refused(known, found) : unpacked(found.value);
  }

  /** What the caller may do in an organization, by ZITADEL's own evaluation. */
  async permissionsIn(
    known: KnownCaller,
    orgId: string,
    notBefore: number,
    toll: Toll,
  ): Promise<Permissions | Refusal> {
    const { verified, userId, caller } = known;
    const { token } = verified;
    if (token === '') return NO_TOKEN;
    const found = await this.#permissions.get({
      key: permissionsKey(verified, orgId),
      userId,
      notAfter: caller.expiresAt ?? Infinity,
      notBefore,
      pay: toll.pay,
      read: async () => {
        const held = await this.parts.permissions(userId, token, orgId);
        return isRefusal(held) ? held : new Set(held.map(intern));
      },
    });
    if (!isRefusal(found)) return found.value;
    // As the service user, the token need not be one for ZITADEL's API. A refusal there says nothing about other routes.
    return this.parts.memberships.as === 'caller' ? this.refused(known, found) : found;
  }

  /** What an organization gave the caller of a project. The service user asks, so one reply serves all tokens of the user. */
  async rolesGiven(
    { userId }: KnownCaller,
    projectId: string,
    orgId: string,
    notBefore: number,
    toll: Toll,
  ): Promise<GivenRoles | Refusal> {
    // Without it, no requirement asks for them.
    const read = this.parts.projectRoles as ReadGivenRoles;
    const found = await this.#roles.get({
      key: rolesKey(userId, projectId, orgId),
      userId,
      notAfter: Infinity,
      notBefore,
      pay: toll.pay,
      read: () => read(userId, projectId, orgId),
    });
    return isRefusal(found) ? found : found.value;
  }

  /** ZITADEL refused the caller's own token. Forgets what was read with it, and all of the user in the shared store. */
  forget({ digest }: Pick<Verified, 'digest'>, userId: string): void {
    this.#memberships.forget(tokenKey(digest), userId);
    this.#permissions.evict(userId);
    const { shared } = this.parts;
    void shared?.evict({ userId }, shared.stamp());
  }

  /** Forgets a user in this process. Undefined: everyone. */
  evict(userId: string | undefined): void {
    this.#memberships.evict(userId);
    this.#permissions.evict(userId);
    this.#roles.evict(userId);
  }

  /** Forgets what rests on these organizations. */
  evictOrganizations(orgIds: ReadonlySet<string>): void {
    this.#memberships.evictWhere((rows) => packedRestOnAny(rows, orgIds));
    this.#permissions.evictWhere((_held, key) => arePermissionsIn(key, orgIds));
    this.#roles.evictWhere((given, key) => areRolesOf(key, orgIds) || giveIn(given, orgIds));
  }
}

/** Whether roles end with one of these organizations, whoever gave them. Those of a project whose owner is not known end with any. */
function giveIn({ roles, home, owner }: GivenRoles, orgIds: ReadonlySet<string>): boolean {
  if (roles.length > 0 && owner === undefined) return true;
  return orgIds.has(home ?? '') || orgIds.has(owner ?? '');
}

function prepared(read: MembershipRows | Refusal): PackedRows | Refusal {
  return isRefusal(read) ? read : packed(indexOf(read.rows, read.complete));
}

/** The key of a list that the caller's own token reads. */
function tokenKey(digest: string): string {
  return JSON.stringify(['token', digest]);
}
