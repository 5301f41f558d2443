export { decisionOf } from './core/checked.js';
export { customRole } from './core/roles.js';
export { allOf, anyOf, authenticated, role } from './core/requirement.js';
export { permission } from './core/permission-requirement.js';
export { projectRole } from './core/project-role-requirement.js';
export { org, project, projectGrant } from './core/resource.js';
export {
  ZitadelArgumentError,
  ZitadelError,
  ZitadelOptionsError,
  ZitadelRequirementError,
} from './core/errors.js';
export { DENIAL, denialAnswer } from './core/denial.js';
export { ZITADEL_HIERARCHY } from './core/hierarchy.js';
export { ZitadelNotAllowedError } from './core/questions.js';
export { ZitadelApiError, ZitadelUnavailableError } from './zitadel/api-error.js';
export { basic, clientCredentials, key, keyFile, pat } from './zitadel/credentials.js';
export { introspection, jwt, userinfo } from './options.js';
export { ZitadelAuthorizer } from './core/questions.js';
export { MembershipLists } from './zitadel/membership-list.js';
export { ProjectGrantService } from './zitadel/project-grant-service.js';
export { ZitadelDecisionStream } from './nest/decision-stream.js';
export { ZitadelExceptionFilter } from './nest/zitadel-exception.filter.js';
export { ZitadelManagerGuard } from './nest/zitadel-manager.guard.js';
export { ZitadelModule } from './nest/zitadel.module.js';
export {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  Public,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
} from './nest/zitadel.decorators.js';

export type { DecisionEvent, DecisionListener } from './core/decision-news.js';
export type { Caller } from './core/caller.js';
export type {
  Allowed,
  CheckedRef,
  Decision,
  Denied,
  DenyReason,
  MembershipRead,
} from './core/decision.js';
export type { DenialAnswer, DenialBody } from './core/denial.js';
export type { ZitadelErrorCode } from './core/errors.js';
export type { HierarchyTable } from './core/hierarchy.js';
export type { FreshOptions } from './core/fresh.js';
export type { ZitadelLogger } from './core/log.js';
export type { Membership } from './core/membership.js';
export type { Explanation, ResourceLookup, Who } from './core/questions.js';
export type {
  PermissionName,
  PermissionRef,
  PermissionRequirement,
} from './core/permission-requirement.js';
export type { ProjectRoleOn, ProjectRoleRequirement } from './core/project-role-requirement.js';
export type { RequestLike } from './core/request.js';
export type {
  AllOf,
  AnyOf,
  AuthenticatedOptions,
  AuthenticatedRequirement,
  Requirement,
  RoleName,
  RoleRequirement,
} from './core/requirement.js';
export type {
  IdReader,
  IdReaderClass,
  IdSource,
  OrgRef,
  ProjectGrantParts,
  ProjectGrantRef,
  ProjectRef,
  ReadId,
  RefBuilder,
  ResourceRef,
  TiedProjectRef,
  UntiedProjectRef,
} from './core/resource.js';
export type {
  CustomRole,
  InstanceRole,
  ManagerRole,
  OrgRole,
  ProjectGrantRole,
  ProjectRole,
  ResourceKind,
} from './core/roles.js';
export type { SharedCache } from './core/shared-store.js';
export type {
  ApiSetting,
  CallerFunction,
  Callers,
  IntrospectionCallers,
  JwtCallers,
  JwtSettings,
  MixedCallers,
  UserinfoCallers,
  ZitadelOptions,
} from './options.js';
export type {
  IntrospectionCredential,
  ServiceUserCredential,
  ZitadelCredential,
} from './zitadel/credentials.js';
export type { EnsuredGrant, WantedGrant } from './zitadel/ensure-project-grant.js';
export type {
  MembershipList,
  MembershipListFilter,
  MembershipListRequest,
  MembershipRow,
  UserMembershipListRequest,
} from './zitadel/membership-list.js';
export type { ProjectGrant } from './zitadel/project-grant.js';
export type {
  ChangeDetails,
  GrantFilter,
  NewGrant,
  OfGrant,
  OfProject,
} from './zitadel/project-grant-service.js';
export type { AuthenticatedSettings } from './nest/zitadel.decorators.js';
export type {
  ZitadelModuleOptions,
  ZitadelOptionsFactory,
} from './nest/zitadel.module-definition.js';
