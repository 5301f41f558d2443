import { isRecord } from './error-id.js';

/** A project granted to another organization (ZITADEL: GrantedProject). */
export interface ProjectGrant {
  readonly grantId: string;
  readonly projectId: string;
  readonly projectName: string;
  /** The organization that owns the project. */
  readonly projectOwnerId: string;
  readonly projectOwnerName: string;
  /** The organization to which the project is granted. */
  readonly grantedOrgId: string;
  readonly grantedOrgName: string;
  /** The roles of the project that the granted organization may give to its users. */
  readonly grantedRoleKeys: readonly string[];
  readonly state: 'active' | 'inactive' | 'unknown';
  readonly details: {
    readonly sequence?: string;
    readonly creationDate?: string;
    readonly changeDate?: string;
    readonly resourceOwner?: string;
  };
}

/** Reads a grant as ZITADEL writes it; undefined when it is none. Names are other tenants' text. */
export function grantFrom(value: unknown): ProjectGrant | undefined {
  if (!isRecord(value)) return undefined;
  const { grantId, projectId, grantedOrgId, grantedRoleKeys = [], state, details } = value;
  if (typeof grantId !== 'string' || typeof projectId !== 'string') return undefined;
  if (typeof grantedOrgId !== 'string' || !Array.isArray(grantedRoleKeys)) return undefined;
  const text = (name: string) => {
    const given = value[name];
    return typeof given === 'string' ? given : '';
  };
  return {
    grantId,
    projectId,
    projectName: text('projectName'),
    projectOwnerId: text('projectOwnerId'),
    projectOwnerName: text('projectOwnerName'),
    grantedOrgId,
    grantedOrgName: text('grantedOrgName'),
    grantedRoleKeys: grantedRoleKeys.filter((key) => typeof key === 'string'),
    state: stateFrom(state),
    details: detailsFrom(details),
  };
}

function stateFrom(value: unknown): ProjectGrant['state'] {
  if (value === 'PROJECT_GRANT_STATE_ACTIVE') return 'active';
  return value === 'PROJECT_GRANT_STATE_INACTIVE' ? 'inactive' : 'unknown';
}

/** The `details` that ZITADEL adds to answers. */
export function detailsFrom(value: unknown): ProjectGrant['details'] {
  const details: Record<string, string> = {};
  for (const name of ['sequence', 'creationDate', 'changeDate', 'resourceOwner']) {
    const given = isRecord(value) ? value[name] : undefined;
    if (typeof given === 'string') details[name] = given;
  }
  return details;
}
