import type { Membership } from '../caller.js';
import type { ResourceKind } from '../requirement/roles.js';

/** A kind of values that can be stored: its name in the store, and how it is read back. Anything odd is a miss. */
export interface StoredKind<T> {
  readonly name: 'rows' | 'permissions' | 'givenRoles';
  readonly from: (value: unknown, userId: string) => T | undefined;
  /** The organizations on which the value rests. Undefined: any organization may be one of them. */
  readonly organizationsOf: (value: T) => readonly string[] | undefined;
}

/** Memberships. */
export const ROWS: StoredKind<readonly Membership[]> = {
  name: 'rows',
  from: (value, userId) => {
    const rows = Array.isArray(value) ? value.map(membershipFrom) : [undefined];
    const areTheirs = rows.every((row) => row !== undefined && row.userId === userId);
    return areTheirs ? (rows as readonly Membership[]) : undefined;
  },
  organizationsOf: (rows) => {
    const all = rows.flatMap(organizationsOf);
    return all.every((each) => each !== undefined) ? [...new Set(all)] : undefined;
  },
};

/** What a user may do in one organization. */
export const PERMISSIONS: StoredKind<readonly string[]> = {
  name: 'permissions',
  from: (value) => (areTexts(value) ? value : undefined),
  // They may come from a grant of another organization.
  organizationsOf: () => undefined,
};

/** The user's home organization, the owner of one project ('': not told), and its roles that one organization gave the user. */
export const PROJECT_ROLES: StoredKind<readonly string[]> = {
  name: 'givenRoles',
  from: (value) => (areTexts(value) && value.length > 1 ? value : undefined),
  // Who gave them is not part of the value.
  organizationsOf: () => undefined,
};

/** The organizations on which a row rests. Undefined: any organization may be one of them. */
export function organizationsOf({
  kind,
  id,
  ownerOrgId,
  grantedOrgId,
}: Membership): (string | undefined)[] {
  switch (kind) {
    case 'instance':
      return [];
    case 'org':
      return [id];
    case 'project':
      return [ownerOrgId];
    case 'projectGrant':
      return [ownerOrgId, grantedOrgId];
  }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const KINDS: ReadonlySet<unknown> = new Set(['instance', 'org', 'project', 'projectGrant']);

/** Reads a row that was stored outside this process. Undefined for anything odd. */
function membershipFrom(value: unknown): Membership | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { userId, kind, id, roles, ...more } = value as Record<string, unknown>;
  if (typeof userId !== 'string' || userId === '' || !KINDS.has(kind)) return undefined;
  if (typeof id !== 'string' || (id === '' && kind !== 'instance')) return undefined;
  if (!areTexts(roles)) return undefined;
  const also: { ownerOrgId?: string; projectId?: string; grantedOrgId?: string } = {};
  for (const name of ['ownerOrgId', 'projectId', 'grantedOrgId'] as const) {
    const given = more[name];
    if (given === undefined) continue;
    if (typeof given !== 'string' || given === '') return undefined;
    also[name] = given;
  }
  return { userId, kind: kind as ResourceKind, id, roles, ...also };
}
