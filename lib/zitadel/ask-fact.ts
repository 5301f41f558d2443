import type { GrantFact } from '../core/facts.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { servedBy, type ApiGeneration, type Tried } from './api-generation.js';
import { errorIdOf } from './error-id.js';
import { isTrouble, type Call } from './exchange.js';
import type { Http } from './http.js';
import { listFrom } from './list-answer.js';
import { grantsFrom, grantsRequest } from './list-project-grants.js';
import { grantFrom, isBetween } from './project-grant.js';
import { NO_GRANT_IDS, refusalOf } from './reply-refusal.js';
import type { ServiceToken } from './service-token.js';
import { isRecord } from './shape.js';

/** Who is asked for facts. */
export interface FactSource {
  readonly http: Http;
  /** Asked in its name instead of the caller's. */
  readonly serviceToken: ServiceToken | undefined;
  /** Of projects and their grants. */
  readonly generation: ApiGeneration;
}

/** One question: under which organization it is asked ('': the asker's own), about whom, and with whose token. */
export interface FactQuestion {
  readonly orgId: string;
  readonly userId: string;
  readonly token: string;
}

type Answer<F> = F | undefined | Refusal;

/** Asks for one fact; undefined: there is no such thing there, for this user. */
export type Ask = (
  source: FactSource,
  question: FactQuestion,
) => Promise<Answer<string | GrantFact>>;

/**
 * The organization that owns a project. Get Project, `GET /management/v1/projects/{id}`, answers only under the organization that owns it;
 * `GetProject` of `zitadel.project.v2` answers whoever may see the project.
 */
export function askOwner(projectId: string): Ask {
  const v1: Call = {
    family: 'project',
    method: 'GET',
    path: `/management/v1/projects/${encodeURIComponent(projectId)}`,
  };
  const v2: Call = {
    family: 'project',
    method: 'POST',
    path: '/zitadel.project.v2.ProjectService/GetProject',
    json: { projectId },
  };
  return (source, question) =>
    source.generation.ask((generation) =>
      generation === 'v1'
        ? ask(source, question, v1, ({ project }) => {
            const details: unknown = isRecord(project) ? project['details'] : undefined;
            const owner = isRecord(details) ? details['resourceOwner'] : undefined;
            return ownerFrom(project, 'id', projectId, owner);
          })
        : ask(source, question, v2, ({ project }) => {
            const owner = isRecord(project) ? project['organizationId'] : undefined;
            return ownerFrom(project, 'projectId', projectId, owner);
          }),
    );
}

function ownerFrom(
  project: unknown,
  name: string,
  projectId: string,
  owner: unknown,
): string | Refusal {
  const fits = isRecord(project) && project[name] === projectId;
  return fits && typeof owner === 'string' && owner !== '' ? owner : aboutSomethingElse('project');
}

/**
 * A project grant by its id. Get Project Grant, `GET /management/v1/projects/{any}/grants/{grantId}`: ZITADEL looks at the grant id alone.
 * API v1 only: v2 has no such ids.
 */
export function askGrant(grantId: string): Ask {
  const call: Call = {
    family: 'grant',
    method: 'GET',
    path: `/management/v1/projects/0/grants/${encodeURIComponent(grantId)}`,
  };
  return (source, question) =>
    source.generation.ask<Answer<GrantFact>>(async (generation) => {
      if (generation === 'v2') return { served: undefined, value: NO_GRANT_IDS };
      return ask(source, question, call, ({ projectGrant }) => {
        const grant = grantFrom(projectGrant);
        if (grant?.grantId !== grantId) return aboutSomethingElse('project grant');
        return Object.freeze({
          grantId,
          projectId: grant.projectId,
          grantedOrgId: grant.grantedOrgId,
        });
      });
    });
}

/**
 * A project grant by its two ends, asked under the granted organization. List Granted Projects,
 * `POST /management/v1/granted_projects/_search`; `ListProjectGrants` of `zitadel.project.v2`, whose grants have no id.
 */
export function askGrantBetween(projectId: string): Ask {
  return (source, question) =>
    source.generation.ask((generation) =>
      generation === 'v1'
        ? askGrantBetweenV1(source, question, projectId)
        : askGrantBetweenV2(source, question, projectId),
    );
}

function askGrantBetweenV1(
  source: FactSource,
  question: FactQuestion,
  projectId: string,
): Promise<Tried<Answer<GrantFact>>> {
  const call: Call = {
    family: 'grantedProjects',
    method: 'POST',
    path: '/management/v1/granted_projects/_search',
    json: {},
  };
  return ask(source, question, call, (body) => {
    const list = listFrom(body);
    const grants = list?.rows.map(grantFrom);
    const { orgId: grantedOrgId } = question;
    if (!list || !grants?.every((each) => each && isBetween(each, { grantedOrgId }))) {
      return aboutSomethingElse('granted projects');
    }
    const grant = grants.find((each) => each?.projectId === projectId);
    if (grant) return Object.freeze({ projectId, grantedOrgId, grantId: grant.grantId });
    // "Not granted" is said only by a list that is whole.
    return grants.length >= list.total ? undefined : aboutSomethingElse('granted projects');
  });
}

function askGrantBetweenV2(
  source: FactSource,
  question: FactQuestion,
  projectId: string,
): Promise<Tried<Answer<GrantFact>>> {
  const { orgId: grantedOrgId } = question;
  const call: Call = {
    family: 'grantedProjects',
    method: 'POST',
    path: '/zitadel.project.v2.ProjectService/ListProjectGrants',
    json: grantsRequest({ projectId, grantedOrgId }, 0),
  };
  return ask(source, question, call, (body) => {
    const page = grantsFrom(body, { projectId, grantedOrgId });
    if (!page) return aboutSomethingElse('project grants');
    if (page.grants.length > 0) return Object.freeze({ projectId, grantedOrgId });
    // Counted and not shown: the asker may not see it. Of a caller that is an answer, of our service user it is a right that it lacks.
    return page.total > 0 && source.serviceToken ? MAY_NOT_SEE : undefined;
  });
}

const MAY_NOT_SEE: Refusal = {
  reason: 'misconfigured',
  detail: 'look-up: the service user may not see a project grant',
  remedy:
    'give the service user IAM_OWNER_VIEWER, or ORG_OWNER_VIEWER in the organizations of the project',
};

function aboutSomethingElse(what: string): Refusal {
  return { reason: 'unavailable', detail: `${what}: the answer is about something else` };
}

async function ask<F>(
  { http, serviceToken }: FactSource,
  { orgId, userId, token }: FactQuestion,
  call: Call,
  read: (body: Readonly<Record<string, unknown>>) => Answer<F>,
): Promise<Tried<Answer<F>>> {
  const sent: Call = {
    ...call,
    ...(orgId !== '' && { orgId }),
    who: userId,
    repeatable: true,
  };
  const reply = serviceToken ? await serviceToken.call(sent) : await http({ ...sent, token });
  const served = servedBy(reply);
  if (isRefusal(reply)) return { served, value: reply };
  const as = serviceToken ? 'serviceUser' : 'caller';
  if (isTrouble(reply)) return { served, value: refusalOf(reply, as, 'look-up') };
  const { status, body } = reply;
  if (status === 200 && isRecord(body)) return { served, value: read(body) };
  // With an error id the "no" is ZITADEL's, about the thing or about the rights to see it; a missing second factor is neither.
  const id = errorIdOf(body);
  const isNo = id !== undefined && (status === 404 || (status === 403 && id !== 'AUTHZ-Kl3p0'));
  return { served, value: isNo ? undefined : refusalOf(reply, as, 'look-up') };
}
