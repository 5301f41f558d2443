import { isRecord, textOf } from '../reading.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  idFrom,
  type Json,
  keyFileFrom,
  madeAt,
  NEVER,
  recordOf,
  segment,
} from './administration.js';
import type { Key, NewKey } from './service-users.js';

export interface Application {
  readonly id: string;
  readonly name: string;
  readonly clientId: string;
  /** Whether it is an API that signs in with a key. */
  readonly hasKeys: boolean;
  readonly isActive: boolean;
  readonly madeAt: number;
}

const V2 = 'application.v2.ApplicationService';
const METHOD = 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT';

function pathOf(projectId: string): string {
  return `/management/v1/projects/${segment(projectId)}/apps`;
}

/** The applications of a project. */
export async function listApplications(
  administration: Administration,
  projectId: string,
): Promise<readonly Application[]> {
  const what = 'list of applications';
  const filters = [{ projectIdFilter: { projectId } }];
  const rows = await administration.list(
    what,
    {
      v1: { method: 'POST', path: `${pathOf(projectId)}/_search`, json: { query: ALL_ROWS } },
      v2: { rpc: `${V2}/ListApplications`, message: { pagination: ALL_ROWS_V2, filters } },
    },
    'applications',
  );
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
    v1: { method: 'POST', path: `${pathOf(projectId)}/api`, json: { name, ...apiConfiguration } },
    v2: { rpc: `${V2}/CreateApplication`, message: { projectId, name, apiConfiguration } },
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
    v1: { method: 'DELETE', path: `${pathOf(projectId)}/${segment(id)}` },
    v2: { rpc: `${V2}/DeleteApplication`, message: { projectId, applicationId: id } },
  });
}

/** The keys of an application. */
export async function listApplicationKeys(
  administration: Administration,
  projectId: string,
  id: string,
): Promise<readonly Key[]> {
  const what = 'list of the application’s keys';
  const filters = [{ applicationIdFilter: { applicationId: id } }];
  const path = `${pathOf(projectId)}/${segment(id)}/keys/_search`;
  const rows = await administration.list(
    what,
    {
      v1: { method: 'POST', path, json: { query: ALL_ROWS } },
      v2: { rpc: `${V2}/ListApplicationKeys`, message: { pagination: ALL_ROWS_V2, filters } },
    },
    'keys',
  );
  return rows.map((row) => ({ id: idFrom(row['keyId'] ?? row['id'], what), madeAt: madeAt(row) }));
}

export async function addApplicationKey(
  administration: Administration,
  projectId: string,
  id: string,
): Promise<NewKey> {
  const what = 'new key of the API application';
  const body = await administration.do(what, {
    v1: {
      method: 'POST',
      path: `${pathOf(projectId)}/${segment(id)}/keys`,
      json: { type: 'KEY_TYPE_JSON', expirationDate: NEVER },
    },
    v2: {
      rpc: `${V2}/CreateApplicationKey`,
      message: { projectId, applicationId: id, expirationDate: NEVER },
    },
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
    v1: { method: 'DELETE', path: `${pathOf(projectId)}/${segment(id)}/keys/${segment(keyId)}` },
    v2: {
      rpc: `${V2}/DeleteApplicationKey`,
      message: { projectId, applicationId: id, keyId },
    },
  });
}
