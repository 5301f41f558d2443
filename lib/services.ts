import type { SharedCache } from './core/store/signed-cache.js';
import type { ZitadelLogger } from './core/tell.js';
import type { ZitadelAuthorizer } from './core/zitadel-authorizer.js';
import type { ZitadelEvents } from './zitadel/events/zitadel-events.js';
import type { ProjectGrantService } from './zitadel/grants/project-grant-service.js';
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

/** What an application may hand in besides its options. */
export interface ZitadelSurroundings {
  /** The store behind the memory cache, for `cache: { shared }`: Nest's CACHE_MANAGER, or anything with its get and set. */
  readonly sharedCache?: SharedCache | undefined;
  /** Used where the options name no logger. @default the console */
  readonly logger?: ZitadelLogger;
}
