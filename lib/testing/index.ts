export { type EmulatorSettings, ZitadelEmulator } from './emulator.js';
export type { EndpointName } from './server/endpoints.js';
export type { Fault } from './server/faults.js';
export type {
  AccessTokenType,
  ApplicationOptions,
  AuthorizationOptions,
  MemberResource,
  Org,
  Project,
  ProjectGrant,
  ProjectOptions,
  Ref,
  ServiceUserOptions,
  TokenOptions,
  User,
  UserOptions,
} from './model.js';
export type { QueryLimits } from './server/pages.js';
export type { LoggedRequest } from './server/request-log.js';
export type { ServerLine } from './world/role-permissions.js';
export type { ServedApis } from './server/endpoints.js';
export type { PublishedKey } from './oidc/keys.js';
