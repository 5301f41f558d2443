import type { Membership } from '../caller.js';

/** Something that can be deactivated, and the other ids by which ZITADEL is asked for it, as far as they are known. */
export interface Deactivable {
  readonly kind: 'org' | 'project' | 'projectGrant';
  readonly id: string;
  readonly ownerOrgId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly grantedOrgId?: string | undefined;
}

/** What ZITADEL says about it, with the ids that a row may lack. */
export interface StateFact extends Pick<Deactivable, 'ownerOrgId' | 'projectId' | 'grantedOrgId'> {
  readonly isActive: boolean;
}

/** Whether something is active. `undefined`: not asked yet. */
export type StateOf = (of: Deactivable) => StateFact | undefined;

/** A row, as far as it says what it rests on. */
export type Carrier = Pick<Membership, 'kind' | 'id' | 'ownerOrgId' | 'projectId' | 'grantedOrgId'>;

/** Whether all that a row rests on is active. A list: what must be asked for first. If that is empty, the row counts. */
export function standingOf(row: Carrier, stateOf: StateOf): 'inactive' | readonly Deactivable[] {
  const missing: Deactivable[] = [];
  for (const of of restingOn(row, stateOf)) {
    const state = stateOf(of);
    if (state?.isActive === false) return 'inactive';
    if (!state) missing.push(of);
  }
  return missing;
}

/** In ZITADEL an organization, its projects and their grants are deactivated apart. The instance cannot be deactivated. */
function restingOn(row: Carrier, stateOf: StateOf): readonly Deactivable[] {
  const { kind, id } = row;
  if (kind === 'instance') return [];
  if (kind === 'org') return [{ kind, id }];
  const { projectId, grantedOrgId } = row;
  const itself = { kind, id, ownerOrgId: row.ownerOrgId, projectId, grantedOrgId };
  const said = stateOf(itself);
  const ownerOrgId = row.ownerOrgId ?? said?.ownerOrgId;
  if (kind === 'project') return [itself, ...named('org', ownerOrgId)];
  return [
    itself,
    ...named('project', projectId ?? said?.projectId, ownerOrgId),
    ...named('org', ownerOrgId),
    ...named('org', grantedOrgId ?? said?.grantedOrgId),
  ];
}

function named(
  kind: Deactivable['kind'],
  id: string | undefined,
  ownerOrgId?: string,
): readonly Deactivable[] {
  return id === undefined ? [] : [{ kind, id, ownerOrgId }];
}
