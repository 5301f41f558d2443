import { isRefusal } from '../../core/decision.js';
import { ZitadelArgumentError, ZitadelError } from '../../core/errors.js';
import { bounded } from '../../core/memory/bounded.js';
import { has } from '../../core/own-properties.js';
import { projectBy } from '../facts/ask-fact.js';
import { isId, MOST_PAGES, PAGE, pagesOf } from '../reading.js';
import { changing, endless, refusedBy, unusable, ZitadelApiError } from '../refusals.js';
import { callAsServiceUser, type ServiceToken } from '../service-user.js';
import {
  type ChangeDetails,
  type GrantChange,
  type GrantEnds,
  type GrantFilter,
  grantsFrom,
  grantsRequest,
  type NewGrant,
  type OfGrant,
  type OfProject,
  type ProjectGrant,
} from './project-grant.js';

type Read = 'GetProject' | 'ListProjectGrants';
type Grants = AsyncGenerator<ProjectGrant, void, undefined>;
/** What every reply to a write names. */
const DATE_OF = {
  CreateProjectGrant: 'creationDate',
  UpdateProjectGrant: 'changeDate',
  DeactivateProjectGrant: 'changeDate',
  ActivateProjectGrant: 'changeDate',
  DeleteProjectGrant: 'deletionDate',
} as const;
type Write = keyof typeof DATE_OF;
const CHANGES: Readonly<Record<GrantChange['to'], readonly [what: string, Write]>> = {
  roles: ['Update Project Grant', 'UpdateProjectGrant'],
  inactive: ['Deactivate Project Grant', 'DeactivateProjectGrant'],
  active: ['Reactivate Project Grant', 'ActivateProjectGrant'],
  removed: ['Remove Project Grant', 'DeleteProjectGrant'],
};
/** A grant as it is addressed here. */
type Pair = OfProject & { readonly grantedOrgId: string };

/** Project grants by `zitadel.project.v2.ProjectService`, over connect. It addresses them by project and granted organization, without ids. */
export class ProjectGrantsV2 {
  /** The owners of projects, which never change. */
  readonly #owners = bounded<string, string>(10_000);

  constructor(private readonly serviceToken: ServiceToken | undefined) {}

  async add(grant: NewGrant): Promise<ChangeDetails> {
    const { roleKeys } = grant;
    const creationDate = await this.#write('Add Project Grant', 'CreateProjectGrant', grant, {
      roleKeys,
    });
    return { details: { creationDate } };
  }

  async get(grant: OfGrant): Promise<ProjectGrant> {
    const what = 'Get Project Grant';
    const found = await this.find(what, pairOf(grant));
    if (found) return found;
    throw refusedBy('PROJECT-D8JxR', 404, what);
  }

  async *list({ organizationId, projectId, grantedOrgId }: GrantFilter): Grants {
    const ends = { projectId, grantedOrgId };
    for await (const grant of this.#search('Search Project Grants', organizationId, ends)) {
      if (organizationId === undefined || grant.projectOwnerId === organizationId) yield grant;
    }
  }

  listGranted(organizationId: string | undefined): Grants {
    if (organizationId === undefined) {
      throw new ZitadelArgumentError(
        'organizationId',
        'organizationId is missing: API v2 does not use the service user’s own organization, so name the one to which projects are granted',
      );
    }
    return this.#search('List Granted Projects', organizationId, { grantedOrgId: organizationId });
  }

  /** ZITADEL says that a grant is removed even if it does not exist. */
  async change({ to, ...roles }: GrantChange, grant: OfGrant): Promise<ChangeDetails> {
    const [what, method] = CHANGES[to];
    return { details: { changeDate: await this.#write(what, method, pairOf(grant), roles) } };
  }

  /** The grant, if the list shows it. ZITADEL's read side may lag behind the latest changes. */
  async find(what: string, { organizationId, projectId, grantedOrgId }: Pair) {
    const ends = { projectId, grantedOrgId };
    const { rows: grants, total } = await this.#page(what, organizationId, ends, 0);
    const [found] = grants;
    if (grants.length > 1 || total > 1) throw unusable(what);
    // If another owner is named, API v1 finds nothing. So do we.
    if (found && organizationId !== undefined && found.projectOwnerId !== organizationId) {
      return undefined;
    }
    if (found || total === 0) return found;
    throw new ZitadelError(
      'service_user_refused',
      `${what}: the service user may not see this project grant; make it a manager of the organization that owns the project (ORG_OWNER), or of the project (PROJECT_OWNER)`,
    );
  }

  async *#search(what: string, orgId: string | undefined, ends: GrantEnds): Grants {
    const pages = pagesOf<ProjectGrant, Error>(
      (offset) => this.#page(what, orgId, ends, offset),
      ({ projectId, grantedOrgId }) => JSON.stringify([projectId, grantedOrgId]),
    );
    for await (const page of pages) {
      if (has(page, 'instead')) throw page.instead;
      if (page.total > MOST_PAGES * PAGE) throw endless(what);
      if (page.hasMoved) throw changing(what);
      yield* page.fresh;
      // Not the number of rows that came: ZITADEL counts first, and then leaves out rows that may not be seen.
      if (page.isWhole) return;
    }
    throw endless(what);
  }

  async #page(what: string, orgId: string | undefined, ends: GrantEnds, offset: number) {
    const body = await this.#send(what, 'ListProjectGrants', grantsRequest(ends, offset), orgId);
    const page = grantsFrom(body, ends);
    if (!page) throw unusable(what);
    return page;
  }

  /** When it was done. A reply that does not say so is not ZITADEL's. */
  async #write(
    what: string,
    method: Write,
    { projectId, organizationId, grantedOrgId }: Pair,
    more: object,
  ): Promise<string> {
    if (organizationId !== undefined) await this.#checkOwner(what, projectId, organizationId);
    const json = { projectId, grantedOrganizationId: grantedOrgId, ...more };
    const { [DATE_OF[method]]: date } = await this.#send(what, method, json, organizationId);
    if (!isId(date)) throw unusable(what);
    return date;
  }

  /** API v2 does not compare the owner that is named. We do, as API v1 does. */
  async #checkOwner(what: string, projectId: string, organizationId: string): Promise<void> {
    const owner =
      this.#owners.get(projectId) ?? (await this.#owner(what, projectId, organizationId));
    if (owner === undefined || owner === organizationId) return;
    throw refusedBy('COMMAND-m9gsd', 400, what);
  }

  async #owner(what: string, projectId: string, orgId: string): Promise<string | undefined> {
    let body: Readonly<Record<string, unknown>>;
    try {
      body = await this.#send(what, 'GetProject', { projectId }, orgId);
    } catch (error) {
      // If the project does not exist, the call itself will say so.
      if (error instanceof ZitadelApiError && error.id === 'QUERY-fk2fs') return undefined;
      throw error;
    }
    const project = projectBy('v2', projectId).read(body);
    if (!project || isRefusal(project)) throw unusable(what);
    const { ownerOrgId: owner } = project;
    this.#owners.set(projectId, owner);
    return owner;
  }

  #send(what: string, method: Write | Read, json: object, orgId: string | undefined) {
    return callAsServiceUser(this.serviceToken, what, {
      family: 'grants',
      method: 'POST',
      path: `/zitadel.project.v2.ProjectService/${method}`,
      json,
      orgId,
      repeatable: method === 'ListProjectGrants' || method === 'GetProject',
    });
  }
}

/** Refuses an id, even beside the organization: API v2 cannot tell whether both name the same grant. */
function pairOf(grant: OfGrant): Pair {
  const { projectId, organizationId, grantId, grantedOrgId } = grant;
  if (grantedOrgId === undefined || grantId !== undefined) {
    throw new ZitadelArgumentError(
      'grantId',
      'API v2 has no ids of project grants: name the grant by its grantedOrgId alone',
    );
  }
  return { projectId, grantedOrgId, ...(organizationId !== undefined && { organizationId }) };
}
