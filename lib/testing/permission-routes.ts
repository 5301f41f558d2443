import { requireCaller } from './api-access.js';
import type { Core } from './core.js';
import { type Answer, type Exchange, jsonAnswer } from './exchange.js';
import { permissionsIn } from './permissions.js';
import { parseMessage } from './protojson.js';

/** POST /auth/v1/permissions/zitadel/me/_search: in the organization of the call; nobody is refused. */
export function listMyPermissions(core: Core, exchange: Exchange): Answer {
  parseMessage(exchange.body);
  const { user, orgId } = requireCaller(core, exchange);
  const result = permissionsIn(core.world, user.id, orgId);
  return jsonAnswer(200, result.length === 0 ? {} : { result });
}
