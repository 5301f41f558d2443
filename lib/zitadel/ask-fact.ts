import type { GrantFact } from '../core/decide.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { errorIdOf, isRecord } from './error-id.js';
import { isTrouble, type Call } from './exchange.js';
import type { Http } from './http.js';
import { totalOf } from './membership-list.js';
import { grantFrom, type ProjectGrant } from './project-grant.js';
import { refusalOf } from './reply-refusal.js';
import type { ServiceToken } from './service-token.js';

/** Who is asked for facts. */
export interface FactSource {
  readonly http: Http;
  /** Asked in its name instead of the caller's. */
  readonly serviceToken: ServiceToken | undefined;
}

/** Asks for one fact under one organization; undefined: there is no such thing there, for this user. */
export type Ask = (
  source: FactSource,
  orgId: string,
  userId: string,
  token: string,
) => Promise<string | GrantFact | undefined | Refusal>;

/** Get Project, `GET /management/v1/projects/{id}`: answers only under the organization that owns the project. */
export function askOwner(projectId: string): Ask {
  const path = `/management/v1/projects/${encodeURIComponent(projectId)}`;
  return async (source, orgId, userId, token) => {
    const call: Call = { family: 'project', method: 'GET', path, orgId, who: userId };
    const body = await bodyOf(source, call, token);
    if (!body || isRefusal(body)) return body;
    const { project } = body;
    const details: unknown = isRecord(project) ? project['details'] : undefined;
    const owner: unknown = isRecord(details) ? details['resourceOwner'] : undefined;
    return isRecord(project) && project['id'] === projectId && typeof owner === 'string'
      ? owner
      : aboutSomethingElse('project');
  };
}

/** Get Project Grant, `GET /management/v1/projects/{any}/grants/{grantId}`: ZITADEL looks at the grant id alone. */
export function askGrant(grantId: string): Ask {
  const path = `/management/v1/projects/0/grants/${encodeURIComponent(grantId)}`;
  return async (source, orgId, userId, token) => {
    const call: Call = { family: 'grant', method: 'GET', path, orgId, who: userId };
    const body = await bodyOf(source, call, token);
    if (!body || isRefusal(body)) return body;
    const grant = grantFrom(body['projectGrant']);
    return grant?.grantId === grantId ? factOf(grant) : aboutSomethingElse('project grant');
  };
}

/** List Granted Projects, `POST /management/v1/granted_projects/_search`, under the granted organization. */
export function askGrantBetween(projectId: string): Ask {
  const path = '/management/v1/granted_projects/_search';
  return async (source, orgId, userId, token) => {
    const call: Call = { family: 'grantedProjects', method: 'POST', path, orgId, who: userId };
    const body = await bodyOf(source, { ...call, json: {} }, token);
    if (!body || isRefusal(body)) return body;
    const { result = [] } = body;
    const grants = Array.isArray(result) ? result.map(grantFrom) : [undefined];
    const grant = grants.find(
      (each) => each?.projectId === projectId && each.grantedOrgId === orgId,
    );
    if (grant) return factOf(grant);
    // "Not granted" is said only by a list that is whole.
    const isWhole = grants.every((each) => each) && grants.length >= totalOf(body);
    return isWhole ? undefined : aboutSomethingElse('granted projects');
  };
}

function factOf({ grantId, projectId, grantedOrgId }: ProjectGrant): GrantFact {
  return Object.freeze({ grantId, projectId, grantedOrgId });
}

function aboutSomethingElse(what: string): Refusal {
  return { reason: 'unavailable', detail: `${what}: the answer is about something else` };
}

async function bodyOf(
  { http, serviceToken }: FactSource,
  call: Call,
  token: string,
): Promise<Readonly<Record<string, unknown>> | undefined | Refusal> {
  const repeatable: Call = { ...call, repeatable: true };
  const reply = serviceToken
    ? await serviceToken.call(repeatable)
    : await http({ ...repeatable, token });
  if (isRefusal(reply)) return reply;
  const as = serviceToken ? 'serviceUser' : 'caller';
  if (isTrouble(reply)) return refusalOf(reply, as, 'look-up');
  const { status, body } = reply;
  if (status === 200 && isRecord(body)) return body;
  // With an error id the "no" is ZITADEL's, about the thing or about the rights to see it; a missing second factor is neither.
  const id = errorIdOf(body);
  const isNo = id !== undefined && (status === 404 || (status === 403 && id !== 'AUTHZ-Kl3p0'));
  return isNo ? undefined : refusalOf(reply, as, 'look-up');
}
