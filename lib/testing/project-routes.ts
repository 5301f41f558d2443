import { requireCaller } from './api-access.js';
import type { Core } from './core.js';
import { detailsJson } from './details-json.js';
import { ZitadelError } from './errors.js';
import { type Answer, type Exchange, jsonAnswer } from './exchange.js';
import { requirePermissionOn } from './permissions.js';
import { requireId } from './protojson.js';

/** GET /management/v1/projects/{id}: only under the organization that owns it, whoever asks. */
export function getProject(core: Core, exchange: Exchange): Answer {
  const { user, orgId } = requireCaller(core, exchange);
  const [id = ''] = exchange.params;
  requirePermissionOn(core.world, user.id, orgId, 'project.read', id);
  requireId(id, 'GetProjectByIDRequest.Id');
  const project = core.world.reads.projects.get(id);
  if (project === undefined) throw new ZitadelError(5, 'QUERY-fk2fs', 'Project not found');
  if (project.orgId !== orgId) throw new ZitadelError(5, 'MANAG-SFf2a', 'Project not found');
  return jsonAnswer(200, {
    project: {
      id,
      details: detailsJson(project.details),
      name: project.name,
      state: project.active ? 'PROJECT_STATE_ACTIVE' : 'PROJECT_STATE_INACTIVE',
      projectRoleAssertion: project.roleAssertion ? true : undefined,
    },
  });
}
