export * from '../public.js';
export {
  answerDenial,
  callerOf,
  checkedResource,
  createZitadel,
  requireAuthenticated,
  requirePermission,
  requireProjectRole,
  requireRole,
  requireThat,
} from './middleware.js';

export { zitadelEvents } from './zitadel-events.js';

export type { ZitadelAuthorizer } from '../core/zitadel-authorizer.js';
export type { ZitadelSurroundings } from '../services.js';
export type { ZitadelEvents } from '../zitadel/events/zitadel-events.js';
export type { ProjectGrantService } from '../zitadel/grants/project-grant-service.js';
export type { MembershipLists } from '../zitadel/memberships/lists.js';
export type { ExpressZitadel, Middleware, OnDenied } from './middleware.js';
