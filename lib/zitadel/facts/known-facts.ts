import {
  type GrantFact,
  type Hidden,
  isHidden,
  type ResourceFacts,
  type ResourceNeed,
} from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { Validity } from '../../core/validity.js';
import { type Answered, type Call, isTrouble, type Trouble } from '../call.js';
import { type ApiGeneration, servedBy, type Tried } from '../generation.js';
import type { Http } from '../http.js';
import { errorIdOf, isRecord } from '../reading.js';
import { refusalOf, unfit } from '../refusals.js';
import type { ServiceToken } from '../service-user.js';

/** A fact, and how long it may be believed. */
export interface Known extends Validity {
  readonly fact: string | GrantFact | Hidden;
  /** On the monotonic clock. */
  readonly askedAt: number;
}

/** What a need is remembered by. */
export function keyOf(need: ResourceNeed, asker: string): string {
  switch (need.fact) {
    case 'owner':
      return ownerKey(need.projectId);
    case 'grant':
      return grantKey(asker, need.grantId);
    case 'grantBetween':
      return betweenKey(asker, need.projectId, need.grantedOrgId);
  }
}

export const ownerKey = (projectId: string) => JSON.stringify(['owner', projectId]);
export const grantKey = (asker: string, grantId: string) =>
  JSON.stringify(['grant', asker, grantId]);
export const betweenKey = (asker: string, projectId: string, orgId: string) =>
  JSON.stringify(['between', asker, projectId, orgId]);

/** What is known, as decisions read it. `asker`: in whose name grants were asked for. */
export function factsFrom(
  asker: string,
  recall: (key: string) => Known | undefined,
): ResourceFacts {
  const grantOf = (grantId: string) => {
    const fact = recall(grantKey(asker, grantId))?.fact;
    return typeof fact === 'object' ? fact : undefined;
  };
  return {
    ownerOf: (projectId) => ownerIn(recall(ownerKey(projectId))),
    grantOf,
    grantBetween: (projectId, orgId) => {
      const fact = recall(betweenKey(asker, projectId, orgId))?.fact;
      return typeof fact === 'object' && !isHidden(fact) ? fact : undefined;
    },
  };
}

export function ownerIn(known: Known | undefined): string | undefined {
  return typeof known?.fact === 'string' ? known.fact : undefined;
}

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

/** What there is, undefined where there is nothing. */
export type Answer<F> = F | undefined | Refusal;

/** Asks for one fact; undefined: there is no such thing there, for this user. */
export type Ask = (
  source: FactSource,
  question: FactQuestion,
) => Promise<Answer<string | GrantFact>>;

/** Under this organization the asker may not see such things: it may be there all the same. */
export const HIDDEN: Refusal = {
  reason: 'misconfigured',
  detail: 'look-up: the roles of the asker do not let it see what a decision needs',
};

/** Said of the organization that was asked under, before ZITADEL looks at the thing itself. */
const HIDING: ReadonlySet<string> = new Set(['AUTH-5mWD2', 'AUTH-3jknH']);
/** The asker has no row there. Of the caller that is a "no", of our service user only that it cannot see. */
const NO_ROW = 'AUTHZ-cdgFk';

/** Asks once, in whosever name facts are asked for. */
export function send(
  { http, serviceToken }: FactSource,
  { orgId, userId, token }: FactQuestion,
  call: Call,
): Promise<Answered | Trouble | Refusal> {
  const sent: Call = {
    ...call,
    ...(orgId !== '' && { orgId }),
    who: userId,
    repeatable: true,
  };
  return serviceToken ? serviceToken.call(sent) : http({ ...sent, token });
}

/** Reads what came: the fact, a "no", or a refusal. */
export function factFrom<F>(
  { serviceToken }: FactSource,
  reply: Answered | Trouble | Refusal,
  read: (body: Readonly<Record<string, unknown>>) => Answer<F>,
): Tried<Answer<F>> {
  const served = servedBy(reply);
  if (isRefusal(reply)) return { served, value: reply };
  const as = serviceToken ? 'serviceUser' : 'caller';
  if (isTrouble(reply)) return { served, value: refusalOf(reply, as, 'look-up') };
  const { status, body } = reply;
  if (status === 200 && isRecord(body)) return { served, value: read(body) };
  const id = errorIdOf(body);
  const isHidden = id !== undefined && (HIDING.has(id) || (serviceToken && id === NO_ROW));
  if (isHidden) return { served, value: HIDDEN };
  // With an error id the "no" is ZITADEL's, about the thing or about the rights to see it; a missing second factor is neither.
  const isNo = id !== undefined && (status === 404 || (status === 403 && id !== 'AUTHZ-Kl3p0'));
  return { served, value: isNo ? undefined : refusalOf(reply, as, 'look-up') };
}

/** Asks once, and reads what came. */
export async function ask<F>(
  source: FactSource,
  question: FactQuestion,
  call: Call,
  read: (body: Readonly<Record<string, unknown>>) => Answer<F>,
): Promise<Tried<Answer<F>>> {
  return factFrom(source, await send(source, question, call), read);
}

/** An answer that cannot be one to what was asked. */
export function aboutSomethingElse(what: string): Refusal {
  return unfit(what, 'the answer is about something else');
}
