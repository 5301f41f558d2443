import type { Instance } from '../instance.js';
import { detailsJson, listJson, pageIn } from '../server/pages.js';
import { type Oneof, requireId, stringField } from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import type { UserRecord } from '../world/state.js';
import { createUser, removeUserAndAll } from '../world/tenants.js';
import { isoOf, requireUser } from '../world/world.js';
import { type ApiHandle, callerWith, type Permission } from './caller.js';
import { dropKey, keysJson, newKeyJson } from './v1-applications.js';
import { namesIn } from './v1-projects.js';

const QUERY = {
  message: 'zitadel.user.v1.SearchQuery',
  field: 'query',
  members: ['userNameQuery', 'emailQuery', 'stateQuery', 'typeQuery'],
} as const satisfies Oneof<string>;

/** POST /management/v1/users/_search: those of the organization of the call. */
export const listUsers: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const names = namesIn(message, exchange, QUERY, 'ListUsersRequest', 'userName');
  const caller = callerWith(instance, exchange, 'user.read');
  const { users, reads } = instance.world;
  const rows = [...users.values()].filter(
    ({ id, orgId, userName }) =>
      orgId === caller.orgId && reads.logins.has(id) && names().every((each) => each === userName),
  );
  return listJson(reads, rows, instance.limits.ofV1(asked), userJson);
};

function userJson(user: UserRecord): object {
  const { id, kind, orgId, updated, userName, displayName } = user;
  const details = { sequence: 1, created: updated, changed: updated, resourceOwner: orgId };
  const type = user.accessTokenType === 'jwt' ? 'ACCESS_TOKEN_TYPE_JWT' : undefined;
  return {
    id,
    details: detailsJson(details),
    state: `USER_STATE_${user.state.toUpperCase()}`,
    userName,
    loginNames: [userName],
    preferredLoginName: userName,
    ...(kind === 'serviceUser'
      ? { machine: { name: displayName, accessTokenType: type } }
      : { human: { profile: { displayName }, email: { email: user.email } } }),
  };
}

/** POST /management/v1/users/machine */
export const postMachine: ApiHandle = (instance, exchange, message) => {
  const [userName, name] = [stringField(message, 'userName'), stringField(message, 'name')];
  const isJwt = stringField(message, 'accessTokenType') === 'ACCESS_TOKEN_TYPE_JWT';
  const caller = callerWith(instance, exchange, 'user.write');
  requireId(userName, 'AddMachineUserRequest.UserName');
  requireId(name, 'AddMachineUserRequest.Name');
  const accessTokenType = isJwt ? 'jwt' : 'opaque';
  const naming = { displayName: name, accessTokenType } as const;
  const { world } = instance;
  const user = createUser(world, 'serviceUser', userName, caller.orgId, naming);
  const { updated } = requireUser(world, user.id);
  const details = { sequence: '1', changeDate: isoOf(updated), resourceOwner: caller.orgId };
  return { userId: user.id, details };
};

/** DELETE /management/v1/users/{id} */
export const deleteUser: ApiHandle = (instance, exchange) => {
  const user = userOf(instance, exchange, 'user.delete', 'COMMAND-m9od');
  removeUserAndAll(instance.world, instance.credentials, user.id);
  return { details: { resourceOwner: user.orgId } };
};

/** POST /management/v1/users/{userId}/keys/_search */
export const listUserKeys: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const user = userOf(instance, exchange, 'user.read', 'QUERY-Dfbg2');
  return keysJson(instance, asked, user.id, user.orgId);
};

/** POST /management/v1/users/{userId}/keys */
export const postUserKey: ApiHandle = (instance, exchange) => {
  const user = userOf(instance, exchange, 'user.write', 'COMMAND-bOpgd');
  const file = instance.credentials.addUserKey(user.id);
  const { id: keyId, ...more } = newKeyJson(instance, file, user.orgId);
  return { keyId, ...more };
};

/** DELETE /management/v1/users/{userId}/keys/{keyId} */
export const deleteUserKey: ApiHandle = (instance, exchange) => {
  const user = userOf(instance, exchange, 'user.write', 'COMMAND-4m77G');
  return dropKey(instance, user.id, exchange.params[1] ?? '', user.orgId);
};

function userOf(
  instance: Instance,
  exchange: Exchange,
  permission: Permission,
  missing: string,
): UserRecord {
  const caller = callerWith(instance, exchange, permission);
  const user = instance.world.users.get(exchange.params[0] ?? '');
  if (user?.orgId === caller.orgId) return user;
  throw new ZitadelError(5, missing, 'Errors.User.NotFound');
}
