import type { Instance } from '../instance.js';
import { pagedJson, pageIn, sortingColumnOf } from '../server/pages.js';
import {
  type Chosen,
  chosenInEach,
  FAILED,
  idField,
  idsField,
  type Message,
  type Oneof,
  requireId,
  shortField,
  stringField,
  stringsField,
} from '../server/protojson.js';
import type { Exchange } from '../server/replies.js';
import {
  addGrant,
  addressBetween,
  changeGrant,
  type GrantAddress,
  type GrantCheck,
  removeGrantBetween,
  setGrantActive,
} from '../world/grants.js';
import type { GrantRecord, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, callerOf, callerWith, type Permission } from './caller.js';
import { type GrantCondition, textMatcher } from './v1-grants.js';

/** ProjectService.CreateProjectGrant */
export const createProjectGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { address, check, ...ends } = endsOf(instance, exchange, message, 'Create');
  const { ownerOrgId } = address();
  const grant = addGrant(instance.world, { ...ends, ownerOrgId, roleKeys }, check);
  return { creationDate: isoOf(grant.details.created) };
};

/** ProjectService.UpdateProjectGrant */
export const updateProjectGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { address, check } = endsOf(instance, exchange, message, 'Update');
  return changed(changeGrant(instance.world, address(), roleKeys, check, 'untold'));
};

/** ProjectService.DeactivateProjectGrant */
export const deactivateProjectGrant: ApiHandle = (instance, exchange, message) => {
  const { address, check } = endsOf(instance, exchange, message, 'Deactivate');
  return changed(setGrantActive(instance.world, address(), false, check));
};

/** ProjectService.ActivateProjectGrant */
export const activateProjectGrant: ApiHandle = (instance, exchange, message) => {
  const { address, check } = endsOf(instance, exchange, message, 'Activate');
  return changed(setGrantActive(instance.world, address(), true, check));
};

/** ProjectService.DeleteProjectGrant: also where there is no grant. */
export const deleteProjectGrant: ApiHandle = (instance, exchange, message) => {
  const ends = endsOf(instance, exchange, message, 'Delete', 'project.grant.delete');
  const stamp = removeGrantBetween(instance.world, ends, ends.check);
  return stamp === undefined ? {} : { deletionDate: isoOf(stamp) };
};

function changed(grant: GrantRecord): object {
  return { changeDate: isoOf(grant.details.changed) };
}

/** A grant by its two ends, which is all that API v2 knows of it. */
interface Ends {
  readonly projectId: string;
  readonly grantedOrgId: string;
  readonly address: () => GrantAddress;
  readonly check: GrantCheck;
}

function endsOf(
  instance: Instance,
  exchange: Exchange,
  message: Message,
  what: string,
  permission: Permission = 'project.grant.write',
): Ends {
  const projectId = stringField(message, 'projectId');
  const grantedOrgId = stringField(message, 'grantedOrganizationId');
  const caller = callerOf(instance, exchange);
  requireId(projectId, `${what}ProjectGrantRequest.ProjectId`);
  requireId(grantedOrgId, `${what}ProjectGrantRequest.GrantedOrganizationId`);
  const ends = { projectId, grantedOrgId };
  const address = (): GrantAddress => addressBetween(instance.world, ends);
  return { ...ends, address, check: caller.checkFor(permission) };
}

const COLUMNS = ['PROJECT_ID', 'CREATION_DATE', 'CHANGE_DATE'] as const;

/** ProjectService.ListProjectGrants: of all organizations, as far as the reader may see them. */
export const listProjectGrants: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'pagination');
  const caller = callerWith(instance, exchange, 'project.grant.read');
  const conditions = conditionsIn(message, exchange.body);
  const page = instance.limits.ofV2(asked);
  const state = instance.world.reads;
  const list = {
    name: 'projectGrants',
    rows: [...state.grants.values()].filter((grant) =>
      conditions.every((condition) => condition(grant, state)),
    ),
    order: orderOf(sortingColumnOf(message, COLUMNS)),
    visible: (grant: GrantRecord) => caller.mayOnGrant('project.grant.read', grant),
    json: (grant: GrantRecord) => grantJson(state, grant),
  };
  return pagedJson(list, page);
};

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

const FILTER = {
  message: 'zitadel.project.v2.ProjectGrantSearchFilter',
  field: 'filter',
  members: [
    'projectNameFilter',
    'roleKeyFilter',
    'inProjectIdsFilter',
    'organizationIdFilter',
    'grantedOrganizationIdFilter',
    // What v2beta calls the two before.
    'projectResourceOwnerFilter',
    'projectGrantResourceOwnerFilter',
  ],
} as const satisfies Oneof<string>;

/** The conditions in `filters`, all of which have to hold. Throws for what is not valid. */
function conditionsIn(message: Message, text: string): GrantCondition[] {
  const filters = chosenInEach(
    message,
    'filters',
    text,
    FILTER,
    'ListProjectGrantsRequest.Filters',
  );
  return filters.map((chosen) => conditionOf(chosen()));
}

function conditionOf(chosen: Chosen<(typeof FILTER.members)[number]>): GrantCondition {
  const { name, value } = chosen;
  const place = `${chosen.place}: ${FAILED}`;
  switch (name) {
    case 'projectNameFilter': {
      const wanted = shortField(value, 'projectName', `${place} ProjectNameFilter.ProjectName`);
      const matches = textMatcher(value, wanted);
      return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '');
    }
    case 'roleKeyFilter': {
      const key = shortField(value, 'key', `${place} ProjectRoleKeyFilter.Key`);
      // ZITADEL looks for the key itself, also where another method is named.
      return (grant) => grant.roleKeys.includes(key);
    }
    case 'inProjectIdsFilter': {
      const ids = idsField(value, 'ids', `${place} InIDsFilter.Ids`);
      return (grant) => ids.includes(grant.projectId);
    }
    case 'organizationIdFilter':
    case 'projectResourceOwnerFilter': {
      const id = idField(value, 'id', `${place} IDFilter.Id`);
      return (grant) => grant.ownerOrgId === id;
    }
    case 'grantedOrganizationIdFilter':
    case 'projectGrantResourceOwnerFilter': {
      const id = idField(value, 'id', `${place} IDFilter.Id`);
      return (grant) => grant.grantedOrgId === id;
    }
  }
}
