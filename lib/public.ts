// What both entries offer: that of Nest and that of Express.
export { decisionOf, letIn } from './core/attached-decision.js';
export { auditTo } from './core/audit.js';
export { DENIAL, denialAnswer } from './core/decision.js';
export {
  ZitadelArgumentError,
  ZitadelError,
  ZitadelOptionsError,
  ZitadelRequirementError,
} from './core/errors.js';
export {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from './core/requirement/builders.js';
export { customPermission } from './core/requirement/permissions.js';
export { org, project, projectGrant } from './core/requirement/refs.js';
export { requirementText } from './core/requirement/requirement.js';
export { customRole, ZITADEL_HIERARCHY } from './core/requirement/roles.js';
export { ZitadelNotAllowedError } from './core/zitadel-authorizer.js';
export { introspection, jwt, userinfo } from './callers.js';
export { basic, clientCredentials, key, keyFile, pat } from './zitadel/credentials.js';
export { verifyEvent } from './zitadel/events/verify-event.js';
export { ZitadelApiError, ZitadelUnavailableError } from './zitadel/refusals.js';

export type { Audit, AuditRecord, DecisionRecord, EvictionRecord } from './core/audit.js';
export type { Caller, Membership } from './core/caller.js';
export type { CurrentDecision } from './core/attached-decision.js';
export type {
  Allowed,
  CheckedKind,
  CheckedRef,
  Decision,
  DenialAnswer,
  DenialBody,
  Denied,
  DenyReason,
  MembershipRead,
  Refusal,
} from './core/decision.js';
export type { ZitadelErrorCode } from './core/errors.js';
export type { Eviction, EvictionEvent, EvictionListener } from './core/eviction.js';
export type { SharedCache } from './core/store/signed-cache.js';
export type {
  IdReader,
  IdReaderClass,
  IdSource,
  NamedPlace,
  ReadId,
  RequestLike,
} from './core/request.js';
export type {
  AuthenticatedOptions,
  OptionalCaller,
  ProjectRoleOn,
} from './core/requirement/builders.js';
export type {
  CustomPermission,
  KnownPermission,
  PermissionName,
} from './core/requirement/permissions.js';
export type {
  OrgRef,
  OrgRefBuilder,
  ProjectGrantParts,
  ProjectGrantRef,
  ProjectRef,
  RefBuilder,
  ResourceRef,
  TiedProjectRef,
  UntiedProjectRef,
} from './core/requirement/refs.js';
export type {
  AllOf,
  AnyOf,
  AuthenticatedRequirement,
  PermissionRef,
  PermissionRequirement,
  ProjectRoleRequirement,
  Requirement,
  RoleRequirement,
  ImpersonationSettings,
  FreshOptions,
} from './core/requirement/requirement.js';
export type {
  FittingRoles,
  OnArgs,
  RoleName,
  RolesArg,
  WrittenRoles,
} from './core/requirement/role-args.js';
export type {
  CustomRole,
  HierarchyTable,
  InstanceRole,
  ManagerRole,
  OrgRole,
  ProjectGrantRole,
  ProjectRole,
  ResourceKind,
} from './core/requirement/roles.js';
export type {
  BreakerState,
  FoundIn,
  RememberedKind,
  StartTelemetry,
  Telemetry,
  TelemetryEnd,
  TelemetryStep,
} from './core/telemetry.js';
export type { DecisionEvent, DecisionListener, HowDecided, ZitadelLogger } from './core/tell.js';
export type { Explanation, ResourceLookup, Who } from './core/zitadel-authorizer.js';
export type {
  CallerFunction,
  Callers,
  IntrospectionCallers,
  JwtCallers,
  JwtSettings,
  MixedCallers,
  OneWay,
  UserinfoCallers,
} from './callers.js';
export type { MessageBus } from './fleet/fleet.js';
export type { RedisClient } from './fleet/redis-client.js';
export type { ApiSetting, SharedSecret, ZitadelOptions } from './options.js';
export type { InstanceOptions, OptionsOfAll, SeveralInstances } from './instances-option.js';
export type { ZitadelInstances, ZitadelServices } from './services.js';
export type { Fetch } from './zitadel/call.js';
export type {
  IntrospectionCredential,
  ServiceUserCredential,
  ZitadelCredential,
} from './zitadel/credentials.js';
export type { ZitadelEvent } from './zitadel/events/event.js';
export type { EventProblem, EventVerdict } from './zitadel/events/verify-event.js';
export type { TailStatus } from './zitadel/events/tail.js';
export type { EventsStatus } from './zitadel/events/zitadel-events.js';
export type { EnsuredGrant, WantedGrant } from './zitadel/grants/ensure.js';
export type { EnsureManyOptions, GrantProgress } from './zitadel/grants/ensure-many.js';
export type {
  AddedGrant,
  ChangeDetails,
  GrantFilter,
  NewGrant,
  OfGrant,
  OfProject,
  ProjectGrant,
} from './zitadel/grants/project-grant.js';
export type {
  MembershipList,
  MembershipListFilter,
  MembershipListRequest,
  MembershipRow,
  UserMembershipListRequest,
} from './zitadel/memberships/by-v1.js';
