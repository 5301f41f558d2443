export * from './public.js';
export { ZitadelAuthorizer } from './core/zitadel-authorizer.js';
export { ZitadelEvents } from './zitadel/events/zitadel-events.js';
export { MembershipLists } from './zitadel/memberships/lists.js';
export { accessOf } from './nest/access.js';
export { ProjectGrantService } from './nest/project-grant-service.js';
export { ZitadelDecisionStream, ZitadelEvictionStream } from './nest/zitadel.streams.js';
export { ZitadelExceptionFilter } from './nest/zitadel-exception.filter.js';
export { ZitadelManagerGuard } from './nest/zitadel-manager.guard.js';
export { ZitadelModule } from './nest/zitadel.module.js';
export {
  AllowImpersonation,
  Authenticated,
  CheckedResource,
  CurrentCaller,
  Public,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
} from './nest/zitadel.decorators.js';
export { getZitadelToken } from './nest/zitadel.module-definition.js';
export type { Access } from './nest/access.js';
export type {
  AtZitadel,
  AuthenticatedSettings,
  DecoratorOptions,
} from './nest/zitadel.decorators.js';
export type {
  AnyModuleOptions,
  ApplicationOptions,
  SeveralModuleOptions,
  ZitadelModuleOptions,
  ZitadelOfModule,
  ZitadelOptionsFactory,
  ZitadelRootOptions,
} from './nest/zitadel.module-definition.js';
