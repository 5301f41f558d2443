export { denyAs, guardAs } from './doubles.js';
export { ZitadelEmulator } from './emulator.js';
export type { CheckedIds, GuardDouble, TestCaller } from './doubles.js';
export type {
  AccessTokenType,
  ApiApplicationOptions,
  ApplicationOptions,
  AuthorizationOptions,
  DeliveryFaults,
  EmulatorSettings,
  Fault,
  IdOption,
  MemberResource,
  Org,
  Project,
  ProjectGrant,
  ProjectOptions,
  QueryLimits,
  Ref,
  ServiceUserOptions,
  Target,
  TargetOptions,
  TokenOptions,
  User,
  UserOptions,
} from './model.js';
export type { PublishedKey } from './oidc/keys.js';
export type { EndpointName, ServedApis } from './server/endpoints.js';
export type { LoggedRequest } from './server/request-log.js';
export type { ServerLine } from './world/role-permissions.js';
