import {
  indexOf,
  intern,
  type Membership,
  type MembershipIndex,
  restsOn,
  restOnAny,
} from '../caller.js';
import type { GivenRoles } from '../decide/case.js';
import type { CacheKind, ReadCache } from './read-cache.js';

// How what is remembered about a caller is kept and measured, and how it travels through the shared store.

/**
 * A list of memberships as a cache holds it. A short list is one text, which takes a third of the memory: the organizations on which it rests
 * (null: any may be one of them), and on the next line the user and the rows. A longer list stays prepared, for it would take too long to read
 * it from a text with every question.
 */
export type PackedRows = string | MembershipIndex;

type Packed = [kind: Membership['kind'], roles: string[], ...ids: (string | number | null)[]];

const MOST_ROWS = 32;

export function packed(index: MembershipIndex): PackedRows {
  const { rows, complete } = index;
  const [{ userId } = { userId: '' }] = rows;
  const isShort = rows.length <= MOST_ROWS && rows.every((row) => row.userId === userId);
  if (!complete || !isShort) return index;
  const orgIds = [...new Set(rows.flatMap(restsOn))];
  const places = new Map(orgIds.map((orgId, place) => [orgId, place]));
  const short = (id: string | undefined) => (id === undefined ? null : (places.get(id) ?? id));
  const list = rows.map(({ kind, roles, id, ownerOrgId, projectId, grantedOrgId }) => [
    kind,
    roles,
    ...[id, ownerOrgId, projectId, grantedOrgId].map(short),
  ]);
  // What is joined is one text in memory. A sum would be a tree of texts.
  return [JSON.stringify(orgIds), JSON.stringify([userId, ...list])].join('\n');
}

export function unpacked(rows: PackedRows): MembershipIndex {
  if (typeof rows !== 'string') return rows;
  const orgIds = organizationsIn(rows);
  const [userId, ...list] = JSON.parse(rows.slice(rows.indexOf('\n'))) as [string, ...Packed[]];
  const whole = (id: string | number | null | undefined) =>
    (typeof id === 'number' ? orgIds[id] : id) ?? undefined;
  return indexOf(
    list.map(([kind, roles, id, ...[ownerOrgId, projectId, grantedOrgId]]) => ({
      userId,
      kind,
      id: whole(id) ?? '',
      roles,
      ownerOrgId: whole(ownerOrgId),
      projectId: whole(projectId),
      grantedOrgId: whole(grantedOrgId),
    })),
  );
}

/** Whether they rest on one of these organizations. Of a text only the first line is read: a walk over a whole memory asks this. */
export function packedRestOnAny(rows: PackedRows, orgIds: ReadonlySet<string>): boolean {
  if (typeof rows !== 'string') return restOnAny(rows, orgIds);
  return organizationsIn(rows).some((orgId) => orgId === null || orgIds.has(orgId));
}

// V8 keeps such a text with one byte a letter.
const LATIN1 = /^[\0-\xff]*$/;

function organizationsIn(rows: string): readonly (string | null)[] {
  return JSON.parse(rows.slice(0, rows.indexOf('\n'))) as (string | null)[];
}

export type Memberships = ReadCache<PackedRows, readonly Membership[]>;
export type HeldPermissions = ReadCache<ReadonlySet<string>, readonly string[]>;
export type RolesGiven = ReadCache<GivenRoles, readonly string[]>;

/** The list of memberships, and parts of it. */
export const MEMBERSHIPS: CacheKind<PackedRows, readonly Membership[]> = {
  name: 'rows',
  toldAs: 'memberships',
  from: (value, userId) => {
    const rows = Array.isArray(value) ? value.map(membershipFrom) : [undefined];
    const areTheirs = rows.every((row) => row !== undefined && row.userId === userId);
    return areTheirs ? (rows as readonly Membership[]) : undefined;
  },
  organizationsOf: (rows) => {
    const all = rows.flatMap(restsOn);
    return all.every((each) => each !== undefined) ? [...new Set(all)] : undefined;
  },
  fromStored: (rows) => packed(indexOf(rows)),
  // A list that is over its cap would fill the store, and decides nothing without further questions.
  toStored: (kept) => {
    const { rows, complete } = unpacked(kept);
    return complete ? rows : undefined;
  },
  bytesOf: (rows) =>
    typeof rows === 'string' ? (LATIN1.test(rows) ? 1 : 2) * rows.length + 560 : rows.bytes,
};

/** What a caller may do in one organization. */
export const HELD_PERMISSIONS: CacheKind<ReadonlySet<string>, readonly string[]> = {
  name: 'permissions',
  toldAs: 'permissions',
  from: (value) => (areTexts(value) ? value : undefined),
  // They may come from a grant of another organization.
  organizationsOf: () => undefined,
  fromStored: (list) => new Set(list.map(intern)),
  toStored: (held) => [...held],
  // There can be tens of thousands, so no list of sizes is made.
  bytesOf: (held) => {
    let bytes = 400;
    for (const each of held) bytes += 2 * each.length + 64;
    return bytes;
  },
};

/** What one organization gave a caller of one project. Stored: the home organization, the owner of the project ('': not told), and the roles. */
export const GIVEN_ROLES: CacheKind<GivenRoles, readonly string[]> = {
  name: 'givenRoles',
  toldAs: 'projectRoles',
  from: (value) => (areTexts(value) && value.length > 1 ? value : undefined),
  // Who gave them is not part of the value.
  organizationsOf: () => undefined,
  fromStored: ([home = '', owner = '', ...roles]) => ({
    roles,
    home: home === '' ? undefined : home,
    owner: owner === '' ? undefined : owner,
  }),
  toStored: ({ roles, home = '', owner = '' }) => [home, owner, ...roles],
  bytesOf: ({ roles }) => roles.reduce((sum, role) => sum + 2 * role.length + 32, 400),
};

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const KINDS: ReadonlySet<unknown> = new Set(['instance', 'org', 'project', 'projectGrant']);

/** Reads a row that was stored outside this process. Undefined for anything odd. */
function membershipFrom(value: unknown): Membership | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { userId, kind, id, roles, ...more } = value as Record<string, unknown>;
  if (!isName(userId) || !KINDS.has(kind) || !areTexts(roles)) return undefined;
  if (!isName(id) && !(id === '' && kind === 'instance')) return undefined;
  const also: Partial<Record<(typeof ALSO)[number], string>> = {};
  for (const name of ALSO) {
    const given = more[name];
    if (given === undefined) continue;
    if (!isName(given)) return undefined;
    also[name] = given;
  }
  return { userId, kind: kind as Membership['kind'], id, roles, ...also };
}

const ALSO = ['ownerOrgId', 'projectId', 'grantedOrgId'] as const;

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';
