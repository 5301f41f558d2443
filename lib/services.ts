import type { ZitadelAuthorizer } from './core/zitadel-authorizer.js';
import type { ProjectGrantService } from './zitadel/grants/project-grant-service.js';
import type { ZitadelEvents } from './zitadel/events/zitadel-events.js';
import type { MembershipLists } from './zitadel/memberships/lists.js';

/** What asks one instance of ZITADEL. */
export interface ZitadelServices<Grants = ProjectGrantService> {
  /** The same questions from services, lists and jobs. */
  readonly authorizer: ZitadelAuthorizer;
  readonly projectGrants: Grants;
  /** ZITADEL's lists of manager roles themselves. */
  readonly membershipLists: MembershipLists;
  /** Receives ZITADEL's events, and says what came. */
  readonly events: ZitadelEvents;
}

/** What asks an instance, and each of several by its issuer. */
export interface ZitadelInstances<Grants = ProjectGrantService> extends ZitadelServices<Grants> {
  /** By issuer. Without the option `instances` it is one. With it, project grants and lists are asked for only here. */
  readonly instances: ReadonlyMap<string, ZitadelServices<Grants>>;
}
