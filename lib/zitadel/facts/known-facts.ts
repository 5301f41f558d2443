import {
  type GrantFact,
  type Hidden,
  isHidden,
  type ResourceFacts,
  type ResourceNeed,
} from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { Validity } from '../../core/validity.js';
import type { Call } from '../call.js';
import { type ApiGeneration, servedBy, type Tried } from '../generation.js';
import type { Http } from '../http.js';
import { refusalOf, unfit } from '../refusals.js';
import { type Done, isDone, isTrouble, type Reply } from '../reply.js';
import type { ServiceToken } from '../service-user.js';

/** A fact about a resource, and until when it may be used. */
export interface Known extends Validity {
  readonly fact: string | GrantFact | Hidden;
  /** On the monotonic clock. */
  readonly askedAt: number;
}

/** The key by which the fact for a need is remembered. */
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

const ownerKey = (projectId: string) => JSON.stringify(['owner', projectId]);
export const grantKey = (asker: string, grantId: string) =>
  JSON.stringify(['grant', asker, grantId]);
export const betweenKey = (asker: string, projectId: string, orgId: string) =>
  JSON.stringify(['between', asker, projectId, orgId]);

/** The known facts, as decisions read them. `asker`: in whose name grants were asked for. */
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

/** How facts are asked for. */
export interface FactSource {
  readonly http: Http;
  /** The service user that asks instead of the caller. */
  readonly serviceToken: ServiceToken | undefined;
  /** The API generation for projects and their grants. */
  readonly generation: ApiGeneration;
}

/** One question: the organization under which it is asked ('': the asker's own), the user, and the user's token. */
export interface FactQuestion {
  readonly orgId: string;
  readonly userId: string;
  readonly token: string;
}

/** A fact. Undefined: there is no such thing. A refusal: it is not known, and why. */
export type Fact<F> = F | undefined | Refusal;

/** Asks for one fact. Undefined: the asker finds no such thing there. */
export type Ask = (source: FactSource, question: FactQuestion) => Promise<Fact<string | GrantFact>>;

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
  const sent: Call = {
    ...call,
    ...(orgId !== '' && { orgId }),
    who: userId,
    repeatable: true,
  };
  return serviceToken ? serviceToken.call(sent) : http({ ...sent, token });
}

/** Reads a reply: the fact, a "no", or a refusal. */
export function factFrom<F>(
  { serviceToken }: FactSource,
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
  call: Call,
  read: (body: Done['body']) => Fact<F>,
): Promise<Tried<Fact<F>>> {
  return factFrom(source, await send(source, question, call), read);
}

/** The reply belongs to another question. */
export function aboutSomethingElse(what: string): Refusal {
  return unfit(what, 'the reply is about something else');
}
