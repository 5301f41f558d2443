import type { Deactivable, StateFact } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { Call } from '../call.js';
import {
  grantFrom,
  grantsFrom,
  grantsRequest,
  type ProjectGrant,
} from '../grants/project-grant.js';
import type { Generation, Tried } from '../generation.js';
import { isId, isRecord } from '../reading.js';
import type { Done } from '../reply.js';
import { NO_GRANT_IDS, unfit } from '../refusals.js';
import { aboutSomethingElse, askFact, type Fact, type FactSource, HIDDEN } from './known-facts.js';

const WHAT = 'states';

/** A removed organization has no state, and a later ZITADEL may have another one. */
const UNKNOWN = unfit(WHAT, 'it is neither active nor inactive');

/** What is read by one call: who asks under which organization, and what the reply means. */
interface Question {
  readonly call: Call;
  readonly orgId?: string | undefined;
  readonly read: (body: Done['body']) => Fact<StateFact>;
}

/**
 * Asks as the service user whether something is active. API v1: `GET /management/v1/orgs/me` under the organization, Get Project and Get
 * Project Grant. API v2: `ListOrganizations` of `zitadel.org.v2`, `GetProject` and `ListProjectGrants` of `zitadel.project.v2`.
 */
export async function askState(
  source: FactSource,
  of: Deactivable,
  userId: string,
): Promise<StateFact | Refusal> {
  const found = await source.generation.ask(async (generation): Promise<Tried<Fact<StateFact>>> => {
    const question = QUESTIONS[generation][of.kind](of);
    if (isRefusal(question)) return { served: undefined, value: question };
    const { call, orgId = '', read } = question;
    return askFact(source, { orgId, userId, token: '' }, call, read);
  });
  return found === undefined || found === HIDDEN ? UNSEEN : found;
}

const UNSEEN: Refusal = {
  reason: 'misconfigured',
  detail: 'states: the service user does not see whether something is active',
  remedy:
    "with memberships.inactive: 'deny', give the service user IAM_OWNER_VIEWER, or ORG_OWNER_VIEWER in every organization where callers have a role",
};

type Questions = Readonly<Record<Deactivable['kind'], (of: Deactivable) => Question | Refusal>>;

const V1: Questions = {
  org: ({ id }) => ({
    call: { family: 'org', method: 'GET', path: '/management/v1/orgs/me' },
    orgId: id,
    read: ({ org }) => stateIn(org, { id }, 'ORG_STATE'),
  }),
  project: ({ id, ownerOrgId }) => ({
    call: {
      family: 'project',
      method: 'GET',
      path: `/management/v1/projects/${encodeURIComponent(id)}`,
    },
    orgId: ownerOrgId,
    read: ({ project }) => {
      const details: unknown = isRecord(project) ? project['details'] : undefined;
      const owner = isRecord(details) ? details['resourceOwner'] : undefined;
      return stateIn(project, { id }, 'PROJECT_STATE', owner);
    },
  }),
  projectGrant: ({ id, ownerOrgId }) => ({
    call: {
      family: 'grant',
      method: 'GET',
      path: `/management/v1/projects/0/grants/${encodeURIComponent(id)}`,
    },
    orgId: ownerOrgId,
    read: ({ projectGrant }) => {
      const grant = grantFrom(projectGrant);
      return grant?.grantId === id ? stateOfGrant(grant) : aboutSomethingElse('project grant');
    },
  }),
};

const V2: Questions = {
  org: ({ id }) => ({
    call: {
      family: 'org',
      method: 'POST',
      path: '/zitadel.org.v2.OrganizationService/ListOrganizations',
      json: { queries: [{ idQuery: { id } }] },
    },
    read: (body) => {
      const rows: unknown = body['result'] ?? [];
      if (!Array.isArray(rows) || rows.length > 1)
        return unfit('organization', 'it is no list of one');
      const [org] = rows as readonly unknown[];
      return org === undefined ? undefined : stateIn(org, { id }, 'ORGANIZATION_STATE');
    },
  }),
  project: ({ id }) => ({
    call: {
      family: 'project',
      method: 'POST',
      path: '/zitadel.project.v2.ProjectService/GetProject',
      json: { projectId: id },
    },
    read: ({ project }) => {
      const owner = isRecord(project) ? project['organizationId'] : undefined;
      return stateIn(project, { projectId: id }, 'PROJECT_STATE', owner);
    },
  }),
  projectGrant: ({ projectId, grantedOrgId }) => {
    // Rows that API v1 wrote name a grant by its id.
    if (projectId === undefined || grantedOrgId === undefined) return NO_GRANT_IDS;
    const ends = { projectId, grantedOrgId };
    return {
      call: {
        family: 'grant',
        method: 'POST',
        path: '/zitadel.project.v2.ProjectService/ListProjectGrants',
        json: grantsRequest(ends, 0),
      },
      read: (body) => {
        const page = grantsFrom(body, ends);
        if (!page || page.rows.length > 1) return aboutSomethingElse('project grants');
        const [grant] = page.rows;
        return grant && stateOfGrant(grant);
      },
    };
  },
};

const QUESTIONS: Readonly<Record<Generation, Questions>> = { v1: V1, v2: V2 };

/** Reads an organization or a project. Only a project has an owner. */
function stateIn(
  value: unknown,
  ids: Readonly<Record<string, string>>,
  prefix: 'ORG_STATE' | 'ORGANIZATION_STATE' | 'PROJECT_STATE',
  owner?: unknown,
): StateFact | Refusal {
  const isIt = isRecord(value) && Object.entries(ids).every(([name, id]) => value[name] === id);
  const hasOwner = prefix === 'PROJECT_STATE' ? isId(owner) : owner === undefined;
  if (!isIt || !hasOwner) return aboutSomethingElse(WHAT);
  const isActive = value['state'] === `${prefix}_ACTIVE`;
  if (!isActive && value['state'] !== `${prefix}_INACTIVE`) return UNKNOWN;
  return { isActive, ...(isId(owner) && { ownerOrgId: owner }) };
}

function stateOfGrant(grant: ProjectGrant): StateFact | Refusal {
  const { state, projectId, grantedOrgId, projectOwnerId: ownerOrgId } = grant;
  if (ownerOrgId === '') return aboutSomethingElse(WHAT);
  if (state === 'unknown') return UNKNOWN;
  return { isActive: state === 'active', ownerOrgId, projectId, grantedOrgId };
}
