import { pagedJson, pageIn, sortingColumnOf } from '../server/pages.js';
import {
  type Chosen,
  chosenInEach,
  FAILED,
  idField,
  idsField,
  type Message,
  type Oneof,
} from '../server/protojson.js';
import { ZitadelError } from '../server/replies.js';
import type { AuthorizationRecord, LoginRecord, State } from '../world/state.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, type Caller, callerOf } from './caller.js';

const COLUMNS = ['CREATED_DATE', 'CHANGED_DATE'] as const;

const FILTER = {
  message: 'zitadel.authorization.v2.AuthorizationsSearchFilter',
  field: 'filter',
  members: [
    'authorizationIds',
    'organizationId',
    'state',
    'userId',
    'userOrganizationId',
    'userPreferredLoginName',
    'userDisplayName',
    'projectId',
    'projectName',
    'roleKey',
    'projectGrantId',
  ],
} as const satisfies Oneof<string>;
type FilterName = (typeof FILTER.members)[number];

/** An authorization as API v2 knows it: of a user who has a login name. */
interface Row {
  readonly given: AuthorizationRecord;
  readonly user: LoginRecord;
}
type Condition = (row: Row) => boolean;

/** AuthorizationService.ListAuthorizations: everybody may ask, and sees what they may see. Written from ZITADEL's source. */
export const listAuthorizations: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'pagination');
  const caller = callerOf(instance, exchange);
  const place = 'ListAuthorizationsRequest.Filters';
  const conditions = chosenInEach(message, 'filters', exchange.body, FILTER, place).map((chosen) =>
    conditionOf(chosen()),
  );
  const page = instance.limits.ofV2(asked);
  const state = instance.world.reads;
  const rows = [...state.authorizations.values()].flatMap((given) => {
    const user = state.logins.get(given.userId);
    return user === undefined ? [] : [{ given, user }];
  });
  const list = {
    name: 'authorizations',
    rows: rows.filter((row) => conditions.every((holds) => holds(row))),
    order: orderOf(message),
    visible: (row: Row) => isVisible(caller, row),
    json: (row: Row) => authorizationJson(state, row),
  };
  return pagedJson(list, page);
};

function orderOf(message: Message): (left: Row, right: Row) => number {
  const column = sortingColumnOf(message, COLUMNS) === 'CHANGED_DATE' ? 'changed' : 'created';
  return (left, right) => left.given.details[column] - right.given.details[column];
}

function conditionOf({ name, value, place }: Chosen<FilterName>): Condition {
  const inside = `${place}: ${FAILED}`;
  const id = () => idField(value, 'id', `${inside} IDFilter.Id`);
  switch (name) {
    case 'authorizationIds': {
      const ids = idsField(value, 'ids', `${inside} InIDsFilter.Ids`);
      return ({ given }) => ids.includes(given.id);
    }
    case 'organizationId': {
      const orgId = id();
      return ({ given }) => given.orgId === orgId;
    }
    case 'userId': {
      const userId = id();
      return ({ given }) => given.userId === userId;
    }
    case 'projectId': {
      const projectId = id();
      return ({ given }) => given.projectId === projectId;
    }
    default:
      throw new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${name}`);
  }
}

/** Own rows always; others where the reader may read them in the organization that gave the roles. */
function isVisible(reader: Caller, { given }: Row): boolean {
  const { userId, orgId, grantId, projectId } = given;
  return userId === reader.userId || reader.may('user.grant.read', orgId, grantId ?? projectId);
}

function authorizationJson(state: State, { given, user }: Row): object {
  const { id, projectId, orgId, roleKeys, active, details } = given;
  const project = state.projects.get(projectId);
  return {
    id,
    creationDate: isoOf(details.created),
    changeDate: isoOf(details.changed),
    project: { id: projectId, name: project?.name, organizationId: project?.orgId },
    organization: { id: orgId, name: state.orgs.get(orgId)?.name },
    user: {
      id: user.id,
      preferredLoginName: user.userName,
      displayName: user.kind === 'person' ? user.displayName : undefined,
      organizationId: user.orgId,
    },
    state: active ? 'STATE_ACTIVE' : 'STATE_INACTIVE',
    roles: roleKeys.map((key) => ({ key, displayName: key })),
  };
}
