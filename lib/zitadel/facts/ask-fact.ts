import type { GrantFact } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { Call } from '../call.js';
import { type ApiGeneration, type Generation, servedBy, type Tried } from '../generation.js';
import {
  type GrantEnds,
  grantFrom,
  grantsFrom,
  grantsRequest,
  type GrantWithId,
  type ProjectGrant,
} from '../grants/project-grant.js';
import type { Http } from '../http.js';
import { isId, type Page } from '../reading.js';
import { NO_GRANT_IDS, refusalOf, unfit } from '../refusals.js';
import { type Done, isDone, isTrouble, type Reply } from '../reply.js';
import type { ServiceToken } from '../service-user.js';

/** How facts are asked for. */
export interface FactSource {
  readonly http: Http;
  /** The service user that asks instead of the caller. */
  readonly serviceToken: ServiceToken | undefined;
  /** The API generation for projects and their grants. */
  readonly generation: ApiGeneration;
}

/** In whose name it is asked: the organization ('': the asker's own), the user, and the user's token. */
export interface FactQuestion {
  readonly orgId: string;
  readonly userId: string;
  readonly token: string;
}

/** A fact. Undefined: there is no such thing. A refusal: it is not known, and why. */
export type Fact<F> = F | undefined | Refusal;

/** Asks for one fact. Undefined: the asker finds no such thing there. */
export type Ask = (source: FactSource, question: FactQuestion) => Promise<Fact<string | GrantFact>>;

/** One call for a fact, and what its reply means. */
export interface FactCall<F> {
  readonly call: Call;
  readonly read: (body: Done['body']) => Fact<F>;
}

/** What a fact means for another one. */
export function andThen<F extends object, G>(
  { call, read }: FactCall<F>,
  next: (fact: F) => Fact<G>,
): FactCall<G> {
  return {
    call,
    read: (body) => {
      const fact = read(body);
      return fact === undefined || isRefusal(fact) ? fact : next(fact);
    },
  };
}

/** The asker may not see such things under this organization. The thing may be there all the same. */
export const HIDDEN: Refusal = {
  reason: 'misconfigured',
  detail: 'look-up: the roles of the asker do not let it see what a decision needs',
};

/** With these ids ZITADEL refuses the organization under which it is asked, before it looks at the thing itself. */
const HIDING: ReadonlySet<string> = new Set(['AUTH-5mWD2', 'AUTH-3jknH']);
/** The asker has no row there. For a caller that is a "no". For our service user it only means that it cannot see. */
const NO_ROW = 'AUTHZ-cdgFk';

/** Asks once, as the service user or as the caller. */
export function send(
  { http, serviceToken }: FactSource,
  { orgId, userId, token }: FactQuestion,
  call: Call,
): Promise<Reply | Refusal> {
  const sent: Call = { ...call, ...(orgId !== '' && { orgId }), who: userId, repeatable: true };
  return serviceToken ? serviceToken.call(sent) : http({ ...sent, token });
}

/** Reads a reply: the fact, a "no", or a refusal. */
export function factFrom<F>(
  { serviceToken }: Pick<FactSource, 'serviceToken'>,
  reply: Reply | Refusal,
  read: (body: Done['body']) => Fact<F>,
): Tried<Fact<F>> {
  const served = servedBy(reply);
  if (isRefusal(reply)) return { served, value: reply };
  if (isDone(reply)) return { served, value: read(reply.body) };
  const refusal = refusalOf(reply, serviceToken ? 'serviceUser' : 'caller', 'look-up');
  if (isTrouble(reply) || reply.id === undefined) return { served, value: refusal };
  const { status, id } = reply;
  if (HIDING.has(id) || (serviceToken && id === NO_ROW)) return { served, value: HIDDEN };
  // With an error id, the "no" is about the thing, or about the right to see it. A missing second factor is about neither.
  const isNo = status === 404 || (status === 403 && id !== 'AUTHZ-Kl3p0');
  return { served, value: isNo ? undefined : refusal };
}

/** Asks once, and reads the reply. */
export async function askFact<F>(
  source: FactSource,
  question: FactQuestion,
  { call, read }: FactCall<F>,
): Promise<Tried<Fact<F>>> {
  return factFrom(source, await send(source, question, call), read);
}

/** The reply belongs to another question. */
export function aboutSomethingElse(what: string): Refusal {
  return unfit(what, 'the reply is about something else');
}

/**
 * A project, with its owner: API v1 (Get Project, `GET /management/v1/projects/{id}`) finds it only under its owner. API v2 (`GetProject` of
 * `zitadel.project.v2`) shows it to all who may see it.
 */
export function projectBy(
  generation: Generation,
  projectId: string,
): FactCall<{ readonly ownerOrgId: string; readonly state: unknown }> {
  const read = (project: unknown, name: string, ownerOrgId: unknown) =>
    own(project, name) === projectId && isId(ownerOrgId)
      ? { ownerOrgId, state: own(project, 'state') }
      : aboutSomethingElse('project');
  const family = 'project';
  const path = `/management/v1/projects/${encodeURIComponent(projectId)}`;
  return generation === 'v1'
    ? {
        call: { family, method: 'GET', path },
        read: ({ project }) => read(project, 'id', own(own(project, 'details'), 'resourceOwner')),
      }
    : {
        call: {
          family,
          method: 'POST',
          path: '/zitadel.project.v2.ProjectService/GetProject',
          json: { projectId },
        },
        read: ({ project }) => read(project, 'projectId', own(project, 'organizationId')),
      };
}

/**
 * A project grant by its id: Get Project Grant, `GET /management/v1/projects/{any}/grants/{grantId}`. ZITADEL ignores the project in the
 * path. It finds the grant only under the organization that owns the project and the one that holds the grant. API v2 has no such ids.
 */
export function grantBy(grantId: string): FactCall<GrantWithId> {
  const path = `/management/v1/projects/0/grants/${encodeURIComponent(grantId)}`;
  return {
    call: { family: 'grant', method: 'GET', path },
    read: ({ projectGrant }) => {
      const grant = grantFrom(projectGrant);
      return grant?.grantId === grantId ? grant : aboutSomethingElse('project grant');
    },
  };
}

/** Project grants by their two ends, under any organization: `ListProjectGrants` of `zitadel.project.v2`. */
export function grantsBetween(family: string, ends: GrantEnds): FactCall<Page<ProjectGrant>> {
  const path = '/zitadel.project.v2.ProjectService/ListProjectGrants';
  return {
    call: { family, method: 'POST', path, json: grantsRequest(ends, 0) },
    read: (body) => grantsFrom(body, ends) ?? aboutSomethingElse('project grants'),
  };
}

/** Asks which organization owns a project. */
export function askOwner(projectId: string): Ask {
  return (source, question) =>
    source.generation.ask((generation) => {
      const asked = projectBy(generation, projectId);
      return askFact(
        source,
        question,
        andThen(asked, ({ ownerOrgId }) => ownerOrgId),
      );
    });
}

/** Asks for a project grant by its id. */
export function askGrant(grantId: string): Ask {
  const asked = andThen(grantBy(grantId), ({ projectId, grantedOrgId }) =>
    Object.freeze({ grantId, projectId, grantedOrgId }),
  );
  return (source, question) =>
    source.generation.ask<Fact<GrantFact>>(async (generation) =>
      generation === 'v1'
        ? askFact(source, question, asked)
        : { served: undefined, value: NO_GRANT_IDS },
    );
}
