import { describe, expect, it } from 'vitest';
import { indexOf, type Membership, restOnAny } from '../../../lib/core/caller.js';
import {
  MEMBERSHIPS,
  packed,
  packedRestOnAny,
  unpacked,
} from '../../../lib/core/memory/caller-kinds.js';
import { orgRow } from '../rows.js';

const project: Membership = {
  userId: 'alice',
  kind: 'project',
  id: 'p1',
  roles: ['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER'],
  ownerOrgId: 'o2',
};
const grant: Membership = {
  userId: 'alice',
  kind: 'projectGrant',
  id: 'g1',
  roles: ['PROJECT_GRANT_OWNER'],
  ownerOrgId: 'o1',
  projectId: 'p2',
  grantedOrgId: 'o3',
};
const instance: Membership = { userId: 'alice', kind: 'instance', id: '', roles: ['IAM_OWNER'] };

const many = (count: number) =>
  Array.from({ length: count }, (_, at) => orgRow('alice', `o${at + 1}`));

const SHORT: readonly [about: string, rows: readonly Membership[]][] = [
  ['no row', []],
  ['rows of every kind', [instance, orgRow('alice', 'o1'), project, grant]],
  ['rows that do not tell who owns the project', [{ ...project, ownerOrgId: undefined }]],
  ['a grant that tells nothing', [{ userId: 'alice', kind: 'projectGrant', id: 'g', roles: [] }]],
  ['two rows of one resource', [orgRow('alice', 'o1', 'A'), orgRow('alice', 'o1', 'B', 'A')]],
  ['ids that look like something else', [orgRow('alice', '0'), orgRow('alice', ']\n["null",1]')]],
  ['ids that are no Latin letters', [orgRow('alice', '組織'), orgRow('alice', '\ud800')]],
  ['an organization and a project with one id', [orgRow('alice', 'p1'), project]],
  ['32 rows', many(32)],
];

const LONG: readonly [about: string, rows: readonly Membership[], complete?: boolean][] = [
  ['33 rows', many(33)],
  ['a list that is over its cap', many(1), false],
  ['rows of two users', [orgRow('alice', 'o1'), orgRow('bob', 'o2')]],
];

describe('packed rows', () => {
  it.each(SHORT)('are a text that tells the same: %s', (_, rows) => {
    const index = indexOf(rows);
    const kept = packed(index);
    expect(kept).toBeTypeOf('string');
    expect(unpacked(kept)).toEqual(index);
    expect(Object.keys(unpacked(kept).rows[0] ?? {})).toEqual(Object.keys(index.rows[0] ?? {}));
    for (const row of unpacked(kept).rows) expect(row).toSatisfy(Object.isFrozen);
  });

  it.each(LONG)('stay prepared: %s', (_, rows, complete) => {
    const index = indexOf(rows, complete);
    expect(packed(index)).toBe(index);
    expect(unpacked(index)).toBe(index);
    expect(MEMBERSHIPS.bytesOf(index)).toBe(index.bytes);
  });

  it.each([...SHORT, ...LONG])('rest on the same organizations: %s', (_, rows, complete = true) => {
    const index = indexOf(rows, complete);
    for (const orgId of ['o1', 'o2', 'o3', 'o33', '0', 'p1', 'g1', 'null', 'alice', '組織']) {
      const orgIds = new Set(['other', orgId]);
      expect(packedRestOnAny(packed(index), orgIds)).toBe(restOnAny(index, orgIds));
    }
  });

  it('count two bytes a letter where one is not enough', () => {
    const bytes = (id: string) => MEMBERSHIPS.bytesOf(packed(indexOf([orgRow('alice', id)])));
    expect(bytes('é'.repeat(100)) - bytes('é'.repeat(50))).toBe(50);
    expect(bytes('組'.repeat(100)) - bytes('組'.repeat(50))).toBe(100);
  });
});
