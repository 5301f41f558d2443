import { textOf } from '../reading.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  idFrom,
  madeAt,
  segment,
} from './administration.js';

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
  const nameQuery = { name, method: 'TEXT_QUERY_METHOD_EQUALS' };
  const filters = [{ projectNameFilter: { projectName: name } }];
  const rows = await administration.list(
    what,
    {
      v1: {
        method: 'POST',
        path: `${V1}/_search`,
        json: { query: ALL_ROWS, queries: [{ nameQuery }] },
      },
      v2: { rpc: `${V2}/ListProjects`, message: { pagination: ALL_ROWS_V2, filters } },
    },
    'projects',
  );
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
    v1: { method: 'POST', path: V1, json: { name } },
    v2: { rpc: `${V2}/CreateProject`, message: { organizationId: administration.orgId, name } },
  });
  return idFrom(body['projectId'] ?? body['id'], what);
}

/** Removes a project with everything in it. */
export async function removeProject(administration: Administration, id: string): Promise<void> {
  await administration.do('removal of the project', {
    v1: { method: 'DELETE', path: `${V1}/${segment(id)}` },
    v2: { rpc: `${V2}/DeleteProject`, message: { projectId: id } },
  });
}

/** The roles of a project. */
export async function listRoles(
  administration: Administration,
  projectId: string,
): Promise<readonly Role[]> {
  const what = 'list of roles';
  const rows = await administration.list(
    what,
    {
      v1: {
        method: 'POST',
        path: `${V1}/${segment(projectId)}/roles/_search`,
        json: { query: ALL_ROWS },
      },
      v2: { rpc: `${V2}/ListProjectRoles`, message: { projectId, pagination: ALL_ROWS_V2 } },
    },
    'projectRoles',
  );
  return rows.map((row) => ({ key: idFrom(row['key'], what), madeAt: madeAt(row) }));
}

export async function addRole(
  administration: Administration,
  projectId: string,
  key: string,
): Promise<void> {
  const roles = [{ key, displayName: key }];
  await administration.do(`role ${key}`, {
    v1: { method: 'POST', path: `${V1}/${segment(projectId)}/roles/_bulk`, json: { roles } },
    v2: {
      rpc: `${V2}/AddProjectRole`,
      message: { projectId, roleKey: key, displayName: key },
    },
  });
}

/** Removes a role of a project. Users and project grants lose it. */
export async function removeRole(
  administration: Administration,
  projectId: string,
  key: string,
): Promise<void> {
  await administration.do(`removal of the role ${key}`, {
    v1: { method: 'DELETE', path: `${V1}/${segment(projectId)}/roles/${segment(key)}` },
    v2: { rpc: `${V2}/RemoveProjectRole`, message: { projectId, roleKey: key } },
  });
}

/** Names of the organizations to which a project is granted. */
export async function listGrantees(
  administration: Administration,
  projectId: string,
): Promise<readonly string[]> {
  const filters = [{ inProjectIdsFilter: { ids: [projectId] } }];
  const rows = await administration.list(
    'list of project grants',
    {
      v1: {
        method: 'POST',
        path: `${V1}/${segment(projectId)}/grants/_search`,
        json: { query: ALL_ROWS },
      },
      v2: { rpc: `${V2}/ListProjectGrants`, message: { pagination: ALL_ROWS_V2, filters } },
    },
    'projectGrants',
  );
  return rows.map((row) => textOf(row['grantedOrgName'] ?? row['grantedOrganizationName']));
}
