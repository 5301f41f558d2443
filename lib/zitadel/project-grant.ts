import { isRecord } from './error-id.js';

/** A project granted to another organization (ZITADEL: GrantedProject). */
export interface ProjectGrant {
  /** None where the grant was read by API v2, which knows it by its project and granted organization alone. */
  readonly grantId?: string;
  readonly projectId: string;
  readonly projectName: string;
  /** The organization that owns the project. */
  readonly projectOwnerId: string;
  /** '' by API v2. */
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

/** A grant that was read by API v1. */
export type GrantWithId = ProjectGrant & { readonly grantId: string };

/** Reads a grant as API v1 writes it; undefined when it is none. Names are other tenants' text. */
export function grantFrom(value: unknown): GrantWithId | undefined {
  if (!isRecord(value)) return undefined;
  const { grantId, projectId, grantedOrgId, grantedRoleKeys = [], state, details } = value;
  if (typeof grantId !== 'string' || typeof projectId !== 'string') return undefined;
  if (typeof grantedOrgId !== 'string' || !Array.isArray(grantedRoleKeys)) return undefined;
  const text = textIn(value);
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

/** Reads a grant as API v2 writes it; undefined when it is none. */
export function grantFromV2(value: unknown): ProjectGrant | undefined {
  if (!isRecord(value)) return undefined;
  const { projectId, grantedOrganizationId, organizationId, grantedRoleKeys = [], state } = value;
  if (typeof projectId !== 'string' || typeof grantedOrganizationId !== 'string') return undefined;
  if (!Array.isArray(grantedRoleKeys)) return undefined;
  const text = textIn(value);
  return {
    projectId,
    projectName: text('projectName'),
    projectOwnerId: text('organizationId'),
    projectOwnerName: '',
    grantedOrgId: grantedOrganizationId,
    grantedOrgName: text('grantedOrganizationName'),
    grantedRoleKeys: grantedRoleKeys.filter((key) => typeof key === 'string'),
    state: stateFrom(state),
    details: detailsFrom({ ...value, resourceOwner: organizationId }),
  };
}

function textIn(value: Readonly<Record<string, unknown>>): (name: string) => string {
  return (name) => {
    const given = value[name];
    return typeof given === 'string' ? given : '';
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
