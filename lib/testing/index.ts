export { type EmulatorSettings, ZitadelEmulator } from './emulator.js';
export type { EndpointName } from './endpoints.js';
export type { Fault } from './faults.js';
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
export type { QueryLimits } from './pages.js';
export type { LoggedRequest } from './request-log.js';
export type { ServerLine } from './role-permissions.js';
export type { ServedApis } from './served-apis.js';
export type { PublishedKey } from './signing-keys.js';
