import { type Core, requireCaller } from '../core.js';
import { type Exchange, jsonAnswer } from '../server/answers.js';
import type { ConnectHandle } from '../server/connect.js';
import { pagedJson, paginationOf, sortingColumnOf } from '../server/pages.js';
import {
  invalid,
  memberOf,
  type Message,
  messageField,
  messagesField,
  requireId,
  requireIds,
  requireShort,
  stringField,
  stringsField,
} from '../server/protojson.js';
import {
  addGrant,
  addressBetween,
  changeGrant,
  type GrantCheck,
  removeGrantBetween,
  setGrantActive,
} from '../world/grants.js';
import { type Permission, requireForCommand, requirePermission } from '../world/managers.js';
import type { GrantRecord, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { type GrantCondition, textMatcher } from './v1-grants.js';
import { isAllowed, isAllowedOnGrant } from './v2-administrators.js';

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

const FAILED = 'embedded message failed validation | caused by: invalid';
/** The last two are what v2beta calls the two before. */
const FILTERS = [
  'projectNameFilter',
  'roleKeyFilter',
  'inProjectIdsFilter',
  'organizationIdFilter',
  'grantedOrganizationIdFilter',
  'projectResourceOwnerFilter',
  'projectGrantResourceOwnerFilter',
] as const;

/** The conditions in `filters`, all of which have to hold. Throws for what is not valid. */
export function connectGrantConditions(message: Message, text: string): GrantCondition[] {
  return messagesField(message, 'filters').map((filter, index) => {
    const place = `ListProjectGrantsRequest.Filters[${String(index)}]: ${FAILED}`;
    const oneof = 'zitadel.project.v2.ProjectGrantSearchFilter.filter';
    const name = memberOf(filter, text, oneof, FILTERS);
    if (name === undefined) {
      throw invalid(`${place} ProjectGrantSearchFilter.Filter: value is required`);
    }
    const goName = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const inside = `${place} ProjectGrantSearchFilter.${goName}: ${FAILED}`;
    return conditionOf(name, messageField(filter, name) ?? {}, inside);
  });
}

function conditionOf(name: string, value: Message, place: string): GrantCondition {
  if (name === 'projectNameFilter') {
    const wanted = stringField(value, 'projectName');
    requireShort(wanted, `${place} ProjectNameFilter.ProjectName`);
    const matches = textMatcher(value);
    return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '', wanted);
  }
  if (name === 'roleKeyFilter') {
    const key = stringField(value, 'key');
    requireShort(key, `${place} ProjectRoleKeyFilter.Key`);
    // Whatever method is named: ZITADEL looks for the key itself.
    return (grant) => grant.roleKeys.includes(key);
  }
  if (name === 'inProjectIdsFilter') {
    const ids = stringsField(value, 'ids');
    requireIds(ids, `${place} InIDsFilter.Ids`);
    return (grant) => ids.includes(grant.projectId);
  }
  const id = stringField(value, 'id');
  requireId(id, `${place} IDFilter.Id`);
  return name === 'organizationIdFilter' || name === 'projectResourceOwnerFilter'
    ? (grant) => grant.ownerOrgId === id
    : (grant) => grant.grantedOrgId === id;
}
