import {
  haveIds,
  isId,
  isRecord,
  listFrom,
  listOfTexts,
  type Page,
  pageFrom,
  pageRequest,
  textOf,
  textsOf,
} from '../reading.js';

/** A project granted to another organization (ZITADEL: GrantedProject). */
export interface ProjectGrant {
  /** Missing if API v2 was used, which names a grant only by its project and granted organization. */
  readonly grantId?: string;
  readonly projectId: string;
  readonly projectName: string;
  /** The organization that owns the project. */
  readonly projectOwnerId: string;
  /** With API v2 ''. */
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

/** The project and the granted organization, as far as they are named. */
export interface GrantEnds {
  readonly projectId?: string | undefined;
  readonly grantedOrgId?: string | undefined;
}

/** Whether a grant is of this project, and to this organization. */
export function isBetween(grant: ProjectGrant, { projectId, grantedOrgId }: GrantEnds): boolean {
  return (
    (projectId === undefined || grant.projectId === projectId) &&
    (grantedOrgId === undefined || grant.grantedOrgId === grantedOrgId)
  );
}

/** Reads a grant as API v1 writes it. Undefined if it is not one. Other tenants write the names. */
export function grantFrom(value: unknown): GrantWithId | undefined {
  if (!isRecord(value) || !isId(value['grantId'])) return undefined;
  const grant = withoutId(value);
  return grant && { grantId: value['grantId'], ...grant };
}

/** Reads a grant as API v2 writes it, which has other names for some things. */
function grantFromV2(value: Body): ProjectGrant | undefined {
  const { organizationId: owner, grantedOrganizationId, grantedOrganizationName } = value;
  return withoutId({
    ...value,
    projectOwnerId: owner,
    projectOwnerName: '',
    grantedOrgId: grantedOrganizationId,
    grantedOrgName: grantedOrganizationName,
    details: { ...value, resourceOwner: owner },
  });
}

function withoutId(value: Body): ProjectGrant | undefined {
  const { projectId, grantedOrgId, details = {} } = value;
  const grantedRoleKeys = listOfTexts(value['grantedRoleKeys']);
  if (!isId(projectId) || !isId(grantedOrgId) || !grantedRoleKeys) return undefined;
  if (!haveIds(value, ['projectOwnerId'])) return undefined;
  if (!isRecord(details) || !haveIds(details, ['resourceOwner'])) return undefined;
  return {
    projectId,
    projectName: textOf(value['projectName']),
    projectOwnerId: textOf(value['projectOwnerId']),
    projectOwnerName: textOf(value['projectOwnerName']),
    grantedOrgId,
    grantedOrgName: textOf(value['grantedOrgName']),
    grantedRoleKeys,
    state: stateFrom(value['state']),
    details: detailsFrom(details),
  };
}

function stateFrom(value: unknown): ProjectGrant['state'] {
  if (value === 'PROJECT_GRANT_STATE_ACTIVE') return 'active';
  return value === 'PROJECT_GRANT_STATE_INACTIVE' ? 'inactive' : 'unknown';
}

/** The `details` of ZITADEL's replies. */
export function detailsFrom(value: unknown): ProjectGrant['details'] {
  return textsOf(value, ['sequence', 'creationDate', 'changeDate', 'resourceOwner']);
}

/** A project, and the organization that owns it. */
export interface OfProject {
  readonly projectId: string;
  /**
   * The organization that owns the project. If another one owns it, a write is refused, and no grant is found. API v1 gets it as
   * `x-zitadel-orgid`.
   *
   * @default the owner that is known already, or what the option `projectOwner` says, or (v1) the service user's own organization
   */
  readonly organizationId?: string;
}

/**
 * Names one project grant of a project: by the organization to which it is granted, or by its id, which only API v1 has. A `ProjectGrant` that
 * was listed can be passed as it is. If it is named by both, both must name the same grant: API v1 reads it first, and refuses two. API v2
 * cannot compare them, so there an id is a `ZitadelArgumentError`, even beside the organization: leave it out.
 */
export type OfGrant = OfProject &
  (
    | { readonly grantedOrgId: string; readonly grantId?: string | undefined }
    | { readonly grantId: string; readonly grantedOrgId?: string | undefined }
  );

/** A project grant to be made. */
export interface NewGrant extends OfProject {
  /** The organization to which the project is granted. */
  readonly grantedOrgId: string;
  /** The roles of the project that it may give to its users. */
  readonly roleKeys: readonly string[];
}

/** Which project grants to list. */
export interface GrantFilter {
  readonly organizationId?: string;
  readonly projectId?: string;
  readonly grantedOrgId?: string;
}

/** What ZITADEL says about a change. */
export interface ChangeDetails {
  readonly details: ProjectGrant['details'];
}

/** The request for one page of the grants between these ends: `ListProjectGrants` of `zitadel.project.v2`. */
export function grantsRequest({ projectId, grantedOrgId }: GrantEnds, offset: number): Body {
  const filters = [
    ...(projectId === undefined ? [] : [{ inProjectIdsFilter: { ids: [projectId] } }]),
    ...(grantedOrgId === undefined ? [] : [{ grantedOrganizationIdFilter: { id: grantedOrgId } }]),
  ];
  return { ...pageRequest(offset), ...(filters.length > 0 && { filters }) };
}

/** Reads such a page. Undefined if it is not one, or shows a grant that was not asked for. */
export function grantsFrom(body: Body, ends: GrantEnds): Page<ProjectGrant> | undefined {
  return withGrants(pageFrom(body, 'projectGrants'), grantFromV2, ends);
}

/** Reads a page of API v1 in the same way. */
export function grantsFromV1(body: Body, ends: GrantEnds): Page<GrantWithId> | undefined {
  return withGrants(listFrom(body), grantFrom, ends);
}

type Body = Readonly<Record<string, unknown>>;

function withGrants<G extends ProjectGrant>(
  page: Page | undefined,
  read: (row: Body) => G | undefined,
  ends: GrantEnds,
): Page<G> | undefined {
  const rows = page?.rows.map(read);
  if (!page || !rows?.every((grant) => grant !== undefined)) return undefined;
  return rows.every((grant) => isBetween(grant, ends)) ? { ...page, rows } : undefined;
}

/** A grant that was added. It has an id if the API has ids. */
export interface AddedGrant extends ChangeDetails {
  readonly grantId?: string;
}

/** What a grant becomes by a change. */
export type GrantChange =
  | { readonly to: 'inactive' | 'active' | 'removed'; readonly roleKeys?: undefined }
  | { readonly to: 'roles'; readonly roleKeys: readonly string[] };
