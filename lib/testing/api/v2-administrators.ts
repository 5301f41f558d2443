import { ZitadelError } from '../server/answers.js';
import {
  booleanField,
  invalid,
  memberOf,
  type Message,
  messageField,
  messagesField,
  requireId,
  requireIds,
  stringField,
  stringsField,
} from '../server/protojson.js';
import { type Permission, requireForCommand } from '../world/managers.js';
import type { GrantRecord, LoginRecord, MemberRecord, State } from '../world/state.js';
import { isoOf, type World } from '../world/world.js';

/** A membership as API v2 knows it: with the user, and with the grant where it is on one. */
export interface Administrator {
  readonly member: MemberRecord;
  readonly user: LoginRecord;
  readonly grant: GrantRecord | undefined;
}

/** All there are. Users without a login name have none. */
export function administratorsOf(state: State): Administrator[] {
  return [...state.members].flatMap(([userId, rows]) => {
    const user = state.logins.get(userId);
    if (user === undefined) return [];
    return [...rows.values()].map((member) => {
      const { scope } = member;
      const grant = scope.kind === 'projectGrant' ? state.grants.get(scope.id) : undefined;
      return { member, user, grant };
    });
  });
}

/** Own rows always; others where the reader may read the members of the resource. */
export function isVisible(world: World, readerId: string, row: Administrator): boolean {
  const { member, user, grant } = row;
  const { scope, details } = member;
  const owner = details.resourceOwner;
  const may = (permission: Permission, orgId: string, resourceId: string): boolean =>
    isAllowed(world, readerId, permission, orgId, resourceId);
  if (user.id === readerId) return true;
  switch (scope.kind) {
    case 'instance':
      return may('iam.member.read', owner, scope.id);
    case 'org':
      return may('org.member.read', owner, scope.id);
    case 'project':
      return may('project.member.read', owner, scope.id);
    case 'projectGrant':
      return isAllowedOnGrant(may, 'project.grant.member.read', {
        id: scope.id,
        projectId: scope.projectId,
        ownerOrgId: owner,
        grantedOrgId: grant?.grantedOrgId ?? '',
      });
  }
}

/** A grant is in reach of its owner, of whom it is granted to, and of who manages the project. */
export function isAllowedOnGrant(
  may: (permission: Permission, orgId: string, resourceId: string) => boolean,
  permission: Permission,
  grant: Pick<GrantRecord, 'id' | 'projectId' | 'ownerOrgId' | 'grantedOrgId'>,
): boolean {
  return (
    may(permission, grant.ownerOrgId, grant.id) ||
    may(permission, grant.grantedOrgId, grant.id) ||
    may(permission, grant.ownerOrgId, grant.projectId)
  );
}

export function isAllowed(
  world: World,
  userId: string,
  permission: Permission,
  orgId: string,
  resourceId: string,
): boolean {
  try {
    requireForCommand(world, userId, orgId, permission, [resourceId]);
    return true;
  } catch (error) {
    if (error instanceof ZitadelError) return false;
    throw error;
  }
}

export function administratorJson(state: State, row: Administrator): object {
  const { member, user, grant } = row;
  return {
    creationDate: isoOf(member.details.created),
    changeDate: isoOf(member.details.changed),
    user: {
      id: user.id,
      preferredLoginName: user.userName,
      // Service users have no display name here.
      displayName: user.kind === 'person' ? user.displayName : undefined,
      organizationId: user.orgId,
    },
    ...resourceJson(state, member, grant),
    roles: member.roles,
  };
}

function resourceJson(state: State, member: MemberRecord, grant: GrantRecord | undefined): object {
  const { scope, details } = member;
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

export type AdministratorCondition = (row: Administrator) => boolean;

const PACKAGE = 'zitadel.internal_permission.v2';
const FAILED = 'embedded message failed validation | caused by: invalid';
const FILTERS = [
  'creationDate',
  'changeDate',
  'inUserIdsFilter',
  'userOrganizationId',
  'userPreferredLoginName',
  'userDisplayName',
  'resource',
  'role',
  'and',
  'or',
  'not',
] as const;
const NEW = ['role', 'and', 'or', 'not'];
const OLD_FILTERS = FILTERS.filter((name) => !NEW.includes(name));
type FilterName = (typeof FILTERS)[number];
const RESOURCES = ['instance', 'organizationId', 'projectId', 'projectGrant'] as const;

/** The conditions in `filters`, all of which have to hold. Throws for what is not valid. A server that does not know a filter sees none. */
export function administratorConditions(
  message: Message,
  text: string,
  newFilters: boolean,
): AdministratorCondition[] {
  const known = newFilters ? FILTERS : OLD_FILTERS;
  return conditionsIn(message, 'filters', text, 'ListAdministratorsRequest.Filters', known);
}

function conditionsIn(
  message: Message,
  name: string,
  text: string,
  place: string,
  known: readonly FilterName[] = FILTERS,
): AdministratorCondition[] {
  return messagesField(message, name).map((filter, index) =>
    conditionOf(filter, text, `${place}[${String(index)}]: ${FAILED}`, known),
  );
}

function conditionOf(
  filter: Message,
  text: string,
  place: string,
  known: readonly FilterName[] = FILTERS,
): AdministratorCondition {
  const oneof = `${PACKAGE}.AdministratorSearchFilter.filter`;
  const name = memberOf(filter, text, oneof, known);
  if (name === undefined) {
    throw invalid(`${place} AdministratorSearchFilter.Filter: value is required`);
  }
  const value = messageField(filter, name) ?? {};
  const inside = `${place} AdministratorSearchFilter.${goName(name)}: ${FAILED}`;
  switch (name) {
    case 'inUserIdsFilter': {
      const ids = stringsField(value, 'ids');
      requireIds(ids, `${inside} InIDsFilter.Ids`);
      return ({ user }) => ids.includes(user.id);
    }
    case 'userOrganizationId': {
      const id = stringField(value, 'id');
      requireId(id, `${inside} IDFilter.Id`);
      return ({ user }) => user.orgId === id;
    }
    case 'role': {
      const roleKey = stringField(value, 'roleKey');
      requireId(roleKey, `${inside} RoleFilter.RoleKey`);
      return ({ member }) => member.roles.includes(roleKey);
    }
    case 'resource':
      return resourceCondition(value, text, inside);
    case 'and': {
      const all = conditionsIn(value, 'queries', text, `${inside} AndFilter.Queries`);
      return (row) => all.every((condition) => condition(row));
    }
    case 'or': {
      const any = conditionsIn(value, 'queries', text, `${inside} OrFilter.Queries`);
      return (row) => any.some((condition) => condition(row));
    }
    case 'not': {
      const query = messageField(value, 'query') ?? {};
      const negated = conditionOf(query, text, `${inside} NotFilter.Query: ${FAILED}`);
      return (row) => !negated(row);
    }
    default:
      throw new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${name}`);
  }
}

/** Members of a project are not those of its grants, other than in the list of API v1. */
function resourceCondition(value: Message, text: string, place: string): AdministratorCondition {
  const oneof = `${PACKAGE}.ResourceFilter.resource`;
  switch (memberOf(value, text, oneof, RESOURCES)) {
    case 'instance':
      if (!booleanField(value, 'instance')) {
        throw invalid(`${place} ResourceFilter.Instance: value must equal true`);
      }
      return ({ member }) => member.scope.kind === 'instance';
    case 'organizationId': {
      const id = stringField(value, 'organizationId');
      return ({ member: { scope } }) => scope.kind === 'org' && scope.id === id;
    }
    case 'projectId': {
      const id = stringField(value, 'projectId');
      return ({ member: { scope } }) => scope.kind === 'project' && scope.id === id;
    }
    case 'projectGrant':
      return grantCondition(messageField(value, 'projectGrant') ?? {}, place);
    default:
      throw invalid(`${place} ResourceFilter.Resource: value is required`);
  }
}

/** A grant by its two ends: `organizationId` is the one that it is granted to. */
function grantCondition(value: Message, place: string): AdministratorCondition {
  const inside = `${place} ResourceFilter.ProjectGrant: ${FAILED} ResourceFilter_ProjectGrant`;
  const projectId = stringField(value, 'projectId');
  const grantedOrgId = stringField(value, 'organizationId');
  requireId(projectId, `${inside}.ProjectId`);
  requireId(grantedOrgId, `${inside}.OrganizationId`);
  return ({ grant }) => grant?.projectId === projectId && grant.grantedOrgId === grantedOrgId;
}

function goName(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
