import type { Instance } from '../instance.js';
import type { ApiMethod, Application } from '../oidc/credentials.js';
import { createdJson, detailsJson, listJson, pageIn } from '../server/pages.js';
import { type Message, requireId, stringField } from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import type { Details } from '../world/state.js';
import { type ApiHandle, type Permission } from './caller.js';
import { projectOf } from './v1-projects.js';

/** POST /management/v1/projects/{projectId}/apps/_search */
export const listApplications: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const { project } = projectOf(instance, exchange, 'project.app.read');
  const rows = instance.credentials.applicationsOf(project.id);
  return listJson(instance.world.reads, rows, instance.limits.ofV1(asked), (application) => ({
    id: application.appId,
    details: detailsJson(detailsOf(application.made, project.orgId)),
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

/** POST /management/v1/projects/{projectId}/apps/api */
export const postApiApplication: ApiHandle = (instance, exchange, message) => {
  const name = stringField(message, 'name');
  const method = methodIn(message);
  const { project } = projectOf(instance, exchange, 'project.app.write');
  requireId(name, 'AddAPIAppRequest.Name');
  const { credentials } = instance;
  const application = credentials.addApiApplication(project.id, method, name);
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

/** DELETE /management/v1/projects/{projectId}/apps/{appId} */
export const deleteApplication: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.delete');
  instance.credentials.removeApplication(application.clientId);
  return { details: { resourceOwner: orgId } };
};

/** POST /management/v1/projects/{projectId}/apps/{appId}/keys/_search */
export const listApplicationKeys: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.read');
  return keysJson(instance, asked, application.clientId, orgId);
};

/** A list of keys. */
export function keysJson(
  { credentials, world, limits }: Instance,
  asked: ReturnType<typeof pageIn>,
  ownerId: string,
  orgId: string,
): object {
  const ids = credentials.keyIdsOf(ownerId);
  return listJson(world.reads, ids, limits.ofV1(asked), (id) => ({
    id,
    details: detailsJson(detailsOf(credentials.keys.get(id)?.made ?? 0, orgId)),
    type: 'KEY_TYPE_JSON',
    expirationDate: '9999-12-31T23:59:59Z',
  }));
}

/** What is said of a new key: its file in base64, this once. */
export function newKeyJson(
  { credentials }: Instance,
  file: string,
  orgId: string,
): { readonly id: string; readonly details: object; readonly keyDetails: string } {
  const { keyId: id } = JSON.parse(file) as { keyId: string };
  const details = createdJson(detailsOf(credentials.keys.get(id)?.made ?? 0, orgId));
  return { id, details, keyDetails: Buffer.from(file).toString('base64') };
}

/** POST /management/v1/projects/{projectId}/apps/{appId}/keys */
export const postApplicationKey: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.write');
  return newKeyJson(instance, instance.credentials.addApplicationKey(application), orgId);
};

/** DELETE /management/v1/projects/{projectId}/apps/{appId}/keys/{keyId} */
export const deleteApplicationKey: ApiHandle = (instance, exchange) => {
  const { application, orgId } = applicationOf(instance, exchange, 'project.app.write');
  return dropKey(instance, application.clientId, exchange.params[2] ?? '', orgId);
};

export function dropKey(
  { credentials }: Instance,
  ownerId: string,
  keyId: string,
  orgId: string,
): object {
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
  const { project } = projectOf(instance, exchange, permission);
  const id = exchange.params[1] ?? '';
  const application = instance.credentials
    .applicationsOf(project.id)
    .find(({ appId }) => appId === id);
  if (application) return { application, orgId: project.orgId };
  throw new ZitadelError(5, 'COMMAND-0po9s', 'Errors.Project.App.NotExisting');
}

/** Applications and keys have no stream of events here. */
function detailsOf(made: number, resourceOwner: string): Details {
  return { sequence: 1, created: made, changed: made, resourceOwner };
}
