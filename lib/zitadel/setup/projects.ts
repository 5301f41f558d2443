import { isRecord, textOf } from '../reading.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  idFrom,
  type Json,
  madeAt,
  recordOf,
  segment,
} from './administration.js';
import { type Key, keyFileFrom, NEVER, NEW_KEY, type NewKey } from './service-users.js';

export interface Project {
  readonly id: string;
  readonly isActive: boolean;
  readonly madeAt: number;
}

export interface Role {
  readonly key: string;
  readonly madeAt: number;
}

const V1 = '/management/v1/projects';
const V2 = 'project.v2.ProjectService';

/** The project of this name that the organization owns. Names are unique there. */
export async function findProject(
  administration: Administration,
  name: string,
): Promise<Project | undefined> {
  const { orgId } = administration;
  const what = 'list of projects';
  const queries = [{ nameQuery: { name, method: 'TEXT_QUERY_METHOD_EQUALS' } }];
  const filters = [{ projectNameFilter: { projectName: name } }];
  const rows = await administration.list(what, {
    rest: ['POST', `${V1}/_search`, { ...ALL_ROWS, queries }],
    connect: [`${V2}/ListProjects`, { ...ALL_ROWS_V2, filters }, 'projects'],
  });
  // v2 lists those of all organizations, and those that are granted to one.
  const row = rows.find(
    (each) => each['name'] === name && (each['organizationId'] ?? orgId) === orgId,
  );
  return (
    row && {
      id: idFrom(row['projectId'] ?? row['id'], what),
      isActive: row['state'] === 'PROJECT_STATE_ACTIVE',
      madeAt: madeAt(row),
    }
  );
}

/** Returns the id. */
export async function createProject(administration: Administration, name: string): Promise<string> {
  const what = 'new project';
  const body = await administration.do(what, {
    rest: ['POST', V1, { name }],
    connect: [`${V2}/CreateProject`, { organizationId: administration.orgId, name }],
  });
  return idFrom(body['projectId'] ?? body['id'], what);
}

/** Removes a project with everything in it. */
export async function removeProject(administration: Administration, id: string): Promise<void> {
  await administration.do('removal of the project', {
    rest: ['DELETE', `${V1}/${segment(id)}`],
    connect: [`${V2}/DeleteProject`, { projectId: id }],
  });
}

/** The roles of a project. */
export async function listRoles(
  administration: Administration,
  projectId: string,
): Promise<readonly Role[]> {
  const what = 'list of roles';
  const rows = await administration.list(what, {
    rest: ['POST', `${V1}/${segment(projectId)}/roles/_search`, ALL_ROWS],
    connect: [`${V2}/ListProjectRoles`, { projectId, ...ALL_ROWS_V2 }, 'projectRoles'],
  });
  return rows.map((row) => ({ key: idFrom(row['key'], what), madeAt: madeAt(row) }));
}

export async function addRole(
  administration: Administration,
  projectId: string,
  key: string,
): Promise<void> {
  const roles = [{ key, displayName: key }];
  await administration.do(`role ${key}`, {
    rest: ['POST', `${V1}/${segment(projectId)}/roles/_bulk`, { roles }],
    connect: [`${V2}/AddProjectRole`, { projectId, roleKey: key, displayName: key }],
  });
}

/** Removes a role of a project. Users and project grants lose it. */
export async function removeRole(
  administration: Administration,
  projectId: string,
  key: string,
): Promise<void> {
  await administration.do(`removal of the role ${key}`, {
    rest: ['DELETE', `${V1}/${segment(projectId)}/roles/${segment(key)}`],
    connect: [`${V2}/RemoveProjectRole`, { projectId, roleKey: key }],
  });
}

/** Names of the organizations to which a project is granted. */
export async function listGrantees(
  administration: Administration,
  projectId: string,
): Promise<readonly string[]> {
  const filters = [{ inProjectIdsFilter: { ids: [projectId] } }];
  const rows = await administration.list('list of project grants', {
    rest: ['POST', `${V1}/${segment(projectId)}/grants/_search`, ALL_ROWS],
    connect: [`${V2}/ListProjectGrants`, { ...ALL_ROWS_V2, filters }, 'projectGrants'],
  });
  return rows.map((row) => textOf(row['grantedOrgName'] ?? row['grantedOrganizationName']));
}

export interface Application {
  readonly id: string;
  readonly name: string;
  readonly clientId: string;
  /** Whether it is an API that signs in with a key. */
  readonly hasKeys: boolean;
  readonly isActive: boolean;
  readonly madeAt: number;
}

const APPLICATIONS = 'application.v2.ApplicationService';
const METHOD = 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT';

const pathOf = (projectId: string): string => `${V1}/${segment(projectId)}/apps`;

/** The applications of a project. */
export async function listApplications(
  administration: Administration,
  projectId: string,
): Promise<readonly Application[]> {
  const what = 'list of applications';
  const message = { ...ALL_ROWS_V2, filters: [{ projectIdFilter: { projectId } }] };
  const rows = await administration.list(what, {
    rest: ['POST', `${pathOf(projectId)}/_search`, ALL_ROWS],
    connect: [`${APPLICATIONS}/ListApplications`, message, 'applications'],
  });
  return rows.map((row) => applicationFrom(row, what));
}

function applicationFrom(row: Json, what: string): Application {
  const api = row['apiConfig'] ?? row['apiConfiguration'];
  const { clientId, authMethodType } = isRecord(api) ? api : {};
  return {
    id: idFrom(row['applicationId'] ?? row['id'], what),
    name: textOf(row['name']),
    clientId: textOf(clientId),
    hasKeys: authMethodType === METHOD,
    isActive: /^APP(LICATION)?_STATE_ACTIVE$/.test(textOf(row['state'])),
    madeAt: madeAt(row),
  };
}

/** Makes an API application that signs in with a key. */
export async function createApplication(
  administration: Administration,
  projectId: string,
  name: string,
): Promise<Pick<Application, 'id' | 'clientId'>> {
  const what = 'new API application';
  const apiConfiguration = { authMethodType: METHOD };
  const body = await administration.do(what, {
    rest: ['POST', `${pathOf(projectId)}/api`, { name, ...apiConfiguration }],
    connect: [`${APPLICATIONS}/CreateApplication`, { projectId, name, apiConfiguration }],
  });
  const api = body['apiConfiguration'] === undefined ? body : body['apiConfiguration'];
  return {
    id: idFrom(body['appId'] ?? body['applicationId'], what),
    clientId: idFrom(recordOf(api, what)['clientId'], what),
  };
}

export async function removeApplication(
  administration: Administration,
  projectId: string,
  id: string,
): Promise<void> {
  await administration.do('removal of the API application', {
    rest: ['DELETE', `${pathOf(projectId)}/${segment(id)}`],
    connect: [`${APPLICATIONS}/DeleteApplication`, { projectId, applicationId: id }],
  });
}

/** The keys of an application. */
export async function listApplicationKeys(
  administration: Administration,
  projectId: string,
  id: string,
): Promise<readonly Key[]> {
  const what = 'list of the application’s keys';
  const message = { ...ALL_ROWS_V2, filters: [{ applicationIdFilter: { applicationId: id } }] };
  const rows = await administration.list(what, {
    rest: ['POST', `${pathOf(projectId)}/${segment(id)}/keys/_search`, ALL_ROWS],
    connect: [`${APPLICATIONS}/ListApplicationKeys`, message, 'keys'],
  });
  return rows.map((row) => ({ id: idFrom(row['keyId'] ?? row['id'], what), madeAt: madeAt(row) }));
}

export async function addApplicationKey(
  administration: Administration,
  projectId: string,
  id: string,
): Promise<NewKey> {
  const what = 'new key of the API application';
  const message = { projectId, applicationId: id, expirationDate: NEVER };
  const body = await administration.do(what, {
    rest: ['POST', `${pathOf(projectId)}/${segment(id)}/keys`, NEW_KEY],
    connect: [`${APPLICATIONS}/CreateApplicationKey`, message],
  });
  return {
    id: idFrom(body['keyId'] ?? body['id'], what),
    file: keyFileFrom(body['keyDetails'], what),
  };
}

export async function removeApplicationKey(
  administration: Administration,
  projectId: string,
  id: string,
  keyId: string,
): Promise<void> {
  await administration.do('removal of the application’s key', {
    rest: ['DELETE', `${pathOf(projectId)}/${segment(id)}/keys/${segment(keyId)}`],
    connect: [`${APPLICATIONS}/DeleteApplicationKey`, { projectId, applicationId: id, keyId }],
  });
}
