import { CHANGE_DATE, CREATION_DATE, datesJson, pagedJson, searchIn } from '../server/pages.js';
import {
  booleanField,
  byId,
  byIds,
  conditionIn,
  conditionsIn,
  FAILED,
  idField,
  invalid,
  messageField,
  type Oneof,
  stringField,
} from '../server/protojson.js';
import { type Handle, restRefusal, storable } from '../server/protocols.js';
import { ZitadelError } from '../server/replies.js';
import type { GrantRecord, LoginRecord, MemberRecord, State } from '../world/state.js';
import { type ApiHandle, type Caller, callerOf } from './caller.js';

/** A membership as API v2 knows it: with the user, and with the grant where it is on one. */
interface Administrator extends Omit<MemberRecord, 'userId'> {
  readonly user: LoginRecord;
  readonly grant: GrantRecord | undefined;
}

/** Everybody may ask, and sees what they may see. */
export const listAdministrators: ApiHandle = (instance, exchange, message) => {
  // A server that does not know a filter sees none.
  const known = instance.settings.administratorFilters === false ? OLD_FILTER : FILTER;
  const search = searchIn(message, exchange, 'ListAdministratorsRequest', known);
  const caller = callerOf(instance, exchange);
  return pagedJson(instance, search, {
    name: 'administrators',
    rows: administratorsOf(instance.world.reads),
    columns: { USER_ID: ({ user }) => user.id, CREATION_DATE, CHANGE_DATE },
    visible: (row) => isVisible(caller, row),
    json: administratorJson,
  });
};

/** All memberships of users who have a login name. */
function administratorsOf(state: State): Administrator[] {
  return [...state.members].flatMap(([userId, rows]) => {
    const user = state.logins.get(userId);
    if (user === undefined) return [];
    // Of each member on each call, so the record is written out: a spread would cost more than all the rest.
    return [...rows.values()].map(({ scope, roles, details }) => {
      const grant = scope.kind === 'projectGrant' ? state.grants.get(scope.id) : undefined;
      return { scope, roles, details, user, grant };
    });
  });
}

/** Own rows always; others where the reader may read the members of the resource. */
function isVisible(reader: Caller, { scope, details, user, grant }: Administrator): boolean {
  const ownerOrgId = details.resourceOwner;
  if (user.id === reader.userId) return true;
  switch (scope.kind) {
    case 'instance':
      return reader.may('iam.member.read', ownerOrgId, scope.id);
    case 'org':
      return reader.may('org.member.read', ownerOrgId, scope.id);
    case 'project':
      return reader.may('project.member.read', ownerOrgId, scope.id);
    case 'projectGrant': {
      const { id, projectId } = scope;
      const grantedOrgId = grant?.grantedOrgId ?? '';
      const reach = { id, projectId, ownerOrgId, grantedOrgId };
      return reader.mayOnGrant('project.grant.member.read', reach);
    }
  }
}

function administratorJson(row: Administrator, state: State): object {
  return {
    ...datesJson(row.details),
    user: loginJson(row.user),
    ...resourceJson(row, state),
    roles: row.roles,
  };
}

/** As API v2 names users in its lists: service users have no display name here. */
export function loginJson({ id, kind, userName, displayName, orgId }: LoginRecord): object {
  return {
    id,
    preferredLoginName: userName,
    displayName: kind === 'person' ? displayName : undefined,
    organizationId: orgId,
  };
}

function resourceJson({ scope, details, grant }: Administrator, state: State): object {
  const organizationId = details.resourceOwner;
  switch (scope.kind) {
    case 'instance':
      return { instance: true };
    case 'org':
      return { organization: { id: scope.id, name: state.orgs.get(scope.id)?.name } };
    case 'project': {
      const { id } = scope;
      return { project: { id, name: state.projects.get(id)?.name, organizationId } };
    }
    case 'projectGrant': {
      const { id, projectId } = scope;
      const projectName = state.projects.get(projectId)?.name;
      const grantedOrganizationId = grant?.grantedOrgId;
      return {
        projectGrant: { id, projectId, projectName, organizationId, grantedOrganizationId },
      };
    }
  }
}

/** Members of a project do not include those of its grants, other than in the list of API v1. */
const RESOURCE: Oneof<Administrator> = {
  message: 'zitadel.internal_permission.v2.ResourceFilter',
  field: 'resource',
  members: {
    instance: (value, place) => {
      if (!booleanField(value, 'instance')) throw invalid(`${place}: value must equal true`);
      return ({ scope }) => scope.kind === 'instance';
    },
    organizationId: (value) => {
      const id = stringField(value, 'organizationId');
      return ({ scope }) => scope.kind === 'org' && scope.id === id;
    },
    projectId: (value) => {
      const id = stringField(value, 'projectId');
      return ({ scope }) => scope.kind === 'project' && scope.id === id;
    },
    projectGrant: (value, place) => {
      // A grant by its two ends: `organizationId` is the one that has it.
      const inside = `${place}: ${FAILED} ResourceFilter_ProjectGrant`;
      const projectId = idField(value, 'projectId', `${inside}.ProjectId`);
      const orgId = idField(value, 'organizationId', `${inside}.OrganizationId`);
      return ({ grant }) => grant?.projectId === projectId && grant.grantedOrgId === orgId;
    },
  },
  scalars: ['instance', 'organizationId', 'projectId'],
};

const OLD_FILTER: Oneof<Administrator> = {
  message: 'zitadel.internal_permission.v2.AdministratorSearchFilter',
  field: 'filter',
  members: {
    creationDate: undefined,
    changeDate: undefined,
    inUserIdsFilter: byIds(({ user }) => user.id),
    userOrganizationId: byId(({ user }) => user.orgId),
    userPreferredLoginName: undefined,
    userDisplayName: undefined,
    resource: (value, place, text) => conditionIn(value, text, RESOURCE, `${place}: ${FAILED}`)(),
  },
};

const FILTER: Oneof<Administrator> = {
  ...OLD_FILTER,
  members: {
    ...OLD_FILTER.members,
    role: (value, place) => {
      const roleKey = idField(value, 'roleKey', `${place}: ${FAILED} RoleFilter.RoleKey`);
      return ({ roles }) => roles.includes(roleKey);
    },
    and: (value, place, text) => {
      const inside = `${place}: ${FAILED} AndFilter.Queries`;
      const all = conditionsIn(value, 'queries', text, FILTER, inside)();
      return (row, state) => all.every((holds) => holds(row, state));
    },
    or: (value, place, text) => {
      const inside = `${place}: ${FAILED} OrFilter.Queries`;
      const any = conditionsIn(value, 'queries', text, FILTER, inside)();
      return (row, state) => any.some((holds) => holds(row, state));
    },
    not: (value, place, text) => {
      const query = messageField(value, 'query');
      const inside = `${place}: ${FAILED} NotFilter.Query: ${FAILED}`;
      const negated = conditionIn(query, text, FILTER, inside)();
      return (row, state) => !negated(row, state);
    },
  },
};

/**
 * Meant as a search, but ZITADEL's routing takes it for the change of the administrator whose user id is
 * `search`. It refuses every caller that it knows, and reads no body.
 */
const searchAdministratorsBeta: Handle = (instance, exchange) => {
  callerOf(instance, exchange);
  return storable(restRefusal(new ZitadelError(3, 'ADMIN-i0V2IbdloZ', 'Errors.Invalid.Argument')));
};

export const ADMINISTRATORS_BETA = [
  'POST',
  '/v2beta/administrators/search',
  'administrators',
  searchAdministratorsBeta,
] as const;
