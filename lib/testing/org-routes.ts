import { requireCaller } from './api-access.js';
import type { Core } from './core.js';
import { detailsJson } from './details-json.js';
import { type Answer, type Exchange, jsonAnswer } from './exchange.js';
import { removeOrgAndAll } from './orgs.js';
import { requirePermission } from './permissions.js';

/** GET /management/v1/orgs/me: the organization of the call; one that was removed has no state any more. */
export function getMyOrg(core: Core, exchange: Exchange): Answer {
  const { user, orgId: id } = requireCaller(core, exchange);
  const { world } = core;
  requirePermission(world, user.id, id, 'org.read');
  const org = world.now.orgs.get(id);
  if (org === undefined) return jsonAnswer(200, { org: { id, name: world.removedOrgs.get(id) } });
  const state = org.active ? 'ORG_STATE_ACTIVE' : 'ORG_STATE_INACTIVE';
  return jsonAnswer(200, {
    org: { id, details: detailsJson(org.details), state, name: org.name },
  });
}

/** DELETE /admin/v1/orgs/{orgId} */
export function deleteOrg(core: Core, exchange: Exchange): Answer {
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'org.delete');
  const [id = ''] = exchange.params;
  removeOrgAndAll(core, id);
  return jsonAnswer(200, {});
}
