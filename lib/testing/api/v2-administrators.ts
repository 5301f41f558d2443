import { pagedJson, pageIn, sortingColumnOf } from '../server/pages.js';
import { restRefusal } from '../server/protocols.js';
import {
  booleanField,
  chosenIn,
  chosenInEach,
  type Chosen,
  FAILED,
  idField,
  idsField,
  invalid,
  type Message,
  messageField,
  type Oneof,
  stringField,
} from '../server/protojson.js';
import { type Exchange, headerOf, JSON_TYPE, type Reply, ZitadelError } from '../server/replies.js';
import type { Instance } from '../instance.js';
import type { GrantRecord, LoginRecord, MemberRecord, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, type Caller, callerOf } from './caller.js';

const COLUMNS = ['USER_ID', 'CREATION_DATE', 'CHANGE_DATE'] as const;

/** InternalPermissionService.ListAdministrators: everybody may ask, and sees what they may see. */
export const listAdministrators: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'pagination');
  const caller = callerOf(instance, exchange);
  // A server that does not know a filter sees none.
  const known = instance.newFilters ? FILTER : OLD_FILTER;
  const place = 'ListAdministratorsRequest.Filters';
  const conditions = conditionsIn(message, 'filters', exchange.body, place, known);
  const page = instance.limits.ofV2(asked);
  const state = instance.world.reads;
  const list = {
    name: 'administrators',
    rows: administratorsOf(state).filter((row) => conditions.every((holds) => holds(row))),
    order: orderOf(sortingColumnOf(message, COLUMNS)),
    visible: (row: Administrator) => isVisible(caller, row),
    json: (row: Administrator) => administratorJson(state, row),
  };
  return pagedJson(list, page);
};

/**
 * POST /v2beta/administrators/search: meant as a search, but ZITADEL's routing takes it for the change of
 * the administrator whose user id is `search`.
 */
export function searchAdministratorsBeta(instance: Instance, exchange: Exchange): Reply {
  callerOf(instance, exchange);
  const refusal = new ZitadelError(3, 'ADMIN-i0V2IbdloZ', 'Errors.Invalid.Argument');
  const reply = restRefusal(refusal, headerOf(exchange, 'accept-language'));
  return { ...reply, headers: { 'content-type': JSON_TYPE } };
}

/** A membership as API v2 knows it: with the user, and with the grant where it is on one. */
interface Administrator {
  readonly member: MemberRecord;
  readonly user: LoginRecord;
  readonly grant: GrantRecord | undefined;
}

/** All memberships of users who have a login name. */
function administratorsOf(state: State): Administrator[] {
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

function orderOf(
  column: string | undefined,
): (left: Administrator, right: Administrator) => number {
  return (left, right) => {
    const [one, two] = [left.member.details, right.member.details];
    if (column === 'CHANGE_DATE') return one.changed - two.changed;
    if (column === 'USER_ID' && left.user.id !== right.user.id) {
      return left.user.id < right.user.id ? -1 : 1;
    }
    return one.created - two.created;
  };
}

/** Own rows always; others where the reader may read the members of the resource. */
function isVisible(reader: Caller, { member, user, grant }: Administrator): boolean {
  const { scope, details } = member;
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

function administratorJson(state: State, row: Administrator): object {
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

type Condition = (row: Administrator) => boolean;

const FILTER = {
  message: 'zitadel.internal_permission.v2.AdministratorSearchFilter',
  field: 'filter',
  members: [
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
  ],
} as const satisfies Oneof<string>;
type FilterName = (typeof FILTER.members)[number];

const NEW: readonly FilterName[] = ['role', 'and', 'or', 'not'];
const OLD_FILTER: Oneof<FilterName> = {
  ...FILTER,
  members: FILTER.members.filter((name) => !NEW.includes(name)),
};

const RESOURCE = {
  message: 'zitadel.internal_permission.v2.ResourceFilter',
  field: 'resource',
  members: ['instance', 'organizationId', 'projectId', 'projectGrant'],
  scalars: ['instance', 'organizationId', 'projectId'],
} as const satisfies Oneof<string>;

/** The conditions of a list of filters. Throws for what is not valid. */
function conditionsIn(
  message: Message,
  name: string,
  text: string,
  place: string,
  known: Oneof<FilterName> = FILTER,
): Condition[] {
  const filters = chosenInEach(message, name, text, known, place);
  return filters.map((chosen) => conditionOf(chosen(), text));
}

function conditionOf({ name, value, place }: Chosen<FilterName>, text: string): Condition {
  const inside = `${place}: ${FAILED}`;
  switch (name) {
    case 'inUserIdsFilter': {
      const ids = idsField(value, 'ids', `${inside} InIDsFilter.Ids`);
      return ({ user }) => ids.includes(user.id);
    }
    case 'userOrganizationId': {
      const id = idField(value, 'id', `${inside} IDFilter.Id`);
      return ({ user }) => user.orgId === id;
    }
    case 'role': {
      const roleKey = idField(value, 'roleKey', `${inside} RoleFilter.RoleKey`);
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
      const query = messageField(value, 'query');
      const negatedPlace = `${inside} NotFilter.Query: ${FAILED}`;
      const negated = conditionOf(chosenIn(query, text, FILTER, negatedPlace)(), text);
      return (row) => !negated(row);
    }
    default:
      throw new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${name}`);
  }
}

/** Members of a project do not include those of its grants, other than in the list of API v1. */
function resourceCondition(value: Message, text: string, before: string): Condition {
  const { name, value: projectGrant, place } = chosenIn(value, text, RESOURCE, before)();
  switch (name) {
    case 'instance':
      if (!booleanField(value, name)) throw invalid(`${place}: value must equal true`);
      return ({ member }) => member.scope.kind === 'instance';
    case 'organizationId':
    case 'projectId': {
      const kind = name === 'projectId' ? 'project' : 'org';
      const id = stringField(value, name);
      return ({ member: { scope } }) => scope.kind === kind && scope.id === id;
    }
    case 'projectGrant': {
      // A grant by its two ends: `organizationId` is the one that has it.
      const inside = `${place}: ${FAILED} ResourceFilter_ProjectGrant`;
      const projectId = idField(projectGrant, 'projectId', `${inside}.ProjectId`);
      const orgId = idField(projectGrant, 'organizationId', `${inside}.OrganizationId`);
      return ({ grant }) => grant?.projectId === projectId && grant.grantedOrgId === orgId;
    }
  }
}
