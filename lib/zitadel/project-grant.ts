import { haveIds, isId, isRecord, listOfTexts, textOf, textsOf } from './shape.js';

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

/** Which project, and to which organization: as far as they are named. */
export interface GrantEnds {
  readonly projectId?: string | undefined;
  readonly grantedOrgId?: string | undefined;
}

/** Whether a grant is one of this project, and to this organization. */
export function isBetween(grant: ProjectGrant, { projectId, grantedOrgId }: GrantEnds): boolean {
  return (
    (projectId === undefined || grant.projectId === projectId) &&
    (grantedOrgId === undefined || grant.grantedOrgId === grantedOrgId)
  );
}

/** Reads a grant as API v1 writes it; undefined when it is none. Names are other tenants' text. */
export function grantFrom(value: unknown): GrantWithId | undefined {
  if (!isRecord(value)) return undefined;
  const { grantId, projectId, grantedOrgId, state, details = {} } = value;
  const grantedRoleKeys = listOfTexts(value['grantedRoleKeys']);
  if (!isId(grantId) || !isId(projectId) || !isId(grantedOrgId)) return undefined;
  if (!grantedRoleKeys || !haveIds(value, ['projectOwnerId'])) return undefined;
  if (!isRecord(details) || !haveIds(details, ['resourceOwner'])) return undefined;
  return {
    grantId,
    projectId,
    projectName: textOf(value['projectName']),
    projectOwnerId: textOf(value['projectOwnerId']),
    projectOwnerName: textOf(value['projectOwnerName']),
    grantedOrgId,
    grantedOrgName: textOf(value['grantedOrgName']),
    grantedRoleKeys,
    state: stateFrom(state),
    details: detailsFrom(details),
  };
}

/** Reads a grant as API v2 writes it; undefined when it is none. */
export function grantFromV2(value: unknown): ProjectGrant | undefined {
  if (!isRecord(value)) return undefined;
  const { projectId, grantedOrganizationId: grantedOrgId, organizationId, state } = value;
  const grantedRoleKeys = listOfTexts(value['grantedRoleKeys']);
  if (!isId(projectId) || !isId(grantedOrgId) || !grantedRoleKeys) return undefined;
  if (!haveIds(value, ['organizationId'])) return undefined;
  return {
    projectId,
    projectName: textOf(value['projectName']),
    projectOwnerId: textOf(organizationId),
    projectOwnerName: '',
    grantedOrgId,
    grantedOrgName: textOf(value['grantedOrganizationName']),
    grantedRoleKeys,
    state: stateFrom(state),
    details: detailsFrom({ ...value, resourceOwner: organizationId }),
  };
}

function stateFrom(value: unknown): ProjectGrant['state'] {
  if (value === 'PROJECT_GRANT_STATE_ACTIVE') return 'active';
  return value === 'PROJECT_GRANT_STATE_INACTIVE' ? 'inactive' : 'unknown';
}

/** The `details` that ZITADEL adds to answers. */
export function detailsFrom(value: unknown): ProjectGrant['details'] {
  return textsOf(value, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']);
}
