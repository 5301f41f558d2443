import {
  indexOf,
  intern,
  type MembershipIndex,
  type MembershipRows,
  type RowsOn,
} from '../caller.js';
import type { CallerFacts, Facts, Permissions, ResourceFacts } from '../decide/case.js';
import { isRefusal, type Refusal } from '../decision.js';
import type { Lease } from '../validity.js';
import type { Pay, Toll } from './allowance.js';
import { type CacheKind, ReadCache, type Remembered } from './read-cache.js';
import type { CallerRows, KnownCaller, Verified } from './remembered-callers.js';
import { PERMISSIONS, ROWS, type SharedStore } from './shared-store.js';

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
  readonly ttlMs: number;
  readonly maxBytes: number;
  readonly shared: SharedStore | undefined;
}

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

type Memberships = ReadCache<MembershipIndex, MembershipIndex['rows']>;
type HeldPermissions = ReadCache<ReadonlySet<string>, readonly string[]>;

const MEMBERSHIPS: CacheKind<MembershipIndex, MembershipIndex['rows']> = {
  stored: ROWS,
  fromStored: (rows) => indexOf(rows),
  // A list that is over its cap would fill the store, and decides nothing without further questions.
  toStored: ({ rows, complete }) => (complete ? rows : undefined),
  bytesOf: ({ bytes }) => bytes,
};

const HELD_PERMISSIONS: CacheKind<ReadonlySet<string>, readonly string[]> = {
  stored: PERMISSIONS,
  fromStored: (list) => new Set(list.map(intern)),
  toStored: (held) => [...held],
  // There can be tens of thousands, so no list of sizes is made.
  bytesOf: (held) => {
    let bytes = 400;
    for (const each of held) bytes += 2 * each.length + 64;
    return bytes;
  },
};

/** What can be asked about a caller: the list of memberships, parts of it, and permissions. All are remembered and forgotten together. */
export class CallerLookups {
  readonly #memberships: Memberships;
  readonly #permissions: HeldPermissions;

  constructor(
    private readonly parts: CallerFactsParts,
    private readonly refused: Refused,
  ) {
    const { ttlMs, maxBytes, shared } = parts;
    this.#memberships = new ReadCache(MEMBERSHIPS, ttlMs, maxBytes / 2, shared);
    this.#permissions = new ReadCache(HELD_PERMISSIONS, ttlMs, maxBytes / 2, shared);
  }

  /** The remembered facts about a caller that were not asked for before `notBefore`, together with those about resources. */
  known(known: KnownCaller, notBefore: number, resources: ResourceFacts): Facts & CallerFacts {
    return new KnownFacts(known, notBefore, resources, this.#memberships, this.#permissions);
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
      read: async () => indexed(await read({ userId, token, organizations })),
    });
    if (isRefusal(remembered)) return remembered;
    const { value: index, read: from, askedAt, lease } = remembered;
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
        return isRefusal(narrowed) || narrowed.complete ? indexed(narrowed) : STILL_TOO_LONG;
      },
    });
    return isRefusal(found) ? this.refused(known, found) : found.value;
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

  /** ZITADEL refused the caller's own token. Forgets what was read with it, and all of the user in the shared store. */
  forget({ digest }: Pick<Verified, 'digest'>, userId: string): void {
    this.#memberships.forget(tokenKey(digest), userId);
    this.#permissions.evict(userId);
    void this.parts.shared?.evict(userId);
  }

  /** Resolves when nothing that was read before can come back, here or through the shared store. */
  async evict(userId: string): Promise<void> {
    this.#evict(userId);
    if (!this.parts.shared) return;
    await this.parts.shared.evict(userId);
    // Until the store has acknowledged, a read can bring back what it still held.
    this.#evict(userId);
  }

  async evictAll(): Promise<void> {
    this.#evictAll();
    if (!this.parts.shared) return;
    await this.parts.shared.evictAll();
    this.#evictAll();
  }

  #evict(userId: string): void {
    this.#memberships.evict(userId);
    this.#permissions.evict(userId);
  }

  #evictAll(): void {
    this.#memberships.evictAll();
    this.#permissions.evictAll();
  }
}

/** What is remembered of one caller, and the leases of all that was read of it. */
class KnownFacts implements Facts, CallerFacts {
  readonly leases: Lease[] = [];

  constructor(
    private readonly known: KnownCaller,
    private readonly notBefore: number,
    private readonly resources: ResourceFacts,
    private readonly memberships: Memberships,
    private readonly permissions: HeldPermissions,
  ) {}

  ownerOf(projectId: string) {
    return this.resources.ownerOf(projectId);
  }

  grantOf(grantId: string) {
    return this.resources.grantOf(grantId);
  }

  grantBetween(projectId: string, orgId: string) {
    return this.resources.grantBetween(projectId, orgId);
  }

  rowsOn(on: RowsOn) {
    const { rows, userId } = this.known;
    return this.#read(this.memberships.kept(rowsKey(rows.key, on), userId, this.notBefore));
  }

  permissionsIn(orgId: string) {
    const { verified, userId } = this.known;
    return this.#read(
      this.permissions.kept(permissionsKey(verified, orgId), userId, this.notBefore),
    );
  }

  #read<T extends object>(kept: Remembered<T> | undefined): T | undefined {
    if (kept) this.leases.push(kept.lease);
    return kept?.value;
  }
}

function indexed(read: MembershipRows | Refusal): MembershipIndex | Refusal {
  return isRefusal(read) ? read : indexOf(read.rows, read.complete);
}

/** The key of a list that the caller's own token reads. */
function tokenKey(digest: string): string {
  return JSON.stringify(['token', digest]);
}

function rowsKey(key: string, on: RowsOn): string {
  return JSON.stringify(['on', key, on]);
}

function permissionsKey({ digest }: Pick<Verified, 'digest'>, orgId: string): string {
  return `${digest} ${orgId}`;
}
