import { CHANGE_DATE, CREATION_DATE, datesJson, pagedJson, searchIn } from '../server/pages.js';
import { byId, byIds, type Oneof } from '../server/protojson.js';
import type { AuthorizationRecord, LoginRecord, State } from '../world/state.js';
import { type ApiHandle, type Caller, callerOf } from './caller.js';
import { loginJson } from './v2-administrators.js';

/** An authorization as API v2 knows it: of a user who has a login name. */
interface Authorization extends AuthorizationRecord {
  readonly user: LoginRecord;
}

const FILTER: Oneof<Authorization> = {
  message: 'zitadel.authorization.v2.AuthorizationsSearchFilter',
  field: 'filter',
  members: {
    authorizationIds: byIds(({ id }) => id),
    organizationId: byId(({ orgId }) => orgId),
    state: undefined,
    userId: byId(({ userId }) => userId),
    userOrganizationId: undefined,
    userPreferredLoginName: undefined,
    userDisplayName: undefined,
    projectId: byId(({ projectId }) => projectId),
    projectName: undefined,
    roleKey: undefined,
    projectGrantId: undefined,
  },
};

/** Everybody may ask, and sees what they may see. Written from ZITADEL's source. */
export const listAuthorizations: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListAuthorizationsRequest', FILTER);
  const caller = callerOf(instance, exchange);
  const { authorizations, logins } = instance.world.reads;
  const rows = [...authorizations.values()].flatMap((authorization): Authorization[] => {
    const user = logins.get(authorization.userId);
    return user === undefined ? [] : [{ ...authorization, user }];
  });
  return pagedJson(instance, search, {
    name: 'authorizations',
    rows,
    columns: { CREATED_DATE: CREATION_DATE, CHANGED_DATE: CHANGE_DATE },
    visible: (row) => isVisible(caller, row),
    json: authorizationJson,
  });
};

/** Own rows always; others where the reader may read them in the organization that gave the roles. */
function isVisible(reader: Caller, { userId, orgId, grantId, projectId }: Authorization): boolean {
  return userId === reader.userId || reader.may('user.grant.read', orgId, grantId ?? projectId);
}

function authorizationJson(row: Authorization, state: State): object {
  const { id, projectId, orgId, roleKeys, active, details, user } = row;
  const project = state.projects.get(projectId);
  return {
    id,
    ...datesJson(details),
    project: { id: projectId, name: project?.name, organizationId: project?.orgId },
    organization: { id: orgId, name: state.orgs.get(orgId)?.name },
    user: loginJson(user),
    state: active ? 'STATE_ACTIVE' : 'STATE_INACTIVE',
    roles: roleKeys.map((key) => ({ key, displayName: key })),
  };
}
