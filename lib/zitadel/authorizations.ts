import type { GivenRoles } from '../core/decide/case.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { isId, isRecord, pageFrom, pageRequest } from './reading.js';
import { refusalOf, refusalOfOurs, unfit } from './refusals.js';
import { isDone, isTrouble } from './reply.js';
import type { ServiceToken } from './service-user.js';

const WHAT = 'authorizations';
const PATH = '/zitadel.authorization.v2.AuthorizationService/ListAuthorizations';

const REMEDY =
  'let the service user read authorizations (user.grant.read): ORG_OWNER_VIEWER in the organization that gives the roles, or IAM_OWNER_VIEWER';
const NO_V2 =
  "authorizations are read by API v2 only, which this server, or a proxy before it, does not serve: take away projectRoles: 'api', and let tokens carry the roles";

/**
 * Asks what one organization gave a user of one project: ListAuthorizations of `zitadel.authorization.v2`, over connect, as the service
 * user. API v1 is not asked. It calls every authorization active, and does not tell to which organization the user belongs.
 */
export function createRoleReader(
  serviceToken: ServiceToken,
): (userId: string, projectId: string, orgId: string) => Promise<GivenRoles | Refusal> {
  return async (userId, projectId, orgId) => {
    const ids = { user: userId, project: projectId, organization: orgId };
    const filters = Object.entries(ids).map(([name, id]) => ({ [`${name}Id`]: { id } }));
    const reply = await serviceToken.call({
      family: WHAT,
      method: 'POST',
      path: PATH,
      json: { ...pageRequest(0), filters },
      who: userId,
      repeatable: true,
    });
    if (isRefusal(reply)) return reply;
    if (!isDone(reply)) {
      const isMissing = !isTrouble(reply) && reply.says === 'notServed';
      return isMissing
        ? { ...refusalOf(reply, 'serviceUser', WHAT), remedy: NO_V2 }
        : refusalOfOurs(reply, WHAT, REMEDY);
    }
    const page = pageFrom(reply.body, WHAT);
    if (!page) return unfit(WHAT, 'the reply is not a list');
    const { rows, total } = page;
    if (!rows.every((row) => isAbout(row, ids))) {
      return unfit(WHAT, 'the reply is about something else');
    }
    // ZITADEL counts what it does not show. A row that cannot be seen is no "no".
    if (total > rows.length) {
      const detail = `${WHAT}: the service user may see only ${rows.length} of ${total} of a user`;
      return { reason: 'misconfigured', detail, remedy: REMEDY };
    }
    return givenBy(rows) ?? unfit(WHAT, 'the reply is not a list of authorizations');
  };
}

type Row = Readonly<Record<string, unknown>>;

function isAbout(row: Row, ids: Readonly<Record<string, string>>): boolean {
  return Object.entries(ids).every(([name, id]) => {
    const named = row[name];
    return isRecord(named) && named['id'] === id;
  });
}

/** Only what is active counts. Undefined if a row is written in another way than ZITADEL's. */
function givenBy(rows: readonly Row[]): GivenRoles | undefined {
  const keys: unknown[] = [];
  let home: string | undefined;
  let owner: string | undefined;
  for (const { user, project, state, roles = [] } of rows) {
    if (!Array.isArray(roles)) return undefined;
    home = organizationOf(user) ?? home;
    owner = organizationOf(project) ?? owner;
    if (state !== 'STATE_ACTIVE') continue;
    keys.push(...roles.map((role: unknown) => (isRecord(role) ? role['key'] : undefined)));
  }
  return keys.every(isId) ? { roles: Object.freeze(keys), home, owner } : undefined;
}

function organizationOf(value: unknown): string | undefined {
  const organizationId = isRecord(value) ? value['organizationId'] : undefined;
  return isId(organizationId) ? organizationId : undefined;
}
