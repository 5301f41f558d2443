import type { Instance } from '../instance.js';
import { CHANGE_DATE, CREATION_DATE, datesJson, pagedJson, searchIn } from '../server/pages.js';
import {
  byId,
  byIds,
  FAILED,
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
  removeGrantBetween,
  setGrantActive,
} from '../world/grants.js';
import type { GrantRecord, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, callerOf, callerWith, type Method, type Permission } from './caller.js';
import { byProjectName } from './v1-grants.js';

const createProjectGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { ends, address, check } = endsOf(instance, exchange, message, 'Create');
  const { ownerOrgId } = address;
  const grant = addGrant(instance.world, { ...ends, ownerOrgId, roleKeys }, check);
  return { creationDate: isoOf(grant.details.created) };
};

const updateProjectGrant: ApiHandle = (instance, exchange, message) => {
  const roleKeys = stringsField(message, 'roleKeys');
  const { address, check } = endsOf(instance, exchange, message, 'Update');
  return changed(changeGrant(instance.world, address, roleKeys, check, 'untold'));
};

function settingActive(active: boolean, what: string): ApiHandle {
  return (instance, exchange, message) => {
    const { address, check } = endsOf(instance, exchange, message, what);
    return changed(setGrantActive(instance.world, address, active, check));
  };
}

/** Also where there is no grant. */
const deleteProjectGrant: ApiHandle = (instance, exchange, message) => {
  const permission = 'project.grant.delete';
  const { ends, check } = endsOf(instance, exchange, message, 'Delete', permission);
  const stamp = removeGrantBetween(instance.world, ends, check);
  return stamp === undefined ? {} : { deletionDate: isoOf(stamp) };
};

function changed(grant: GrantRecord): object {
  return { changeDate: isoOf(grant.details.changed) };
}

/** A grant by its two ends, which is all that API v2 knows of it. */
function endsOf(
  instance: Instance,
  exchange: Exchange,
  message: Message,
  what: string,
  permission: Permission = 'project.grant.write',
) {
  const projectId = stringField(message, 'projectId');
  const grantedOrgId = stringField(message, 'grantedOrganizationId');
  const caller = callerOf(instance, exchange);
  requireId(projectId, `${what}ProjectGrantRequest.ProjectId`);
  requireId(grantedOrgId, `${what}ProjectGrantRequest.GrantedOrganizationId`);
  const ends = { projectId, grantedOrgId };
  const address = addressBetween(instance.world, ends);
  return { ends, address, check: caller.checkFor(permission) };
}

const FILTER: Oneof<GrantRecord> = {
  message: 'zitadel.project.v2.ProjectGrantSearchFilter',
  field: 'filter',
  members: {
    projectNameFilter: (value, place) => {
      const complaint = `${place}: ${FAILED} ProjectNameFilter.ProjectName`;
      return byProjectName(value, shortField(value, 'projectName', complaint));
    },
    roleKeyFilter: (value, place) => {
      const key = shortField(value, 'key', `${place}: ${FAILED} ProjectRoleKeyFilter.Key`);
      // ZITADEL looks for the key itself, also where another method is named.
      return (grant) => grant.roleKeys.includes(key);
    },
    inProjectIdsFilter: byIds((grant) => grant.projectId),
    organizationIdFilter: byId((grant) => grant.ownerOrgId),
    grantedOrganizationIdFilter: byId((grant) => grant.grantedOrgId),
    // What v2beta calls the two before.
    projectResourceOwnerFilter: byId((grant) => grant.ownerOrgId),
    projectGrantResourceOwnerFilter: byId((grant) => grant.grantedOrgId),
  },
};

const COLUMNS = { PROJECT_ID: (grant: GrantRecord) => grant.projectId, CREATION_DATE, CHANGE_DATE };

/** Of all organizations, as far as the reader may see them. */
const listProjectGrants: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListProjectGrantsRequest', FILTER);
  const caller = callerWith(instance, exchange, 'project.grant.read');
  return pagedJson(instance, search, {
    name: 'projectGrants',
    rows: [...instance.world.reads.grants.values()],
    columns: COLUMNS,
    visible: (grant) => caller.mayOnGrant('project.grant.read', grant),
    json: grantJson,
  });
};

function grantJson(grant: GrantRecord, state: State): object {
  return {
    organizationId: grant.ownerOrgId,
    ...datesJson(grant.details),
    grantedOrganizationId: grant.grantedOrgId,
    grantedOrganizationName: state.orgs.get(grant.grantedOrgId)?.name,
    grantedRoleKeys: grant.roleKeys.length === 0 ? undefined : grant.roleKeys,
    projectId: grant.projectId,
    projectName: state.projects.get(grant.projectId)?.name,
    state: grant.active ? 'PROJECT_GRANT_STATE_ACTIVE' : 'PROJECT_GRANT_STATE_INACTIVE',
  };
}

export const LIST_GRANTS: Method = ['ListProjectGrants', 'listGrantsV2', listProjectGrants];
export const GRANT_METHODS: readonly Method[] = [
  ['CreateProjectGrant', 'addGrantV2', createProjectGrant],
  ['UpdateProjectGrant', 'changeGrantV2', updateProjectGrant],
  ['DeleteProjectGrant', 'removeGrantV2', deleteProjectGrant],
  ['DeactivateProjectGrant', 'deactivateGrantV2', settingActive(false, 'Deactivate')],
  ['ActivateProjectGrant', 'activateGrantV2', settingActive(true, 'Activate')],
];
