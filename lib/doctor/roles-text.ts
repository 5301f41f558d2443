import type { Membership } from '../core/caller.js';

const KINDS: Readonly<Record<Membership['kind'], string>> = {
  instance: 'the instance',
  org: 'organization',
  project: 'project',
  projectGrant: 'project grant',
};
const AT_MOST = 5;

/** Manager roles in words. Names of resources belong to others, and are not shown. */
export function rolesText(rows: readonly Membership[]): string {
  if (rows.length === 0) return 'it holds no manager role';
  const texts = rows
    .slice(0, AT_MOST)
    .map(({ kind, id, roles }) => `${roles.join(', ')} on ${KINDS[kind]}${idText(kind, id)}`);
  const more = rows.length - texts.length;
  return `it holds ${texts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

const idText = (kind: Membership['kind'], id: string): string =>
  kind === 'instance' || id === '' ? '' : ` ${id}`;
