import { has } from '../../core/own-properties.js';
import type { Call } from '../call.js';
import { isId, MOST_PAGES, PAGE, pagesOf } from '../reading.js';
import { changing, endless, refusedBy, unusable, ZitadelApiError } from '../refusals.js';
import { callAsServiceUser, type ServiceToken } from '../service-user.js';
import {
  type ChangeDetails,
  detailsFrom,
  type GrantChange,
  type GrantEnds,
  type GrantFilter,
  grantFrom,
  grantsFromV1,
  type GrantWithId,
  isBetween,
  type NewGrant,
  type OfGrant,
  type OfProject,
} from './project-grant.js';

type Grants = AsyncGenerator<GrantWithId, void, undefined>;

interface Search {
  readonly path: string;
  readonly orgId: string | undefined;
  readonly queries?: readonly object[];
}

/** The call for each change, under `.../grants/{grantId}`. */
const CHANGES: Readonly<
  Record<GrantChange['to'], readonly [what: string, Call['method'], verb: string, json?: object]>
> = {
  roles: ['Update Project Grant', 'PUT', ''],
  inactive: ['Deactivate Project Grant', 'POST', '/_deactivate', {}],
  active: ['Reactivate Project Grant', 'POST', '/_reactivate', {}],
  removed: ['Remove Project Grant', 'DELETE', ''],
};

/** Project grants by the Management API v1. It addresses them by their ids, under the organization that owns the project. */
export class ProjectGrantsV1 {
  constructor(private readonly serviceToken: ServiceToken | undefined) {}

  /** Add Project Grant, `POST /management/v1/projects/{projectId}/grants`. */
  async add(grant: NewGrant): Promise<ChangeDetails & { readonly grantId: string }> {
    const { grantedOrgId, roleKeys } = grant;
    const what = 'Add Project Grant';
    const body = await this.#call(what, 'POST', grant, '', { grantedOrgId, roleKeys });
    const { grantId } = body;
    if (!isId(grantId)) throw unusable(what);
    return { grantId, ...doneFrom(body, what) };
  }

  /** Get Project Grant By ID, `GET .../grants/{grantId}`. It is never stale. ZITADEL ignores the project in the path, so it is checked here. */
  async get(grant: OfGrant): Promise<GrantWithId> {
    const what = 'Get Project Grant';
    const grantId = await this.#idOf(what, grant);
    const body = await this.#call(what, 'GET', grant, pathOf(grantId));
    const found = grantFrom(body['projectGrant']);
    if (found?.grantId !== grantId) throw unusable(what);
    const { projectId, grantedOrgId = found.grantedOrgId } = grant;
    if (found.projectId === projectId && found.grantedOrgId === grantedOrgId) return found;
    const remedy =
      found.projectId === projectId
        ? 'this grant is for another organization'
        : 'this grant belongs to another project';
    throw new ZitadelApiError(404, undefined, remedy, what);
  }

  /** Search Project Grants, `POST .../grants/_search`. Without a project, `POST /management/v1/projectgrants/_search`. */
  async *list({ organizationId, projectId, grantedOrgId }: GrantFilter): Grants {
    if (projectId === undefined) {
      const queries = grantedOrgId === undefined ? [] : [{ grantedOrgIdQuery: { grantedOrgId } }];
      const call = { path: '/management/v1/projectgrants/_search', orgId: organizationId, queries };
      yield* this.#search('Search All Project Grants', call, { grantedOrgId });
      return;
    }
    const call = { path: `${projectPath(projectId)}/grants/_search`, orgId: organizationId };
    for await (const grant of this.#search('Search Project Grants', call, { projectId })) {
      if (isBetween(grant, { grantedOrgId })) yield grant;
    }
  }

  /** List Granted Projects, `POST /management/v1/granted_projects/_search`. */
  listGranted(organizationId: string | undefined): Grants {
    const call = { path: '/management/v1/granted_projects/_search', orgId: organizationId };
    return this.#search('List Granted Projects', call, { grantedOrgId: organizationId });
  }

  /** Update, Deactivate, Reactivate and Remove Project Grant. */
  async change({ to, roleKeys }: GrantChange, grant: OfGrant): Promise<ChangeDetails> {
    const [what, method, verb, json] = CHANGES[to];
    // If it is named by both, both must name one grant: a list that was kept may be older than the grant.
    if (grant.grantId !== undefined && grant.grantedOrgId !== undefined) await this.get(grant);
    const path = pathOf(await this.#idOf(what, grant)) + verb;
    return doneFrom(
      await this.#call(what, method, grant, path, roleKeys ? { roleKeys } : json),
      what,
    );
  }

  /** The id by which the grant is addressed. If it is not given, the list tells it. */
  async #idOf(what: string, { organizationId, projectId, grantId, grantedOrgId }: OfGrant) {
    if (grantId !== undefined) return grantId;
    const of = { projectId, ...(organizationId !== undefined && { organizationId }) };
    for await (const grant of this.list(of)) {
      if (grant.grantedOrgId === grantedOrgId) return grant.grantId;
    }
    throw refusedBy('PROJECT-D8JxR', 404, what);
  }

  async *#search(what: string, { path, orgId, queries }: Search, ends: GrantEnds): Grants {
    const pages = pagesOf<GrantWithId, Error>(
      async (offset) => {
        const query = { offset: String(offset), limit: PAGE, asc: true };
        const json = { query, ...(queries && queries.length > 0 && { queries }) };
        const call = { method: 'POST', path, orgId, json, repeatable: true } as const;
        return grantsFromV1(await this.#send(what, call), ends) ?? { instead: unusable(what) };
      },
      ({ grantId }) => grantId,
    );
    let seen = 0;
    for await (const page of pages) {
      if (has(page, 'instead')) throw page.instead;
      if (page.total > MOST_PAGES * PAGE) throw endless(what);
      if (page.hasShifted) throw changing(what);
      if (page.hidesRows) throw unusable(what);
      seen += page.fresh.length;
      yield* page.fresh;
      if (!page.isWhole) continue;
      // ZITADEL promises no order. If pages share more than the one row, other rows are missing.
      if (seen < page.total) throw unusable(what);
      return;
    }
    throw endless(what);
  }

  #call(
    what: string,
    method: Call['method'],
    { projectId, organizationId: orgId }: OfProject,
    rest: string,
    json?: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const path = `${projectPath(projectId)}/grants${rest}`;
    return this.#send(what, { method, path, orgId, json, repeatable: method === 'GET' });
  }

  #send(what: string, call: Omit<Call, 'family' | 'who'>) {
    return callAsServiceUser(this.serviceToken, what, { ...call, family: 'grants' });
  }
}

/** ZITADEL replies to every write with this. Without it, the write may or may not have been done. */
function doneFrom({ details }: Readonly<Record<string, unknown>>, what: string): ChangeDetails {
  const done = detailsFrom(details);
  if (Object.keys(done).length === 0) throw unusable(what);
  return { details: done };
}

function projectPath(projectId: string): string {
  return `/management/v1/projects/${encodeURIComponent(projectId)}`;
}

function pathOf(grantId: string): string {
  return `/${encodeURIComponent(grantId)}`;
}
