import type { GrantFact } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { has } from '../../core/own-properties.js';
import type { Call } from '../call.js';
import type { Tried } from '../generation.js';
import { grantsFromV1, type GrantWithId } from '../grants/project-grant.js';
import { LIST_CALL, type Page, PAGE, pagesOf } from '../reading.js';
import { unfit } from '../refusals.js';
import {
  aboutSomethingElse,
  andThen,
  type Ask,
  askFact,
  type Fact,
  factFrom,
  type FactQuestion,
  type FactSource,
  grantsBetween,
  HIDDEN,
  send,
} from './ask-fact.js';

/** Anybody can grant projects to an organization, so a longer list is not read to its end. */
const MOST_GRANTS = 19_000;
/** A server may allow no more than a hundred rows a page. */
const MOST_PAGES = 200;
const WHAT = 'granted projects';

type Found = Tried<Fact<GrantFact>>;

/**
 * Asks for a project grant by its two ends, under the granted organization. API v1 (List Granted Projects,
 * `POST /management/v1/granted_projects/_search`) has no filter by project. API v2 (`ListProjectGrants` of `zitadel.project.v2`) has one, but
 * its grants have no id, and the rows that v1 gave need it. Anybody can grant projects to an organization. So if the list of v1 is longer
 * than a page, v2 says whether to look on. If the list is too long, what v2 says counts.
 */
export function askGrantBetween(projectId: string): Ask {
  return async (source, question) => {
    const found = await source.generation.ask((generation) =>
      generation === 'v1'
        ? askByV1(source, question, projectId)
        : askByV2(source, question, projectId),
    );
    // A caller whose row counts on this grant may see it, so "hidden" means "no grant". That is not true of our service user.
    return found === HIDDEN && !source.serviceToken ? undefined : found;
  };
}

async function askByV1(
  source: FactSource,
  question: FactQuestion,
  projectId: string,
): Promise<Found> {
  const { orgId: grantedOrgId } = question;
  const pages = pagesOf<GrantWithId, Found | 'tooLarge'>(
    async (offset) => {
      const reply = await send(source, question, pageCall(offset));
      if (has(reply, 'kind') && reply.kind === 'tooLarge') return { instead: 'tooLarge' };
      const { served, value } = factFrom<Page<GrantWithId>>(
        source,
        reply,
        (body) => grantsFromV1(body, { grantedOrgId }) ?? aboutSomethingElse(WHAT),
      );
      return value === undefined || isRefusal(value) ? { instead: { served, value } } : value;
    },
    ({ grantId }) => grantId,
    { end: MOST_GRANTS, mostPages: MOST_PAGES },
  );
  let seen = 0;
  let byV2: Found | undefined;
  for await (const page of pages) {
    const isFirst = seen === 0;
    if (has(page, 'instead')) {
      if (page.instead !== 'tooLarge') return page.instead;
      byV2 ??= await askInstead(source, question, projectId);
      return byV2 ?? { served: undefined, value: TOO_LARGE };
    }
    const grant = page.fresh.find((each) => each.projectId === projectId);
    if (grant) {
      const fact = Object.freeze({ projectId, grantedOrgId, grantId: grant.grantId });
      return { served: true, value: fact };
    }
    if (page.hasShifted) return { served: true, value: HAS_MOVED };
    seen += page.fresh.length;
    // Only a whole list can say "not granted".
    if (page.isWhole) {
      const misses = page.hidesRows || seen < page.total;
      return { served: true, value: misses ? HAS_MOVED : undefined };
    }
    if (isFirst) {
      byV2 = await askInstead(source, question, projectId);
      if (byV2 && !byV2.value) return byV2;
    }
    if (page.hidesRows) return { served: true, value: aboutSomethingElse(WHAT) };
  }
  return byV2 ?? { served: true, value: TOO_LARGE };
}

function pageCall(offset: number): Call {
  return {
    ...LIST_CALL,
    family: 'grantedProjects',
    path: '/management/v1/granted_projects/_search',
    json: { query: { offset: String(offset), limit: PAGE, asc: true } },
  };
}

/** Asks by v2, if both generations may be asked. Undefined if v2 does not say. */
async function askInstead(
  source: FactSource,
  question: FactQuestion,
  projectId: string,
): Promise<Found | undefined> {
  if (!source.generation.isOpen) return undefined;
  const { served, value } = await askByV2(source, question, projectId);
  return served !== true || (value && isRefusal(value)) ? undefined : { served, value };
}

function askByV2(source: FactSource, question: FactQuestion, projectId: string): Promise<Found> {
  const ends = { projectId, grantedOrgId: question.orgId };
  const asked = andThen(grantsBetween('grantedProjects', ends), ({ rows, total }) => {
    if (rows.length > 0) return Object.freeze(ends);
    if (total === 0) return undefined;
    // ZITADEL counts the grant and does not show it: the service user lacks the right to see it.
    return source.serviceToken ? MAY_NOT_SEE : unfit(WHAT, 'rows that are counted are left out');
  });
  return askFact<GrantFact>(source, question, asked);
}

const HAS_MOVED: Refusal = {
  reason: 'unavailable',
  detail: `${WHAT}: the list changes while it is read`,
};

const TOO_LARGE: Refusal = {
  reason: 'unavailable',
  detail: `${WHAT}: there are too many to be read`,
  remedy: "leave the option api at 'auto', and name the grant by its id where API v2 is not served",
};

const MAY_NOT_SEE: Refusal = {
  reason: 'misconfigured',
  detail: 'look-up: the service user may not see a project grant',
  remedy:
    'give the service user IAM_OWNER_VIEWER, or ORG_OWNER_VIEWER in the organizations of the project',
};
