import { isAllowed, isAllowedOnGrant } from './administrators.js';
import { requireCaller } from './api-access.js';
import { isoOf } from './clock.js';
import { connectGrantConditions } from './connect-grant-filters.js';
import type { ConnectHandle } from './connect.js';
import type { Core } from './core.js';
import { type Exchange, jsonAnswer } from './exchange.js';
import {
  type GrantCheck,
  addGrant,
  addressBetween,
  changeGrant,
  removeGrantBetween,
  setGrantActive,
} from './grants.js';
import { pagedJson, paginationOf, sortingColumnOf } from './pages.js';
import { type Permission, requireForCommand, requirePermission } from './permissions.js';
import { type Message, requireId, stringField, stringsField } from './protojson.js';
import type { GrantRecord, State } from './state.js';

const COLUMNS = ['PROJECT_ID', 'CREATION_DATE', 'CHANGE_DATE'] as const;

/** A grant by its two ends, which is all that API v2 knows of it. */
interface Ends {
  readonly projectId: string;
  readonly grantedOrgId: string;
  readonly check: GrantCheck;
}

/** ProjectService.CreateProjectGrant */
export const createProjectGrant: ConnectHandle = (core, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const ends = endsOf(core, exchange, message, 'CreateProjectGrantRequest');
  const ownerOrgId = core.world.now.projects.get(ends.projectId)?.orgId ?? '';
  const grant = addGrant(core.world, { ...ends, ownerOrgId, roleKeys }, ends.check);
  return jsonAnswer(200, { creationDate: isoOf(grant.details.created) });
};

/** ProjectService.UpdateProjectGrant */
export const updateProjectGrant: ConnectHandle = (core, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { check, ...ends } = endsOf(core, exchange, message, 'UpdateProjectGrantRequest');
  const address = addressBetween(core.world, ends);
  const grant = changeGrant(core.world, address, roleKeys, check, 'untold');
  return jsonAnswer(200, { changeDate: isoOf(grant.details.changed) });
};

/** ProjectService.DeactivateProjectGrant */
export const deactivateProjectGrant: ConnectHandle = (core, exchange, message) => {
  const { check, ...ends } = endsOf(core, exchange, message, 'DeactivateProjectGrantRequest');
  const grant = setGrantActive(core.world, addressBetween(core.world, ends), false, check);
  return jsonAnswer(200, { changeDate: isoOf(grant.details.changed) });
};

/** ProjectService.ActivateProjectGrant */
export const activateProjectGrant: ConnectHandle = (core, exchange, message) => {
  const { check, ...ends } = endsOf(core, exchange, message, 'ActivateProjectGrantRequest');
  const grant = setGrantActive(core.world, addressBetween(core.world, ends), true, check);
  return jsonAnswer(200, { changeDate: isoOf(grant.details.changed) });
};

/** ProjectService.DeleteProjectGrant: also where there is none. */
export const deleteProjectGrant: ConnectHandle = (core, exchange, message) => {
  const permission = 'project.grant.delete';
  const { check, ...ends } = endsOf(
    core,
    exchange,
    message,
    'DeleteProjectGrantRequest',
    permission,
  );
  const stamp = removeGrantBetween(core.world, ends, check);
  return jsonAnswer(200, stamp === undefined ? {} : { deletionDate: isoOf(stamp) });
};

/** ProjectService.ListProjectGrants: of all organizations, as far as the reader may see them. */
export const listProjectGrants: ConnectHandle = (core, exchange, message) => {
  const asked = paginationOf(message);
  const { user, orgId } = requireCaller(core, exchange);
  const { world } = core;
  const permission = 'project.grant.read';
  requirePermission(world, user.id, orgId, permission);
  const conditions = connectGrantConditions(message, exchange.body);
  const page = core.limits.ofV2(asked);
  const state = world.reads;
  const may = (right: Permission, ownerOrgId: string, id: string): boolean =>
    isAllowed(world, user.id, right, ownerOrgId, id);
  const list = {
    name: 'projectGrants',
    rows: [...state.grants.values()].filter((grant) =>
      conditions.every((condition) => condition(grant, state)),
    ),
    order: orderOf(sortingColumnOf(message, COLUMNS)),
    visible: (grant: GrantRecord) => isAllowedOnGrant(may, permission, grant),
    json: (grant: GrantRecord) => grantJson(state, grant),
  };
  return jsonAnswer(200, pagedJson(list, page));
};

function endsOf(
  core: Core,
  exchange: Exchange,
  message: Message,
  request: string,
  permission: Permission = 'project.grant.write',
): Ends {
  const projectId = stringField(message, 'projectId');
  const grantedOrgId = stringField(message, 'grantedOrganizationId');
  const { user } = requireCaller(core, exchange);
  requireId(projectId, `${request}.ProjectId`);
  requireId(grantedOrgId, `${request}.GrantedOrganizationId`);
  const check: GrantCheck = (ownerOrgId, resourceIds) => {
    requireForCommand(core.world, user.id, ownerOrgId, permission, resourceIds);
  };
  return { projectId, grantedOrgId, check };
}

function orderOf(column: string | undefined): (left: GrantRecord, right: GrantRecord) => number {
  return (left, right) => {
    if (column === 'CHANGE_DATE') return left.details.changed - right.details.changed;
    if (column === 'PROJECT_ID' && left.projectId !== right.projectId) {
      return left.projectId < right.projectId ? -1 : 1;
    }
    return left.details.created - right.details.created;
  };
}

function grantJson(state: State, grant: GrantRecord): object {
  return {
    organizationId: grant.ownerOrgId,
    creationDate: isoOf(grant.details.created),
    changeDate: isoOf(grant.details.changed),
    grantedOrganizationId: grant.grantedOrgId,
    grantedOrganizationName: state.orgs.get(grant.grantedOrgId)?.name,
    grantedRoleKeys: grant.roleKeys.length === 0 ? undefined : grant.roleKeys,
    projectId: grant.projectId,
    projectName: state.projects.get(grant.projectId)?.name,
    state: grant.active ? 'PROJECT_GRANT_STATE_ACTIVE' : 'PROJECT_GRANT_STATE_INACTIVE',
  };
}
