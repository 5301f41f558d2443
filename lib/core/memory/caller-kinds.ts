import { indexOf, intern, type Membership } from '../caller.js';
import type { GivenRoles } from '../decide/case.js';
import { bytesOfPacked, packed, type PackedRows, unpacked } from './packed-rows.js';
import type { CacheKind, ReadCache } from './read-cache.js';
import { PERMISSIONS, PROJECT_ROLES, ROWS } from '../store/stored-kinds.js';

// How what is remembered about a caller is measured, and how it travels through the shared store.

export type Memberships = ReadCache<PackedRows, readonly Membership[]>;
export type HeldPermissions = ReadCache<ReadonlySet<string>, readonly string[]>;
export type RolesGiven = ReadCache<GivenRoles, readonly string[]>;

/** The list of memberships, and parts of it. */
export const MEMBERSHIPS: CacheKind<PackedRows, readonly Membership[]> = {
  name: 'memberships',
  stored: ROWS,
  fromStored: (rows) => packed(indexOf(rows)),
  // A list that is over its cap would fill the store, and decides nothing without further questions.
  toStored: (kept) => {
    const { rows, complete } = unpacked(kept);
    return complete ? rows : undefined;
  },
  bytesOf: bytesOfPacked,
};

/** What a caller may do in one organization. */
export const HELD_PERMISSIONS: CacheKind<ReadonlySet<string>, readonly string[]> = {
  name: 'permissions',
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

/** What one organization gave a caller of one project. */
export const GIVEN_ROLES: CacheKind<GivenRoles, readonly string[]> = {
  name: 'projectRoles',
  stored: PROJECT_ROLES,
  fromStored: ([home = '', owner = '', ...roles]) => ({
    roles,
    home: home === '' ? undefined : home,
    owner: owner === '' ? undefined : owner,
  }),
  toStored: ({ roles, home = '', owner = '' }) => [home, owner, ...roles],
  bytesOf: ({ roles }) => roles.reduce((sum, role) => sum + 2 * role.length + 32, 400),
};
