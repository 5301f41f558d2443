import type { ProjectGrant } from './project-grant.js';

/** A project, and the organization that owns it. */
export interface OfProject {
  readonly projectId: string;
  /**
   * The organization that owns the project. API v1 asks for it in `x-zitadel-orgid`; on v2 too a write is refused, and no grant is found,
   * where another one owns the project. Left out, it is what was learned before, or what the option `projectOwner` says, or (v1) the
   * service user's own organization.
   */
  readonly organizationId?: string;
}

/**
 * One project grant of a project: named by the organization to which it is granted, or by its id, which API v1 alone has. A
 * `ProjectGrant` that was listed can be passed as it is: named by both, it must be one grant. On v1 it is read first, and refused where
 * they are two; on v2, which cannot compare them, an id is a `ZitadelArgumentError`, also beside the organization: leave it out.
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
