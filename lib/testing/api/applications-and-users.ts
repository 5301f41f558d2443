import type { Instance } from '../instance.js';
import type { ApiMethod, Application } from '../oidc/credentials.js';
import { createdJson, detailsJson, listJson, pageIn, searchIn } from '../server/pages.js';
import { byText, type Message, type Oneof, requireId, stringField } from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import type { Details, UserRecord } from '../world/state.js';
import { createUser, removeUserAndAll } from '../world/tenants.js';
import { isoOf, requireUser } from '../world/world.js';
import { type ApiHandle, type ApiRow, callerWith, type Permission } from './caller.js';
import { projectOf } from './orgs-and-projects.js';

const listApplications: ApiHandle = (instance, exchange, message) => {
  const page = pageIn(message, 'query');
  const { id, orgId } = projectOf(instance, exchange, 'project.app.read');
  const rows = instance.credentials.applicationsOf(id);
  return listJson(instance, { page }, rows, (application) => ({
    id: application.appId,
    details: detailsJson(detailsOf(application.made, orgId)),
    state: application.active ? 'APP_STATE_ACTIVE' : 'APP_STATE_INACTIVE',
    name: application.name,
    ...configOf(application),
  }));
};

function configOf({ clientId, apiMethod, redirectUris }: Application): object {
  if (apiMethod === undefined) return { oidcConfig: { clientId, redirectUris } };
  // The first value of an enum is left out.
  const isBasic = apiMethod === 'API_AUTH_METHOD_TYPE_BASIC';
  return { apiConfig: { clientId, authMethodType: isBasic ? undefined : apiMethod } };
}

const postApiApplication: ApiHandle = (instance, exchange, message) => {
  const name = stringField(message, 'name');
  const method = methodIn(message);
  const project = projectOf(instance, exchange, 'project.app.write');
  requireId(name, 'AddAPIAppRequest.Name');
  const { credentials } = instance;
  const application = credentials.addApplication(project.id, { apiMethod: method, name });
  const { appId, clientId, made } = application;
  const isBasic = method === 'API_AUTH_METHOD_TYPE_BASIC';
  const clientSecret = isBasic ? credentials.addSecret(clientId) : undefined;
  const details = createdJson(detailsOf(made, project.orgId));
  return { appId, details, clientId, clientSecret };
};

function methodIn(message: Message): ApiMethod {
  const method = stringField(message, 'authMethodType');
  return method === 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT' ? method : 'API_AUTH_METHOD_TYPE_BASIC';
}

const deleteApplication: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.delete');
  instance.credentials.removeApplication(application.clientId);
  return { details: { resourceOwner: orgId } };
};

const listApplicationKeys: ApiHandle = (instance, exchange, message) => {
  const page = pageIn(message, 'query');
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.read');
  const ids = instance.credentials.keyIdsOf(application.clientId);
  return listJson(instance, { page }, ids, keyJson(instance, orgId));
};

function keyJson({ credentials }: Instance, orgId: string) {
  return (id: string): object => ({
    id,
    details: detailsJson(detailsOf(credentials.keys.get(id)?.made ?? 0, orgId)),
    type: 'KEY_TYPE_JSON',
    expirationDate: '9999-12-31T23:59:59Z',
  });
}

/** What is said of a new key: its file in base64, this once. */
function newKeyJson(
  { credentials }: Instance,
  file: string,
  orgId: string,
): { readonly id: string; readonly details: object; readonly keyDetails: string } {
  const { keyId: id } = JSON.parse(file) as { keyId: string };
  const details = createdJson(detailsOf(credentials.keys.get(id)?.made ?? 0, orgId));
  return { id, details, keyDetails: Buffer.from(file).toString('base64') };
}

const postApplicationKey: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.write');
  return newKeyJson(instance, instance.credentials.addApplicationKey(application), orgId);
};

const deleteApplicationKey: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.write');
  return dropKey(instance, application.clientId, exchange.params[2] ?? '', orgId);
};

function dropKey({ credentials }: Instance, ownerId: string, keyId: string, orgId: string): object {
  if (!credentials.keyIdsOf(ownerId).includes(keyId)) {
    throw new ZitadelError(5, 'COMMAND-4m77G', 'Errors.User.Machine.Key.NotFound');
  }
  credentials.removeKey(keyId);
  return { details: { resourceOwner: orgId } };
}

function applicationOf(
  instance: Instance,
  exchange: Exchange,
  permission: Permission,
): { readonly application: Application; readonly orgId: string } {
  const project = projectOf(instance, exchange, permission);
  const id = exchange.params[1] ?? '';
  const application = instance.credentials
    .applicationsOf(project.id)
    .find(({ appId }) => appId === id);
  if (application) return { application, orgId: project.orgId };
  throw new ZitadelError(5, 'COMMAND-0po9s', 'Errors.Project.App.NotExisting');
}

/** Of what has no stream of events here. */
function detailsOf(made: number, resourceOwner: string): Details {
  return { sequence: 1, created: made, changed: made, resourceOwner };
}

const USER_QUERY: Oneof<UserRecord> = {
  message: 'zitadel.user.v1.SearchQuery',
  field: 'query',
  members: {
    userNameQuery: byText('userName', ({ userName }) => userName, 'TEXT_QUERY'),
    emailQuery: undefined,
    stateQuery: undefined,
    typeQuery: undefined,
  },
};

/** Those of the organization of the call. */
const listUsers: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListUsersRequest', USER_QUERY);
  const caller = callerWith(instance, exchange, 'user.read');
  const { users, reads } = instance.world;
  const rows = [...users.values()].filter(
    ({ id, orgId }) => orgId === caller.orgId && reads.logins.has(id),
  );
  return listJson(instance, search, rows, userJson);
};

function userJson(user: UserRecord): object {
  const { id, kind, orgId, updated, userName, displayName } = user;
  const type = user.accessTokenType === 'jwt' ? 'ACCESS_TOKEN_TYPE_JWT' : undefined;
  return {
    id,
    details: detailsJson(detailsOf(updated, orgId)),
    state: `USER_STATE_${user.state.toUpperCase()}`,
    userName,
    loginNames: [userName],
    preferredLoginName: userName,
    ...(kind === 'serviceUser'
      ? { machine: { name: displayName, accessTokenType: type } }
      : { human: { profile: { displayName }, email: { email: user.email } } }),
  };
}

const postMachine: ApiHandle = (instance, exchange, message) => {
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

const deleteUser: ApiHandle = (instance, exchange) => {
  const user = userOf(instance, exchange, 'user.delete', 'COMMAND-m9od');
  removeUserAndAll(instance.world, instance.credentials, user.id);
  return { details: { resourceOwner: user.orgId } };
};

const listUserKeys: ApiHandle = (instance, exchange, message) => {
  const page = pageIn(message, 'query');
  const { id, orgId } = userOf(instance, exchange, 'user.read', 'QUERY-Dfbg2');
  const ids = instance.credentials.keyIdsOf(id);
  return listJson(instance, { page }, ids, keyJson(instance, orgId));
};

const postUserKey: ApiHandle = (instance, exchange) => {
  const user = userOf(instance, exchange, 'user.write', 'COMMAND-bOpgd');
  const file = instance.credentials.addUserKey(user.id);
  const { id: keyId, ...more } = newKeyJson(instance, file, user.orgId);
  return { keyId, ...more };
};

const deleteUserKey: ApiHandle = (instance, exchange) => {
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

const APPS = '/management/v1/projects/*/apps';
const APP_KEYS = `${APPS}/*/keys`;
const USERS = '/management/v1/users';
const USER_KEYS = `${USERS}/*/keys`;

export const APPLICATIONS_AND_USERS: readonly ApiRow[] = [
  ['POST', `${APPS}/_search`, 'applications', listApplications],
  ['POST', `${APPS}/api`, 'applications', postApiApplication],
  ['DELETE', `${APPS}/*`, 'applications', deleteApplication],
  ['POST', `${APP_KEYS}/_search`, 'applicationKeys', listApplicationKeys],
  ['POST', APP_KEYS, 'applicationKeys', postApplicationKey],
  ['DELETE', `${APP_KEYS}/*`, 'applicationKeys', deleteApplicationKey],
  ['POST', `${USERS}/_search`, 'users', listUsers],
  ['POST', `${USERS}/machine`, 'users', postMachine],
  ['DELETE', `${USERS}/*`, 'users', deleteUser],
  ['POST', `${USER_KEYS}/_search`, 'userKeys', listUserKeys],
  ['POST', USER_KEYS, 'userKeys', postUserKey],
  ['DELETE', `${USER_KEYS}/*`, 'userKeys', deleteUserKey],
];
