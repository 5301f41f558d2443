import { indexOf, type Membership, type MembershipIndex, restOnAny } from '../caller.js';
import { organizationsOf } from '../store/stored-kinds.js';

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
  const orgIds = [...new Set(rows.flatMap(organizationsOf))];
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

/** About how much memory they take, with what stands around them in a cache. */
export function bytesOfPacked(rows: PackedRows): number {
  if (typeof rows !== 'string') return rows.bytes;
  return (LATIN1.test(rows) ? 1 : 2) * rows.length + 560;
}

// V8 keeps such a text with one byte a letter.
const LATIN1 = /^[\0-\xff]*$/;

function organizationsIn(rows: string): readonly (string | null)[] {
  return JSON.parse(rows.slice(0, rows.indexOf('\n'))) as (string | null)[];
}
