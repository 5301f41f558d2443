import { requireCaller } from './api-access.js';
import { isoOf } from './clock.js';
import type { ConnectHandle } from './connect.js';
import type { Core } from './core.js';
import { detailsJson } from './details-json.js';
import { ZitadelError } from './errors.js';
import { type Answer, type Exchange, jsonAnswer } from './exchange.js';
import { requireForCommand, requirePermission, requirePermissionOn } from './permissions.js';
import { requireId, stringField } from './protojson.js';
import type { ProjectRecord } from './state.js';

/** GET /management/v1/projects/{id}: only under the organization that owns it, whoever asks. */
export function getProject(core: Core, exchange: Exchange): Answer {
  const { user, orgId } = requireCaller(core, exchange);
  const [id = ''] = exchange.params;
  requirePermissionOn(core.world, user.id, orgId, 'project.read', id);
  requireId(id, 'GetProjectByIDRequest.Id');
  const project = requireReadable(core, id);
  if (project.orgId !== orgId) throw new ZitadelError(5, 'MANAG-SFf2a', 'Project not found');
  return jsonAnswer(200, {
    project: {
      id,
      details: detailsJson(project.details),
      name: project.name,
      ...settingsJson(project),
    },
  });
}

/** ProjectService.GetProject: under any organization where the caller may read projects. */
export const getProjectV2: ConnectHandle = (core, exchange, message) => {
  const id = stringField(message, 'projectId');
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'project.read');
  requireId(id, 'GetProjectRequest.ProjectId');
  const project = requireReadable(core, id);
  requireForCommand(core.world, user.id, project.orgId, 'project.read', [id]);
  return jsonAnswer(200, {
    project: {
      projectId: id,
      organizationId: project.orgId,
      creationDate: isoOf(project.details.created),
      changeDate: isoOf(project.details.changed),
      name: project.name,
      ...settingsJson(project),
    },
  });
};

function requireReadable(core: Core, id: string): ProjectRecord {
  const project = core.world.reads.projects.get(id);
  if (project === undefined) throw new ZitadelError(5, 'QUERY-fk2fs', 'Project not found');
  return project;
}

function settingsJson(project: ProjectRecord): object {
  return {
    state: project.active ? 'PROJECT_STATE_ACTIVE' : 'PROJECT_STATE_INACTIVE',
    projectRoleAssertion: project.roleAssertion ? true : undefined,
  };
}
